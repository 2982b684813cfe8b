//! SHA-256 digests: identify texts and files without storing them.

use std::fmt;

use sha2::Digest as _;

/// A SHA-256 digest.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of named fields. Names and values are preceded by their length, so that different
    /// lists have different digests, and an absent value differs from an empty one.
    #[must_use]
    pub fn of_fields(fields: &[(&str, Option<&str>)]) -> Self {
        let mut context = sha2::Sha256::new();
        let mut add = |bytes: &[u8]| {
            context.update((bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        for (name, value) in fields {
            add(name.as_bytes());
            add(&[u8::from(value.is_some())]);
            add(value.unwrap_or_default().as_bytes());
        }
        Self(context.finalize().into())
    }

    /// The bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Lowercase hexadecimal digits.
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

/// Formats bytes as lowercase hexadecimal digits.
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
    fn digests_match_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            Sha256::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn different_lists_of_fields_have_different_digests() {
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
