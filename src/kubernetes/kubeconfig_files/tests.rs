use kubeconfig::{Cluster, EntryChange};

use super::*;

/// Adds a cluster. Before that, `meanwhile` does what another program does between reading and writing.
fn update(path: &Path, meanwhile: impl FnOnce()) -> Result<Vec<EditedFile>> {
    let files = KubeconfigFiles {
        paths: vec![path.to_owned()],
    };
    let deadline = Deadline::after(Duration::from_secs(20));
    files.update(
        UpdateMode::Write {
            is_canceled: &|| false,
        },
        deadline,
        |_| {
            meanwhile();
            let cluster = Cluster {
                server: "https://api.example.com".to_owned(),
                ..Cluster::default()
            };
            let entries: Vec<EntryChange> = vec![cluster.entry("demo")];
            Ok(Changes {
                entries,
                current_context: None,
            })
        },
    )
}

#[test]
fn file_that_another_program_changed_is_not_overwritten() {
    type Change = fn(&Path);
    let cases: [(&str, Option<&str>, Change, Option<&str>); 4] = [
        (
            "created",
            None,
            |path| fs::write(path, "# theirs\n").unwrap(),
            Some("# theirs\n"),
        ),
        (
            "changed",
            Some("# mine\n"),
            |path| fs::write(path, "# theirs\n").unwrap(),
            Some("# theirs\n"),
        ),
        (
            "emptied",
            Some("# mine\n"),
            |path| fs::write(path, "").unwrap(),
            Some(""),
        ),
        (
            "removed",
            Some("# mine\n"),
            |path| fs::remove_file(path).unwrap(),
            None,
        ),
    ];
    for (name, before, change, after) in cases {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        if let Some(before) = before {
            fs::write(&path, before).unwrap();
        }
        let error = update(&path, || change(&path)).err().unwrap();
        let message = format!(
            "another program has changed `{}` in the meantime",
            path.display()
        );
        assert_eq!(error.to_string(), message, "{name}");
        assert_eq!(error.hint(), Some("run the command again"), "{name}");
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), after, "{name}");
        // Neither a lock nor an unfinished file is left behind.
        let left = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, usize::from(after.is_some()), "{name}");
        // The next call sees the change.
        assert_eq!(update(&path, || ()).unwrap().len(), 1, "{name}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with(after.unwrap_or_default()),
            "{name}: {text}"
        );
        assert!(text.contains("https://api.example.com"), "{name}: {text}");
    }
}

/// The file appears between the comparison and the replacement.
#[test]
fn new_file_does_not_replace_an_existing_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let new = new_file(&path, "ours").unwrap();
    fs::write(&path, "theirs").unwrap();
    let error = replace(new, &path, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
}
