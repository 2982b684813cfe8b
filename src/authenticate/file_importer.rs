//! Reads definitions from files: the root by its path, imports by their names below a directory.
//!
//! `PROJECT/NAME` is `<root>/PROJECT/NAME.yaml`, or else `<root>/NAME.yaml`. A `NAME` without a
//! project is in the project `default`, as in Pulumi Cloud. Versions exist only in Pulumi Cloud.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf, absolute};

use zeroize::Zeroizing;

use crate::bounded_read::{self, read_regular, read_stdin_until, read_until};
use crate::clock::Deadline;
use crate::config::Reference;
use crate::error::{Error, Kind, Result};
use crate::file_tracker::{FileTracker, is_not_found};
use esc::evaluator::limits::MAXIMUM_SOURCE_BYTES;
use esc::{Definition, HostResult, Importer};

/// The project of names without one.
const DEFAULT_PROJECT: &str = "default";

/// Imports definitions from the files below a directory.
#[derive(Clone, Debug)]
pub struct FileImporter {
    root: PathBuf,
    files: FileTracker,
}

impl FileImporter {
    /// An importer for the definitions below `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            files: FileTracker::default(),
        }
    }

    /// Records the files that imports look for.
    #[must_use]
    pub(super) fn recording(self, files: FileTracker) -> Self {
        Self { files, ..self }
    }
}

impl Importer for FileImporter {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let (project, environment) = project_and_name(name)?;
        let file = format!("{environment}.yaml");
        let candidates = [self.root.join(project).join(&file), self.root.join(&file)];
        for path in &candidates {
            let text = self.read(path)?;
            self.files
                .record(path, text.as_ref().map(|text| text.as_bytes()));
            if let Some(text) = text {
                return Ok(Definition {
                    name: name.to_owned(),
                    shown_as: path.display().to_string(),
                    text,
                });
            }
        }
        let [first, second] = candidates.map(|path| path.display().to_string());
        let message = format!("environment \"{name}\" not found");
        Err(Error::new(Kind::Definition, message)
            .with_hint(format!("looked for {first} and {second}"))
            .into())
    }
}

impl FileImporter {
    /// The text of the file of an import; `None` if it does not exist. A symbolic link must not lead out
    /// of the directory: diagnostics show lines of the file.
    fn read(&self, path: &Path) -> Result<Option<Zeroizing<String>>> {
        let failed = |error: io::Error| {
            if is_not_found(&error) {
                Ok(None)
            } else {
                Err(unreadable(path, error))
            }
        };
        // Joined with `.`, because the directory may be the empty path.
        let resolved = || Ok((path.canonicalize()?, self.root.join(".").canonicalize()?));
        let (target, root) = match resolved() {
            Ok(paths) => paths,
            Err(error) => return failed(error),
        };
        if !target.starts_with(root) {
            let link = path.display();
            let message = format!("`{link}` is a link out of the directory of imports");
            return Err(Error::new(Kind::Definition, message).with_hint(
                "replace the link with a copy, or pass the directory of the file with `--root`",
            ));
        }
        match read_regular(&target, MAXIMUM_SOURCE_BYTES) {
            Ok(content) => text(path, content).map(Some),
            Err(error) => failed(error),
        }
    }
}

/// Reads the definition at `path`, which may be a pipe or standard input, until the deadline. Its name
/// depends on the `root` of imports.
pub(super) fn read_definition(
    path: &Path,
    root: Option<&Path>,
    deadline: Deadline,
) -> Result<Definition> {
    let content = if path == Path::new(Reference::STDIN) {
        read_stdin_until(MAXIMUM_SOURCE_BYTES, deadline)
    } else {
        read_until(path, MAXIMUM_SOURCE_BYTES, deadline)
    };
    Ok(Definition {
        name: environment_name(path, root),
        shown_as: path.display().to_string(),
        text: definition_text(path, content)?,
    })
}

/// Reads the text of the definition at `path` if it can be read again; `None` for a pipe.
pub(super) fn read_repeatable_text(path: &Path) -> Result<Option<Zeroizing<String>>> {
    match read_regular(path, MAXIMUM_SOURCE_BYTES) {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        content => definition_text(path, content).map(Some),
    }
}

