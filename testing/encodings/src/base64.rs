//! Strict base64 (RFC 4648): no white space, no stray bits, padding exactly where it belongs.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes with the URL alphabet and no padding: JWTs, JWKS and EKS tokens.
pub fn encode_url(bytes: &[u8]) -> String {
    encode(bytes, URL)
}

/// Encodes with the standard alphabet, without padding.
pub fn encode_standard(bytes: &[u8]) -> String {
    encode(bytes, STANDARD)
}

/// Encodes with the standard alphabet and padding: `certificate-authority-data`.
pub fn encode_standard_padded(bytes: &[u8]) -> String {
    let mut text = encode(bytes, STANDARD);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Decodes the URL alphabet without padding.
pub fn decode_url(text: &str) -> Option<Vec<u8>> {
    decode(text, URL)
}

/// Decodes the standard alphabet with padding.
pub fn decode_standard(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    (text.len().is_multiple_of(4) && padding < 3)
        .then(|| decode(bare, STANDARD))
        .flatten()
}

fn encode(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0_u32;
        for position in 0..3 {
            bits = bits << 8 | u32::from(group.get(position).copied().unwrap_or(0));
        }
        for position in 0..=group.len() {
            let index = bits >> (18 - 6 * position) & 63;
            text.push(char::from(alphabet[index as usize]));
        }
    }
    text
}

fn decode(text: &str, alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for position in 0..4 {
            let digit = match group.get(position) {
                Some(character) => alphabet.iter().position(|known| known == character)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        let [_, all @ ..] = bits.to_be_bytes();
        let (kept, stray) = all.split_at(match group.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        });
        if stray.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(kept);
    }
    Some(bytes)
}
