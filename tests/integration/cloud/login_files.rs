//! Where and how a refreshed login is stored: full disks, other owners, links, failing system calls.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stand_ins::controlled_server::Behavior;

use super::login_refresh::ExpiredLogin;
use crate::cache::concurrent_calls::ConcurrentCalls;
use crate::cache::through_shell;
use crate::support::plugin::{Output, TIME_LIMIT, copy_program, run};

/// A user and a group that own nothing here.
const OWNER: u32 = 65_533;
const MEMBER: u32 = 65_532;
const GROUP: u32 = 65_531;

fn is_root() -> bool {
    let probe = tempfile::NamedTempFile::new().unwrap();
    let is_root = probe.as_file().metadata().unwrap().uid() == 0;
    if !is_root {
        println!("skipped: needs root");
    }
    is_root
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn read(path: &Path) -> Value {
    let text = fs::read(path).unwrap();
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The call on a disk of its own, which holds only the credentials file. `script` runs on the disk after
/// it was mounted; `"$@"` is the call. `None` if mounting is not possible here.
fn on_small_disk(login: &ExpiredLogin, options: &str, script: &str) -> Option<Command> {
    if !is_root() {
        return None;
    }
    let size = fs::metadata(login.path()).unwrap().len();
    assert!((3_800..=4_096).contains(&size), "{size}");
    fs::create_dir(login.plugin.path("disk")).unwrap();
    let mut command = login.plugin.command();
    // The messages are compared: no log while the suite is scanned for secrets.
    command.env("KUBECTL_ESC_LOG", "0");
    command.env("PULUMI_CREDENTIALS_PATH", login.plugin.path("disk"));
    let script = format!(
        "exec unshare -m sh -c '{{ mount -t tmpfs -o {options} none disk && cp \
         home/.pulumi/credentials.json disk; }} >&2 || exit 99; {script}' sh \"$@\""
    );
    Some(through_shell(&command, &script, "sh"))
}

/// Whether the disk of [`on_small_disk`] could not be mounted.
fn is_skipped(output: &Output) -> bool {
    let is_skipped = output.code == 99 || output.stderr.contains("unshare");
    if is_skipped {
        println!("skipped: cannot mount here: {}", output.stderr);
    }
    is_skipped
}

#[test]
fn full_disk_keeps_every_stored_login() {
    for (options, blocks) in [("size=8k", 1), ("size=16k", 3), ("size=64k", 15)] {
        let login = ExpiredLogin::new(Behavior::Answer);
        let script = format!(
            "head -c $(({blocks} * 4096)) /dev/zero >disk/filler; \"$@\"; echo $? >code; \
             ls disk >files; cp disk/credentials.json full.json; mount -o remount,size=1m disk; \"$@\"; \
             cp disk/credentials.json freed.json; ls disk >>files"
        );
        let Some(command) = on_small_disk(&login, options, &script) else {
            return;
        };
        let output = run(command, TIME_LIMIT);
        if is_skipped(&output) {
            return;
        }
        let read_text = |name| fs::read_to_string(login.plugin.path(name)).unwrap();
        assert_eq!(read_text("code"), "2\n", "{options}: {output:?}");
        assert_eq!(read(&login.plugin.path("full.json")), login.credentials());
        let path = login.plugin.path("disk/credentials.json");
        assert_eq!(
            output.stderr,
            format!(
                "kubectl-esc: cannot open the environment `acme/platform/prod`: cannot write to `{}`\n  \
                 caused by: No space left on device (os error 28)\n  hint: make the file writable and \
                 free disk space, so that the expired login can be refreshed, or set \
                 PULUMI_ACCESS_TOKEN\n",
                path.display()
            ),
            "{options}"
        );
        // No refresh token was spent, so the login is refreshed once there is space.
        assert!(output.stdout.contains("ExecCredential"), "{output:?}");
        assert_eq!(login.refreshes(), 1);
        login.assert_refreshed(&read(&login.plugin.path("freed.json")));
        let lock = "credentials.json.kubectl-esc.lock\n";
        let files = format!("credentials.json\n{lock}filler\n").repeat(2);
        assert_eq!(read_text("files"), files, "{options}");
    }
}

/// An inode is needed for a new file, but not to overwrite the old one.
#[test]
fn login_is_stored_without_free_inodes() {
    let login = ExpiredLogin::new(Behavior::Answer);
    let script = "\"$@\"; code=$?; cp disk/credentials.json after.json; exit $code";
    let Some(command) = on_small_disk(&login, "nr_inodes=2", script) else {
        return;
    };
    let output = run(command, TIME_LIMIT);
    if is_skipped(&output) {
        return;
    }
    login.pulumi_cloud.assert_token(&output);
    login.assert_refreshed(&read(&login.plugin.path("after.json")));
}

#[test]
fn disk_that_fills_up_during_a_refresh_keeps_every_login() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let script = "\"$@\"; code=$?; cp disk/credentials.json after.json; exit $code";
    let Some(command) = on_small_disk(&login, "size=64k", script) else {
        return;
    };
    let command = std::cell::Cell::new(Some(command));
    let call = ConcurrentCalls::start(1, || command.take().unwrap());
    login.server.wait_for_requests(1);
    // The shell's children share its mounts.
    let children = format!("/proc/{0}/task/{0}/children", call.process_id());
    let children = fs::read_to_string(children).unwrap();
    let mounted = Path::new("/proc").join(children.trim()).join("root");
    let filler = login.plugin.path("disk/filler");
    let filler = mounted.join(filler.strip_prefix("/").unwrap());
    let full = fs::write(filler, vec![0; 128 << 10]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    login.server.set(Behavior::Answer);
    let output = call.outputs().pop().unwrap();
    if is_skipped(&output) {
        return;
    }
    login.pulumi_cloud.assert_token(&output);
    login.assert_refreshed(&read(&login.plugin.path("after.json")));
}

/// By default the system ends a process that exceeds the limit.
#[test]
fn limit_for_file_sizes_keeps_every_login() {
    let login = ExpiredLogin::new(Behavior::Answer);
    for (blocks, code) in [("0", 2), ("unlimited", 0)] {
        let script = format!("ulimit -f {blocks}; exec \"$@\" --no-cache");
        let command = through_shell(&login.plugin.command(), &script, "sh");
        let output = run(command, TIME_LIMIT);
        assert_eq!(output.code, code, "{output:?}");
        assert_eq!(login.refreshes(), usize::from(code == 0));
        if code != 0 {
            assert_eq!(read(&login.path()), login.credentials());
        }
    }
    login.assert_refreshed(&read(&login.path()));
}

/// A member of the file's group may write the file, but not change its mode or its owner.
#[test]
fn group_member_refreshes_a_login_in_a_file_of_another_owner() {
    if !is_root() {
        return;
    }
    for folder_mode in [0o770, 0o1770, 0o750] {
        let login = ExpiredLogin::new(Behavior::Answer);
        let folder = login.plugin.path("home/.pulumi");
        for path in [&folder, &login.path()] {
            chown(path, Some(OWNER), Some(GROUP)).unwrap();
        }
        set_mode(&folder, folder_mode);
        set_mode(&login.path(), 0o660);
        for path in ["home", "."] {
            set_mode(&login.plugin.path(path), 0o755);
        }
        // A copy that the other user can execute.
        let binary = login.plugin.path("kubectl-esc");
        let call = login.plugin.command();
        copy_program(call.get_program(), &binary);
        for _ in 0..2 {
            let mut command = Command::new(&binary);
            let variables = call.get_envs();
            command
                .args(call.get_args())
                .env_clear()
                .envs(variables.filter_map(|(name, value)| Some((name, value?))))
                .current_dir("/")
                .uid(MEMBER)
                .gid(GROUP);
            let output = run(command, TIME_LIMIT);
            login.pulumi_cloud.assert_token(&output);
        }
        assert_eq!(login.refreshes(), 1, "{folder_mode:o}");
        login.assert_refreshed(&read(&login.path()));
        let metadata = fs::metadata(login.path()).unwrap();
        let owner = (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777);
        assert_eq!(owner, (OWNER, GROUP, 0o660), "{folder_mode:o}");
    }
}

#[test]
fn mode_and_owner_of_the_file_are_kept() {
    for mode in [0o600, 0o640, 0o660] {
        let login = ExpiredLogin::new(Behavior::Answer);
        set_mode(&login.path(), mode);
        let is_root = is_root();
        if is_root {
            chown(login.path(), Some(OWNER), Some(GROUP)).unwrap();
        }
        let before = fs::metadata(login.path()).unwrap();
        login.pulumi_cloud.assert_token(&login.plugin.run());
        let after = fs::metadata(login.path()).unwrap();
        assert_eq!(
            (after.uid(), after.gid(), after.mode()),
            (before.uid(), before.gid(), before.mode())
        );
        // A new file was put in place of the old one.
        assert_ne!(after.ino(), before.ino());
        login.assert_refreshed(&read(&login.path()));
    }
}

#[test]
fn target_of_a_linked_file_is_replaced() {
    let login = ExpiredLogin::new(Behavior::Answer);
    let target = login.plugin.path("dotfiles/pulumi.json");
    fs::create_dir(login.plugin.path("dotfiles")).unwrap();
    fs::rename(login.path(), &target).unwrap();
    symlink("../../dotfiles/pulumi.json", login.path()).unwrap();
    login.pulumi_cloud.assert_token(&login.plugin.run());
    assert!(fs::symlink_metadata(login.path()).unwrap().is_symlink());
    login.assert_refreshed(&read(&target));
    login.pulumi_cloud.assert_token(&login.plugin.run());
    assert_eq!(login.refreshes(), 1);
}

/// The content of the lock file is replaced, so it must not be another file.
#[test]
fn other_files_in_place_of_the_lock_are_left_unchanged() {
    type Make = fn(&Path, &Path);
    let makes: [Make; 3] = [
        |mine, lock| symlink(mine, lock).unwrap(),
        |mine, lock| fs::hard_link(mine, lock).unwrap(),
        |_, lock| fs::create_dir(lock).unwrap(),
    ];
    for make in makes {
        let login = ExpiredLogin::new(Behavior::Answer);
        let mine = login.plugin.path("mine");
        fs::write(&mine, "mine").unwrap();
        make(&mine, &login.path().with_extension("json.kubectl-esc.lock"));
        login.pulumi_cloud.assert_token(&login.plugin.run());
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
        login.assert_refreshed(&read(&login.path()));
    }
}

/// A file that is mounted on its own, as into a container, cannot be replaced by another one.
#[test]
fn login_in_a_mounted_file_is_refreshed() {
    if !is_root() {
        return;
    }
    let login = ExpiredLogin::new(Behavior::Answer);
    fs::copy(login.path(), login.plugin.path("mounted.json")).unwrap();
    let script = "exec unshare -m sh -c '{ mount --bind mounted.json \
                  home/.pulumi/credentials.json; } >&2 || exit 99; exec \"$@\"' sh \"$@\"";
    for _ in 0..2 {
        let output = run(
            through_shell(&login.plugin.command(), script, "sh"),
            TIME_LIMIT,
        );
        if is_skipped(&output) {
            return;
        }
        login.pulumi_cloud.assert_token(&output);
    }
    assert_eq!(login.refreshes(), 1);
    login.assert_refreshed(&read(&login.plugin.path("mounted.json")));
}

/// A killed call leaves a file behind, which the next refresh removes.
#[test]
fn file_of_a_killed_refresh_is_removed() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let mut killed = login.plugin.command().spawn().unwrap();
    login.server.wait_for_requests(1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let files = || {
        let entries = fs::read_dir(login.plugin.path("home/.pulumi")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    assert_eq!(files().len(), 3, "{:?}", files());
    login.server.set(Behavior::Hang);
    login.server.set(Behavior::Answer);
    login.plugin.run();
    assert_eq!(
        files(),
        ["credentials.json", "credentials.json.kubectl-esc.lock"]
    );
}

/// The system calls that fail in turn, each with an error.
const FAULTS: [(&str, &str); 9] = [
    ("openat", "EACCES"),
    ("read", "EIO"),
    ("flock", "ENOLCK"),
    ("write", "ENOSPC"),
    ("fsync", "EIO"),
    ("ftruncate", "EIO"),
    ("fchmod", "EPERM"),
    ("rename", "EBUSY"),
    ("unlink", "EACCES"),
];

/// Lets each system call on a file of Pulumi fail, alone or with later ones of its kind.
#[test]
fn failing_system_calls_never_lose_a_login() {
    let login = ExpiredLogin::new(Behavior::Answer);
    let names = FAULTS.map(|(name, _)| name).join(",");
    let trace = login.plugin.path("trace");
    let traced = format!("trace={names}");
    let options = ["-y", "-o", trace.to_str().unwrap(), "-e", &traced];
    let Some(output) = run_traced(&login, &options) else {
        return;
    };
    login.pulumi_cloud.assert_token(&output);
    let trace = fs::read_to_string(trace).unwrap();
    // A line is the id of a thread, and a call. Calls are counted by thread.
    let main = trace.split(' ').next().unwrap();
    let (mut counts, mut injected) = ([0; FAULTS.len()], 0);
    let mut is_refreshing = false;
    for line in trace.lines() {
        let call = line.strip_prefix(main).unwrap_or_default().trim_start();
        let is_call = |(name, _): &(&str, _)| call.starts_with(&format!("{name}("));
        let Some(number) = FAULTS.iter().position(is_call) else {
            continue;
        };
        counts[number] += 1;
        is_refreshing |= line.contains("kubectl-esc.lock");
        if is_refreshing && line.contains("/.pulumi/") {
            let ((name, error), first) = (FAULTS[number], counts[number]);
            // The result is written to standard output too, so not all writes may fail.
            let more = match name {
                "write" => format!("{first}..{}", first + 2),
                _ => format!("{first}+"),
            };
            for which in [first.to_string(), more] {
                assert_survives(&format!("inject={name}:error={error}:when={which}"));
                injected += 1;
            }
        }
    }
    println!("{injected} faults");
    assert!(injected > 20, "{trace}");
}

/// Runs the call under strace; `None` if that is not possible here.
fn run_traced(login: &ExpiredLogin, options: &[&str]) -> Option<Output> {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: needs strace");
        return None;
    }
    let call = login.plugin.command();
    let script = "exec strace -f -qq $0 \"$@\"";
    let output = run(through_shell(&call, script, &options.join(" ")), TIME_LIMIT);
    if output.stderr.contains("strace: ") {
        println!("skipped: cannot trace here: {}", output.stderr);
        return None;
    }
    Some(output)
}

/// Refreshes the login while a fault is injected, and asserts that no login is lost.
#[track_caller]
fn assert_survives(fault: &str) {
    let login = ExpiredLogin::new(Behavior::Answer);
    let output = run_traced(&login, &["-o", "/dev/null", "-e", fault]).unwrap();
    let stored = read(&login.path());
    if login.refreshes() == 0 {
        assert!(matches!(output.code, 2 | 5), "{fault}: {output:?}");
        assert_eq!(stored, login.credentials(), "{fault}");
        return;
    }
    println!("{fault}: exit code {}", output.code);
    assert_eq!(login.refreshes(), 1, "{fault}: {output:?}");
    if stored == login.credentials() {
        // The new login could not be stored, but it can be used.
        login.pulumi_cloud.assert_token(&output);
    } else {
        assert!(matches!(output.code, 0 | 2 | 5), "{fault}: {output:?}");
        login.assert_refreshed(&stored);
    }
}
