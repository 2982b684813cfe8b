//! A crash of the plugin leaves no core dump, which would contain secrets; a crash of the command of
//! `run` may leave one.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::kubeconfig::signals::{wait_for_lock, waiting_call};
use crate::support::plugin::{Plugin, test_variable};

/// The command with no limit for core dumps.
fn with_core_dumps(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    let variables = command.get_envs();
    shell
        .args(["-c", "ulimit -c unlimited && exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().unwrap_or(Path::new(".")))
        .stderr(Stdio::null());
    shell
}

/// Whether this system dumps programs that crash. If not, the test is skipped with a message.
fn are_dumped(folder: &Path) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -ABRT $$"]).current_dir(folder);
    let status = with_core_dumps(&command).status();
    let are_dumped = status.is_ok_and(|status| status.core_dumped());
    if !are_dumped {
        println!("skipped: this system dumps no core");
    }
    are_dumped
}

fn abort(mut child: Child) {
    let mut kill = Command::new("kill");
    let kill = kill.args(["-ABRT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

fn has_core_dump(folder: &Path) -> bool {
    let mut entries = folder.read_dir().unwrap();
    entries.any(|entry| {
        entry
            .unwrap()
            .file_name()
            .as_encoded_bytes()
            .starts_with(b"core")
    })
}

#[test]
fn plugin_is_not_dumped() {
    let plugin = waiting_call("update-kubeconfig");
    if !are_dumped(&plugin.path("home")) {
        return;
    }
    let mut command = with_core_dumps(&plugin.command());
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    wait_for_lock(&plugin, &mut child);
    abort(child);
    assert!(!has_core_dump(&plugin.path(".")));
}

/// A call of `run` with this script.
fn run(script: &str) -> Plugin {
    let definition = "values: {environmentVariables: {A: {'fn::secret': hunter2-hunter2}}}";
    Plugin::new()
        .file("env.yaml", definition)
        .env("PATH", test_variable("PATH").unwrap_or_default())
        .args(["run", "env.yaml", "--", "sh", "-c", script])
}

#[cfg(target_os = "linux")]
#[test]
fn run_is_not_dumped() {
    let plugin = run("echo up; read line");
    if !are_dumped(&plugin.path("home")) {
        return;
    }
    let mut command = with_core_dumps(&plugin.command());
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut up = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    abort(child);
    assert!(!has_core_dump(&plugin.path(".")));
}

#[test]
fn command_of_run_may_be_dumped() {
    let plugin = run("ulimit -c; kill -ABRT $$$$");
    let mut command = with_core_dumps(&plugin.command());
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.stdout, b"unlimited\n");
    assert_eq!(output.status.code(), Some(128 + 6));
    if are_dumped(&plugin.path("home")) && has_core_dump(&plugin.path("home")) {
        assert!(has_core_dump(&plugin.path(".")));
    }
}
