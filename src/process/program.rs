//! The program that a command names, looked up as shells do.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::host::Host;

/// A program that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    name: OsString,
    path: PathBuf,
}

impl Program {
    /// Looks a program up: a name with a separator is a path, any other is searched for on `PATH`.
    ///
    /// [`Kind::CommandNotFound`] where there is none, [`Kind::CommandNotExecutable`] where there is
    /// one that may not be run.
    pub fn find(name: &OsStr, host: &Host) -> Result<Self> {
        let is_path = Path::new(name).components().count() > 1
            || name.as_encoded_bytes().ends_with(b"/")
            || (cfg!(windows) && name.as_encoded_bytes().contains(&b'\\'));
        let folders = if is_path || name.is_empty() {
            Vec::new()
        } else {
            // Without PATH the C library looks here.
            let path = host.path_variable("PATH");
            let path = path.unwrap_or_else(|| PathBuf::from("/bin:/usr/bin"));
            let folders = std::env::split_paths(&path);
            // An entry without a name is the working directory.
            let named = folders.map(|folder| {
                if folder.as_os_str().is_empty() {
                    PathBuf::from(".")
                } else {
                    folder
                }
            });
            named.collect()
        };
        let mut candidates: Vec<_> = folders.iter().map(|folder| folder.join(name)).collect();
        if is_path {
            candidates.push(PathBuf::from(name));
        }
        let mut refused = None;
        for candidate in with_extensions(candidates, host) {
            match state(&candidate, is_path) {
                State::Absent => (),
                State::Refused(reason) => refused = refused.or(Some((candidate, reason))),
                State::Program => {
                    let name = name.to_owned();
                    return Ok(Self {
                        name,
                        path: candidate,
                    });
                }
            }
        }
        let shown = name.display();
        Err(match refused {
            Some((path, reason)) => Error::new(
                Kind::CommandNotExecutable,
                format!("cannot run `{shown}`: `{}` {reason}", path.display()),
            )
            .with_hint("name a program that you may run"),
            None if is_path => Error::new(
                Kind::CommandNotFound,
                format!("cannot run `{shown}`: there is no such file"),
            )
            .with_hint("check the path"),
            None => Error::new(
                Kind::CommandNotFound,
                format!("cannot run `{shown}`: there is no such program on the PATH"),
            )
            .with_hint("check the name, and the variable PATH"),
        })
    }

    /// What the user called it.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The error for a program that was found and yet did not start.
    pub(super) fn cannot_start(&self, cause: io::Error) -> Error {
        let kind = match cause.kind() {
            // The interpreter that its first line names, for the file itself was found.
            ErrorKind::NotFound => Kind::CommandNotFound,
            _ => Kind::CommandNotExecutable,
        };
        let hint = match cause.kind() {
            ErrorKind::ArgumentListTooLong => {
                "the environment's variables are too large: put what is long under `files`"
            }
            _ => "check that the program runs by itself",
        };
        Error::new(kind, format!("cannot start `{}`", self.path.display()))
            .caused_by(cause)
            .with_hint(hint)
    }
}

enum State {
    Absent,
    Program,
    Refused(&'static str),
}

/// On PATH a folder is passed over; named by its path it is refused.
fn state(path: &Path, named: bool) -> State {
    let Ok(metadata) = path.metadata() else {
        return State::Absent;
    };
    if metadata.is_dir() {
        return if named {
            State::Refused("is a folder")
        } else {
            State::Absent
        };
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o111 == 0 {
            return State::Refused("is not executable");
        }
    }
    State::Program
}

/// Windows knows a program by its extension; the extensions are in PATHEXT.
fn with_extensions(candidates: Vec<PathBuf>, host: &Host) -> Vec<PathBuf> {
    if !cfg!(windows) {
        return candidates;
    }
    let extensions = host.path_variable("PATHEXT");
    let extensions = extensions.unwrap_or_else(|| PathBuf::from(".COM;.EXE;.BAT;.CMD"));
    let extensions = extensions.to_string_lossy().into_owned();
    let mut all = Vec::new();
    for candidate in candidates {
        let has_extension = candidate.extension().is_some_and(|extension| {
            let extension = extension.to_string_lossy();
            let mut known = extensions.split(';');
            known.any(|known| {
                known
                    .trim_start_matches('.')
                    .eq_ignore_ascii_case(&extension)
            })
        });
        if has_extension {
            all.push(candidate.clone());
        }
        for extension in extensions.split(';').filter(|text| !text.is_empty()) {
            let mut longer = candidate.clone().into_os_string();
            longer.push(extension);
            all.push(PathBuf::from(longer));
        }
    }
    all
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::clock::{Clock, Timestamp};

    #[test]
    fn programs_are_found_as_by_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        for (path, mode) in [
            ("first/tool", 0o644),
            ("second/tool", 0o755),
            ("first/plain", 0o644),
            ("first/folder/x", 0o755),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let root = folder.path().display().to_string();
        let path = format!("{root}/first:{root}/second");
        let host = Host::with([("PATH", &path)], Clock::fixed(Timestamp::from_unix(0)));
        for (name, want) in [
            ("tool", format!("{root}/second/tool")),
            (
                "plain",
                format!("cannot run `plain`: `{root}/first/plain` is not executable"),
            ),
            (
                "folder",
                "cannot run `folder`: there is no such program on the PATH".to_owned(),
            ),
            (
                "",
                "cannot run ``: there is no such program on the PATH".to_owned(),
            ),
            (
                &format!("{root}/second/tool"),
                format!("{root}/second/tool"),
            ),
            (
                &format!("{root}/none"),
                format!("cannot run `{root}/none`: there is no such file"),
            ),
            (
                &format!("{root}/first/folder"),
                format!("cannot run `{root}/first/folder`: `{root}/first/folder` is a folder"),
            ),
        ] {
            let found = Program::find(OsStr::new(name), &host);
            let found = match found {
                Ok(program) => program.path().display().to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, want);
        }
    }
}
