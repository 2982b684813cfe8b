//! The files of `run`: their folder, their mode, and their removal.

use std::process::Command;

use super::{DEFINITION, names, runtime_files, script, script_with};

#[test]
fn files_are_private() {
    let plugin = script(
        r#"cd "$(dirname "$CONFIG")" && ls -A && ls -l . | cut -c1-10 && ls -ld . | cut -c1-10 && pwd"#,
    );
    let output = plugin.run();
    let (listing, folder) = output.stdout.trim_end().rsplit_once('\n').unwrap();
    let listing: Vec<_> = listing
        .lines()
        .filter(|l| !l.starts_with("total"))
        .collect();
    assert_eq!(
        listing,
        ["BOTH", "CONFIG", "-rw-------", "-rw-------", "drwx------"]
    );
    assert!(
        folder.starts_with("[dir]/runtime/kubectl-esc-run-"),
        "{folder}"
    );
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

#[test]
fn file_content_is_written_unchanged() {
    let definition = "values: {files: {A: \"x\\r\\n\\ty\", B: '', C: ~, D: 1.5, E: true}}";
    let plugin = script_with(definition, &[], r#"cat "$A" "$B" "$C" "$D" "$E"; echo"#);
    plugin.run().assert("x\r\n\ty1.5true\n", "", 0);
}

#[test]
fn files_added_by_the_command_are_removed() {
    let plugin =
        script(r#"mkdir "$(dirname "$CONFIG")/more" && touch "$(dirname "$CONFIG")/more/x""#);
    plugin.run().assert("", "", 0);
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

/// The first command kills its parent, the plugin, and keeps running. Its file is kept while it runs; after
/// that, the next run removes the file.
#[test]
fn next_run_cleans_up_after_a_killed_one() {
    let plugin = script(
        r#"kill -KILL $PPID; mkfifo gate 2>/dev/null; echo "$CONFIG" > path; cat gate; cat "$CONFIG" > read; rm gate; exec sleep 0"#,
    );
    let output = plugin.run_through_shell();
    assert_eq!(output.code, 128 + 9);
    let shell = |text: &str| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(text).current_dir(plugin.path("."));
        assert!(command.status().unwrap().success(), "{text}");
    };
    // The command waits at its gate once it has written the path of its file.
    shell("until [ -s path ]; do :; done");
    let other =
        script_with("values: {}", &[], "exit 0").env("XDG_RUNTIME_DIR", plugin.path("runtime"));
    other.run().assert("", "", 0);
    let kept = runtime_files(&plugin);
    assert_eq!(kept.len(), 2, "a folder and its lock: {kept:?}");
    shell("echo open > gate; until [ -s read ] && [ ! -e gate ]; do :; done");
    let read = std::fs::read_to_string(plugin.path("read")).unwrap();
    assert_eq!(read, "token: eyJ-only-in-the-file\n");
    // The command may take another moment to exit.
    while !runtime_files(&plugin).is_empty() {
        other.run().assert("", "", 0);
    }
}

#[test]
fn temporary_directory_is_used_without_a_runtime_directory() {
    let plugin = script_with(
        DEFINITION,
        &[],
        r#"cut -c8- "$CONFIG"; echo "$CONFIG" > path"#,
    )
    .env("XDG_RUNTIME_DIR", "/no/such/folder")
    .file("temporary/.keep", "");
    let temporary = plugin.path("temporary");
    let plugin = plugin.env("TMPDIR", &temporary);
    plugin.run().assert("[secret]\n", "", 0);
    assert_eq!(names(&temporary), [""; 0]);
    let path = std::fs::read_to_string(plugin.path("path")).unwrap();
    let in_memory = path.starts_with("/dev/shm/");
    assert!(
        in_memory || path.starts_with(temporary.to_str().unwrap()),
        "{path}"
    );
}
