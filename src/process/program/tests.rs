use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::clock::{Clock, Timestamp};

#[test]
fn programs_are_found_like_in_a_shell() {
    let directory = tempfile::tempdir().unwrap();
    for (path, mode) in [
        ("first/tool", 0o644),
        ("second/tool", 0o755),
        ("first/plain", 0o644),
        ("first/directory/x", 0o755),
    ] {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let root = directory.path().display().to_string();
    let path = format!("{root}/first:{root}/second");
    let host = Host::with([("PATH", &path)], Clock::fixed(Timestamp::from_unix(0)));
    for (name, want) in [
        ("tool", format!("{root}/second/tool")),
        (
            "plain",
            format!("cannot run `plain`: `{root}/first/plain` is not executable"),
        ),
        (
            "directory",
            "cannot run `directory`: no such program in PATH".to_owned(),
        ),
        ("", "cannot run ``: no such program in PATH".to_owned()),
        (
            &format!("{root}/second/tool"),
            format!("{root}/second/tool"),
        ),
        (
            &format!("{root}/none"),
            format!("cannot run `{root}/none`: no such file"),
        ),
        (
            &format!("{root}/first/directory"),
            format!("cannot run `{root}/first/directory`: `{root}/first/directory` is a directory"),
        ),
    ] {
        let result = Program::find(OsStr::new(name), &host);
        let found = match result {
            Ok(program) => program.path().display().to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, want);
    }
}
