//! The variants of a secret to look for: itself, its lines, its base64 and hex.

use std::fmt::Write as _;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};

use super::automaton::Pattern;

/// Shorter secrets are not redacted, because they would match everywhere. ESC has the same limit.
pub(crate) const MIN_SECRET_BYTES: usize = 3;

/// Shorter base64 is part of too many other words.
const MIN_BASE64_DIGITS: usize = 4;

/// Fewer hex digits are not held back, because many prompts and progress bars end with a number.
const MIN_HELD_HEX_DIGITS: usize = 4;

/// Shorter lines are often part of a file format: `---`, `users:`, `EOF`.
const MIN_LINE_BYTES: usize = 8;

/// The byte strings to look for in order to find a secret.
pub(super) struct Variants {
    /// The secret and its lines.
    pub plain: Vec<Pattern>,
    /// Its base64, in the standard alphabet, and its hex.
    pub digits: Vec<Pattern>,
}

impl Variants {
    /// The variants of a secret; none if it is too short.
    pub(super) fn of(secret: &[u8]) -> Option<Self> {
        if secret.len() < MIN_SECRET_BYTES {
            return None;
        }
        // A file ends with a line break, but a program may print it without.
        let is_line_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let line_breaks = secret.iter().rev().take_while(|byte| is_line_break(byte));
        let length = secret.len() - line_breaks.count();
        let trimmed = if length < MIN_SECRET_BYTES {
            secret
        } else {
            &secret[..length]
        };
        let lines = trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let lines = lines.filter(|line| *line != trimmed && is_distinctive_line(line));
        let mut plain: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
        // In a form of a URL, a blank is a plus sign.
        let blank_to_plus = |byte: &u8| if *byte == b' ' { b'+' } else { *byte };
        plain.push(trimmed.iter().map(blank_to_plus).collect());
        plain.push(trimmed.to_vec());
        let mut base64_digits = Vec::new();
        for secret in [trimmed, secret] {
            for offset in 0..3 {
                base64_digits.extend(base64(secret, offset));
            }
        }
        let mut digits = patterns(base64_digits, 1);
        digits.extend(patterns(hex(trimmed), MIN_HELD_HEX_DIGITS));
        Some(Self {
            plain: patterns(plain, 1),
            digits,
        })
    }
}

/// The distinct patterns.
fn patterns(texts: impl IntoIterator<Item = Vec<u8>>, pending_from: usize) -> Vec<Pattern> {
    let mut patterns: Vec<_> = texts
        .into_iter()
        .map(|bytes| Pattern {
            bytes,
            pending_from,
        })
        .collect();
    patterns.sort_unstable();
    patterns.dedup();
    patterns
}

/// Whether a line of a longer secret is secret by itself, such as a line of a private key. A line of
/// several words, or one that ends with a colon, is probably structure around a secret: redacting
/// `apiVersion: v1` of a kubeconfig would remove it from every manifest.
fn is_distinctive_line(line: &[u8]) -> bool {
    line.len() >= MIN_LINE_BYTES
        && !line.ends_with(b":")
        && !line.iter().any(u8::is_ascii_whitespace)
}

/// The base64 of `secret` if it starts at `offset` in a group of three bytes: the digits that do not
/// depend on the bytes around it, and all digits, without and with padding, for the case that it is
/// the last part of what is encoded.
fn base64(secret: &[u8], offset: usize) -> Vec<Vec<u8>> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret);
    let digits = BASE64_STANDARD_NO_PAD.encode(&bytes).into_bytes();
    let start = (8 * offset).div_ceil(6);
    let end = 8 * bytes.len() / 6;
    let (Some(to_end), Some(independent)) = (digits.get(start..), digits.get(start..end)) else {
        return Vec::new();
    };
    if independent.len() < MIN_BASE64_DIGITS {
        return Vec::new();
    }
    let mut padded = to_end.to_vec();
    padded.resize(digits.len().next_multiple_of(4) - start, b'=');
    vec![independent.to_vec(), to_end.to_vec(), padded]
}

/// The hex digits of `secret`, in lower and upper case.
fn hex(secret: &[u8]) -> [Vec<u8>; 2] {
    let mut digits = String::with_capacity(2 * secret.len());
    for byte in secret {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    [digits.to_ascii_uppercase(), digits].map(String::into_bytes)
}

#[cfg(test)]
mod tests;
