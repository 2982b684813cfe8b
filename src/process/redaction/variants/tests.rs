use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

use super::*;

fn texts(patterns: &[Pattern]) -> Vec<String> {
    let texts = patterns.iter().map(|pattern| pattern.bytes.clone());
    texts.map(|text| String::from_utf8(text).unwrap()).collect()
}

#[test]
fn a_secret_has_these_variants() {
    for (secret, plain, digits) in [
        ("foo", &["foo"][..], &["666F6F", "666f6f", "Zm9v"][..]),
        (
            "hunter2",
            &["hunter2"],
            &[
                "68756E74657232",
                "68756e74657232",
                "aHVudGVyM",
                "aHVudGVyMg",
                "aHVudGVyMg==",
                "h1bnRlcj",
                "h1bnRlcjI",
                "h1bnRlcjI=",
                "odW50ZXIy",
            ],
        ),
        // At offset 2 the bytes fill whole groups of three, so nothing is padded.
        (
            "~~~? ?~",
            &["~~~? ?~", "~~~?+?~"],
            &[
                "5+fj8gP3",
                "5+fj8gP34",
                "5+fj8gP34=",
                "7E7E7E3F203F7E",
                "7e7e7e3f203f7e",
                "fn5+PyA/f",
                "fn5+PyA/fg",
                "fn5+PyA/fg==",
                "+fn4/ID9+",
            ],
        ),
        ("ab\n", &["ab\n"], &["61620A", "61620a", "YWIK"]),
        (
            "abc\r\n",
            &["abc"],
            &[
                "616263",
                "FiYw0K",
                "YWJj",
                "YWJjDQ",
                "YWJjDQo",
                "YWJjDQo=",
                "hYmMNC",
                "hYmMNCg",
                "hYmMNCg==",
            ],
        ),
    ] {
        let variants = Variants::of(secret.as_bytes()).unwrap();
        let sorted = |texts: &[&str]| {
            let mut texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
            texts.sort();
            texts
        };
        let found = |patterns: &[Pattern]| {
            let mut texts = texts(patterns);
            texts.sort();
            texts.dedup();
            texts
        };
        assert_eq!(found(&variants.plain), sorted(plain), "{secret}");
        assert_eq!(found(&variants.digits), sorted(digits), "{secret}");
    }
    assert!(Variants::of(b"").is_none() && Variants::of(b"ab").is_none());
}

#[test]
fn only_distinctive_lines_are_variants() {
    let lines = "users:\n- token: x\n  MIIEowIBAAKCAQEA\r\napiVersion:\tv1\nshort\nlonglonglong:\n";
    let plain = texts(&Variants::of(lines.as_bytes()).unwrap().plain);
    let with_plus = lines.trim_end().replace(' ', "+");
    assert_eq!(
        plain,
        ["MIIEowIBAAKCAQEA", lines.trim_end(), with_plus.as_str()]
    );
}

/// However many bytes surround the secret, its base64 contains one of the variants.
#[test]
fn base64_is_found_at_every_alignment() {
    for secret in [
        "hunter2",
        "abcd",
        "\u{ff}\u{fe}?>~",
        "x".repeat(100).as_str(),
    ] {
        let variants = texts(&Variants::of(secret.as_bytes()).unwrap().digits);
        for before in 0..6 {
            for after in 0..6 {
                let mut bytes = vec![0xa5; before];
                bytes.extend_from_slice(secret.as_bytes());
                bytes.extend_from_slice(&vec![0x5a; after]);
                for encoding in [BASE64_STANDARD, BASE64_STANDARD_NO_PAD] {
                    let text = encoding.encode(&bytes);
                    let found = variants.iter().any(|variant| text.contains(variant));
                    assert!(found, "{secret} after {before}, before {after}");
                }
            }
        }
    }
}