/// The name of the environment at `path`, as imports would write it: `PROJECT/NAME` in a folder of the root,
/// else `NAME`.
pub(super) fn environment_name(path: &Path, root: Option<&Path>) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy();
    match root.and_then(|root| project_folder(path, root)) {
        Some(project) => format!("{}/{name}", project.to_string_lossy()),
        None => name.into_owned(),
    }
}

/// The name of the folder of the file at `path`, if it is a folder of `root`.
fn project_folder(path: &Path, root: &Path) -> Option<OsString> {
    let (path, root) = (absolute(path).ok()?, absolute(root).ok()?);
    let mut folder = path.parent()?.to_owned();
    if folder.file_name().is_none() {
        // It ends with `..`.
        folder = folder.canonicalize().ok()?;
    }
    let parent = folder.parent()?;
    // Links are only resolved if the paths do not show it: this runs before every call.
    let are_same = if folder.starts_with(&root) {
        parent == root
    } else {
        matches!((parent.canonicalize(), root.canonicalize()), (Ok(a), Ok(b)) if a == b)
    };
    are_same.then(|| folder.file_name().map(OsStr::to_owned))?
}

/// The content of the definition at `path` as text.
fn definition_text(
    path: &Path,
    content: io::Result<Zeroizing<Vec<u8>>>,
) -> Result<Zeroizing<String>> {
    let shown_as = path.display();
    let content = content.map_err(|error| {
        if is_not_found(&error) {
            Error::configuration(format!("the file `{shown_as}` does not exist"))
                .with_hint("check the path of the definition")
        } else {
            unreadable(path, error)
        }
    })?;
    text(path, content)
}

/// Splits the name of an import. Neither part can lead out of the directory.
fn project_and_name(name: &str) -> Result<(&str, &str)> {
    let invalid = |why: &str| {
        let message = format!(
            "`{}` is not a valid import name: {why}",
            name.escape_debug()
        );
        Error::new(Kind::Definition, message)
    };
    if name.contains(['@', ':']) {
        return Err(invalid("versions exist only in Pulumi Cloud")
            .with_hint("remove the version; a local import always reads the file as it is"));
    }
    let (project, environment) = name.split_once('/').unwrap_or((DEFAULT_PROJECT, name));
    let problem = if environment.contains('/') {
        Some("it has more than two parts")
    } else {
        [project, environment].into_iter().find_map(|part| {
            if part.is_empty() {
                Some("a part of it is empty")
            } else if part == "." || part == ".." {
                Some("it is a path")
            } else if part.contains('\\') || part.chars().any(char::is_control) {
                Some("it has a character that is not allowed in names")
            } else {
                None
            }
        })
    };
    match problem {
        None => Ok((project, environment)),
        Some(problem) => Err(invalid(problem).with_hint(
            "write NAME or PROJECT/NAME, without `.yaml`; `--root` is the directory of PROJECT",
        )),
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    match error.kind() {
        ErrorKind::FileTooLarge => Error::configuration(format!(
            "the definition `{shown}` is larger than {MAXIMUM_SOURCE_BYTES} bytes"
        )),
        _ if path.is_dir() => {
            Error::configuration(format!("`{shown}` is a directory, not a definition"))
                .with_hint("pass the YAML file")
        }
        _ => {
            let message = format!("cannot read the definition `{shown}`");
            let hint = match error.kind() {
                ErrorKind::InvalidFilename => "check the path of the definition",
                _ => "check that it is a file, and that this user may read it",
            };
            bounded_read::unreadable(message, hint, error)
        }
    }
}

/// The content of a definition as text.
fn text(path: &Path, mut content: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>> {
    String::from_utf8(std::mem::take(&mut content))
        .map(Zeroizing::new)
        .map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = &error.as_bytes()[..valid];
            let line = before.split(|byte| *byte == b'\n').count();
            let start = before
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            // invariant: the bytes before the first invalid one are UTF-8.
            let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
            let shown = path.display();
            Error::configuration(format!(
                "the definition `{shown}` is not UTF-8 text: line {line}, column {column}"
            ))
            .with_hint("save it as UTF-8")
        })
}

#[cfg(test)]
mod tests;
