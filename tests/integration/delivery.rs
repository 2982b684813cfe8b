//! Exit codes if standard output cannot be delivered.

use std::process::Stdio;

use crate::support::aws::project_file;
use crate::support::plugin::Plugin;

const SERVER: &str = "https://api.example.com";

/// Calls whose purpose is their output.
fn calls() -> [Plugin; 7] {
    let definition = project_file("examples/environments/static.yaml");
    let call = |arguments: &str| {
        let plugin = Plugin::new().file("env.yaml", &definition);
        plugin.args(arguments.split(' '))
    };
    [
        call("get-token env.yaml -i demo --region eu-west-1"),
        call("get-token env.yaml -i demo --region eu-west-1 --token-only"),
        call("open env.yaml"),
        call("check env.yaml -o json"),
        call("cache list"),
        call("update-kubeconfig acme/prod --cluster-name demo --stdout").args(["--server", SERVER]),
        call("--version"),
    ]
}

/// Calls that print what they did.
fn confirming_calls() -> [Plugin; 2] {
    [
        Plugin::new()
            .args(["update-kubeconfig", "acme/prod", "--cluster-name", "demo"])
            .args(["--server", SERVER]),
        Plugin::new().args(["cache", "clear"]),
    ]
}

#[test]
fn lost_output_is_an_error() {
    for call in calls().into_iter().chain(confirming_calls()) {
        let output = call.run_in_script("exec \"$@\" >&-");
        output.assert_fails(
            "kubectl-esc: standard output is closed\n  hint: redirect it to a file or to /dev/null\n",
            2,
        );
    }
    let full = cfg!(target_os = "linux").then_some((">/dev/full", "No space left on device"));
    for (redirection, cause) in full
        .into_iter()
        .chain([("1</dev/null", "Bad file descriptor")])
    {
        for call in calls().into_iter().chain(confirming_calls()) {
            let output = call.run_in_script(&format!("exec \"$@\" {redirection}"));
            let start = format!(
                "kubectl-esc: cannot write to standard output\n  caused by: {cause} (os error "
            );
            assert!(output.stderr.starts_with(&start), "{output:?}");
            assert_eq!(output.code, 2, "{output:?}");
        }
    }
}

/// Like a program that SIGPIPE terminates: `head` has read enough.
#[test]
fn output_without_a_reader_fails_silently() {
    for call in calls().into_iter().chain(confirming_calls()) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = call.command();
        let command = command.stdin(Stdio::null()).stdout(writer);
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(128 + 13));
    }
}

/// Shells open `/dev/null` for writing only, other programs for reading and writing.
#[test]
fn discarded_output_is_delivered() {
    for redirection in [">/dev/null", "1<>/dev/null"] {
        for call in calls().into_iter().chain(confirming_calls()) {
            let output = call.run_in_script(&format!("exec \"$@\" {redirection}"));
            output.assert("", "", 0);
        }
    }
}
