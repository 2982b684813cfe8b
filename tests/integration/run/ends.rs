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

/// The command itself succeeds before the plugin writes its output.
#[test]
fn lost_output_is_an_error_if_the_command_succeeds() {
    let report = |cause: &str| {
        format!(
            "kubectl-esc: cannot write the output of the command\n  caused by: {cause}\n  hint: check \
             where the output is redirected\n"
        )
    };
    let full = report("No space left on device (os error 28)");
    let read_only = report("Bad file descriptor (os error 9)");
    for (text, redirection, stderr, code) in [
        ("echo out", ">/dev/full", full.as_str(), 2),
        ("echo out", "1</dev/null", read_only.as_str(), 2),
        ("echo out; exit 7", ">/dev/full", full.as_str(), 7),
        ("echo error >&2", "2>/dev/full", "", 2),
        ("echo out", ">/dev/null", "", 0),
        ("exit 0", ">/dev/full", "", 0),
    ] {
        if redirection.ends_with("full") && !cfg!(target_os = "linux") {
            continue;
        }
        let plugin = script(text);
        let output = plugin.run_in_script(&format!("\"$@\" {redirection}; exit $?"));
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (code, stderr),
            "{text} {redirection}"
        );
        assert_eq!(runtime_files(&plugin), [""; 0]);
    }
}

#[test]
fn output_without_a_reader_has_the_exit_code_of_sigpipe() {
    for (text, code) in [
        ("echo out", 128 + 13),
        ("echo out; exit 7", 7),
        ("exit 0", 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let plugin = script(text);
        let mut command = plugin.command();
        let command = command.stdin(std::process::Stdio::null()).stdout(writer);
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{text}");
        assert_eq!(output.status.code(), Some(code), "{text}");
    }
}
