//! `run` on a real terminal in an interactive shell (Ctrl-C, Ctrl-Z, window size, …), and signals from other
//! processes.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{DEFINITION, call, runtime_files, script};
use crate::support::plugin::{default_signals, test_variable};

/// Runs a scenario of `terminal.py`. Without Python or bash it is skipped, or fails if
/// `KUBECTL_ESC_REQUIRE` contains `terminal`.
#[track_caller]
fn on_a_terminal(scenario: &str) {
    let is_installed = |program: &str| {
        let mut command = Command::new(program);
        let command = command.arg("--version").stdout(Stdio::null());
        command
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !is_installed("python3") || !is_installed("bash") {
        let required = test_variable("KUBECTL_ESC_REQUIRE").unwrap_or_default();
        let required = required.to_string_lossy().contains("terminal");
        assert!(!required, "python3 or bash is missing");
        println!("skipped: python3 or bash is missing");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("env.yaml"), DEFINITION).unwrap();
    std::fs::create_dir(folder.path().join("runtime")).unwrap();
    default_signals();
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/run/terminal.py"))
        .arg(env!("CARGO_BIN_EXE_kubectl-esc"))
        .arg(folder.path())
        .arg(scenario)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {stderr}");
}

#[test]
fn ctrl_c_ends_the_command_and_leaves_no_file() {
    on_a_terminal("ctrl_c");
}

#[test]
fn ctrl_backslash_ends_the_command_and_leaves_no_file() {
    on_a_terminal("ctrl_backslash");
}

#[test]
fn command_that_catches_ctrl_c_gets_it_once() {
    on_a_terminal("caught");
}

#[test]
fn command_can_ignore_signals_of_the_terminal() {
    on_a_terminal("ignored");
}

#[test]
fn ctrl_c_ends_a_script_as_without_the_plugin() {
    on_a_terminal("script_ends");
}

#[test]
fn ctrl_z_stops_and_fg_continues() {
    on_a_terminal("stop_and_continue");
}

#[test]
fn background_reader_is_stopped() {
    on_a_terminal("background");
}

#[test]
fn command_keeps_the_terminal() {
    on_a_terminal("is_terminal");
}

#[test]
fn command_is_notified_of_a_new_window_size() {
    on_a_terminal("resize");
}

#[test]
fn closed_window_ends_the_command_and_leaves_no_file() {
    on_a_terminal("hang_up");
}

/// Starts a script, and waits until it has printed `up`.
fn start_script(text: &str) -> (crate::support::plugin::Plugin, Child) {
    let plugin = script(text);
    let mut child = plugin
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut up = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    assert_eq!(&up, b"up\n");
    (plugin, child)
}

fn send(signal: &str, child: &Child) {
    let mut kill = Command::new("kill");
    let status = kill.args([signal, &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

fn finish(mut child: Child) -> (ExitStatus, String) {
    let mut rest = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut rest)
        .unwrap();
    (child.wait().unwrap(), rest)
}

#[test]
fn signal_to_the_plugin_alone_is_forwarded() {
    for (signal, code) in [
        ("HUP", 129),
        ("QUIT", 131),
        ("USR1", 128 + signal_number("USR1")),
        ("ALRM", 142),
        ("TERM", 143),
    ] {
        let (plugin, child) = start_script("echo up; while :; do sleep 0.01; done");
        send(&format!("-{signal}"), &child);
        let (status, _) = finish(child);
        assert_eq!(status.code(), Some(code), "{signal}");
        assert_eq!(runtime_files(&plugin), [""; 0], "{signal}");
    }
}

/// The number of a signal, which differs between systems.
fn signal_number(signal: &str) -> i32 {
    let output = Command::new("kill").args(["-l", signal]).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn exit_code_of_a_command_that_catches_a_signal_is_kept() {
    for signal in ["INT", "HUP", "QUIT", "TERM", "USR1", "USR2"] {
        let text = format!(
            "trap 'echo caught {signal}; exit 9' {signal}; echo up; while :; do sleep 0.01; done"
        );
        let (plugin, child) = start_script(&text);
        send(&format!("-{signal}"), &child);
        let (status, rest) = finish(child);
        assert_eq!(rest, format!("caught {signal}\n"));
        assert_eq!(status.code(), Some(9), "{signal}");
        assert_eq!(runtime_files(&plugin), [""; 0], "{signal}");
    }
}

#[test]
fn interrupted_command_interrupts_the_plugin() {
    let (plugin, child) = start_script("echo up; while :; do sleep 0.01; done");
    send("-INT", &child);
    let (status, _) = finish(child);
    assert_eq!(status.signal(), Some(2));
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

/// A shell continues the whole process group. A forwarded SIGCONT could arrive after the next Ctrl-Z, and
/// undo it.
#[test]
fn running_command_gets_no_sigcont() {
    let (plugin, child) = start_script(
        "trap 'echo continued' CONT; trap 'echo done; exit 0' USR1; echo up; while :; do sleep \
         0.01; done",
    );
    send("-CONT", &child);
    send("-USR1", &child);
    let (status, rest) = finish(child);
    assert_eq!((status.code(), rest.as_str()), (Some(0), "done\n"));
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

/// nohup ignores SIGHUP. Only Linux lets the plugin see that.
#[cfg(target_os = "linux")]
#[test]
fn ignored_signal_stays_ignored() {
    let plugin = call(&["sh", "-c", "echo up; kill -HUP $$$$; echo survived"]);
    let call = plugin.command();
    let mut nohup = Command::new("nohup");
    let mut child = nohup
        .arg(call.get_program())
        .args(call.get_args())
        .envs(
            call.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(plugin.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.map(Result::unwrap).collect();
    assert_eq!(lines, ["up", "survived"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

#[test]
fn stopped_command_stops_the_plugin() {
    // Nothing is read before the stop: output from before it may still be in the pipe.
    let plugin = script("kill -STOP $$; echo on; exit 4");
    let mut command = plugin.command();
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = child.id().to_string();
    let state = || {
        let mut ps = Command::new("ps");
        let output = ps.args(["-o", "state=", "-p", &pid]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    while !state().trim_start().starts_with('T') {
        assert!(!state().trim_start().starts_with('Z'), "it has exited");
    }
    assert_eq!(runtime_files(&plugin).len(), 2);
    send("-CONT", &child);
    let (status, rest) = finish(child);
    assert_eq!((status.code(), rest.as_str()), (Some(4), "on\n"));
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

/// The background process keeps the pipes of the redacted output open until the plugin has exited.
#[test]
fn background_process_does_not_delay_the_exit() {
    for (end, signal, code) in [
        ("exit 3", None, 3),
        ("while :; do sleep 0.01; done", Some("-TERM"), 143),
    ] {
        let (plugin, child) =
            start_script(&format!("mkfifo gate; {{ cat gate; }} & echo up; {end}"));
        if let Some(signal) = signal {
            send(signal, &child);
        }
        let (status, rest) = finish(child);
        assert_eq!((status.code(), rest.as_str()), (Some(code), ""), "{end}");
        assert_eq!(runtime_files(&plugin), [""; 0], "{end}");
        // The background process has been waiting for this.
        std::fs::write(plugin.path("gate"), "late").unwrap();
    }
}
