use super::*;

fn texts(secret: &str) -> Vec<String> {
    let variants = variants(secret.as_bytes()).into_iter();
    variants
        .map(|variant| String::from_utf8(variant).unwrap())
        .collect()
}

#[test]
fn a_secret_has_these_variants() {
    for (secret, want) in [
        ("", &[][..]),
        ("ab", &[]),
        ("foo", &["Zm9v", "foo"]),
        (
            "hunter2",
            &[
                "aHVudGVyM",
                "aHVudGVyMg",
                "aHVudGVyMg==",
                "h1bnRlcj",
                "h1bnRlcjI",
                "h1bnRlcjI=",
                "hunter2",
                "odW50ZXIy",
            ],
        ),
        // Both alphabets. At offset 2 the bytes fill whole groups of three, so nothing is padded.
        (
            "~~~???~",
            &[
                "+fn4/Pz9+",
                "-fn4_Pz9-",
                "5+fj8/P3",
                "5+fj8/P34",
                "5+fj8/P34=",
                "5-fj8_P3",
                "5-fj8_P34",
                "5-fj8_P34=",
                "fn5+Pz8/f",
                "fn5+Pz8/fg",
                "fn5+Pz8/fg==",
                "fn5-Pz8_f",
                "fn5-Pz8_fg",
                "fn5-Pz8_fg==",
                "~~~???~",
            ],
        ),
        ("ab\n", &["YWIK", "ab\n"]),
        (
            "abc\r\n",
            &[
                "FiYw0K",
                "YWJj",
                "YWJjDQ",
                "YWJjDQo",
                "YWJjDQo=",
                "abc",
                "hYmMNC",
                "hYmMNCg",
                "hYmMNCg==",
            ],
        ),
    ] {
        assert_eq!(texts(secret), want, "{secret}");
    }
}

#[test]
fn only_distinctive_lines_are_variants() {
    let lines = "users:\n- token: x\n  MIIEowIBAAKCAQEA\r\napiVersion: v1\nshort\nlonglonglong:\n";
    let plain: Vec<_> = texts(lines)
        .into_iter()
        .filter(|variant| lines.contains(variant))
        .collect();
    assert_eq!(plain, ["MIIEowIBAAKCAQEA", lines.trim_end()]);
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
        let variants = variants(secret.as_bytes());
        for before in 0..6 {
            for after in 0..6 {
                let mut bytes = vec![0xa5; before];
                bytes.extend_from_slice(secret.as_bytes());
                bytes.extend_from_slice(&vec![0x5a; after]);
                for url_safe in [true, false] {
                    let text = encode(&bytes, url_safe);
                    let found = variants
                        .iter()
                        .any(|variant| text.windows(variant.len()).any(|window| window == variant));
                    assert!(found, "{secret} after {before}, before {after}");
                }
            }
        }
    }
}
