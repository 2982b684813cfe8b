//! SHA-256, by which texts and files are known again without being kept.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};

/// A SHA-256 hash.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::read(digest(&SHA256, bytes).as_ref())
    }

    /// The hash of named fields. Each is preceded by its length, so that no two lists of fields
    /// share a hash, and an absent field differs from an empty one.
    #[must_use]
    pub fn of_fields(fields: &[(&str, Option<&str>)]) -> Self {
        let mut context = Context::new(&SHA256);
        let mut part = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        for (name, value) in fields {
            part(name.as_bytes());
            part(&[u8::from(value.is_some())]);
            part(value.unwrap_or_default().as_bytes());
        }
        Self::read(context.finish().as_ref())
    }

    /// The hash's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn read(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        // invariant: SHA-256 has 32 bytes.
        hash.copy_from_slice(bytes);
        Self(hash)
    }
}

/// In hexadecimal digits.
impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Bytes in lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            Sha256::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn lists_of_fields_differ_in_their_hashes() {
        let lists: [&[(&str, Option<&str>)]; 8] = [
            &[],
            &[("a", None)],
            &[("a", Some(""))],
            &[("a", Some("b"))],
            &[("ab", Some(""))],
            &[("a", Some("b")), ("c", None)],
            &[("c", None), ("a", Some("b"))],
            &[("a", Some("bc"))],
        ];
        for (index, one) in lists.iter().enumerate() {
            for other in &lists[index + 1..] {
                assert_ne!(Sha256::of_fields(one), Sha256::of_fields(other));
            }
        }
    }
}
