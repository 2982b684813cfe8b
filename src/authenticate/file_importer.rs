//! Reads definitions from files: the root by its path, imports by their names below a directory.
//!
//! `PROJECT/NAME` is `<root>/PROJECT/NAME.yaml`, or else `<root>/NAME.yaml`. A `NAME` without a
//! project is in the project `default`, as in Pulumi Cloud. Versions exist only in Pulumi Cloud.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

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
            let text = read(path)?;
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

/// Reads the definition at `path`. The environment is named after the file, without its extension.
pub(super) fn read_definition(path: &Path) -> Result<Definition> {
    let shown_as = path.display().to_string();
    let text = read(path)?.ok_or_else(|| {
        Error::configuration(format!("the file `{shown_as}` does not exist"))
            .with_hint("check the path of the definition")
    })?;
    let name = path.file_stem().unwrap_or(path.as_os_str());
    Ok(Definition {
        name: name.to_string_lossy().into_owned(),
        shown_as,
        text,
    })
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
                Some("it leads out of the directory")
            } else if part.contains('\\') || part.chars().any(char::is_control) {
                Some("it has a character that is not allowed in names")
            } else {
                None
            }
        })
    };
    match problem {
        None => Ok((project, environment)),
        Some(problem) => Err(invalid(problem).with_hint("write NAME or PROJECT/NAME")),
    }
}

/// The text of a file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<Zeroizing<String>>> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Error::configuration(format!("cannot read the definition `{shown}`"))
            .with_hint("check that this user may read the file")
            .caused_by(error)
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_not_found(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if metadata.is_dir() {
        let message = format!("`{shown}` is a directory, not a definition");
        return Err(Error::configuration(message).with_hint("pass the YAML file"));
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_not_found(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // One byte above the limit, to detect a file that is too large, even one that is growing.
    let limit = MAXIMUM_SOURCE_BYTES as u64 + 1;
    let size = metadata.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAXIMUM_SOURCE_BYTES {
        return Err(Error::configuration(format!(
            "the definition `{shown}` is larger than {MAXIMUM_SOURCE_BYTES} bytes"
        )));
    }
    String::from_utf8(bytes)
        .map(|text| Some(Zeroizing::new(text)))
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
            Error::configuration(format!(
                "the definition `{shown}` is not UTF-8 text: line {line}, column {column}"
            ))
            .with_hint("save it as UTF-8")
        })
}

#[cfg(test)]
mod tests;
