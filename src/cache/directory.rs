//! The cache's folder: private files, written whole or not at all.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;
#[cfg(not(unix))]
mod windows;
#[cfg(not(unix))]
use windows as platform;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::file_tracker::is_not_found;

/// The ending of an entry's file.
pub(super) const ENTRY: &str = "entry";

/// The endings of the files that are ours, behind an id.
const OURS: [&str; 3] = [ENTRY, "failure", "lock"];

/// The ending of a file that is being written.
const NEW: &str = "new";

/// In bytes. A larger file is none of ours: STS's credentials have a few kilobytes.
pub(super) const LARGEST: usize = 64 * 1024;

/// A folder for this user alone (mode 0700, files 0600).
#[derive(Clone, Debug)]
pub struct CacheDir {
    path: PathBuf,
}

impl CacheDir {
    /// The folder at `path`, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a file; `None` where there is none. One that others may read or may have
    /// written is an error, as are links and whatever is no plain file.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.path.join(name);
        let file = match platform::open(&path) {
            Ok(file) => file,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(unusable(&path, error)),
        };
        let metadata = file.metadata().map_err(|error| unusable(&path, error))?;
        platform::check(&metadata, metadata.is_file()).map_err(|why| unusable(&path, why))?;
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        if size > LARGEST {
            return Err(unusable(&path, "it is too large"));
        }
        let mut content = Zeroizing::new(Vec::with_capacity(size + 1));
        let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        let read = file.take(limit).read_to_end(&mut content);
        read.map_err(|error| unusable(&path, error))?;
        Ok(Some(content))
    }

    /// Writes a file: whoever reads it finds the old content or the new, and after a crash of the
    /// machine too.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.prepare()?;
        let path = self.path.join(name);
        let id = name.split('.').next().unwrap_or_default();
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                .prefix(&format!("{id}."))
                .suffix(&format!(".{NEW}"))
                .tempfile_in(&self.path)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            let Err(refused) = file.persist(&path) else {
                return Ok(());
            };
            // A folder stands in its place.
            self.remove(name);
            refused.file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| unusable(&path, error))
    }

    /// Removes what calls that were killed left half-written for this id. A call that writes at this
    /// moment, without the lock, fails to: it keeps nothing, and no more than that.
    pub(super) fn remove_unfinished(&self, id: &str) {
        for name in self.ours().unwrap_or_default() {
            if ending_of(&name) == Some(NEW) && name.split('.').next() == Some(id) {
                self.remove(&name);
            }
        }
    }

    /// Opens a file for locking, and makes it where there is none.
    pub(super) fn open_lock(&self, name: &str) -> Result<File> {
        self.prepare()?;
        let path = self.path.join(name);
        let open = || -> io::Result<File> {
            let file = platform::open_or_create(&path)?;
            let metadata = file.metadata()?;
            platform::check(&metadata, metadata.is_file()).map_err(io::Error::other)?;
            Ok(file)
        };
        open().or_else(|_| {
            // Whatever stands there in its place is of no use to anybody.
            self.remove(name);
            open().map_err(|error| unusable(&path, error))
        })
    }

    /// Removes a file, if it is there and can be removed.
    pub(super) fn remove(&self, name: &str) {
        let _ = remove(&self.path.join(name));
    }

    /// The names of the entries, sorted.
    pub(super) fn entries(&self) -> Result<Vec<String>> {
        let mut names = self.names()?;
        names.retain(|name| ending_of(name) == Some(ENTRY));
        names.sort();
        Ok(names)
    }

    /// The names of all that is in the folder.
    fn names(&self) -> Result<Vec<String>> {
        let failed = |error| unusable(&self.path, error);
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if is_not_found(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        entries
            .map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into()))
            .collect()
    }

    /// Removes our files that were last written longer ago than `age`. Of a lock that somebody holds
    /// the file may go, too: the next call then fetches beside the holder, and no more than that.
    pub(super) fn prune(&self, age: Duration) {
        for name in self.ours().unwrap_or_default() {
            let path = self.path.join(&name);
            let modified = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
            let elapsed = modified.map(|modified| modified.elapsed().unwrap_or_default());
            if elapsed.is_ok_and(|elapsed| elapsed > age) {
                self.remove(&name);
            }
        }
    }

    /// Removes all of our files. The number of entries that were there.
    pub fn clear(&self) -> Result<usize> {
        let mut entries = 0;
        let mut trouble = Ok(());
        for name in self.ours()? {
            let path = self.path.join(&name);
            match remove(&path) {
                Ok(()) => entries += usize::from(ending_of(&name) == Some(ENTRY)),
                Err(error) if is_not_found(&error) => {}
                // The others go all the same.
                Err(error) => trouble = trouble.and(Err(unusable(&path, error))),
            }
        }
        trouble.map(|()| entries)
    }

    fn ours(&self) -> Result<Vec<String>> {
        let mut names = self.names()?;
        names.retain(|name| ending_of(name).is_some());
        Ok(names)
    }

    /// Makes the folder, or makes sure that it is this user's alone. One that holds anything else
    /// serves for something else, and is left as it is.
    fn prepare(&self) -> Result<()> {
        platform::survive_full_files();
        let failed = |error| unusable(&self.path, error);
        if let Err(error) = platform::create_folder(&self.path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(failed(error));
        }
        let metadata = fs::symlink_metadata(&self.path).map_err(failed)?;
        if let Err(why) = platform::check(&metadata, metadata.is_dir()) {
            let is_own = platform::is_own_folder(&metadata);
            if !is_own || self.names()?.iter().any(|name| ending_of(name).is_none()) {
                return Err(unusable(&self.path, why));
            }
            platform::make_private(&self.path).map_err(failed)?;
        }
        Ok(())
    }
}

/// Removes a file, or an empty folder in its place.
fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| fs::remove_dir(path).map_err(|_| error))
}

/// The ending of a file of ours, and `None` for the name of any other: whoever names a folder that
/// serves for something else must not lose a `Cargo.lock` in it.
fn ending_of(name: &str) -> Option<&str> {
    let (id, ending) = name.split_once('.')?;
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if id.len() != 2 * super::seal::ID || !id.bytes().all(is_digit) {
        return None;
    }
    match ending.split_once('.') {
        Some((_, NEW)) => Some(NEW),
        Some(_) => None,
        None => OURS.contains(&ending).then_some(ending),
    }
}

fn unusable(path: &Path, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = format!("the cache cannot use `{}`", path.display());
    Error::new(Kind::Configuration, message)
        .with_hint("remove it, or name another folder with `--cache-dir`")
        .caused_by(reason)
}
