//! Private files for the time of a command, in memory where there is a file system for that.
//!
//! A folder of mode 0700 holds them, each of mode 0600. Beside it lies a file that is locked for as
//! long as the folder is in use: by this process and by the command, which inherits the lock. So the
//! next run can tell what a killed one has left behind, and a command that outlives its killed
//! parent keeps its files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::Host;
use crate::secret::Text;

/// What the names of all our folders and locks begin with.
const PREFIX: &str = "kubectl-esc-run-";
/// What the name of a lock has after that of its folder.
const LOCK: &str = ".lock";

/// A folder for files. [`PrivateDir::remove`] removes it, and so does dropping it.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    lock_path: PathBuf,
    removed: bool,
    /// Held until the folder is gone; nobody reads or writes it.
    lock: File,
}

impl PrivateDir {
    /// Makes a folder: below `XDG_RUNTIME_DIR`, `/dev/shm`, or else the folder for temporary files,
    /// whichever takes it first.
    pub fn create(host: &Host) -> Result<Self> {
        let mut problem = None;
        for base in bases(host) {
            match Self::create_in(&base) {
                Ok(folder) => return Ok(folder),
                Err(error) => problem = Some((base, error)),
            }
        }
        let error = match problem {
            Some((base, cause)) => Error::configuration(format!(
                "cannot make a folder for the environment's files in `{}`",
                base.display()
            ))
            .caused_by(cause),
            None => Error::configuration("there is no folder for temporary files"),
        };
        Err(error.with_hint("set TMPDIR to a folder that you may write to"))
    }

    fn create_in(base: &Path) -> io::Result<Self> {
        loop {
            let (lock, lock_path) = tempfile::Builder::new()
                .prefix(PREFIX)
                .suffix(LOCK)
                .rand_bytes(12)
                .tempfile_in(base)?
                .keep()
                .map_err(|error| error.error)?;
            lock.lock()?;
            // Somebody who cleans up may have been faster with the lock, and have removed it.
            if !is_still_at(&lock, &lock_path) {
                continue;
            }
            let folder = Self {
                path: folder_of(&lock_path),
                lock_path,
                removed: false,
                lock,
            };
            inherit(&folder.lock)?;
            create_private(&folder.path)?;
            return Ok(folder);
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file as it is, under `name` where that makes a good file name.
    pub fn write(&self, name: &str, content: &Text) -> Result<PathBuf> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let stem = if !name.is_empty() && name.chars().all(plain) {
            name
        } else {
            "file"
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        // Two names may be one to the file system, or make no good file name.
        let mut path = self.path.join(stem);
        let mut number = 1;
        let opened = loop {
            match options.open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    number += 1;
                    path = self.path.join(format!("{stem}-{number}"));
                }
                other => break other,
            }
        };
        let written = opened.and_then(|mut file| file.write_all(content.as_bytes()));
        written.map_err(|cause| {
            Error::configuration(format!("cannot write the environment's file `{stem}`"))
                .caused_by(cause)
                .with_hint(format!("check the space in `{}`", self.path.display()))
        })?;
        Ok(path)
    }

    /// Removes the folder with all that is in it.
    pub fn remove(mut self) -> Result<()> {
        self.remove_now().map_err(|cause| {
            Error::configuration(format!(
                "cannot remove the environment's files in `{}`",
                self.path.display()
            ))
            .caused_by(cause)
            .with_hint("remove the folder yourself: it holds what the environment has in `files`")
        })
    }

    fn remove_now(&mut self) -> io::Result<()> {
        if self.removed {
            return Ok(());
        }
        self.removed = true;
        let removed = remove_folder(&self.path);
        if removed.is_ok() {
            fs::remove_file(&self.lock_path)?;
        }
        removed
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.remove_now();
    }
}

/// Removes what killed runs of this user have left behind. What cannot be removed stays for the next
/// run.
pub fn remove_leftovers(host: &Host) {
    for base in bases(host) {
        let Ok(entries) = fs::read_dir(base) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(PREFIX) && name.ends_with(LOCK) {
                let _ = remove_leftover(&entry.path());
            }
        }
    }
}

fn remove_leftover(lock_path: &Path) -> io::Result<()> {
    if !is_ours(lock_path) {
        return Ok(());
    }
    let lock = File::open(lock_path)?;
    if lock.try_lock().is_err() || !is_still_at(&lock, lock_path) {
        return Ok(());
    }
    let folder = folder_of(lock_path);
    if is_ours(&folder) {
        remove_folder(&folder)?;
    }
    fs::remove_file(lock_path)
}

