//! Tracks the files that an evaluation reads, so that a cached result can be discarded when one of
//! them changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bounded_read::read_regular;
use crate::digest::Sha256;

/// Larger files are not hashed. Definitions and stack states have lower limits.
const MAX_FILE_BYTES: usize = 256 << 20;

/// A file and the digest of its content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileDigest {
    /// Its absolute path.
    pub path: PathBuf,
    /// The digest of its content; `None` if there was no such file. A missing file is tracked because
    /// an import may find it later.
    pub digest: Option<Sha256>,
}

impl FileDigest {
    /// The current digest of a file; `None` if it exists but cannot be read.
    #[must_use]
    pub fn now(path: PathBuf) -> Option<Self> {
        let digest = match read_regular(&path, MAX_FILE_BYTES) {
            Ok(content) => Some(Sha256::of(&content)),
            Err(error) if is_not_found(&error) => None,
            Err(_) => return None,
        };
        Some(Self { path, digest })
    }
}

/// Whether the error means that a file does not exist.
#[must_use]
pub(crate) fn is_not_found(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// Records the files that are read. Clones share their records.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileTracker(Arc<Mutex<BTreeMap<PathBuf, Option<Sha256>>>>);

impl FileTracker {
    /// Records a file and its content, or `None` if it does not exist. If a file is recorded several
    /// times, the first content counts.
    pub(crate) fn record(&self, path: &Path, content: Option<&[u8]>) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.lock().entry(path).or_insert(content.map(Sha256::of));
    }

    /// The files recorded so far, sorted by path.
    #[must_use]
    pub(crate) fn digests(&self) -> Vec<FileDigest> {
        let files = self.lock();
        let files = files.iter().map(|(path, digest)| FileDigest {
            path: path.clone(),
            digest: *digest,
        });
        files.collect()
    }

    /// A panic cannot leave the map inconsistent, so a poisoned lock is used nevertheless.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Option<Sha256>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn changed_files_have_another_digest() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("a"), "one").unwrap();
        let tracker = FileTracker::default();
        tracker.record(&path("a"), Some(b"one"));
        tracker.record(&path("a"), Some(b"two"));
        tracker.record(&path("b"), None);
        tracker.record(&path("a/c"), None);
        let unchanged = || -> Vec<_> {
            let files = tracker.digests();
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
