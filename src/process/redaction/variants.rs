//! The variants of a secret to look for: itself, its lines, its base64.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};

/// Shorter secrets are not redacted, because they would match everywhere. ESC has the same limit.
pub(crate) const MIN_SECRET_BYTES: usize = 3;

/// Shorter base64 is part of too many other words.
const MIN_BASE64_DIGITS: usize = 4;

/// Shorter lines are often part of a file format: `---`, `users:`, `EOF`.
const MIN_LINE_BYTES: usize = 8;

/// The byte strings to look for in order to find `secret`; none if it is too short.
pub(super) fn variants(secret: &[u8]) -> Vec<Vec<u8>> {
    if secret.len() < MIN_SECRET_BYTES {
        return Vec::new();
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
    let mut variants = vec![trimmed.to_vec()];
    let lines = trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| *line != trimmed && is_distinctive_line(line)) {
        variants.push(line.to_vec());
    }
    for secret in [trimmed, secret] {
        for url_safe in [false, true] {
            for offset in 0..3 {
                variants.extend(base64(secret, offset, url_safe));
            }
        }
    }
    variants.sort_unstable();
    variants.dedup();
    variants
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
fn base64(secret: &[u8], offset: usize, url_safe: bool) -> Vec<Vec<u8>> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret);
    let digits = encode(&bytes, url_safe);
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

fn encode(bytes: &[u8], url_safe: bool) -> Vec<u8> {
    let encoding = if url_safe {
        BASE64_URL_SAFE_NO_PAD
    } else {
        BASE64_STANDARD_NO_PAD
    };
    encoding.encode(bytes).into_bytes()
}

#[cfg(test)]
mod tests;
