//! Signals while `update-kubeconfig` and `convert-kubeconfig` hold their lock files.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::support::aws::project_file;
use crate::support::plugin::Plugin;

/// A call that locks the file `one`, and waits for the lock of `two`, which another program holds.
pub(crate) fn waiting_call(command: &str) -> Plugin {
    let user = "users:\n- name: demo\n  user: {exec: {command: aws, args: [eks, get-token]}}\n";
    let plugin = Plugin::new()
        .file("one", user)
        .file("two.lock", "")
        .file(
            "env.yaml",
            project_file("examples/environments/static.yaml"),
        )
        .args([command, "env.yaml"]);
    let paths = ["one", "two"].map(|name| plugin.path(name));
    let plugin = plugin.env("KUBECONFIG", std::env::join_paths(paths).unwrap());
    if command == "convert-kubeconfig" {
        return plugin;
    }
    let server = ["--server", "https://api.example.com"];
    plugin.args(["--cluster-name", "demo"]).args(server)
}

/// Waits until the call holds its first lock.
#[track_caller]
pub(crate) fn wait_for_lock(plugin: &Plugin, child: &mut Child) {
    while !plugin.path("one.lock").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it has exited");
        std::thread::yield_now();
    }
}

#[track_caller]
fn send(signal: i32, child: &Child) {
    let mut kill = Command::new("kill");
    let kill = kill.args([format!("-{signal}"), child.id().to_string()]);
    assert!(kill.status().unwrap().success());
}

#[test]
fn signal_removes_the_locks_and_terminates_the_call() {
    for command in ["update-kubeconfig", "convert-kubeconfig"] {
        // SIGHUP, SIGINT, SIGTERM.
        for signal in [1, 2, 15] {
            let plugin = waiting_call(command);
            let before = fs::read(plugin.path("one")).unwrap();
            let mut child = plugin.command().stdin(Stdio::null()).spawn().unwrap();
            wait_for_lock(&plugin, &mut child);
            send(signal, &child);
            let status = child.wait().unwrap();
            assert_eq!(status.signal(), Some(signal), "{command}");
            assert!(!plugin.path("one.lock").exists(), "{command}, {signal}");
            assert!(plugin.path("two.lock").exists(), "{command}, {signal}");
            assert_eq!(fs::read(plugin.path("one")).unwrap(), before);
        }
    }
}

/// The call has released its locks, and blocks because its output is not read.
#[test]
fn signal_after_the_update_terminates_the_call() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    while writer.write(&[0]).is_ok() {}
    fcntl_setfl(&writer, flags).unwrap();
    let plugin = waiting_call("update-kubeconfig");
    fs::remove_file(plugin.path("two.lock")).unwrap();
    let before = fs::read(plugin.path("one")).unwrap();
    let mut command = plugin.command();
    let mut child = command.stdin(Stdio::null()).stdout(writer).spawn().unwrap();
    drop(command);
    let is_locked = || plugin.path("one.lock").exists() || plugin.path("two.lock").exists();
    while fs::read(plugin.path("one")).unwrap() == before || is_locked() {
        std::thread::yield_now();
    }
    send(2, &child);
    // If the signal did not terminate the call, this does.
    drop(reader);
    assert_eq!(child.wait().unwrap().signal(), Some(2));
}
