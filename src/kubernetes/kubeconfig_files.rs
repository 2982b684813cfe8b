//! The kubeconfig files of this machine: located, locked and replaced as kubectl does it.
//!
//! kubectl's rules (`client-go`, `tools/clientcmd`): the files are the one that a flag names, or
//! those in the variable `KUBECONFIG`, or `~/.kube/config`. A writer holds `FILE.lock` beside each of
//! them.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use kubeconfig::{Changes, EditedFile, KubeconfigFile, MergedKubeconfig};

use crate::bounded_read::{read_regular, read_until, unreadable};
use crate::clock::{Deadline, format_duration};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::private_files;

/// The largest kubeconfig that is read, in bytes.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// The interval between attempts to take a lock.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How long Windows may deny access to a file because another program has it open or is removing it.
const ACCESS_TIMEOUT: Duration = Duration::from_secs(1);

/// Windows' error code for a file that another program has open and does not share. The standard library
/// has no name for it.
const ERROR_SHARING_VIOLATION: i32 = 32;

/// The most symbolic links that are followed, as on Linux.
const MAX_LINKS: usize = 40;

impl From<kubeconfig::Error> for Error {
    fn from(error: kubeconfig::Error) -> Self {
        Self::configuration(error.message).with_hint(error.hint)
    }
}

/// The files that make up the kubeconfig.
#[derive(Clone, Debug)]
pub(crate) struct KubeconfigFiles {
    paths: Vec<PathBuf>,
}

/// Whether an update writes the files.
#[derive(Clone, Copy)]
pub(crate) enum UpdateMode<'a> {
    /// Only returns the edited texts, without locks. The files may be pipes.
    DryRun,
    /// Locks and writes the files.
    Write {
        /// Whether to stop waiting for other lock holders.
        is_canceled: &'a dyn Fn() -> bool,
    },
}

impl KubeconfigFiles {
    /// Finds the files: `path` if there is one, or else those of `KUBECONFIG`, or else
    /// `~/.kube/config`.
    pub(crate) fn locate(path: Option<&Path>, host: &Host) -> Result<Self> {
        if let Some(path) = path {
            let paths = vec![host.expand(path)?];
            return Ok(Self { paths });
        }
        let mut paths: Vec<PathBuf> = Vec::new();
        if let Some(list) = host.path_variable("KUBECONFIG") {
            for path in std::env::split_paths(&list) {
                if !path.as_os_str().is_empty() && !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        if paths.is_empty() {
            paths.push(match host.kube_directory() {
                Some(directory) => directory.join("config"),
                None => host.expand(Path::new("~/.kube/config"))?,
            });
        }
        Ok(Self { paths })
    }

    /// Reads the files, makes the changes that `change` returns, and returns the files that differ.
    ///
    /// All files are edited before the first is written. Each is replaced atomically. The deadline is for
    /// other lock holders, and for the writers of pipes.
    pub(crate) fn update(
        &self,
        mode: UpdateMode<'_>,
        deadline: Deadline,
        change: impl FnOnce(&MergedKubeconfig) -> Result<Changes>,
    ) -> Result<Vec<EditedFile>> {
        // The locks are held until this function returns.
        let locks = match mode {
            UpdateMode::DryRun => None,
            UpdateMode::Write { is_canceled } => {
                Some(FileLocks::take(&self.paths, deadline, is_canceled)?)
            }
        };
        let kubeconfig = MergedKubeconfig::parse(self.read(mode, deadline)?)?;
        let edited = kubeconfig.edit(change(&kubeconfig)?)?;
        if locks.is_some() {
            for file in &edited {
                write(file)?;
            }
        }
        Ok(edited)
    }

    /// Reads the files, which may be pipes. Those that do not exist are empty.
    pub(crate) fn load(&self, deadline: Deadline) -> Result<MergedKubeconfig> {
        Ok(MergedKubeconfig::parse(
            self.read(UpdateMode::DryRun, deadline)?,
        )?)
    }

    fn read(&self, mode: UpdateMode<'_>, deadline: Deadline) -> Result<Vec<KubeconfigFile>> {
        let read = |path: &PathBuf| {
            let content = match mode {
                UpdateMode::DryRun => read_until(path, MAX_FILE_BYTES, deadline),
                UpdateMode::Write { .. } => read_regular(path, MAX_FILE_BYTES),
            };
            let text = text(content).map_err(|error| cannot("read", path, error))?;
            let path = path.clone();
            Ok(KubeconfigFile { path, text })
        };
        self.paths.iter().map(read).collect()
    }
}

fn cannot(verb: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("cannot {verb} `{}`", path.display());
    let hint = "check the file's permissions, or choose another file with `--kubeconfig`";
    unreadable(message, hint, error)
}

/// The text of a file that was read; `None` if it does not exist.
fn text(content: io::Result<Zeroizing<Vec<u8>>>) -> io::Result<Option<String>> {
    match content {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(mut content) => String::from_utf8(std::mem::take(&mut content))
            .map(Some)
            .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text")),
    }
}

/// Replaces a file atomically: readers see either the old text or the new one. Keeps symbolic links,
/// mode and owner. A new file is readable only by its owner. Fails if the file has changed since it was
/// read, by a program that ignores kubectl's lock.
fn write(file: &EditedFile) -> Result<()> {
    let written = || {
        let target = link_target(&file.path)?;
        let new = new_file(&target, &file.after)?;
        let current = text(read_regular(&target, MAX_FILE_BYTES))?;
        if current == file.before {
            replace(new, &target, current.as_deref())
        } else {
            Err(ErrorKind::AlreadyExists.into())
        }
    };
    written().map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            let path = file.path.display();
            let message = format!("another program has changed `{path}` in the meantime");
            Error::configuration(message).with_hint("run the command again")
        }
        _ => cannot("write", &file.path, error),
    })
}

