//! The kubeconfig files of a machine: which ones, locked and written as kubectl does it.
//!
//! kubectl's rules (`client-go`, `tools/clientcmd`): one file that is named, or those of the
//! variable `KUBECONFIG`, or `~/.kube/config`. An entry that several files have is that of the
//! first; it is changed there. A new one goes to the first file that exists, or else to the last of
//! the list. Who writes holds `FILE.lock` beside every file of the list.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{Deadline, format_duration};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use kubeconfig::{Changes, Merged, Source, edit};

impl From<kubeconfig::Error> for Error {
    fn from(error: kubeconfig::Error) -> Self {
        Self::configuration(error.message()).with_hint(error.hint())
    }
}

/// Larger files are refused, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// How often a lock is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// The files that make up the kubeconfig.
#[derive(Clone, Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
}

/// A file and what an update makes of it. `Debug` shows no text, which may hold tokens and keys.
#[derive(Clone)]
pub struct Edited {
    /// The file.
    pub path: PathBuf,
    /// Its text before; `None` where there was no file.
    pub before: Option<String>,
    /// Its text after.
    pub after: String,
}

impl fmt::Debug for Edited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Edited")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Whether an update is to be done.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Only say what it would do; no lock is taken.
    Preview,
    /// Do it, and wait so long for others who hold a lock.
    Write(Duration),
}

impl Files {
    /// The files: `explicit` alone where one is named, or those of the variable `KUBECONFIG`, or
    /// `~/.kube/config`.
    pub fn locate(explicit: Option<&Path>, host: &Host) -> Result<Self> {
        if let Some(path) = explicit {
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
            paths.push(host.expand(Path::new("~/.kube/config"))?);
        }
        Ok(Self { paths })
    }

    /// Reads the files, asks `change` what is to change, and does it: every file is edited in place
    /// before the first is written, and each is replaced as a whole. The result lists the files
    /// that differ.
    pub fn update(
        &self,
        mode: Mode,
        change: impl FnOnce(&Merged) -> Result<Changes>,
    ) -> Result<Vec<Edited>> {
        let _locks = match mode {
            Mode::Preview => None,
            Mode::Write(patience) => Some(Locks::take(&self.paths, patience)?),
        };
        let merged = Merged::new(self.read()?)?;
        let changes = change(&merged)?;
        let mut edited = Vec::new();
        for (source, changes) in merged.by_file(changes) {
            let before = source.text.as_deref();
            let after = edit(before.unwrap_or_default(), &changes)
                .map_err(|error| error.in_file(&source.path))?;
            if before != Some(&after) {
                edited.push(Edited {
                    path: source.path.clone(),
                    before: source.text.clone(),
                    after,
                });
            }
        }
        if let Mode::Write(_) = mode {
            for file in &edited {
                write(&file.path, &file.after)
                    .map_err(|error| failed("write", &file.path, error))?;
            }
        }
        Ok(edited)
    }

    fn read(&self) -> Result<Vec<Source>> {
        let read = |path: &PathBuf| {
            let text = read(path).map_err(|error| failed("read", path, error))?;
            Ok(Source {
                path: path.clone(),
                text,
            })
        };
        self.paths.iter().map(read).collect()
    }
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::configuration(format!("cannot {what} `{}`", path.display()))
        .with_hint("check the file's permissions, or name another with `--kubeconfig`")
        .caused_by(error)
}

/// Reads a file; `None` where there is none.
fn read(path: &Path) -> std::io::Result<Option<String>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(std::io::Error::other(
            "the file is too large for a kubeconfig",
        ));
    }
    Ok(Some(text))
}

/// Replaces a file as a whole; a reader sees the old text or the new one. A symbolic link stays
/// one. Mode and owner stay; a new file is its user's alone.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let target = link_target(path)?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut new = tempfile::Builder::new()
        .prefix(".kubeconfig-")
        .suffix(".tmp")
        .tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    match fs::metadata(&target) {
        Ok(old) if old.permissions().readonly() => {
            return Err(std::io::Error::other("the file is write-protected"));
        }
        Ok(old) => {
            keep_owner(&old, new.as_file(), new.path())?;
            new.as_file().set_permissions(old.permissions())?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    new.as_file().sync_all()?;
    new.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn keep_owner(old: &fs::Metadata, new: &File, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};

    let created = new.metadata()?;
    let differs = |old: u32, new: u32| (old != new).then_some(old);
    let (user, group) = (
        differs(old.uid(), created.uid()),
        differs(old.gid(), created.gid()),
    );
    if user.is_some() || group.is_some() {
        chown(path, user, group).map_err(|_| {
            std::io::Error::other(
                "the file belongs to another user or group, and would not stay so",
            )
        })?;
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn keep_owner(_old: &fs::Metadata, _new: &File, _path: &Path) -> std::io::Result<()> {
    Ok(())
}

/// The file that a path stands for, symbolic links followed, whether the file exists or not.
fn link_target(path: &Path) -> std::io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many links as Linux follows.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(target) => {
                path = match path.parent() {
                    Some(folder) => folder.join(target),
                    None => target,
                };
            }
            Err(_) => return Ok(path),
        }
    }
    Err(std::io::Error::other("too many symbolic links"))
}

/// The lock files that are held; they are removed with this value.
struct Locks(Vec<PathBuf>);

impl Locks {
    /// Takes the locks of these files, in one order for everybody. A link's target is locked, too:
    /// another may come by its own name.
    fn take(paths: &[PathBuf], patience: Duration) -> Result<Self> {
        let deadline = Deadline::after(patience);
        let mut all = Vec::new();
        for path in paths {
            let target = link_target(path).map_err(|error| failed("read", path, error))?;
            all.extend([lock_of(path), lock_of(&target)]);
        }
        all.sort();
        all.dedup();
        let mut held = Self(Vec::new());
        for lock in all {
            take(&lock, deadline)?;
            held.0.push(lock);
        }
        Ok(held)
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        for lock in self.0.iter().rev() {
            // Nobody is there to be told; the next one who waits for it is.
            let _ = fs::remove_file(lock);
        }
    }
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    PathBuf::from(name)
}

fn take(lock: &Path, deadline: Deadline) -> Result<()> {
    loop {
        match create(lock) {
            Ok(()) => return Ok(()),
            Err(error) if is_taken(&error) && deadline.remaining() > Duration::ZERO => {
                std::thread::sleep(PAUSE.min(deadline.remaining()));
            }
            Err(error) if is_taken(&error) => {
                let allowed = format_duration(deadline.allowed());
                let message = format!("`{}` was not released within {allowed}", lock.display());
                return Err(Error::new(Kind::Unavailable, message).with_hint(
                    "another program is changing the kubeconfig; if none is, remove that file",
                ));
            }
            Err(error) => {
                return Err(failed("create the lock", lock, error));
            }
        }
    }
}

fn is_taken(error: &std::io::Error) -> bool {
    // Windows refuses the name of a file that is being removed.
    error.kind() == ErrorKind::AlreadyExists
        || (cfg!(windows) && error.kind() == ErrorKind::PermissionDenied)
}

fn create(lock: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    match options.open(lock) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(folder) = lock.parent() {
                create_folder(folder)?;
            }
            options.open(lock).map(drop)
        }
        opened => opened.map(drop),
    }
}

fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
