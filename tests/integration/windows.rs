//! What only Windows has: consoles, `PATHEXT`, files that are locked while they are open.
//!
//! A command that handles Ctrl-C, or that outlives its parent, is this test program: [`command`] does what
//! its variable says.

use std::fs::{self, OpenOptions};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use tokio::signal::windows::ctrl_c;
use windows_sys::Win32::Storage::FileSystem::FILE_SHARE_READ;
use windows_sys::Win32::System::Console::{CTRL_C_EVENT, GenerateConsoleCtrlEvent};
use windows_sys::Win32::System::Threading::CREATE_NO_WINDOW;

use crate::support::plugin::{Plugin, TIME_LIMIT, run, test_variable};

const DEFINITION: &str = "\
values:
  token: {fn::secret: eyJ-only-in-the-file}
  environmentVariables: {REGION: eu-west-1, PASSWORD: {fn::secret: hunter2-hunter2}}
  files: {CONFIG: \"token: ${token}\\r\\n\"}
";

/// The variable that says what [`command`] does.
const TASK: &str = "KUBECTL_ESC_TEST_TASK";

/// A call of `run` with the machine's `PATH`, and a directory of its own for its files.
fn call(command: &[&str]) -> Plugin {
    let plugin = Plugin::new()
        .file("env.yaml", DEFINITION)
        .file("plain.txt", "")
        .file("runtime/.keep", "");
    let runtime = plugin.path("runtime");
    plugin
        .env("PATH", test_variable("PATH").unwrap_or_default())
        .env("XDG_RUNTIME_DIR", runtime)
        .args(["run", "env.yaml", "--"])
        .args(command)
}

/// A call of `run` whose command is [`command`] with this task.
fn call_of_task(task: &str) -> Plugin {
    let program = std::env::current_exe().unwrap();
    call(&[program.to_str().unwrap()])
        .args(["--exact", "windows::command", "--ignored", "--nocapture"])
        .env(TASK, task)
}

/// The names in the directory for the files of `run`.
fn runtime_files(plugin: &Plugin) -> Vec<String> {
    let entries = fs::read_dir(plugin.path("runtime")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != ".keep").collect()
}

#[track_caller]
fn wait_until(is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < TIME_LIMIT, "timed out");
        std::thread::yield_now();
    }
}

/// Presses Ctrl-C in the console of this process.
fn press_ctrl_c() {
    #[expect(unsafe_code, reason = "the standard library has no consoles")]
    // SAFETY: the function takes no pointers.
    let is_sent = unsafe { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) };
    assert_ne!(is_sent, 0, "{}", std::io::Error::last_os_error());
}

#[test]
#[ignore = "other tests run it as a command"]
#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "a command with an exit code"
)]
fn command() {
    match test_variable(TASK).unwrap().to_str().unwrap() {
        "handle Ctrl-C" => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            let mut pressed = ctrl_c().unwrap();
            // A parent that Ctrl-C terminates does not survive all of them.
            for _ in 0..50 {
                press_ctrl_c();
                runtime.block_on(pressed.recv()).unwrap();
            }
            println!("handled by hunter2-hunter2");
            std::process::exit(7);
        }
        "interrupt update-kubeconfig" => interrupt_update_kubeconfig(),
        "outlive the parent" => {
            let config = test_variable("CONFIG").unwrap();
            fs::write("started", "").unwrap();
            wait_until(|| Path::new("gate").exists());
            fs::write("unfinished", fs::read(config).unwrap()).unwrap();
            fs::rename("unfinished", "read").unwrap();
        }
        task => panic!("no task {task}"),
    }
}

#[test]
fn command_gets_variables_and_files_and_its_output_is_redacted() {
    let script = "echo %REGION% %PASSWORD%&type %CONFIG%&exit 7";
    let plugin = call(&["cmd", "/d", "/c", script]);
    let output = plugin.run_command(TIME_LIMIT);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines, ["eu-west-1 [secret]", "[secret]"], "{output:#?}");
    assert_eq!((output.stderr.as_str(), output.code), ("", 7));
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

#[test]
fn exit_code_is_that_of_the_command_or_of_a_shell() {
    for (command, code) in [
        (&["cmd", "/d", "/c", "exit 0"][..], 0),
        (&["cmd.exe", "/d", "/c", "exit 255"], 255),
        (&["cmd", "/d", "/c", "exit 300"], 255),
        (&["cmd", "/d", "/c", "exit -1073741510"], 255),
        (&["no-such-program"], 127),
        (&[".\\none"], 127),
        (&[".\\plain.txt"], 126),
        (&[".\\runtime"], 126),
    ] {
        let plugin = call(command);
        let output = plugin.run();
        assert_eq!(output.code, code, "{command:?}: {output:#?}");
        assert_eq!(runtime_files(&plugin), [""; 0], "{command:?}");
    }
}

