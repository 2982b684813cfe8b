//! Looks up the program of a command like a shell does.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::host::Host;

/// The executable file of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Program {
    name: OsString,
    path: PathBuf,
}

impl Program {
    /// Looks up a program: a name with a path separator is a path, any other name is searched for in
    /// `PATH`.
    ///
    /// Fails with [`Kind::CommandNotFound`], or with [`Kind::CommandNotExecutable`] if the file
    /// exists but is not executable.
    pub(crate) fn find(name: &OsStr, host: &Host) -> Result<Self> {
        let is_path = is_path(name);
        let candidates = if is_path {
            vec![PathBuf::from(name)]
        } else if name.is_empty() {
            Vec::new()
        } else {
            let directories = search_path(host);
            directories.map(|directory| directory.join(name)).collect()
        };
        let mut rejected = None;
        let candidates = candidates.into_iter();
        for path in candidates.flat_map(|path| with_extensions(&path, host)) {
            match FileStatus::of(&path, host) {
                FileStatus::Executable => {
                    let name = name.to_owned();
                    return Ok(Self { name, path });
                }
                FileStatus::NotExecutable => {
                    rejected = rejected.or(Some((path, "is not executable")));
                }
                // Shells skip directories in PATH, and reject the path of one.
                FileStatus::Directory if is_path => {
                    rejected = rejected.or(Some((path, "is a directory")));
                }
                FileStatus::Directory | FileStatus::Missing => (),
            }
        }
        let shown = name.display();
        Err(match rejected {
            Some((path, reason)) => Error::new(
                Kind::CommandNotExecutable,
                format!("cannot run `{shown}`: `{}` {reason}", path.display()),
            )
            .with_hint("specify a program that you may execute"),
            None if is_path => Error::new(
                Kind::CommandNotFound,
                format!("cannot run `{shown}`: no such file"),
            )
            .with_hint("check the path"),
            None => Error::new(
                Kind::CommandNotFound,
                format!("cannot run `{shown}`: no such program in PATH"),
            )
            .with_hint("check the name, and the variable PATH"),
        })
    }

    /// The name that the user typed.
    #[cfg(unix)]
    #[must_use]
    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// The path of the file.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The error for a program that was found but could not be started.
    pub(super) fn spawn_error(&self, cause: io::Error) -> Error {
        let kind = match cause.kind() {
            // The file exists, so its `#!` line names an interpreter that does not.
            ErrorKind::NotFound => Kind::CommandNotFound,
            _ => Kind::CommandNotExecutable,
        };
        let hint = match cause.kind() {
            ErrorKind::ArgumentListTooLong => {
                "the environment's variables are too large: move long values to `files`"
            }
            _ => "check that the program runs by itself",
        };
        Error::new(kind, format!("cannot start `{}`", self.path.display()))
            .caused_by(cause)
            .with_hint(hint)
    }
}

fn is_path(name: &OsStr) -> bool {
    Path::new(name).components().count() > 1
        || name.as_encoded_bytes().ends_with(b"/")
        || (cfg!(windows) && name.as_encoded_bytes().contains(&b'\\'))
}

/// The directories in `PATH`.
fn search_path(host: &Host) -> impl Iterator<Item = PathBuf> {
    // The C library's default; Windows has none.
    let default = if cfg!(windows) { "" } else { "/bin:/usr/bin" };
    let path = host.path_variable("PATH");
    let path = path.unwrap_or_else(|| PathBuf::from(default));
    let directories: Vec<_> = std::env::split_paths(&path).collect();
    directories.into_iter().map(|directory| {
        // An empty entry is the working directory.
        if directory.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            directory
        }
    })
}

enum FileStatus {
    Directory,
    Executable,
    Missing,
    NotExecutable,
}

impl FileStatus {
    fn of(path: &Path, host: &Host) -> Self {
        let Ok(metadata) = path.metadata() else {
            return Self::Missing;
        };
        if metadata.is_dir() {
            return Self::Directory;
        }
        if is_executable(path, &metadata, host) {
            Self::Executable
        } else {
            Self::NotExecutable
        }
    }
}

#[cfg(unix)]
fn is_executable(_path: &Path, metadata: &Metadata, _host: &Host) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

/// On Windows, a program has an extension that `PATHEXT` lists.
#[cfg(not(unix))]
fn is_executable(path: &Path, _metadata: &Metadata, host: &Host) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let extension = format!(".{extension}");
    let mut known = executable_extensions(host).into_iter();
    known.any(|known| known.eq_ignore_ascii_case(&extension))
}

/// The path, and on Windows those with the extensions that the user may omit.
fn with_extensions(path: &Path, host: &Host) -> Vec<PathBuf> {
    let mut paths = vec![path.to_owned()];
    if cfg!(windows) {
        paths.extend(executable_extensions(host).into_iter().map(|extension| {
            let mut path = path.to_owned().into_os_string();
            path.push(extension);
            PathBuf::from(path)
        }));
    }
    paths
}

/// The extensions in `PATHEXT`, with their dots.
fn executable_extensions(host: &Host) -> Vec<String> {
    let extensions = host.path_variable("PATHEXT");
    let extensions = extensions.unwrap_or_else(|| PathBuf::from(".COM;.EXE;.BAT;.CMD"));
    let extensions = extensions.to_string_lossy().into_owned();
    let extensions = extensions.split(';').filter(|text| !text.is_empty());
    extensions.map(str::to_owned).collect()
}

#[cfg(all(test, unix))]
mod tests;
