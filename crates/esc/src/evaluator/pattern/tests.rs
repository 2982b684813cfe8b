use super::*;

fn compile(pattern: &str) -> Result<Pattern, String> {
    Pattern::compile(pattern, 4 << 20)
}

#[test]
fn patterns_match_as_in_go() {
    for (pattern, text, want) in [
        ("^a{2,3}$", "aaaa", false),
        ("[]a]", "]", true),
        ("^[a-]$", "-", true),
        (r"\x{41}\x42\.\/", "AB./", true),
        (r"^\d+$", "12", true),
        // Perl's classes are ASCII.
        (r"^\d+$", "٣", false),
        (r"^\w$", "é", false),
        (r"\bworld\b", "hello world", true),
        ("(?i)k", "K", true),
        ("(?i:a)b", "AB", false),
        ("^[[:^upper:]]$", "a", true),
        ("^a.b$", "a\nb", false),
        ("(?s)^a.b$", "a\nb", true),
        ("^b", "a\nb", false),
        ("b$", "b\n", false),
        ("(?m)^b$", "a\nb\nc", true),
        ("^(?P<name>a)$", "a", true),
        (r"^\(?x\)?$", "(x)", true),
        ("^.$", "é", true),
        ("a|", "", true),
        ("^p{$", "p{", true),
        ("^{\"a{,2}\"}$", "{\"a{,2}\"}", true),
        (r"^[{]\{x{2}$", "{{xx", true),
    ] {
        let matches = compile(pattern).unwrap().matches(text.as_bytes());
        assert_eq!(matches, want, "{pattern} {text}");
    }
    for (text, want) in [(&b"\xff"[..], true), (b"\xe2\x82", false)] {
        let pattern = compile("^.$").unwrap();
        assert_eq!(pattern.matches(text), want, "{text:?}");
    }
}

#[test]
fn unsupported_constructs_are_named() {
    for (pattern, construct) in [
        (r"^\p{Greek}+$", r"`\p{Greek}`"),
        (r"[\PL]", r"`\P`"),
        (r"\Qa.b\E", r"`\Q`"),
        (r"\101", r"`\1`"),
        (r"\<a", r"`\<`"),
        (r"\b{start}a", r"`\b{start}`"),
        ("(?i)é", "`(?i) with letters beyond ASCII`"),
        ("[a&&b]", "character class intersection"),
        ("[[]", "nested character classes"),
    ] {
        let reason = compile(pattern).unwrap_err();
        assert!(reason.starts_with(construct), "{pattern}: {reason}");
        assert!(reason.contains("use `--remote`"), "{pattern}: {reason}");
    }
}

#[test]
fn invalid_patterns_are_rejected() {
    for (pattern, want) in [
        ("(a", "found open group without closing ')': `(a`"),
        ("[", "found unclosed character class: `[`"),
        ("(?=a)", "look-around is not supported: `(?=a)`"),
        ("a{1001}", "invalid repeat count: `{1001}`: `a{1001}`"),
        (
            "(?x)a",
            "invalid or unsupported Perl syntax: `(?x`: `(?x)a`",
        ),
        (r"\u0041", r"invalid escape sequence: `\u`: `\u0041`"),
        (
            r"a\",
            r"saw start of escape sequence, but saw end of pattern before it finished: `a\`",
        ),
    ] {
        assert_eq!(compile(pattern).unwrap_err(), want);
    }
}

#[test]
fn costs_are_bounded() {
    for pattern in [
        "a".repeat(MAXIMUM_BYTES + 1),
        "((((a{100}){100}){100}){100}){100}".to_owned(),
        "(?:){1000}".repeat(1_000),
        "(a)".repeat(10_000),
    ] {
        assert_eq!(compile(&pattern).unwrap_err(), TOO_LARGE);
    }
    let nested = ["(".repeat(10_000), "a".to_owned() + &"*".repeat(10_000)];
    for pattern in nested {
        assert!(compile(&pattern).is_err());
    }
    let simple = compile("^[a-z]+$").unwrap();
    assert!(simple.steps(1_000) <= 500 && simple.memory() <= 1_024);
    let name = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";
    let name = compile(name).unwrap();
    assert!(
        name.steps(100) <= 4_000 && name.memory() <= 200_000,
        "{name:?}"
    );
}
