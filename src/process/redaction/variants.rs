//! The shapes in which a secret may show.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};

/// Shorter secrets are not looked for: they would be found everywhere. ESC draws the same line.
pub const MIN_SECRET_BYTES: usize = 3;

/// Shorter pieces of base64 are found in too many other words.
const MIN_BASE64_DIGITS: usize = 4;

/// Shorter lines are too often a part of the format: `---`, `users:`, `EOF`.
const MIN_LINE_BYTES: usize = 8;

/// What to look for in order to find `secret`; nothing where it is too short.
pub(super) fn variants(secret: &[u8]) -> Vec<Vec<u8>> {
    if secret.len() < MIN_SECRET_BYTES {
        return Vec::new();
    }
    // A file ends with a line break; what prints it may not.
    let line_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let length = secret.len()
        - secret
            .iter()
            .rev()
            .take_while(|byte| line_break(byte))
            .count();
    let stem = if length < MIN_SECRET_BYTES {
        secret
    } else {
        &secret[..length]
    };
    let mut forms = vec![stem.to_vec()];
    let lines = stem.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| *line != stem && is_distinctive_line(line)) {
        forms.push(line.to_vec());
    }
    for secret in [stem, secret] {
        for url_safe in [false, true] {
            for offset in 0..3 {
                forms.extend(base64(secret, offset, url_safe));
            }
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// Whether a line of a longer secret tells something by itself, such as one of a private key. A line
/// of several words, or one that ends with a colon, is as likely the frame around a secret:
/// `apiVersion: v1` in a kubeconfig must not be taken out of every manifest.
fn is_distinctive_line(line: &[u8]) -> bool {
    line.len() >= MIN_LINE_BYTES
        && !line.ends_with(b":")
        && !line.iter().any(u8::is_ascii_whitespace)
}

/// The base64 of `secret` where it follows `offset` other bytes in a group of three: the digits that
/// it decides alone, whatever follows; and all of them, where nothing does.
fn base64(secret: &[u8], offset: usize, url_safe: bool) -> Vec<Vec<u8>> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret);
    let digits = encode(&bytes, url_safe);
    let first = (8 * offset).div_ceil(6);
    let end = 8 * bytes.len() / 6;
    let (Some(whole), Some(decided)) = (digits.get(first..), digits.get(first..end)) else {
        return Vec::new();
    };
    if decided.len() < MIN_BASE64_DIGITS {
        return Vec::new();
    }
    let mut padded = whole.to_vec();
    padded.resize(digits.len().next_multiple_of(4) - first, b'=');
    vec![decided.to_vec(), whole.to_vec(), padded]
}

fn encode(bytes: &[u8], url_safe: bool) -> Vec<u8> {
    let encoding = if url_safe {
        BASE64_URL_SAFE_NO_PAD
    } else {
        BASE64_STANDARD_NO_PAD
    };
    encoding.encode(bytes).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(secret: &str) -> Vec<String> {
        let forms = variants(secret.as_bytes()).into_iter();
        forms.map(|form| String::from_utf8(form).unwrap()).collect()
    }

    #[test]
    fn a_secret_has_these_forms() {
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
            // Both alphabets; where three bytes come out even there is no other end.
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
            assert_eq!(shown(secret), want, "{secret}");
        }
    }

    #[test]
    fn only_telling_lines_stand_for_themselves() {
        let lines =
            "users:\n- token: x\n  MIIEowIBAAKCAQEA\r\napiVersion: v1\nshort\nlonglonglong:\n";
        let raw: Vec<_> = shown(lines)
            .into_iter()
            .filter(|form| lines.contains(form))
            .collect();
        assert_eq!(raw, ["MIIEowIBAAKCAQEA", lines.trim_end()]);
    }

    /// Encoded at any place among other bytes, one form shows in full.
    #[test]
    fn base64_is_found_at_every_alignment() {
        for secret in [
            "hunter2",
            "abcd",
            "\u{ff}\u{fe}?>~",
            "x".repeat(100).as_str(),
        ] {
            let forms = variants(secret.as_bytes());
            for before in 0..6 {
                for after in 0..6 {
                    let mut bytes = vec![0xa5; before];
                    bytes.extend_from_slice(secret.as_bytes());
                    bytes.extend_from_slice(&vec![0x5a; after]);
                    for url_safe in [true, false] {
                        let text = encode(&bytes, url_safe);
                        let found = forms
                            .iter()
                            .any(|form| text.windows(form.len()).any(|window| window == form));
                        assert!(found, "{secret} after {before}, before {after}");
                    }
                }
            }
        }
    }
}
