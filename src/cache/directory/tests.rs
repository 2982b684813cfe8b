use super::*;
use crate::clock::Clock;

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A directory with empty files of these names.
fn directory_with(names: &[&str]) -> (tempfile::TempDir, CacheDir) {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let directory = CacheDir::new(folder.path().to_owned());
    (folder, directory)
}

#[test]
fn only_names_of_the_cache_have_an_extension() {
    for (name, want) in [
        (format!("{ID}.entry"), Some("entry")),
        (format!("{ID}.environments"), Some("environments")),
        (format!("{ID}.a1B2.new"), Some("new")),
        ("last.error".to_owned(), Some("error")),
        ("last.a1B2.new".to_owned(), Some("new")),
        (ID.to_owned(), None),
        (format!("{ID}.new"), None),
        (format!("{ID}.error"), None),
        (format!("{ID}.txt"), None),
        (format!("{ID}.a1B2.txt"), None),
        (format!("{}.entry", &ID[1..]), None),
        (format!("0{ID}.entry"), None),
        (format!("{}.entry", ID.to_uppercase()), None),
        (format!("{}.a1B2.new", &ID[1..]), None),
        ("last.entry".to_owned(), None),
        ("Cargo.lock".to_owned(), None),
    ] {
        assert_eq!(extension(&name), want, "{name}");
    }
}

#[test]
fn removal_fails_only_if_the_file_remains() {
    let (folder, directory) = directory_with(&[]);
    directory.try_remove("absent").unwrap();
    fs::create_dir_all(folder.path().join("remains/file")).unwrap();
    let error = directory.try_remove("remains").unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration, "{error}");
}

#[test]
fn clearing_removes_what_it_can_and_reports_the_rest() {
    let entries = [0, 1, 2].map(|number| format!("{number}{}.entry", &ID[1..]));
    let lock = format!("{ID}.lock");
    let (folder, directory) = directory_with(&[&entries[0], &entries[2], &lock, "mine"]);
    fs::create_dir_all(folder.path().join(&entries[1]).join("file")).unwrap();
    let error = directory.clear().unwrap_err();
    assert!(error.to_string().contains(&entries[1]), "{error}");
    let left = directory.names().unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
    fs::remove_dir(folder.path().join(&entries[1]).join("file")).unwrap();
    assert_eq!(directory.clear().unwrap(), 1);
    assert_eq!(directory.names().unwrap(), ["mine"]);
}

#[test]
fn only_old_files_of_the_cache_are_pruned() {
    let [old, recent] = ["entry", "lock"].map(|extension| format!("{ID}.{extension}"));
    let (folder, directory) = directory_with(&[&old, &recent, "mine"]);
    for name in [&old, "mine"] {
        let file = File::options().write(true).open(folder.path().join(name));
        let modified = Clock::system().now().minus(Duration::from_hours(2));
        file.unwrap().set_modified(modified.system_time()).unwrap();
    }
    directory.prune(Duration::from_hours(1));
    let mut left = directory.names().unwrap();
    left.sort();
    assert_eq!(left, [recent.as_str(), "mine"]);
}

#[cfg(unix)]
#[test]
fn directory_that_cannot_be_read_is_not_an_absent_one() {
    let directory = CacheDir::new(PathBuf::from("x".repeat(1_000)));
    assert!(directory.clear().is_err());
    assert!(directory.read("last.error").is_err());
    let (_folder, directory) = directory_with(&[]);
    let absent = CacheDir::new(directory.path().join("absent"));
    assert_eq!(absent.clear().unwrap(), 0);
    assert!(absent.read("last.error").unwrap().is_none());
}

#[cfg(unix)]
#[test]
fn file_in_place_of_the_directory_is_not_used_or_changed() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = directory_with(&["file"]);
    let path = folder.path().join("file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let directory = CacheDir::new(path.clone());
    assert!(directory.read("last.error").is_err());
    assert!(directory.write("last.error", b"").is_err());
    let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o644);
}

#[cfg(unix)]
#[test]
fn shared_directory_is_usable_unless_it_has_other_files() {
    use std::os::unix::fs::PermissionsExt;
    let entry = format!("{ID}.entry");
    for (mode, name, is_usable) in [
        (0o755, entry.as_str(), true),
        (0o755, "mine", false),
        (0o700, "mine", true),
    ] {
        let (folder, directory) = directory_with(&[name]);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let usable = directory.check_usable();
        assert_eq!(usable.is_ok(), is_usable, "{mode:o} {name}");
        // Unlike the check, a write makes the directory private.
        assert_eq!(directory.write(&entry, b"").is_ok(), is_usable);
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if is_usable { 0o700 } else { 0o755 }, "{name}");
    }
}