/// Moves the new file to `target`, whose text is `current`. Windows does not replace a file while another
/// program has it open, so this is tried again for a while.
fn replace(mut new: NamedTempFile, target: &Path, current: Option<&str>) -> io::Result<()> {
    let deadline = Deadline::after(ACCESS_TIMEOUT);
    loop {
        let replaced = match current {
            Some(_) => new.persist(target),
            None => new.persist_noclobber(target),
        };
        let Err(failed) = replaced else {
            return Ok(());
        };
        if !is_in_use(&failed.error) || deadline.is_over() {
            return Err(failed.error);
        }
        new = failed.file;
        std::thread::sleep(LOCK_POLL_INTERVAL);
    }
}

/// Creates the file that will replace `target`.
fn new_file(target: &Path, text: &str) -> io::Result<NamedTempFile> {
    let directory = match target.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let mut new = tempfile::Builder::new()
        .prefix(".kubeconfig-")
        .suffix(".tmp")
        .make_in(directory, private_files::create_new)?;
    new.write_all(text.as_bytes())?;
    match fs::metadata(target) {
        Ok(old) if old.permissions().readonly() => {
            return Err(io::Error::other("the file is write-protected"));
        }
        Ok(old) => {
            keep_owner(&old, new.as_file(), new.path())?;
            new.as_file().set_permissions(old.permissions())?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    new.as_file().sync_all()?;
    Ok(new)
}

#[cfg(unix)]
fn keep_owner(old: &fs::Metadata, new: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};

    let created = new.metadata()?;
    let differs = |old: u32, new: u32| (old != new).then_some(old);
    let (user, group) = (
        differs(old.uid(), created.uid()),
        differs(old.gid(), created.gid()),
    );
    if user.is_some() || group.is_some() {
        chown(path, user, group).map_err(|_| {
            io::Error::other(
                "cannot keep the file's owner and group: it belongs to another user or group",
            )
        })?;
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn keep_owner(_old: &fs::Metadata, _new: &File, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// Follows symbolic links, up to a file that need not exist.
fn link_target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => {
                path = match path.parent() {
                    Some(directory) => directory.join(target),
                    None => target,
                };
            }
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Lock files that this process holds. Dropping this value removes them.
struct FileLocks(Vec<PathBuf>);

impl FileLocks {
    /// Takes the locks of these files, in the same order in all processes. Also locks the target of a
    /// link, because other processes may use its path.
    fn take(paths: &[PathBuf], deadline: Deadline, is_canceled: &dyn Fn() -> bool) -> Result<Self> {
        let mut locks = Vec::new();
        for path in paths {
            let target = link_target(path).map_err(|error| cannot("read", path, error))?;
            locks.extend([lock_path(path), lock_path(&target)]);
        }
        locks.sort();
        locks.dedup();
        let mut held = Self(Vec::new());
        for lock in locks {
            take_lock(&lock, deadline, is_canceled)?;
            held.0.push(lock);
        }
        Ok(held)
    }
}

impl Drop for FileLocks {
    fn drop(&mut self) {
        for lock in self.0.iter().rev() {
            // If a lock stays, the next process that waits for it reports it.
            let _ = fs::remove_file(lock);
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    PathBuf::from(name)
}

fn take_lock(lock: &Path, deadline: Deadline, is_canceled: &dyn Fn() -> bool) -> Result<()> {
    let access_deadline = deadline.within(ACCESS_TIMEOUT);
    let is_locked = |error: &io::Error| {
        error.kind() == ErrorKind::AlreadyExists || (is_in_use(error) && !access_deadline.is_over())
    };
    loop {
        if is_canceled() {
            return Err(Error::new(Kind::Unavailable, "canceled by a signal"));
        }
        match create_lock(lock) {
            Ok(()) => return Ok(()),
            Err(error) if is_locked(&error) && deadline.remaining() > Duration::ZERO => {
                std::thread::sleep(LOCK_POLL_INTERVAL.min(deadline.remaining()));
            }
            Err(error) if is_locked(&error) => {
                let timeout = format_duration(deadline.allowed());
                let message = format!("`{}` was not released within {timeout}", lock.display());
                return Err(Error::new(Kind::Unavailable, message).with_hint(
                    "if no other program is changing the kubeconfig, remove this file",
                ));
            }
            Err(error) => {
                return Err(cannot("create the lock", lock, error));
            }
        }
    }
}

/// Whether the error may be that another program has the file open or is removing it.
fn is_in_use(error: &io::Error) -> bool {
    cfg!(windows)
        && (error.kind() == ErrorKind::PermissionDenied
            || error.raw_os_error() == Some(ERROR_SHARING_VIOLATION))
}

fn create_lock(lock: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    match options.open(lock) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(directory) = lock.parent() {
                create_directory(directory)?;
            }
            options.open(lock).map(drop)
        }
        opened => opened.map(drop),
    }
}

fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests;
