//! Calls that wait for the lock, which the test holds.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stand_ins::pulumi_cloud::fault::Fault;

use super::{CacheFixture, TOKEN};
use crate::support::plugin::Output;

/// Takes the lock, and writes this text into the lock file.
fn hold(fixture: &CacheFixture, text: &str) -> File {
    let path = fixture.file("lock");
    let file = File::options().write(true).open(&path).unwrap();
    file.lock().unwrap();
    fs::write(path, text).unwrap();
    file
}

/// Starts a call, and returns once it logs that it waits.
fn start_waiting_call(
    fixture: &CacheFixture,
    change: impl FnOnce(&mut Command),
) -> (Child, impl Read) {
    let mut command = fixture.plugin.command();
    change(&mut command);
    let mut child = command
        .arg("-v")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut log = String::new();
    while !log.contains("waiting for another process") {
        let read = stderr.read_line(&mut log).unwrap();
        assert_ne!(read, 0, "it did not wait: {log}");
    }
    (child, stderr)
}

fn finish((child, mut stderr): (Child, impl Read)) -> Output {
    let mut log = String::new();
    stderr.read_to_string(&mut log).unwrap();
    let output = child.wait_with_output().unwrap();
    Output {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: log,
        code: output.status.code().unwrap(),
    }
}

#[track_caller]
fn assert_token(fixture: &CacheFixture, output: &Output) {
    let token = super::token(output);
    let caller = fixture.aws.caller(&token, "prod");
    assert!(caller.is_ok(), "{caller:?}");
}

/// Right after it was locked, the file still has the text of the previous holder, maybe days old.
#[test]
fn outdated_lock_file_does_not_mean_a_hanging_holder() {
    for text in ["1000", "", "nonsense", "99999999999999999999"] {
        let fixture = CacheFixture::cloud();
        fixture.assert_miss();
        let entry = fixture.file("entry");
        let kept = fs::read(&entry).unwrap();
        fs::remove_file(&entry).unwrap();
        let lock = hold(&fixture, text);
        let (output, requests) = fixture.requests_of(|| {
            let waiting = start_waiting_call(&fixture, |_| ());
            fs::write(&entry, &kept).unwrap();
            set_private(&entry);
            drop(lock);
            finish(waiting)
        });
        assert_token(&fixture, &output);
        // A deadline that stays in the past counts after a second, which may pass here.
        if text != "1000" {
            assert_eq!(requests, (0, 0), "{text}");
        }
    }
}

#[test]
fn waiter_fetches_if_the_lock_holder_stored_nothing() {
    let fixture = CacheFixture::cloud();
    fixture.assert_miss();
    fixture.remove_entries();
    // A failure from before is not the lock holder's.
    let fault = Fault::error(403, "no", &[]);
    fixture.pulumi_cloud.stand_in().fail(fault, 1);
    assert_ne!(fixture.run().code, 0);
    // As if the lock holder had been killed.
    let lock = hold(&fixture, "");
    let (output, requests) = fixture.requests_of(|| {
        let waiting = start_waiting_call(&fixture, |_| ());
        drop(lock);
        finish(waiting)
    });
    assert_token(&fixture, &output);
    assert_eq!(requests, (2, 0));
    fixture.assert_hit();
}

#[test]
fn refreshing_waiter_does_not_use_old_credentials() {
    let fixture = CacheFixture::cloud();
    fixture.assert_miss();
    let lock = hold(&fixture, "");
    let (output, requests) = fixture.requests_of(|| {
        let waiting = start_waiting_call(&fixture, |command| {
            command.arg("--refresh");
        });
        drop(lock);
        finish(waiting)
    });
    assert_token(&fixture, &output);
    assert_eq!(requests, (2, 0), "old credentials were returned");
}

#[test]
fn waiter_takes_over_after_half_of_its_time() {
    let fixture = CacheFixture::cloud();
    fixture.assert_miss();
    // Valid credentials need no lock.
    let lock = hold(&fixture, "");
    fixture.assert_hit();
    fixture.remove_entries();
    let output = fixture.run_with(|command| {
        command.arg("--no-cache");
    });
    fixture.pulumi_cloud.assert_token(&output);
    // Another cache key has another lock.
    let output = fixture.run_with(|command| {
        command.args(["--region", "us-east-2"]);
    });
    fixture.pulumi_cloud.assert_token(&output);
    let start = Instant::now();
    let output = fixture.run_with(|command| {
        command.args(["--timeout", "10s"]);
    });
    assert!(start.elapsed() >= Duration::from_secs(5));
    fixture.pulumi_cloud.assert_token(&output);
    fixture.assert_hit();
    drop(lock);
    fixture.assert_hit();
}

#[test]
fn waiter_uses_a_login_that_changed_meanwhile() {
    let fixture = CacheFixture::cloud();
    let url = fixture.pulumi_cloud.url();
    let account = |token: &str| serde_json::json!({"accounts": {&url: {"accessToken": token}}});
    let path = "home/.pulumi/credentials.json";
    let plugin = fixture
        .pulumi_cloud
        .plugin_without_login()
        .args(["get-token", super::ENVIRONMENT, "-i", "prod"])
        .file(path, account("pul-old").to_string());
    let fixture = fixture.with(|_| plugin);
    assert_eq!(fixture.run().code, 4);
    let lock = hold(&fixture, "");
    let waiting = start_waiting_call(&fixture, |_| ());
    fs::write(fixture.plugin.path(path), account(TOKEN).to_string()).unwrap();
    drop(lock);
    let output = finish(waiting);
    assert_token(&fixture, &output);
    fixture.assert_hit();
}

fn set_private(path: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}
