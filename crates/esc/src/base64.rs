//! Standard, padded base64 (RFC 4648 §4) with the decoding rules of Go's `encoding/base64`.
//!
//! The `base64` crate encodes. It cannot decode as Go does, which skips line breaks, and names the
//! offset of the first wrong byte for every kind of error.

use ::base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use crate::text::Text;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Text that is not base64, in Go's words: the offset of the first wrong byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("illegal base64 data at input byte {0}")]
pub(crate) struct InvalidBase64(usize);

/// Encodes bytes, with padding.
pub(crate) fn encode(bytes: &[u8]) -> Text {
    Text::from(BASE64_STANDARD.encode(bytes))
}

/// Decodes text. As in Go, line breaks are skipped, and the unused bits before padding may have any
/// value.
pub(crate) fn decode(text: &[u8]) -> Result<Text, InvalidBase64> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3));
    let mut characters = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    loop {
        let mut bits: u32 = 0;
        let mut count = 0;
        while count < 4 {
            let Some((offset, byte)) = characters.next() else {
                if count == 0 {
                    return Ok(Text::from(std::mem::take(&mut *bytes)));
                }
                // Go counts the characters of an incomplete group back from the end of the text.
                return Err(InvalidBase64(text.len() - count));
            };
            match ALPHABET.iter().position(|known| known == byte) {
                // invariant: a position in the alphabet is below 64.
                Some(value) => bits = bits << 6 | u32::try_from(value).unwrap_or(0),
                None if *byte == b'=' && count >= 2 => {
                    check_padding(&mut characters, count, text.len())?;
                    let group = (bits << (6 * (4 - count))).to_be_bytes();
                    bytes.extend_from_slice(&group[1..count]);
                    return Ok(Text::from(std::mem::take(&mut *bytes)));
                }
                None => return Err(InvalidBase64(offset)),
            }
            count += 1;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
}

/// Checks what follows the first `=`: a second one if the last group has two characters, and then
/// the end of the text.
fn check_padding<'t>(
    rest: &mut impl Iterator<Item = (usize, &'t u8)>,
    characters_in_group: usize,
    text_length: usize,
) -> Result<(), InvalidBase64> {
    if characters_in_group == 2 {
        match rest.next() {
            Some((_, b'=')) => {}
            Some((offset, _)) => return Err(InvalidBase64(offset - 1)),
            None => return Err(InvalidBase64(text_length)),
        }
    }
    match rest.next() {
        None => Ok(()),
        Some((offset, _)) => Err(InvalidBase64(offset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        // RFC 4648 §10.
        for (text, base64) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(text.as_bytes()).as_str(), Some(base64));
            assert_eq!(decode(base64.as_bytes()).unwrap().as_str(), Some(text));
        }
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&bytes).as_bytes()).unwrap().as_bytes(), bytes);
    }

    #[test]
    fn line_breaks_and_unused_bits_are_ignored() {
        assert_eq!(decode(b"Zm\r\n9v\n").unwrap().as_str(), Some("foo"));
        assert_eq!(decode(b"Zh==").unwrap().as_str(), Some("f"));
    }

    #[test]
    fn invalid_text_is_rejected_at_the_offset_that_go_reports() {
        for (text, offset) in [
            ("Z", 0),
            ("Zg", 0),
            ("Zm9vZg", 4),
            ("Z\ng", 1),
            ("Zg=", 3),
            ("Zm9", 0),
            ("Zg=x", 2),
            ("Zg==x", 4),
            ("Z===", 1),
            ("=", 0),
            ("Zm9v-_==", 4),
            ("hunter2!", 7),
        ] {
            let error = decode(text.as_bytes()).unwrap_err();
            assert_eq!(error, InvalidBase64(offset), "{text}");
        }
    }
}
