//! The envelope in which a definition has an encrypted secret.
//!
//! Base64 of `escx`, the version 1, the ciphertext, and the CRC-32 of all that; numbers in four
//! bytes, the highest first (pulumi/pulumi, `sdk/go/common/esc/eval/crypt.go`).

use std::ops::Range;

use crate::evaluator::builtins::base64::{self, InvalidBase64};
use crate::text::Text;

const HEADER: &[u8] = b"escx";
const VERSION: u32 = 1;

/// ESC counts a length that is not there.
const MINIMUM_BYTES: usize = 16;

/// An envelope whose parts are what they should be.
#[derive(Debug)]
pub(super) struct Envelope(Text);

/// Why a text is no envelope.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum InvalidEnvelope {
    #[error(transparent)]
    Base64(#[from] InvalidBase64),
    #[error("EOF")]
    Short,
    #[error("invalid header")]
    Header,
    #[error("invalid checksum")]
    Checksum,
    #[error("unsupported version")]
    Version,
}

/// Reads an envelope's text.
pub(super) fn open(text: &[u8]) -> Result<Envelope, InvalidEnvelope> {
    let envelope = Envelope(base64::decoded(text)?);
    let bytes = envelope.0.as_bytes();
    let content = envelope.range();
    if bytes.len() < MINIMUM_BYTES {
        Err(InvalidEnvelope::Short)
    } else if !bytes.starts_with(HEADER) {
        Err(InvalidEnvelope::Header)
    } else if crc32(&bytes[..content.end]).to_be_bytes() != bytes[content.end..] {
        Err(InvalidEnvelope::Checksum)
    } else if VERSION.to_be_bytes() != bytes[HEADER.len()..content.start] {
        Err(InvalidEnvelope::Version)
    } else {
        Ok(envelope)
    }
}

impl Envelope {
    /// The ciphertext in it.
    pub(super) fn content(&self) -> &[u8] {
        self.0.as_bytes().get(self.range()).unwrap_or_default()
    }

    fn range(&self) -> Range<usize> {
        HEADER.len() + 4..self.0.as_bytes().len().saturating_sub(4)
    }
}

/// CRC-32 as in IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let polynomial = if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
            (sum >> 1) ^ polynomial
        })
    });
    !sum
}

#[cfg(test)]
mod tests {
    use ::base64::prelude::{BASE64_STANDARD, Engine as _};

    use super::*;

    /// Base64 of the bytes and their checksum.
    fn sealed(bytes: &[u8]) -> String {
        let mut all = bytes.to_vec();
        all.extend(crc32(bytes).to_be_bytes());
        BASE64_STANDARD.encode(&all)
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn an_envelope_holds_its_content() {
        let text = sealed(b"escx\0\0\0\x01ciphertext");
        assert_eq!(open(text.as_bytes()).unwrap().content(), b"ciphertext");
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        for (text, want) in [
            (String::new(), "EOF"),
            (sealed(b"escx\0\0\0\x01abc"), "EOF"),
            (sealed(b"escy\0\0\0\x01abcd"), "invalid header"),
            (sealed(b"escx\0\0\0\x02abcd"), "unsupported version"),
            (
                sealed(b"escx\0\0\0\x01abcd").replace("ZXNj", "ZXNk"),
                "invalid header",
            ),
            (
                sealed(b"escx\0\0\0\x01abcd").replacen("YmNk", "YmNl", 1),
                "invalid checksum",
            ),
            ("ab!d".to_owned(), "illegal base64 data at input byte 2"),
        ] {
            let error = open(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), want, "{text}");
        }
    }
}
