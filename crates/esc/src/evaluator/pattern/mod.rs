//! Regular expressions as Go's `regexp` (RE2) reads them: each is checked by Go's rules
//! (`translation`), written for the engine here, and errors are told in Go's words.
//!
//! What Go knows of Unicode stands in `unicode`, in place of the engine's own tables: those are
//! pointers, each of which every start of the program would pay for (docs/performance.md).

mod class;
mod escape;
mod translation;
mod unicode;

use regex::{Regex, RegexBuilder};

/// How many bytes a compiled pattern may take, and how many its translation. A longer one is refused
/// as too large, as Go does from a size of its own on.
const MAXIMUM_COMPILED_BYTES: usize = 2 << 20;

/// How deep groups may nest.
const MAXIMUM_NESTING: u32 = 250;

/// A regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    written: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern; the error is in Go's words.
    pub(super) fn read(written: &str) -> Result<Self, String> {
        let translated = translation::translate(written, MAXIMUM_COMPILED_BYTES)?;
        let regex = RegexBuilder::new(&translated)
            .size_limit(MAXIMUM_COMPILED_BYTES)
            .dfa_size_limit(MAXIMUM_COMPILED_BYTES)
            .nest_limit(MAXIMUM_NESTING)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => translation::too_large(written),
                // All else has been checked.
                _ => translation::too_deep(written),
            })?;
        Ok(Self {
            written: written.to_owned(),
            regex,
        })
    }

    /// The pattern as it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether it matches somewhere in the text. Each byte that is not UTF-8 counts as U+FFFD.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        if let Ok(text) = str::from_utf8(text) {
            return self.regex.is_match(text);
        }
        let mut readable = String::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            readable.push_str(chunk.valid());
            readable.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
        self.regex.is_match(&readable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_go_does() {
        for (pattern, text, want) in [
            ("p{", "p{", true),
            ("a{,2}", "a{,2}", true),
            ("a{2}", "aa", true),
            ("^a{2,3}$", "aaaa", false),
            ("[{]", "{", true),
            ("[]a]", "]", true),
            ("^[a&&b[]+$", "&[", true),
            ("^[a-]$", "-", true),
            (r"^[\d-]$", "-", true),
            ("^[^a]$", "a", false),
            (r"\x{41}", "A", true),
            (r"\x41\101\.\/", "AA./", true),
            (r"\Qa.b\E+", "a.bb", true),
            (r"^\d+$", "12", true),
            // Digits and letters of other scripts are none of Perl's.
            (r"^\d+$", "٣", false),
            (r"^\w$", "é", false),
            (r"^\pL$", "é", true),
            (r"^\p{Greek}\PL$", "α1", true),
            (r"^\p{^Greek}$", "α", false),
            ("(?i)É", "é", true),
            ("(?i)k", "\u{212a}", true),
            ("(?i)ſ", "S", true),
            ("^(?i)Σσς$", "ςΣσ", true),
            ("^(?i)[^a]$", "A", false),
            ("^(?i)[^k]$", "\u{212a}", false),
            ("(?i)[[:upper:]]", "a", true),
            ("^(?i)[[:^upper:]]$", "a", false),
            // The Kelvin sign is a K, and that is a letter of words.
            (r"(?i)\W", "\u{212a}", false),
            (r"\W", "\u{212a}", true),
            (r"(?i)\pLu", "aU", true),
            (r"(?i)\p{Lu}", "a", true),
            (r"(?i)\P{Lu}", "a", false),
            (r"(?i)[^\p{Lu}]", "a", false),
            (r"(?i)\x{6b}\Qs.\E", "K\u{17f}.", true),
            ("(?i:a)b", "AB", false),
            ("(?i:a)b", "Ab", true),
            ("(?:(?i)a)b", "AB", false),
            ("(?i)a(?-i)b|c", "C", false),
            ("(?i)a|(?-i:b)c", "bC", true),
            ("(?i-i)a", "A", false),
            ("^a.b$", "a\nb", false),
            ("(?s)^a.b$", "a\nb", true),
            ("(?s:a)(?-s).b", "a\nb", false),
            ("^b", "a\nb", false),
            ("(?m)^b$", "a\nb\nc", true),
            ("^a+(?s)?$", "", true),
            (r"^a{2}\Q\E*$", "aaaa", true),
            (r"\p{Uppercase_Letter}\pl", "Aa", true),
            (r"^\p{Any}$", "\u{10ffff}", true),
            (r"\P{Any}", "a", false),
            (r"\x{d800}", "\u{fffd}", false),
            (r"[\x{d800}-\x{e000}]", "\u{e000}", true),
            (r"\B", "aéa", false),
            ("a{01}", "a{01}", true),
            ("[[:]", ":", true),
            ("[--/]", ".", true),
            ("^[a-b-c]$", "-", true),
            ("^(?:(?:a{1000}){0}b){1000}$", "b", false),
            (r"\bworld\b", "hello world", true),
            (r"o\Br", "world", true),
            (r"\B", "", true),
            (r"\B", "a", false),
            ("^(?<1>a)$", "a", true),
            ("^.$", "é", true),
            ("a|", "", true),
        ] {
            let matches = Pattern::read(pattern).unwrap().matches(text.as_bytes());
            assert_eq!(matches, want, "{pattern} {text}");
        }
        for (text, want) in [
            (&b"\xff"[..], true),
            (b"\xe2\x82", false),
            (b"\xed\xa0\x80", false),
        ] {
            assert_eq!(
                Pattern::read("^.$").unwrap().matches(text),
                want,
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_in_the_words_of_go() {
        for (pattern, want) in [
            ("(a", "missing closing ): `(a`"),
            ("a)", "unexpected ): `a)`"),
            ("[", "missing closing ]: `[`"),
            ("x[a", "missing closing ]: `[a`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?", "invalid or unsupported Perl syntax: `(?`"),
            ("(?<a", "invalid named capture: `(?<a`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            (r"\y", "invalid escape sequence: `\\y`"),
            (r"\1", "invalid escape sequence: `\\1`"),
            (r"a\", "trailing backslash at end of expression: ``"),
            (r"\p{greec}", "invalid character class range: `\\p{greec}`"),
            (r"\p{^^L}", "invalid character class range: `\\p{^^L}`"),
            (r"\p", "invalid character class range: `\\p`"),
            (r"\p{L", "invalid character class range: `\\p{L`"),
            // Go looks for another name.
            (
                r"\p{Old_Italic}",
                "invalid character class range: `\\p{Old_Italic}`",
            ),
            ("[z-a]", "invalid character class range: `z-a`"),
            (r"[a-\d]", "invalid escape sequence: `\\d`"),
            ("a*?*", "invalid nested repetition operator: `*?*`"),
            ("(a|*?)", "missing argument to repetition operator: `*?`"),
            ("(a{2}){501}", "invalid repeat count: `{501}`"),
            ("(?i-", "invalid or unsupported Perl syntax: `(?i-`"),
            ("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`"),
            ("(?<", "invalid or unsupported Perl syntax: `(?<`"),
            ("[[:x:]]", "invalid character class range: `[:x:]`"),
        ] {
            assert_eq!(Pattern::read(pattern).unwrap_err(), want, "{pattern}");
        }
    }

    #[test]
    fn patterns_that_are_too_large_are_refused() {
        let many = |text: &str, bytes: usize| text.repeat(bytes / text.len());
        for pattern in [
            r"(\pL{30}){30}".to_owned(),
            many(r"\pL", 100_000),
            many(r"(?i)[^\pN\PM]", 100_000),
            many(r"\P{^L}", 100_000),
        ] {
            let reason = Pattern::read(&pattern).unwrap_err();
            assert!(reason.starts_with("expression too large"), "{pattern}");
        }
        for pattern in [
            format!("[{}]", many(r"\pL", 10_000)),
            format!("(?i)[{}]", many(r"\p{Lu}", 10_000)),
            format!("[[:{}a]", many("[:", 100_000)),
            format!("{}a", many(r"[^\P{Any}]", 10_000)),
            many("{", 20_000),
        ] {
            assert!(Pattern::read(&pattern).is_ok(), "{pattern:.20}");
        }
        let deep = ["(".repeat(300), "a".to_owned(), ")".repeat(300)].concat();
        let repeated = format!("a{}", "*(?i)".repeat(300));
        for pattern in [deep, repeated] {
            let reason = Pattern::read(&pattern).unwrap_err();
            assert!(
                reason.starts_with("expression nests too deeply"),
                "{reason:.60}"
            );
        }
    }

    /// The engine has no classes that it could look up where it is built for the program.
    #[test]
    fn the_engine_is_asked_for_no_tables() {
        for pattern in [
            r"(?i)\pL\p{^Greek}[\w\P{Lu}]\bA(?i:b)(?-i:c)(?i)\Qa.b\E[[:alpha:]]",
            r"\d\D\s\S\w\W\b\B[^\d]",
        ] {
            let translated = translation::translate(pattern, MAXIMUM_COMPILED_BYTES).unwrap();
            for table in ["\\p", "\\P", "\\d", "\\w", "\\s", "(?i", ":alpha:"] {
                assert!(!translated.contains(table), "{translated}");
            }
        }
    }
}