/// The command presses the keys in the console that it shares with its parent.
#[test]
fn command_that_handles_ctrl_c_is_waited_for() {
    let plugin = call_of_task("handle Ctrl-C");
    let mut command = plugin.command();
    command.creation_flags(CREATE_NO_WINDOW);
    let output = run(command, TIME_LIMIT);
    assert_eq!(output.code, 7, "{output:#?}");
    assert!(
        output.stdout.ends_with("handled by [secret]\n"),
        "{output:#?}"
    );
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

/// The command keeps its file while it runs. After that, the next run removes the file.
#[test]
fn command_keeps_its_files_if_its_parent_is_killed() {
    let plugin = call_of_task("outlive the parent");
    let mut command = plugin.command();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_until(|| plugin.path("started").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let other = call(&["cmd", "/d", "/c", "exit 0"]).env("XDG_RUNTIME_DIR", plugin.path("runtime"));
    other.run().assert("", "", 0);
    assert_eq!(runtime_files(&plugin).len(), 2, "a directory and its lock");
    fs::write(plugin.path("gate"), "").unwrap();
    wait_until(|| plugin.path("read").exists());
    let read = fs::read_to_string(plugin.path("read")).unwrap();
    assert_eq!(read, "token: eyJ-only-in-the-file\r\n");
    // The command may take another moment to exit.
    wait_until(|| {
        other.run().assert("", "", 0);
        runtime_files(&plugin).is_empty()
    });
}

/// A call that adds a cluster to the kubeconfig `one`.
fn update_kubeconfig() -> Plugin {
    let plugin = Plugin::new()
        .file("one", "# one\r\nkind: Config\r\n")
        .args(["update-kubeconfig", "acme/prod", "--cluster-name", "demo"])
        .args(["--server", "https://api.example.com"]);
    let list = std::env::join_paths(["one", "two"].map(|name| plugin.path(name)));
    plugin.env("KUBECONFIG", list.unwrap())
}

#[test]
fn kubeconfig_keeps_its_line_breaks() {
    let plugin = update_kubeconfig();
    let output = plugin.run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let changed = "changed [dir]\\one: added cluster `demo`";
    assert!(output.stdout.starts_with(changed), "{output:#?}");
    let text = fs::read_to_string(plugin.path("one")).unwrap();
    assert!(
        text.starts_with("# one\r\n") && text.contains("demo"),
        "{text}"
    );
    assert!(!text.replace("\r\n", "").contains('\n'), "{text:?}");
    assert!(plugin.run().stdout.starts_with("nothing to change\n"));
}

#[test]
fn kubeconfig_is_replaced_once_another_program_has_closed_it() {
    let plugin = update_kubeconfig();
    let mut options = OpenOptions::new();
    let options = options.read(true).share_mode(FILE_SHARE_READ);
    let opened = options.open(plugin.path("one")).unwrap();
    let mut command = plugin.command();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    // It has written the new file, and only has to rename it.
    wait_until(|| {
        let entries = fs::read_dir(plugin.path(".")).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with(".kubeconfig-"))
    });
    drop(opened);
    let output = child.unwrap().wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn ctrl_c_removes_the_locks_of_update_kubeconfig() {
    let plugin = call_of_task("interrupt update-kubeconfig");
    let mut command = plugin.command();
    command.creation_flags(CREATE_NO_WINDOW);
    let output = run(command, TIME_LIMIT);
    assert!(output.stdout.contains("no lock is left"), "{output:#?}");
}

/// Runs in a console of its own.
fn interrupt_update_kubeconfig() {
    // This process handles Ctrl-C too.
    let _pressed = ctrl_c().unwrap();
    let plugin = update_kubeconfig().file("two.lock", "");
    let mut child = plugin.command().stdin(Stdio::null()).spawn().unwrap();
    wait_until(|| plugin.path("one.lock").exists());
    press_ctrl_c();
    // `STATUS_CONTROL_C_EXIT`
    let code = child.wait().unwrap().code().unwrap();
    assert_eq!(code.cast_unsigned(), 0xC000_013A);
    assert!(!plugin.path("one.lock").exists());
    assert!(plugin.path("two.lock").exists());
    println!("no lock is left");
}
