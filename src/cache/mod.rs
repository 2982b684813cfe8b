//! The credential cache: AWS credentials for later calls, or the access token of another cloud. Tokens for EKS
//! clusters are not cached.
//!
//! An entry is sealed to the login that obtained it: without the secrets of that login it cannot be
//! decrypted, and another login has another entry. Problems with the cache are no errors of the call:
//! an entry that cannot be read does not exist, and one that cannot be written is not stored.
//! `docs/security.md` describes what sealing protects against.
//!
//! ```text
//! <directory>/<id>.entry     credentials, sealed
//! <directory>/<id>.opened    an opened environment, sealed; its failure and locks have names such as `opened-lock`
//! <directory>/<id>.failure   the last failure, sealed
//! <directory>/<id>.lock      locked by the call that fetches them (Windows: who, in <id>.lock-holder)
//! <directory>/<id>.environments  names for completion, sealed
//! <directory>/<id>.takeover  locked by the call that fetches them because that one hangs
//! <directory>/last.error     time, exit code and environment of the last failure of any call
//! ```

mod directory;
mod entry;
mod environment_names;
mod failure;
mod opened_environment;
mod seal;

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::digest::Sha256;
use crate::error::{Error, Kind, Result};
use crate::file_lock::{self, LockFile};
use crate::file_tracker::FileDigest;

pub use crate::file_lock::{Lock, LockAttempt, LockHolder};
pub use directory::CacheDir;
pub use entry::{
    CacheEntry, CachedAwsCredentials, CachedContent, CachedCredentials, EntryKind, EntrySummary,
    FORMAT, Freshness, Listed, Validity,
};
pub use failure::{CachedFailure, LastFailure};
pub use opened_environment::CachedEnvironment;
pub use seal::LoginSecrets;

use seal::{Purpose, Seal};

/// The extension of a stored failure.
const FAILURE: &str = "failure";

/// Precedes the extensions of the failure and the locks of an opened environment.
const OF_ENVIRONMENT: &str = "opened-";

/// Older files are removed. Credentials expire long before.
const MAX_AGE: Duration = Duration::from_hours(24);

/// The files in the cache for one login and one cache key.
pub struct Cache {
    directory: CacheDir,
    seal: Seal,
    id: String,
    /// Precedes the extensions of all files but the entry.
    prefix: &'static str,
}

/// The lock files of a cache key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LockRole {
    /// Of the call that fetches credentials.
    First,
    /// Of the call that fetches them because the holder of the first lock hangs.
    Takeover,
}

impl Cache {
    /// The files in `directory` for this login and the hash of a cache key. Reads nothing yet.
    #[must_use]
    pub fn new(directory: PathBuf, login: &LoginSecrets, key: &Sha256) -> Self {
        let seal = Seal::new(login, key);
        let id = seal.id();
        Self {
            directory: CacheDir::new(directory),
            seal,
            id,
            prefix: "",
        }
    }

    /// The files of an opened environment, which has the same login and another cache key.
    #[must_use]
    pub fn of_environment(&self, key: &Sha256) -> Self {
        let seal = self.seal.with_key(key);
        Self {
            directory: self.directory.clone(),
            id: seal.id(),
            seal,
            prefix: OF_ENVIRONMENT,
        }
    }

