//! Definitions in files: the root by its path, imports by their names below a folder.
//!
//! `PROJECT/NAME` is `<root>/PROJECT/NAME.yaml`, or else `<root>/NAME.yaml`; a bare `NAME` is in
//! the project `default`, as in Pulumi Cloud. Versions exist only there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::file_tracker::FileTracker;
use crate::file_tracker::is_not_found;
use esc::evaluator::limits::MAXIMUM_SOURCE_BYTES;
use esc::{Definition, HostResult, Importer};

/// The project of a name that has none.
const DEFAULT_PROJECT: &str = "default";

/// A folder of definitions.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
    files: FileTracker,
}

impl Directory {
    /// The definitions below `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            files: FileTracker::default(),
        }
    }

    /// The same folder; the files that are looked for are noted in `files`.
    #[must_use]
    pub fn noting(self, files: FileTracker) -> Self {
        Self { files, ..self }
    }
}

impl Importer for Directory {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let (project, environment) = parts(name)?;
        let file = format!("{environment}.yaml");
        let places = [self.root.join(project).join(&file), self.root.join(&file)];
        for path in &places {
            let text = read(path);
            if let Ok(text) = &text {
                let content = text.as_ref().map(|text| text.as_bytes());
                self.files.record(path, content);
            }
            match text {
                Ok(Some(text)) => {
                    return Ok(Definition {
                        name: name.to_owned(),
                        shown_as: path.display().to_string(),
                        text,
                    });
                }
                Ok(None) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let places = places.each_ref().map(|path| path.display().to_string());
        let places = places.join(" and ");
        Err(Error::new(
            Kind::Definition,
            format!("environment \"{name}\" not found"),
        )
        .with_hint(format!("it was looked for at {places}"))
        .into())
    }
}

/// Reads the definition at `path`, which is shown as it is written here. Its environment has the
/// file's name without the ending.
pub fn read_definition(path: &Path) -> Result<Definition> {
    let shown_as = path.display().to_string();
    let Some(text) = read(path)? else {
        return Err(
            Error::configuration(format!("there is no file `{shown_as}`"))
                .with_hint("check the path of the environment's definition"),
        );
    };
    let name = path.file_stem().unwrap_or(path.as_os_str());
    Ok(Definition {
        name: name.to_string_lossy().into_owned(),
        shown_as,
        text,
    })
}

/// The project and the name, neither of which leads out of the folder.
fn parts(name: &str) -> Result<(&str, &str)> {
    let refused = |why: &str| {
        let message = format!("`{}` is no name to import: {why}", name.escape_debug());
        Error::new(Kind::Definition, message)
    };
    if name.contains(['@', ':']) {
        return Err(refused("versions exist only in Pulumi Cloud")
            .with_hint("leave the version out; a local definition is what the file holds"));
    }
    let allowed = "write NAME or PROJECT/NAME";
    let mut parts = name.split('/');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    if parts.next().is_some() {
        return Err(refused("it has more than two parts").with_hint(allowed));
    }
    for part in [Some(first), second].into_iter().flatten() {
        let why = if part.is_empty() {
            "a part of it is empty"
        } else if part == "." || part == ".." {
            "it leads out of the folder"
        } else if part.contains('\\') || part.chars().any(char::is_control) {
            "it has a character that no name has"
        } else {
            continue;
        };
        return Err(refused(why).with_hint(allowed));
    }
    Ok(match second {
        Some(second) => (first, second),
        None => (DEFAULT_PROJECT, first),
    })
}

/// The text of a file; `None` where there is no such file.
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
        let message = format!("`{shown}` is a folder, not a definition");
        return Err(Error::configuration(message).with_hint("name the YAML file"));
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_not_found(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // One byte more than is allowed tells a file that is too large, also one that grows meanwhile.
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
            // invariant: what comes before the first wrong byte is UTF-8.
            let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
            Error::configuration(format!(
                "the definition `{shown}` is not UTF-8 text: line {line}, column {column}"
            ))
            .with_hint("save it as UTF-8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder for one test, removed afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("kubectl-esc-directory-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn imports_are_found_by_project_and_name() {
        let folder = Folder::new("imports");
        folder.file("default/a.yaml", b"default/a");
        folder.file("a.yaml", b"a");
        folder.file("b.yaml", b"b");
        folder.file("p/c.yaml", b"p/c");
        folder.file("c.yaml", b"c");
        let directory = Directory::new(folder.0.clone());
        for (name, want) in [
            ("a", "default/a"),
            ("default/a", "default/a"),
            ("p/a", "a"),
            ("b", "b"),
            ("p/b", "b"),
            ("p/c", "p/c"),
            ("c", "c"),
        ] {
            let definition = directory.import(name).unwrap();
            assert_eq!(
                (definition.name.as_str(), definition.text.as_str()),
                (name, want)
            );
            assert!(
                Path::new(&definition.shown_as).ends_with(format!("{want}.yaml")),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_looked_for_in_both_places() {
        let folder = Folder::new("absent");
        let error = Directory::new(folder.0.clone()).import("p/x").unwrap_err();
        assert_eq!(error.to_string(), "environment \"p/x\" not found");
        let places = [folder.0.join("p").join("x.yaml"), folder.0.join("x.yaml")];
        for place in places {
            assert!(error.hint().unwrap().contains(&place.display().to_string()));
        }
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let folder = Folder::new("names");
        folder.file("x.yaml", b"x");
        folder.file("inner/y.yaml", b"y");
        let directory = Directory::new(folder.0.join("inner"));
        for (name, want) in [
            ("", "`` is no name to import: a part of it is empty"),
            ("/x", "`/x` is no name to import: a part of it is empty"),
            ("x/", "`x/` is no name to import: a part of it is empty"),
            (
                "..",
                "`..` is no name to import: it leads out of the folder",
            ),
            (
                "../x",
                "`../x` is no name to import: it leads out of the folder",
            ),
            (
                "./y",
                "`./y` is no name to import: it leads out of the folder",
            ),
            (
                "a/../x",
                "`a/../x` is no name to import: it has more than two parts",
            ),
            (
                "..\\x",
                "`..\\\\x` is no name to import: it has a character that no name has",
            ),
            (
                "x\0",
                "`x\\0` is no name to import: it has a character that no name has",
            ),
            (
                "y@3",
                "`y@3` is no name to import: versions exist only in Pulumi Cloud",
            ),
            (
                "y:prod",
                "`y:prod` is no name to import: versions exist only in Pulumi Cloud",
            ),
            (
                "C:x",
                "`C:x` is no name to import: versions exist only in Pulumi Cloud",
            ),
        ] {
            assert_eq!(directory.import(name).unwrap_err().to_string(), want);
        }
        assert_eq!(directory.import("y").unwrap().text.as_str(), "y");
    }

    #[test]
    fn the_root_is_read_by_its_path() {
        let folder = Folder::new("root");
        let path = folder.file("prod.env.yaml", "values: {a: é}".as_bytes());
        let definition = read_definition(&path).unwrap();
        assert_eq!(definition.name, "prod.env");
        assert_eq!(definition.shown_as, path.display().to_string());
        assert_eq!(definition.text.as_str(), "values: {a: é}");
    }

    #[test]
    fn files_that_are_no_definitions_are_refused() {
        let folder = Folder::new("refused");
        let large = vec![b'a'; MAXIMUM_SOURCE_BYTES + 1];
        for (path, want) in [
            (folder.0.join("none.yaml"), "there is no file `PATH`"),
            (folder.0.clone(), "`PATH` is a folder, not a definition"),
            (
                folder.file("latin.yaml", b"a: b\n\xc3\xa9: \xe9\n"),
                "the definition `PATH` is not UTF-8 text: line 2, column 4",
            ),
            (
                folder.file("large.yaml", &large),
                "the definition `PATH` is larger than 16777216 bytes",
            ),
        ] {
            let error = read_definition(&path).unwrap_err();
            let want = want.replace("PATH", &path.display().to_string());
            assert_eq!(error.to_string(), want);
            assert_eq!(error.kind(), Kind::Configuration);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_may_not_be_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = Folder::new("permission");
        let path = folder.file("a.yaml", b"values: {}");
        let mode = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(&path, mode).unwrap();
        // The superuser reads it all the same.
        if File::open(&path).is_ok() {
            return;
        }
        let error = read_definition(&path).unwrap_err();
        let want = format!("cannot read the definition `{}`", path.display());
        assert_eq!(error.to_string(), want);
        assert_eq!(error.causes().count(), 1);
    }
}
