//! The spinner on a terminal, while an environment opens slowly: its definition is a named pipe.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::plugin::Plugin;
use crate::support::terminal::Terminal;

const MESSAGE: &str = "opening the environment";

/// What a terminal does to show an empty line again.
const CLEAR: &str = "\r\u{1b}[2K";

/// Starts a command that opens `env.yaml`, and writes the definition once `wait` returns. Returns what the
/// terminal, which is standard error, shows, and standard output.
fn open_slowly(arguments: &[&str], wait: impl FnOnce(&mut Terminal)) -> (String, String) {
    let plugin = Plugin::new().args(arguments).env("TERM", "xterm");
    let pipe = plugin.path("env.yaml");
    let status = Command::new("mkfifo").arg(&pipe).status();
    assert!(status.unwrap().success());
    let mut terminal = Terminal::open();
    let mut command = plugin.command();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(terminal.stream())
        .spawn()
        .unwrap();
    drop(command);
    wait(&mut terminal);
    let mut definition = File::options().write(true).open(&pipe).unwrap();
    definition
        .write_all(b"values: {a: b, environmentVariables: {A: b}}\n")
        .unwrap();
    drop(definition);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    (terminal.finish(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn spinner_shows_while_opening_and_disappears_before_the_output() {
    for (arguments, want) in [
        (&["open", "env.yaml", "a", "-o", "string"][..], "b\n"),
        (&["check", "env.yaml"], ""),
        (
            &[
                "run",
                "env.yaml",
                "--",
                "sh",
                "-c",
                "echo child >&2; echo $A",
            ],
            "b\n",
        ),
    ] {
        let (shown, stdout) = open_slowly(arguments, |terminal| {
            // Two frames.
            terminal.wait_for(&format!("⠁ {MESSAGE}"));
            terminal.wait_for(&format!("⠂ {MESSAGE}"));
        });
        assert_eq!(stdout, want, "{arguments:?}");
        // The last line of the spinner is cleared.
        let (spinner, after) = shown.rsplit_once(CLEAR).unwrap();
        assert!(spinner.trim_end().ends_with(MESSAGE), "{shown:?}");
        let expected = match arguments[0] {
            "run" => "child\r\n",
            "check" => "no problems in `env.yaml`\r\n",
            _ => "",
        };
        assert_eq!(after, expected, "{arguments:?}");
    }
}
