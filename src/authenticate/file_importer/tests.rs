use super::*;

fn deadline() -> Deadline {
    Deadline::after(std::time::Duration::from_secs(20))
}

/// A folder for one test, removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("kubectl-esc-importer-{name}-{}", std::process::id());
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
    let importer = FileImporter::new(folder.0.clone());
    for (name, want) in [
        ("a", "default/a"),
        ("default/a", "default/a"),
        ("p/a", "a"),
        ("b", "b"),
        ("p/b", "b"),
        ("p/c", "p/c"),
        ("c", "c"),
    ] {
        let definition = importer.import(name).unwrap();
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
fn a_missing_import_lists_both_candidate_paths() {
    let folder = Folder::new("absent");
    let error = FileImporter::new(folder.0.clone())
        .import("p/x")
        .unwrap_err();
    assert_eq!(error.to_string(), "environment \"p/x\" not found");
    let places = [folder.0.join("p").join("x.yaml"), folder.0.join("x.yaml")];
    for place in places {
        assert!(error.hint().unwrap().contains(&place.display().to_string()));
    }
}

#[test]
fn invalid_import_names_are_rejected() {
    let folder = Folder::new("names");
    folder.file("x.yaml", b"x");
    folder.file("inner/y.yaml", b"y");
    let importer = FileImporter::new(folder.0.join("inner"));
    for (name, want) in [
        ("", "`` is not a valid import name: a part of it is empty"),
        (
            "/x",
            "`/x` is not a valid import name: a part of it is empty",
        ),
        (
            "x/",
            "`x/` is not a valid import name: a part of it is empty",
        ),
        ("..", "`..` is not a valid import name: it is a path"),
        ("../x", "`../x` is not a valid import name: it is a path"),
        ("./y", "`./y` is not a valid import name: it is a path"),
        (
            "a/../x",
            "`a/../x` is not a valid import name: it has more than two parts",
        ),
        (
            "..\\x",
            "`..\\\\x` is not a valid import name: it has a character that is not allowed in names",
        ),
        (
            "x\0",
            "`x\\0` is not a valid import name: it has a character that is not allowed in names",
        ),
        (
            "y@3",
            "`y@3` is not a valid import name: versions exist only in Pulumi Cloud",
        ),
        (
            "y:prod",
            "`y:prod` is not a valid import name: versions exist only in Pulumi Cloud",
        ),
        (
            "C:x",
            "`C:x` is not a valid import name: versions exist only in Pulumi Cloud",
        ),
    ] {
        assert_eq!(importer.import(name).unwrap_err().to_string(), want);
    }
    assert_eq!(importer.import("y").unwrap().text.as_str(), "y");
}

#[test]
fn the_root_definition_is_read_by_its_path() {
    let folder = Folder::new("root");
    let path = folder.file("prod.env.yaml", "values: {a: é}".as_bytes());
    let definition = read_definition(&path, None, deadline()).unwrap();
    assert_eq!(definition.name, "prod.env");
    assert_eq!(definition.shown_as, path.display().to_string());
    assert_eq!(definition.text.as_str(), "values: {a: é}");
}

#[test]
fn files_that_are_not_definitions_are_rejected() {
    let folder = Folder::new("refused");
    let large = vec![b'a'; MAXIMUM_SOURCE_BYTES + 1];
    for (path, want) in [
        (folder.0.join("none.yaml"), "the file `PATH` does not exist"),
        (folder.0.clone(), "`PATH` is a directory, not a definition"),
        (
            folder.file("latin.yaml", b"a: b\n\xc3\xa9: \xe9\n"),
            "the definition `PATH` is not UTF-8 text: line 2, column 4",
        ),
        (
            folder.file("large.yaml", &large),
            "the definition `PATH` is larger than 16777216 bytes",
        ),
    ] {
        let error = read_definition(&path, None, deadline()).unwrap_err();
        let want = want.replace("PATH", &path.display().to_string());
        assert_eq!(error.to_string(), want);
        assert_eq!(error.kind(), Kind::Configuration);
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_rejected() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("permission");
    let path = folder.file("a.yaml", b"values: {}");
    let mode = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&path, mode).unwrap();
    // root can read it anyway.
    if std::fs::File::open(&path).is_ok() {
        return;
    }
    let error = read_definition(&path, None, deadline()).unwrap_err();
    let want = format!("cannot read the definition `{}`", path.display());
    assert_eq!(error.to_string(), want);
    assert_eq!(error.causes().count(), 1);
}
