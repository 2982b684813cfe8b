//! Text that may be a secret: `Debug` hides it, and it is wiped on drop.

use std::ffi::OsString;
use std::fmt;
use std::mem;
use std::ops::Deref;
use std::sync::Arc;

use zeroize::Zeroizing;

/// The placeholder for a secret.
pub const REDACTED: &str = "[secret]";

/// The placeholder for an unknown value.
pub const UNKNOWN: &str = "[unknown]";

/// A text that may be a secret, such as any string in an environment.
///
/// It holds bytes, because `fn::fromBase64` may return bytes that are not UTF-8 and ESC preserves them.
/// `Debug` prints only the length. Clones share the bytes, which are wiped when the last one is dropped.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Text(Arc<Bytes>);

/// The bytes of a text. Most of the many texts of a large environment are short, and then take one allocation
/// instead of two.
enum Bytes {
    /// The length, and as many bytes.
    Short(u8, Zeroizing<[u8; Bytes::SHORT]>),
    Long(Zeroizing<Vec<u8>>),
}

const _: () = assert!(size_of::<Bytes>() == size_of::<Vec<u8>>());

impl Bytes {
    /// The most bytes of a short text: beside the length, in the two words that the tag leaves of a `Vec`.
    const SHORT: usize = 2 * size_of::<usize>() - 1;

    /// Copies a short text without leaving a copy on the stack.
    fn short(text: &[u8]) -> Option<Arc<Self>> {
        let length = u8::try_from(text.len()).ok()?;
        if text.len() > Self::SHORT {
            return None;
        }
        let mut short = Arc::new(Self::Short(length, Zeroizing::default()));
        if let Some(Self::Short(_, bytes)) = Arc::get_mut(&mut short) {
            bytes[..text.len()].copy_from_slice(text);
        }
        Some(short)
    }

    fn long(text: Vec<u8>) -> Arc<Self> {
        Arc::new(Self::Long(text.into()))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Long(Zeroizing::default())
    }
}

impl Eq for Bytes {}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Text {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, or `None` if it is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text as an argument or environment variable of a process. `None` if it is not UTF-8 on an
    /// operating system that requires it.
    #[must_use]
    pub fn to_os_string(&self) -> Option<OsString> {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            Some(std::ffi::OsStr::from_bytes(&self.0).to_owned())
        }
        #[cfg(not(unix))]
        self.as_str().map(OsString::from)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({} bytes)", self.0.len())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let bytes = text.as_bytes();
        Self(Bytes::short(bytes).unwrap_or_else(|| Bytes::long(bytes.to_vec())))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        let mut bytes = Zeroizing::new(bytes);
        Self(Bytes::short(&bytes).unwrap_or_else(|| Bytes::long(mem::take(&mut bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_texts_keep_their_bytes() {
        for length in 0..40 {
            let text = "x".repeat(length);
            assert_eq!(Text::from(&*text).as_str(), Some(&*text));
            assert_eq!(Text::from(text.clone()).as_str(), Some(&*text));
        }
    }

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Text::from("hunter2")), "Text(7 bytes)");
    }
}
