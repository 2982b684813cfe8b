//! The envelope in which Pulumi Cloud hands out and takes an encrypted secret.
//!
//! Base64 of `escx`, the version 1, the ciphertext, and the CRC-32 of all that; numbers in four
//! bytes, the highest first (pulumi/pulumi, `sdk/go/common/esc/eval/crypt.go`).

use base64::prelude::{BASE64_STANDARD, Engine as _};

const HEADER: &[u8] = b"escx";
const VERSION: u32 = 1;

/// The envelope's text for a ciphertext.
#[must_use]
pub fn envelope(ciphertext: &[u8]) -> String {
    let mut bytes = HEADER.to_vec();
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(ciphertext);
    bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
    BASE64_STANDARD.encode(bytes)
}

/// The checksum of IEEE 802.3, bit by bit: it is made of a few bytes, once.
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

    #[test]
    fn the_checksum_is_the_usual_one() {
        // The check value that every list of CRCs has for CRC-32.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn an_envelope_has_its_parts() {
        let bytes = BASE64_STANDARD.decode(envelope(b"cipher")).unwrap();
        assert_eq!(&bytes[..14], b"escx\0\0\0\x01cipher");
        assert_eq!(bytes[14..], crc32(&bytes[..14]).to_be_bytes());
    }
}
