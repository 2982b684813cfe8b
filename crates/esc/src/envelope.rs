//! The envelope of an encrypted secret: what a definition stores as `ciphertext`, and what Pulumi
//! Cloud's decryption API accepts.
//!
//! It is the base64 text of four parts: the ASCII bytes `escx`; the version, 1; the ciphertext; and
//! the CRC-32 of all bytes before it. Both numbers are 4 bytes, big-endian
//! (pulumi/pulumi, `sdk/go/common/esc/eval/crypt.go`).

use ::base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::base64::{self, InvalidBase64};

const MAGIC: &[u8] = b"escx";
const VERSION: u32 = 1;
const HEADER_LENGTH: usize = 8;
const CHECKSUM_LENGTH: usize = 4;

/// The shortest envelope that upstream accepts: it counts four bytes that the format does not have.
const MINIMUM_LENGTH: usize = 16;

/// A text that is not a valid envelope, in upstream's words.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidEnvelope {
    #[error(transparent)]
    Base64(#[from] InvalidBase64),
    #[error("EOF")]
    TooShort,
    #[error("invalid header")]
    Header,
    #[error("invalid checksum")]
    Checksum,
    #[error("unsupported version")]
    Version,
}

/// Wraps a ciphertext in an envelope.
#[must_use]
pub fn encode(ciphertext: &[u8]) -> String {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(ciphertext);
    bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
    BASE64_STANDARD.encode(bytes)
}

/// Checks an envelope, and returns the ciphertext in it.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, InvalidEnvelope> {
    let envelope = base64::decode(text)?;
    let bytes = envelope.as_bytes();
    if bytes.len() < MINIMUM_LENGTH {
        return Err(InvalidEnvelope::TooShort);
    }
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM_LENGTH);
    let (header, ciphertext) = content.split_at(HEADER_LENGTH);
    if !header.starts_with(MAGIC) {
        Err(InvalidEnvelope::Header)
    } else if crc32(content).to_be_bytes() != checksum {
        Err(InvalidEnvelope::Checksum)
    } else if !header.ends_with(&VERSION.to_be_bytes()) {
        Err(InvalidEnvelope::Version)
    } else {
        Ok(ciphertext.to_vec())
    }
}

/// Computes the CRC-32 of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0xedb8_8320;
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum >>= 1;
            if carry == 1 {
                sum ^= REVERSED_POLYNOMIAL;
            }
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes the bytes and their checksum.
    fn with_checksum(bytes: &[u8]) -> String {
        let mut all = bytes.to_vec();
        all.extend(crc32(bytes).to_be_bytes());
        BASE64_STANDARD.encode(&all)
    }

    #[test]
    fn checksum_has_the_published_check_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn ciphertexts_round_trip() {
        let envelope = encode(b"ciphertext");
        assert_eq!(envelope, with_checksum(b"escx\0\0\0\x01ciphertext"));
        assert_eq!(decode(envelope.as_bytes()).unwrap(), b"ciphertext");
    }

    #[test]
    fn invalid_envelopes_are_rejected() {
        for (text, want) in [
            (String::new(), "EOF"),
            (with_checksum(b"escx\0\0\0\x01abc"), "EOF"),
            (with_checksum(b"escy\0\0\0\x01abcd"), "invalid header"),
            (with_checksum(b"escx\0\0\0\x02abcd"), "unsupported version"),
            (encode(b"abcd").replace("ZXNj", "ZXNk"), "invalid header"),
            (
                encode(b"abcd").replacen("YmNk", "YmNl", 1),
                "invalid checksum",
            ),
            ("ab!d".to_owned(), "illegal base64 data at input byte 2"),
        ] {
            let error = decode(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), want, "{text}");
        }
    }
}