    /// Whether both use the same files: they have the same login and cache key.
    #[must_use]
    pub fn has_same_id(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Loads the entry. `None` if there is none, it cannot be decrypted, or one of the files that it
    /// depends on has changed.
    pub fn load(&self) -> Result<Option<CacheEntry>> {
        self.load_file(EntryKind::Credentials, entry::decode)
    }

    /// Loads an entry. `decode` gets the decrypted content, and the files that the entry
    /// depends on.
    fn load_file<T>(
        &self,
        kind: EntryKind,
        decode: impl FnOnce(&[u8], Vec<FileDigest>) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(mut sealed) = self.directory.read(&self.file_name(kind.extension()))? else {
            return Ok(None);
        };
        let Some(paths) = entry::paths(seal::header(&sealed)) else {
            return Ok(None);
        };
        let files = paths.into_iter().map(FileDigest::now);
        let Some(files) = files.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let seal = self.seal.with_files(&files);
        let content = seal.open(kind.purpose(), &mut sealed);
        Ok(content.and_then(|content| decode(content, files)))
    }

    /// Stores an entry, and removes the last failure and files that are too old. `environment` is
    /// readable in `cache list`.
    pub fn store(&self, environment: &str, entry: &CacheEntry) -> Result<()> {
        let (header, content) = entry::encode(environment, entry)?;
        let files = entry.files();
        self.store_file(EntryKind::Credentials, &header, &content, files)
    }

    fn store_file(
        &self,
        kind: EntryKind,
        header: &[u8],
        content: &[u8],
        files: &[FileDigest],
    ) -> Result<()> {
        let seal = self.seal.with_files(files);
        let sealed = seal.seal(kind.purpose(), header, content)?;
        self.directory.remove_unfinished(&self.id);
        self.directory
            .write(&self.file_name(kind.extension()), &sealed)?;
        self.directory.remove(&self.failure_name());
        self.directory.prune(MAX_AGE);
        Ok(())
    }

    /// The last failure, unless credentials were stored after it.
    #[must_use]
    pub fn last_failure(&self) -> Option<CachedFailure> {
        let mut sealed = self.directory.read(&self.failure_name()).ok()??;
        let content = self.seal.open(Purpose::Failure, &mut sealed)?;
        serde_json::from_slice(content).ok()
    }

    /// Stores a failure.
    pub fn store_failure(&self, failure: &CachedFailure) -> Result<()> {
        let content = serde_json::to_vec(failure).map_err(|error| {
            Error::new(Kind::Internal, "cannot encode a failure").caused_by(error)
        })?;
        let sealed = self.seal.seal(Purpose::Failure, b"{}", &content)?;
        self.directory.remove_unfinished(&self.id);
        self.directory.write(&self.failure_name(), &sealed)
    }

    /// Tries to lock these files for fetching. `until` is the deadline of this call: when it will
    /// release the lock at the latest.
    pub fn try_lock(&self, until: Timestamp) -> Result<LockAttempt> {
        file_lock::try_lock(self.open_lock(LockRole::First)?, until)
    }

    /// Opens a lock file.
    pub(crate) fn open_lock(&self, role: LockRole) -> Result<LockFile> {
        let extension = match role {
            LockRole::First => "lock",
            LockRole::Takeover => "takeover",
        };
        LockFile::open(|suffix| {
            let name = self.file_name(&format!("{}{extension}{suffix}", self.prefix));
            self.directory.open_lock(&name)
        })
    }

    fn failure_name(&self) -> String {
        self.file_name(&format!("{}{FAILURE}", self.prefix))
    }

    fn file_name(&self, extension: &str) -> String {
        format!("{}.{extension}", self.id)
    }
}

/// Stores the last failure of any call.
pub fn store_last_failure(directory: &CacheDir, failure: &LastFailure) -> Result<()> {
    let content = serde_json::to_vec(failure)
        .map_err(|error| Error::new(Kind::Internal, "cannot encode a failure").caused_by(error))?;
    directory.remove_unfinished(directory::LAST);
    directory.write(directory::LAST_ERROR, &content)
}

/// The last failure of any call; `None` if there is none that can be read.
#[must_use]
pub fn last_failure(directory: &CacheDir) -> Option<LastFailure> {
    let content = directory.read(directory::LAST_ERROR).ok()??;
    serde_json::from_slice(&content).ok()
}

/// The summaries of the entries in a directory, which are readable without the login.
pub fn list(directory: &CacheDir) -> Result<Vec<EntrySummary>> {
    let summaries = summaries(directory)?;
    Ok(summaries.into_iter().map(|(_, summary)| summary).collect())
}

/// Removes the entries of an environment with their failures, and returns the number of entries. Other
/// processes may hold the locks, which stay.
pub fn clear_environment(directory: &CacheDir, environment: &str) -> Result<usize> {
    let mut summaries = summaries(directory)?;
    summaries.retain(|(_, summary)| summary.environment == environment);
    for (name, _) in &summaries {
        directory.try_remove(name)?;
        if let Some((id, _)) = name.split_once('.') {
            directory.remove(&format!("{id}.{FAILURE}"));
            directory.remove(&format!("{id}.{OF_ENVIRONMENT}{FAILURE}"));
        }
    }
    Ok(summaries.len())
}

/// The names of the entries that have a summary, and their summaries.
fn summaries(directory: &CacheDir) -> Result<Vec<(String, EntrySummary)>> {
    let mut summaries = Vec::new();
    for name in directory.entries()? {
        if let Ok(Some(sealed)) = directory.read(&name)
            && let Ok(mut summary) = serde_json::from_slice::<EntrySummary>(seal::header(&sealed))
        {
            summary.kind = if name.ends_with(directory::OPENED) {
                EntryKind::Environment
            } else {
                EntryKind::Credentials
            };
            summaries.push((name, summary));
        }
    }
    Ok(summaries)
}