/// Makes a folder of mode 0700.
#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Makes a folder; the one for temporary files is each user's own on Windows.
#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// A folder that is gone already is no error.
fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The folder of a lock: its name without the ending.
fn folder_of(lock_path: &Path) -> PathBuf {
    lock_path.with_extension("")
}

/// Where folders may be, best first. The first two are in memory.
fn bases(host: &Host) -> Vec<PathBuf> {
    let mut bases = Vec::new();
    let runtime = host.path_variable("XDG_RUNTIME_DIR");
    bases.extend(runtime.filter(|path| path.is_absolute()));
    if cfg!(target_os = "linux") {
        bases.push(PathBuf::from("/dev/shm"));
    }
    let temporary = host.path_variable("TMPDIR");
    bases.push(temporary.unwrap_or_else(std::env::temp_dir));
    bases
}

/// Whether the path is a file or folder of this user, and no link.
#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().is_ok_and(|metadata| {
        !metadata.is_symlink() && metadata.uid() == rustix::process::geteuid().as_raw()
    })
}

/// Whether the path is no link. The folder for temporary files is each user's own on Windows.
#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| !metadata.is_symlink())
}

/// Whether the open file is the one at the path.
#[cfg(unix)]
fn is_still_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(there)) => identity(open) == identity(there),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// Lets the processes that this one starts hold the lock too.
#[cfg(unix)]
fn inherit(lock: &File) -> io::Result<()> {
    rustix::io::fcntl_setfd(lock, rustix::io::FdFlags::empty())?;
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
fn inherit(_lock: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    fn host(base: &Path) -> Host {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        Host::with([("XDG_RUNTIME_DIR", base)], clock)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_private_and_go_with_their_folder() {
        let base = tempfile::tempdir().unwrap();
        let folder = PrivateDir::create(&host(base.path())).unwrap();
        let content = Text::from(vec![0xff, b'\r', b'\n']);
        for (name, want) in [
            ("KUBECONFIG", "KUBECONFIG"),
            ("KUBECONFIG", "KUBECONFIG-2"),
            ("../../etc/passwd", "file"),
            ("a\0b", "file-2"),
            ("..", "file-3"),
            ("", "file-4"),
        ] {
            let path = folder.write(name, &content).unwrap();
            assert_eq!(path, folder.path().join(want));
            assert_eq!(fs::read(&path).unwrap(), content.as_bytes());
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
                assert_eq!(mode(&path), 0o600);
                assert_eq!(mode(folder.path()), 0o700);
            }
        }
        folder.remove().unwrap();
        assert_eq!(names(base.path()), [""; 0]);
        drop(PrivateDir::create(&host(base.path())).unwrap());
        assert_eq!(names(base.path()), [""; 0]);
    }

    #[test]
    fn leftovers_go_and_what_is_in_use_stays() {
        let base = tempfile::tempdir().unwrap();
        let in_use = PrivateDir::create(&host(base.path())).unwrap();
        in_use.write("A", &Text::from("x")).unwrap();
        let left = base.path().join("kubectl-esc-run-killed");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("KUBECONFIG"), "x").unwrap();
        fs::write(base.path().join("kubectl-esc-run-killed.lock"), "").unwrap();
        fs::write(base.path().join("kubectl-esc-run-early.lock"), "").unwrap();
        // What is no folder of ours, or has no lock, is left alone.
        fs::create_dir(base.path().join("kubectl-esc-run-other")).unwrap();
        fs::write(base.path().join("other.lock"), "").unwrap();
        #[cfg(unix)]
        {
            fs::create_dir(base.path().join("precious")).unwrap();
            let link = base.path().join("kubectl-esc-run-link");
            std::os::unix::fs::symlink(base.path().join("precious"), link).unwrap();
            fs::write(base.path().join("kubectl-esc-run-link.lock"), "").unwrap();
        }
        remove_leftovers(&host(base.path()));
        let mut want = vec!["kubectl-esc-run-other".to_owned(), "other.lock".to_owned()];
        let name = in_use.path().file_name().unwrap().to_str().unwrap();
        want.extend([name.to_owned(), format!("{name}.lock")]);
        if cfg!(unix) {
            want.extend(["precious".to_owned(), "kubectl-esc-run-link".to_owned()]);
        }
        want.sort();
        assert_eq!(names(base.path()), want);
        in_use.remove().unwrap();
    }

    #[test]
    fn a_base_that_cannot_be_written_to_is_passed_over() {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let temporary = tempfile::tempdir().unwrap();
        let host = Host::with(
            [
                ("XDG_RUNTIME_DIR", Path::new("/no/such/folder")),
                ("TMPDIR", temporary.path()),
            ],
            clock,
        );
        let folder = PrivateDir::create(&host).unwrap();
        assert!(folder.path().is_dir());
        folder.remove().unwrap();
    }
}
