//! The cache directory: private files that are written atomically.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::bounded_read::read_bounded;
use crate::error::{Error, Kind, Result};
use crate::file_tracker::is_not_found;
use crate::private_files;

/// The extension of an entry with credentials.
pub(super) const ENTRY: &str = "entry";

/// The extension of an entry with an opened environment.
pub(super) const OPENED: &str = "opened";

/// The extensions of the cache's files, after an id.
const EXTENSIONS: [&str; 8] = [
    ENTRY,
    OPENED,
    "failure",
    "lock",
    "lock-holder",
    "takeover",
    "takeover-holder",
    super::environment_names::EXTENSION,
];

/// The id of the file that describes the last failure of any call.
pub(super) const LAST: &str = "last";

/// The name of that file.
pub(super) const LAST_ERROR: &str = "last.error";

/// The extension of a file that is being written.
const UNFINISHED: &str = "new";

/// Larger files are not from the cache: an entry with credentials has a few kilobytes.
pub(super) const MAX_FILE_BYTES: usize = 64 * 1024;

/// The same for opened environments: some contain the kubeconfigs of many clusters.
pub(super) const MAX_OPENED_BYTES: usize = 4 << 20;

/// A directory that only this user can access (mode 0700, files 0600).
#[derive(Clone, Debug)]
pub struct CacheDir {
    path: PathBuf,
}

impl CacheDir {
    /// The directory at `path`, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file; `None` if it does not exist. Fails if other users can access it or change the
    /// directory, and if it is a symbolic link or not a regular file.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        if !self.exists_unshared()? {
            return Ok(None);
        }
        let path = self.path.join(name);
        let file = match private_files::open_options().read(true).open(&path) {
            Ok(file) => file,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(unusable(&path, error)),
        };
        let metadata = file.metadata().map_err(|error| unusable(&path, error))?;
        check_file(&metadata).map_err(|reason| unusable(&path, reason))?;
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        let limit = match extension(name) {
            Some(OPENED) => MAX_OPENED_BYTES,
            _ => MAX_FILE_BYTES,
        };
        let content = read_bounded(file, size, limit);
        content.map(Some).map_err(|error| unusable(&path, error))
    }

    /// Writes a file atomically: readers see the old or the new content, also after a crash.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.prepare()?;
        let path = self.path.join(name);
        let id = name.split('.').next().unwrap_or_default();
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                .prefix(&format!("{id}."))
                .suffix(&format!(".{UNFINISHED}"))
                .make_in(&self.path, private_files::create_new)?;
            file.write_all(content)?;
            // After a power failure, a damaged environment is opened again, so calls need not wait for the disk.
            if extension(name) != Some(OPENED) {
                file.as_file().sync_all()?;
            }
            let Err(failed) = file.persist(&path) else {
                return Ok(());
            };
            // A directory with that name prevents renaming.
            self.remove(name);
            failed.file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| unusable(&path, error))
    }

    /// Removes the unfinished files that killed calls left behind for this id. If another call is
    /// writing without the lock, its write fails, and it stores nothing.
    pub(super) fn remove_unfinished(&self, id: &str) {
        for name in self.cache_files().unwrap_or_default() {
            if extension(&name) == Some(UNFINISHED) && name.split('.').next() == Some(id) {
                self.remove(&name);
            }
        }
    }

    /// Opens or creates a file for locking.
    pub(super) fn open_lock(&self, name: &str) -> Result<File> {
        self.prepare()?;
        let path = self.path.join(name);
        let open = || -> io::Result<File> {
            let mut options = private_files::open_options();
            options.read(true).write(true).create(true).truncate(false);
            let file = options.open(&path)?;
            let metadata = file.metadata()?;
            check_file(&metadata).map_err(io::Error::other)?;
            if !private_files::has_one_name(&metadata) {
                return Err(io::Error::other("it is a hard link"));
            }
            Ok(file)
        };
        open().or_else(|_| {
            // Replace whatever has this name and cannot be used as a lock.
            self.remove(name);
            open().map_err(|error| unusable(&path, error))
        })
    }

    /// Removes a file if it exists and can be removed.
    pub(super) fn remove(&self, name: &str) {
        let _ = remove(&self.path.join(name));
    }

    /// Removes a file if it exists.
    pub(super) fn try_remove(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        match remove(&path) {
            Err(error) if !is_not_found(&error) => Err(unusable(&path, error)),
            _ => Ok(()),
        }
    }

    /// The names of the entries of both kinds, sorted. Fails if other users can change the directory.
    pub(super) fn entries(&self) -> Result<Vec<String>> {
        self.exists_unshared()?;
        let mut names = self.names()?;
        names.retain(|name| extension(name).is_some_and(is_entry));
        names.sort();
        Ok(names)
    }

    /// Checks, without changing anything, whether a call could read and write here.
    pub fn check_usable(&self) -> Result<()> {
        let failed = |error| unusable(&self.path, error);
        if !self.exists_unshared()? {
            let mut ancestors = self.path.ancestors().skip(1);
            let parent = ancestors.find(|path| fs::symlink_metadata(path).is_ok());
            let parent = parent.filter(|path| !path.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            return check_writable(parent).map_err(failed);
        }
        let is_private = fs::symlink_metadata(&self.path)
            .map_err(failed)
            .is_ok_and(|metadata| private_files::check_private(&metadata).is_ok());
        if !is_private && self.names()?.iter().any(|name| extension(name).is_none()) {
            return Err(unusable(&self.path, "other users can access it"));
        }
        check_writable(&self.path).map_err(failed)
    }

    /// Removes the cache's files that were last written longer than `age` ago. This may include the
    /// file of a lock that is held; then the next call fetches at the same time as the lock holder.
    pub(super) fn prune(&self, age: Duration) {
        for name in self.cache_files().unwrap_or_default() {
            let path = self.path.join(&name);
            let modified = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
            let elapsed = modified.map(|modified| modified.elapsed().unwrap_or_default());
            if elapsed.is_ok_and(|elapsed| elapsed > age) {
                self.remove(&name);
            }
        }
    }

    /// Removes all files of the cache, and returns the number of entries among them.
    pub fn clear(&self) -> Result<usize> {
        let mut entries = 0;
        let mut first_error = Ok(());
        for name in self.cache_files()? {
            let path = self.path.join(&name);
            match remove(&path) {
                Ok(()) => entries += usize::from(extension(&name).is_some_and(is_entry)),
                Err(error) if is_not_found(&error) => {}
                // Remove the other files nevertheless.
                Err(error) => first_error = first_error.and(Err(unusable(&path, error))),
            }
        }
        first_error.map(|()| entries)
    }

    fn cache_files(&self) -> Result<Vec<String>> {
        let mut names = self.names()?;
        names.retain(|name| extension(name).is_some());
        Ok(names)
    }

    /// The names of everything in the directory; none if it does not exist.
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

    /// Whether the directory exists. Fails if other users can change it.
    fn exists_unshared(&self) -> Result<bool> {
        let checked = match fs::symlink_metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => private_files::check_unshared(&metadata),
            Ok(_) => Err("it is not a directory"),
            Err(error) if is_not_found(&error) => return Ok(false),
            Err(error) => return Err(unusable(&self.path, error)),
        };
        checked.map_err(|reason| unusable(&self.path, reason))?;
        Ok(true)
    }

    /// Creates the directory, or makes it private if it exists. A directory that also contains other
    /// files is used for something else, and is not changed.
    fn prepare(&self) -> Result<()> {
        private_files::ignore_file_size_signal();
        let failed = |error| unusable(&self.path, error);
        if let Err(error) = private_files::create_dir(&self.path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(failed(error));
        }
        let metadata = fs::symlink_metadata(&self.path).map_err(failed)?;
        let checked = if metadata.is_dir() {
            private_files::check_private(&metadata)
        } else {
            Err("it is not a directory")
        };
        if let Err(reason) = checked {
            let is_own = metadata.is_dir() && private_files::is_own(&metadata);
            if !is_own || self.names()?.iter().any(|name| extension(name).is_none()) {
                return Err(unusable(&self.path, reason));
            }
            private_files::make_private(&self.path).map_err(failed)?;
        }
        Ok(())
    }
}

