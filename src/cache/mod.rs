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
//! <directory>/<id>.failure   the last failure, sealed
//! <directory>/<id>.lock      locked by the call that fetches credentials (Windows: who, in <id>.lock-holder)
//! <directory>/<id>.environments  names for completion, sealed
//! <directory>/<id>.takeover  locked by the call that fetches them because that one hangs
//! <directory>/last.error     time, exit code and environment of the last failure of any call
//! ```

mod directory;
mod entry;
mod environment_names;
mod failure;
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
    CacheEntry, CachedAwsCredentials, CachedContent, CachedCredentials, EntrySummary, FORMAT,
    Freshness, Listed,
};
pub use failure::{CachedFailure, LastFailure};
pub use seal::LoginSecrets;

use seal::{Purpose, Seal};

/// The extension of a stored failure.
const FAILURE: &str = "failure";

/// Older files are removed. Credentials expire long before.
const MAX_AGE: Duration = Duration::from_hours(24);

/// The files in the cache for one login and one cache key.
pub struct Cache {
    directory: CacheDir,
    seal: Seal,
    id: String,
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
        let Some(mut sealed) = self.directory.read(&self.file_name(directory::ENTRY))? else {
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
        let content = seal.open(Purpose::Entry, &mut sealed);
        Ok(content.and_then(|content| entry::decode(content, files)))
    }

    /// Stores an entry, and removes the last failure and files that are too old. `environment` is
    /// readable in `cache list`.
    pub fn store(&self, environment: &str, entry: &CacheEntry) -> Result<()> {
        let (header, content) = entry::encode(environment, entry)?;
        let seal = self.seal.with_files(entry.files());
        let sealed = seal.seal(Purpose::Entry, &header, &content)?;
        self.directory.remove_unfinished(&self.id);
        self.directory
            .write(&self.file_name(directory::ENTRY), &sealed)?;
        self.directory.remove(&self.file_name(FAILURE));
        self.directory.prune(MAX_AGE);
        Ok(())
    }

    /// The last failure, unless credentials were stored after it.
    #[must_use]
    pub fn last_failure(&self) -> Option<CachedFailure> {
        let mut sealed = self.directory.read(&self.file_name(FAILURE)).ok()??;
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
        self.directory.write(&self.file_name(FAILURE), &sealed)
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
            let name = self.file_name(&format!("{extension}{suffix}"));
            self.directory.open_lock(&name)
        })
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
        let failure = name.replace(directory::ENTRY, FAILURE);
        directory.try_remove(name)?;
        directory.remove(&failure);
    }
    Ok(summaries.len())
}

/// The names of the entries with credentials, and their summaries.
fn summaries(directory: &CacheDir) -> Result<Vec<(String, EntrySummary)>> {
    let mut summaries = Vec::new();
    for name in directory.entries()? {
        if let Ok(Some(sealed)) = directory.read(&name)
            && let Ok(summary) = serde_json::from_slice(seal::header(&sealed))
        {
            summaries.push((name, summary));
        }
    }
    Ok(summaries)
}
