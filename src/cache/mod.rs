//! What a call keeps for the next ones: AWS credentials, never a token.
//!
//! An entry is sealed with the login that earned it: whoever cannot log in cannot open it, and
//! another login does not even find it. Nothing in here is an error for a call: what cannot be read
//! is not there, and what cannot be written is not kept. `docs/security.md` says what the sealing
//! protects against.
//!
//! ```text
//! <folder>/<id>.entry     credentials, sealed
//! <folder>/<id>.failure   the last failure, sealed
//! <folder>/<id>.lock      held by the one call that fetches
//! ```

mod entry;
mod failure;
mod folder;
mod lock;
mod seal;

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::digest::Sha256;
use crate::error::Result;
use crate::files_read::FileRead;

pub use entry::FORMAT;
pub use entry::{Entry, Freshness, Kept, Listed};
pub use failure::Failure;
pub use folder::Folder;
pub use lock::{Attempt, Hold, Lock};
pub use seal::Login;

use seal::Seal;

/// Files that nobody wrote for so long are removed: no credentials live half as long.
const OLDEST: Duration = Duration::from_hours(24);

/// The place in the cache of one login and one question.
#[derive(Debug)]
pub struct Cache {
    folder: Folder,
    seal: Seal,
    name: String,
}

impl Cache {
    /// The place in `folder` of this login and the question with this hash. Nothing is read yet.
    #[must_use]
    pub fn new(folder: PathBuf, login: &Login, key: &Sha256) -> Self {
        let seal = Seal::new(login, key);
        let name = seal.id();
        Self {
            folder: Folder::new(folder),
            seal,
            name,
        }
    }

    /// Whether both are the same place: the same login asks the same.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// What was kept, where it can be opened and the files that it was made of are as they were.
    pub fn look_up(&self) -> Result<Option<Kept>> {
        let Some(mut sealed) = self.folder.read(&self.entry_name())? else {
            return Ok(None);
        };
        let files = entry::paths(seal::header(&sealed)).and_then(|paths| {
            paths
                .into_iter()
                .map(FileRead::now)
                .collect::<Option<Vec<_>>>()
        });
        let Some(files) = files else {
            return Ok(None);
        };
        let seal = self.seal.with_files(&files);
        let opened = seal.open(seal::Purpose::Entry, &mut sealed);
        Ok(opened.and_then(|content| entry::decode(content, files)))
    }

    /// Keeps credentials, and removes files that are too old to be of use. `environment` is shown
    /// to people.
    pub fn keep(&self, environment: &str, kept: &Kept) -> Result<()> {
        let (header, content) = entry::encode(environment, kept)?;
        let seal = self.seal.with_files(kept.files());
        let sealed = seal.seal(seal::Purpose::Entry, &header, &content)?;
        self.folder.remove_unfinished(&self.name);
        self.folder.write(&self.entry_name(), &sealed)?;
        self.folder.remove(&self.failure_name());
        self.folder.prune(OLDEST);
        Ok(())
    }

    /// The last failure, and what tells it from others.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        let mut sealed = self.folder.read(&self.failure_name()).ok()??;
        let opened = self.seal.open(seal::Purpose::Failure, &mut sealed)?;
        failure::decode(opened)
    }

    /// Remembers a failure.
    pub fn remember(&self, failure: &Failure) -> Result<()> {
        let content = failure::encode(failure)?;
        let sealed = self.seal.seal(seal::Purpose::Failure, b"{}", &content)?;
        self.folder.remove_unfinished(&self.name);
        self.folder.write(&self.failure_name(), &sealed)
    }

    /// Tries to become the one call that fetches. `until` is when it will be done at the latest.
    pub fn try_lock(&self, until: Timestamp) -> Result<Attempt> {
        lock::try_lock(&self.folder, &self.lock_name(), until)
    }

    /// Waits, for at most `limit`, until whoever fetches is done; `None` where it is not. `until` as
    /// in [`Cache::try_lock`], for who is alone then.
    pub fn wait_for_lock(
        &self,
        hold: Hold,
        until: Timestamp,
        limit: Duration,
    ) -> Result<Option<Lock>> {
        lock::wait(&self.folder, &self.lock_name(), hold, until, limit)
    }

    fn lock_name(&self) -> String {
        format!("{}.lock", self.name)
    }

    fn entry_name(&self) -> String {
        format!("{}.{}", self.name, folder::ENTRY)
    }

    fn failure_name(&self) -> String {
        format!("{}.failure", self.name)
    }
}

/// The entries in a folder, as far as they tell about themselves.
pub fn list(folder: &Folder) -> Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for name in folder.entries()? {
        if let Ok(Some(sealed)) = folder.read(&name) {
            listed.extend(entry::list(seal::header(&sealed)));
        }
    }
    Ok(listed)
}