/// Checks that files can be created in an existing directory.
fn check_writable(directory: &Path) -> io::Result<()> {
    if !fs::metadata(directory)?.is_dir() {
        let problem = format!("`{}` is not a directory", directory.display());
        return Err(io::Error::other(problem));
    }
    #[cfg(unix)]
    rustix::fs::access(
        directory,
        rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
    )?;
    Ok(())
}

/// Checks that this is a regular file that only this user can access.
fn check_file(metadata: &fs::Metadata) -> Result<(), &'static str> {
    if metadata.is_file() {
        private_files::check_private(metadata)
    } else {
        Err("it is not a regular file")
    }
}

/// Removes a file, or an empty directory with its name.
fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| fs::remove_dir(path).map_err(|_| error))
}

/// Whether a file with this extension is an entry of either kind.
fn is_entry(extension: &str) -> bool {
    [ENTRY, OPENED].contains(&extension)
}

/// The extension of a file of the cache; `None` for all other names. If the user configures a
/// directory that is used for something else, a `Cargo.lock` in it must not be removed.
fn extension(name: &str) -> Option<&str> {
    let (id, extension) = name.split_once('.')?;
    let is_hex_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_id = id.len() == 2 * super::seal::ID_BYTES && id.bytes().all(is_hex_digit);
    match extension.split_once('.') {
        Some((_, UNFINISHED)) if is_id || id == LAST => Some(UNFINISHED),
        Some(_) => None,
        None if name == LAST_ERROR => Some(extension),
        None => {
            let unprefixed = extension.strip_prefix(super::OF_ENVIRONMENT);
            let is_known = EXTENSIONS.contains(&unprefixed.unwrap_or(extension));
            (is_id && is_known).then_some(extension)
        }
    }
}

fn unusable(path: &Path, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = format!("the cache cannot use `{}`", path.display());
    Error::new(Kind::Configuration, message)
        .with_hint("remove it, or pass another directory with `--cache-dir`")
        .caused_by(reason)
}

#[cfg(test)]
mod tests;
