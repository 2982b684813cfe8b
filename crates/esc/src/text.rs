//! Text that may be a secret: `Debug` hides it, and it is wiped on drop.

use std::ffi::OsString;
use std::fmt;
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
pub struct Text(Arc<Zeroizing<Vec<u8>>>);

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
        Self::from(text.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Text::from("hunter2")), "Text(7 bytes)");
    }
}
