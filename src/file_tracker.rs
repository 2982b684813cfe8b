//! The files that an opening read: while none of them has changed, it would read the same again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::digest::Sha256;

/// A larger file is left unread. In bytes; more than a definition or a stack's state
/// may have.
const LARGEST_FILE: u64 = 256 << 20;

/// One file, and what it held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileDigest {
    /// Its full path.
    pub path: PathBuf,
    /// The hash of its content; `None` where there was no such file. A file that comes into being
    /// changes what an import finds.
    pub content: Option<Sha256>,
}

impl FileDigest {
    /// The file as it is now; `None` where that cannot be told.
    #[must_use]
    pub fn now(path: PathBuf) -> Option<Self> {
        let content = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > LARGEST_FILE || !metadata.is_file() => return None,
            Ok(_) => std::fs::read(&path).map(Zeroizing::new),
            Err(error) => Err(error),
        };
        let content = match content {
            Ok(content) => Some(Sha256::of(&content)),
            Err(error) if is_not_found(&error) => None,
            Err(_) => return None,
        };
        Some(Self { path, content })
    }
}

/// Whether this is the error for a file that is not there.
#[must_use]
pub fn is_not_found(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// Collects the files that are read. A clone collects into the same list.
#[derive(Clone, Debug, Default)]
pub struct FileTracker(Arc<Mutex<BTreeMap<PathBuf, Option<Sha256>>>>);

impl FileTracker {
    /// Notes a file and what it held, or that it was looked for and not there. Of a file that is
    /// read twice the first content counts.
    pub fn record(&self, path: &Path, content: Option<&[u8]>) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.held().entry(path).or_insert(content.map(Sha256::of));
    }

    /// The files so far, by path.
    #[must_use]
    pub fn digests(&self) -> Vec<FileDigest> {
        let held = self.held();
        let files = held.iter().map(|(path, content)| FileDigest {
            path: path.clone(),
            content: *content,
        });
        files.collect()
    }

    /// A panic while the list was held cannot have left it half changed.
    fn held(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Option<Sha256>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn changes_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "one").unwrap();
        let files = FileTracker::default();
        files.record(&path("a"), Some(b"one"));
        files.record(&path("a"), Some(b"two"));
        files.record(&path("b"), None);
        files.record(&path("a/c"), None);
        let unchanged = || -> Vec<_> {
            let files = files.digests();
            let is_unchanged = |file: &FileDigest| {
                let now = FileDigest::now(file.path.clone());
                now.as_ref() == Some(file)
            };
            files.iter().map(is_unchanged).collect()
        };
        assert_eq!(unchanged(), [true, true, true]);
        fs::write(path("a"), "two").unwrap();
        assert_eq!(unchanged(), [false, true, true]);
        fs::write(path("a"), "one").unwrap();
        fs::write(path("b"), "").unwrap();
        assert_eq!(unchanged(), [true, true, false]);
        fs::remove_file(path("a")).unwrap();
        fs::remove_file(path("b")).unwrap();
        fs::create_dir(path("b")).unwrap();
        assert_eq!(unchanged(), [false, true, false]);
    }
}
