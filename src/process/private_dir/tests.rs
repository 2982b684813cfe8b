use super::*;
use crate::clock::{Clock, Timestamp};

fn host(runtime_dir: &Path) -> Host {
    let clock = Clock::fixed(Timestamp::from_unix(0));
    Host::with([("XDG_RUNTIME_DIR", runtime_dir)], clock)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn files_are_private_and_removed_with_their_directory() {
    let parent = tempfile::tempdir().unwrap();
    let directory = PrivateDir::create(&host(parent.path())).unwrap();
    let content = Text::from(vec![0xff, b'\r', b'\n']);
    for (name, want) in [
        ("KUBECONFIG", "KUBECONFIG"),
        ("KUBECONFIG", "KUBECONFIG-2"),
        ("../../etc/passwd", "file"),
        ("a\0b", "file-2"),
        ("..", "file-3"),
        ("", "file-4"),
    ] {
        let path = directory.write(name, &content).unwrap();
        assert_eq!(path, directory.path.join(want));
        assert_eq!(fs::read(&path).unwrap(), content.as_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(&directory.path), 0o700);
        }
    }
    directory.remove().unwrap();
    assert_eq!(names(parent.path()), [""; 0]);
    drop(PrivateDir::create(&host(parent.path())).unwrap());
    assert_eq!(names(parent.path()), [""; 0]);
}

#[test]
fn leftovers_are_removed_unless_they_are_in_use() {
    let parent = tempfile::tempdir().unwrap();
    let in_use = PrivateDir::create(&host(parent.path())).unwrap();
    in_use.write("A", &Text::from("x")).unwrap();
    let leftover = parent.path().join("kubectl-esc-run-killed");
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join("KUBECONFIG"), "x").unwrap();
    fs::write(parent.path().join("kubectl-esc-run-killed.lock"), "").unwrap();
    fs::write(parent.path().join("kubectl-esc-run-early.lock"), "").unwrap();
    let without_lock = parent.path().join("kubectl-esc-run-a1B2c3D4e5F6");
    private_files::create_dir(&without_lock).unwrap();
    fs::write(without_lock.join("KUBECONFIG"), "x").unwrap();
    // Other names are left alone.
    fs::create_dir(parent.path().join("kubectl-esc-run-other")).unwrap();
    fs::create_dir(parent.path().join("kubectl-esc-run-my_precious_")).unwrap();
    fs::write(parent.path().join("kubectl-esc-run-123456789012"), "").unwrap();
    fs::write(parent.path().join("other.lock"), "").unwrap();
    #[cfg(unix)]
    {
        fs::create_dir(parent.path().join("precious")).unwrap();
        let link = parent.path().join("kubectl-esc-run-link");
        std::os::unix::fs::symlink(parent.path().join("precious"), link).unwrap();
        fs::write(parent.path().join("kubectl-esc-run-link.lock"), "").unwrap();
    }
    remove_leftovers(&host(parent.path()));
    let mut want = [
        "kubectl-esc-run-123456789012",
        "kubectl-esc-run-my_precious_",
        "kubectl-esc-run-other",
        "other.lock",
    ]
    .map(str::to_owned)
    .to_vec();
    let name = in_use.path.file_name().unwrap().to_str().unwrap();
    want.extend([name.to_owned(), format!("{name}.lock")]);
    if cfg!(unix) {
        want.extend(["precious".to_owned(), "kubectl-esc-run-link".to_owned()]);
    }
    want.sort();
    assert_eq!(names(parent.path()), want);
    in_use.remove().unwrap();
}

#[test]
fn an_unwritable_directory_is_skipped() {
    let clock = Clock::fixed(Timestamp::from_unix(0));
    let temp_dir = tempfile::tempdir().unwrap();
    let host = Host::with(
        [
            ("XDG_RUNTIME_DIR", Path::new("/no/such/directory")),
            ("TMPDIR", temp_dir.path()),
        ],
        clock,
    );
    let directory = PrivateDir::create(&host).unwrap();
    assert!(directory.path.is_dir());
    directory.remove().unwrap();
}
