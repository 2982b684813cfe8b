//! A private directory for the files of a running command, in memory where possible.
//!
//! The directory has mode 0700 and its files 0600. A file next to it is locked while the directory is in
//! use: by this process, and by the command, which inherits the lock. So the next run can detect and remove
//! what a killed run left behind, and a command that outlives its killed parent keeps its files. The lock
//! file is created before the directory and removed after it, so a directory without one is not in use.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::Host;
use crate::private_files;
use crate::secret::Text;

mod lock;

/// Prefix of the names of all our directories and lock files.
const PREFIX: &str = "kubectl-esc-run-";
/// A lock file has the name of its directory and this suffix.
const LOCK_SUFFIX: &str = ".lock";
/// The number of random letters and digits in a name.
const RANDOM_LENGTH: usize = 12;

/// A private directory, removed by [`PrivateDir::remove`] or when it is dropped.
#[derive(Debug)]
pub(super) struct PrivateDir {
    path: PathBuf,
    lock_path: PathBuf,
    is_removed: bool,
    /// Locked until the directory is removed.
    _lock: File,
}

impl PrivateDir {
    /// Creates a directory in the first of these that is writable: `XDG_RUNTIME_DIR`, `/dev/shm`, the
    /// directory for temporary files.
    pub(super) fn create(host: &Host) -> Result<Self> {
        let mut last_error = None;
        for parent in parents(host) {
            match Self::create_in(&parent) {
                Ok(directory) => return Ok(directory),
                Err(error) => last_error = Some((parent, error)),
            }
        }
        let error = match last_error {
            Some((parent, cause)) => Error::configuration(format!(
                "cannot create a directory for the environment's files in `{}`",
                parent.display()
            ))
            .caused_by(cause),
            None => Error::configuration("there is no directory for temporary files"),
        };
        Err(error.with_hint("set TMPDIR to a directory that you can write to"))
    }

    fn create_in(parent: &Path) -> io::Result<Self> {
        let lock = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(LOCK_SUFFIX)
            .rand_bytes(RANDOM_LENGTH)
            .make_in(parent, lock::create)?;
        let (lock, lock_path) = lock.keep().map_err(|error| error.error)?;
        let directory = Self {
            path: directory_of(&lock_path),
            lock_path,
            is_removed: false,
            _lock: lock,
        };
        private_files::create_dir(&directory.path)?;
        Ok(directory)
    }

    /// Writes `content` unchanged to a new file and returns its path. The file is called `name` if
    /// that is a safe file name, else `file`; a number is added if the file exists already.
    pub(super) fn write(&self, name: &str, content: &Text) -> Result<PathBuf> {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let stem = if !name.is_empty() && name.chars().all(is_safe) {
            name
        } else {
            "file"
        };
        let mut options = private_files::open_options();
        options.write(true).create_new(true);
        // A file system that ignores case takes two names for one.
        let mut path = self.path.join(stem);
        let mut number = 1;
        let opened = loop {
            match options.open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    number += 1;
                    path = self.path.join(format!("{stem}-{number}"));
                }
                result => break result,
            }
        };
        let written = opened.and_then(|mut file| file.write_all(content.as_bytes()));
        written.map_err(|cause| {
            Error::configuration(format!("cannot write the environment's file `{stem}`"))
                .caused_by(cause)
                .with_hint(format!("check the free space in `{}`", self.path.display()))
        })?;
        Ok(path)
    }

    /// Removes the directory and everything in it.
    pub(super) fn remove(mut self) -> Result<()> {
        self.remove_once().map_err(|cause| {
            Error::configuration(format!(
                "cannot remove the environment's files in `{}`",
                self.path.display()
            ))
            .caused_by(cause)
            .with_hint("remove the directory yourself: it contains the environment's `files`")
        })
    }

    fn remove_once(&mut self) -> io::Result<()> {
        if self.is_removed {
            return Ok(());
        }
        self.is_removed = true;
        remove_dir(&self.path)?;
        fs::remove_file(&self.lock_path)
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        let _ = self.remove_once();
    }
}

/// Removes the directories that killed runs of this user left behind. One that cannot be removed
/// is left for the next run.
pub(super) fn remove_leftovers(host: &Host) {
    for parent in parents(host) {
        let Ok(entries) = fs::read_dir(parent) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Some(name) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if name.ends_with(LOCK_SUFFIX) {
                let _ = remove_leftover(&entry.path());
            } else if name.len() == RANDOM_LENGTH && name.chars().all(|c| c.is_ascii_alphanumeric())
            {
                let _ = remove_without_lock(&entry.path());
            }
        }
    }
}

fn remove_leftover(lock_path: &Path) -> io::Result<()> {
    if !is_own(lock_path)? {
        return Ok(());
    }
    let _lock = lock::try_lock(lock_path)?;
    let directory = directory_of(lock_path);
    if is_own(&directory)? {
        remove_dir(&directory)?;
    }
    fs::remove_file(lock_path)
}

/// Removes a directory whose lock file was lost. Does nothing to other files: a directory of a run that
/// is about to end may be gone already.
fn remove_without_lock(path: &Path) -> io::Result<()> {
    let mut lock_path = path.to_owned().into_os_string();
    lock_path.push(LOCK_SUFFIX);
    let is_private = path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir() && private_files::check_private(&metadata).is_ok());
    if is_private && !Path::new(&lock_path).try_exists()? {
        remove_dir(path)?;
    }
    Ok(())
}

/// Removes a directory and its content. It is no error if it does not exist.
fn remove_dir(path: &Path) -> io::Result<()> {
    if_exists(fs::remove_dir_all(path)).map(drop)
}

/// The directory that a lock file belongs to.
fn directory_of(lock_path: &Path) -> PathBuf {
    lock_path.with_extension("")
}

/// Where to create directories, in order of preference. The first two are in memory.
fn parents(host: &Host) -> Vec<PathBuf> {
    let mut parents = Vec::new();
    let runtime_dir = host.path_variable("XDG_RUNTIME_DIR");
    parents.extend(runtime_dir.filter(|path| path.is_absolute()));
    if cfg!(target_os = "linux") {
        parents.push(PathBuf::from("/dev/shm"));
    }
    let temp_dir = host.path_variable("TMPDIR");
    parents.push(temp_dir.unwrap_or_else(std::env::temp_dir));
    parents
}

/// Whether the path exists, this user owns it, and it is not a symbolic link.
fn is_own(path: &Path) -> io::Result<bool> {
    let metadata = if_exists(path.symlink_metadata())?;
    Ok(metadata.is_some_and(|metadata| !metadata.is_symlink() && private_files::is_own(&metadata)))
}

fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests;
