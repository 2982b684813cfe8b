//! The cache's folder: private files, written whole or not at all.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
use other as platform;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::environment::files::is_absence;
use crate::error::{Error, Kind, Result};

/// The ending of an entry's file.
pub(super) const ENTRY: &str = "entry";

/// The endings of the files that are ours.
const OURS: [&str; 4] = [ENTRY, "failure", "lock", "new"];

/// In bytes. A larger file is none of ours: STS's credentials have a few kilobytes.
pub(super) const LARGEST: usize = 64 * 1024;

/// A folder for this user alone (mode 0700, files 0600).
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
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
            Err(error) if is_absence(&error) => return Ok(None),
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
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                .prefix("")
                .suffix(".new")
                .tempfile_in(&self.path)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| unusable(&path, error))
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
        let _ = fs::remove_file(self.path.join(name));
    }

    /// The names of the files with this ending, sorted.
    pub(super) fn names(&self, ending: &str) -> Result<Vec<String>> {
        let failed = |error| unusable(&self.path, error);
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let has_ending = Path::new(&name).extension().is_some_and(|it| it == ending);
            names.extend(name.to_str().filter(|_| has_ending).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Removes our files that were last written longer ago than `age`. Of a lock that somebody holds
    /// the file may go, too: the next call then fetches beside the holder, and no more than that.
    pub(super) fn prune(&self, age: Duration) {
        for name in self.ours() {
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
        let entries = self.names(ENTRY)?.len();
        for name in self.ours() {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(error) if !is_absence(&error) => return Err(unusable(&path, error)),
                _ => {}
            }
        }
        Ok(entries)
    }

    fn ours(&self) -> Vec<String> {
        let names = OURS.iter().filter_map(|ending| self.names(ending).ok());
        names.flatten().collect()
    }

    /// Makes the folder, or makes sure that it is this user's alone.
    fn prepare(&self) -> Result<()> {
        let failed = |error| unusable(&self.path, error);
        if let Err(error) = platform::create_folder(&self.path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(failed(error));
        }
        let metadata = fs::symlink_metadata(&self.path).map_err(failed)?;
        if platform::check(&metadata, metadata.is_dir()).is_err() {
            platform::make_private(&self.path, &metadata).map_err(failed)?;
        }
        Ok(())
    }
}

fn unusable(path: &Path, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = format!("the cache cannot use `{}`", path.display());
    Error::new(Kind::Configuration, message)
        .with_hint("remove it, or name another folder with `--cache-dir`")
        .caused_by(reason)
}
