//! The exit codes of `run`.

use super::{call, call_with, runtime_files, script};
use crate::support::plugin::Plugin;

#[test]
fn exit_code_is_that_of_the_command() {
    for (text, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        ("kill -INT $$", 130),
        ("kill -SEGV $$", 139),
    ] {
        let plugin = script(text);
        let output = plugin.run_through_shell();
        assert_eq!((output.code, output.stderr.as_str()), (code, ""), "{text}");
        assert_eq!(runtime_files(&plugin), [""; 0], "{text}");
    }
}

#[test]
fn command_that_cannot_start_has_the_exit_code_of_a_shell() {
    call(&["no-such-program"]).run().assert_fails(
        "kubectl-esc: cannot run `no-such-program`: no such program in PATH\n  hint: \
         check the name, and the variable PATH\n",
        127,
    );
    call(&["./none"]).run().assert_fails(
        "kubectl-esc: cannot run `./none`: no such file\n  hint: check the path\n",
        127,
    );
    call(&["./env.yaml"]).run().assert_fails(
        "kubectl-esc: cannot run `./env.yaml`: `./env.yaml` is not executable\n  hint: specify a \
         program that you may execute\n",
        126,
    );
    call(&["/"]).run().assert_fails(
        "kubectl-esc: cannot run `/`: `/` is a directory\n  hint: specify a program that you may execute\n",
        126,
    );
}

#[test]
fn broken_interpreter_line_leaves_no_file() {
    use std::os::unix::fs::PermissionsExt;
    let plugin = call(&["./broken"]).file("broken", "#!/no/such/interpreter\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(plugin.path("broken"), mode).unwrap();
    plugin.run().assert_fails(
        "kubectl-esc: cannot start `./broken`\n  caused by: No such file or directory (os error \
         2)\n  hint: check that the program runs by itself\n",
        127,
    );
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

/// Also if the environment sets another PATH.
#[test]
fn empty_path_entry_is_the_working_directory() {
    use std::os::unix::fs::PermissionsExt;
    let definition = "values: {environmentVariables: {PATH: /bin:/usr/bin}}";
    let plugin = call_with(definition, &[], &["here"])
        .file("here", "#!/bin/sh\necho \"$PATH\"\n")
        .env("PATH", ":/bin:/usr/bin");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(plugin.path("here"), mode).unwrap();
    plugin.run().assert("/bin:/usr/bin\n", "", 0);
}

#[test]
fn mistyped_command_opens_nothing() {
    call_with("values: [broken", &[], &["no-such-program"])
        .run()
        .assert_fails(
            "kubectl-esc: cannot run `no-such-program`: no such program in PATH\n  \
             hint: check the name, and the variable PATH\n",
            127,
        );
}

#[test]
fn missing_command_is_an_error() {
    let output = Plugin::new().args(["run", "env.yaml"]).run();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("COMMAND"), "{}", output.stderr);
}
