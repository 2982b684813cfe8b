//! An expired login is refreshed: one process spends the refresh token, and no stored login is lost.

use std::fs::{self, File};
use std::path::PathBuf;

use serde_json::{Value, json};
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::pulumi_cloud::configuration::{Owner, TOKEN, USER};
use stand_ins::pulumi_cloud::fault::Fault;

use super::{ENVIRONMENT, PulumiCloudFixture, assert_no_secrets};
use crate::cache::concurrent_calls::ConcurrentCalls;
use crate::cache::replace_arguments;
use crate::support::plugin::{Output, Plugin, TIME_LIMIT, run};

const CREDENTIALS: &str = "home/.pulumi/credentials.json";

/// A login at a backend that no test calls.
const OTHER: &str = "https://other.example.com";

/// A call with an expired login, whose requests to Pulumi Cloud pass a controlled server.
pub(super) struct ExpiredLogin {
    pub(super) pulumi_cloud: PulumiCloudFixture,
    pub(super) server: ControlledServer,
    pub(super) plugin: Plugin,
    pub(super) refresh_token: String,
}

impl ExpiredLogin {
    pub(super) fn new(behavior: Behavior) -> Self {
        let pulumi_cloud = PulumiCloudFixture::new();
        let cloud = pulumi_cloud.stand_in().clone();
        let server = ControlledServer::in_front_of(behavior, move |request| cloud.answer(request));
        let refresh_token = pulumi_cloud
            .stand_in()
            .refresh_token(Owner::Personal(USER.to_owned()));
        let plugin = pulumi_cloud
            .plugin_without_login()
            .env("PULUMI_BACKEND_URL", server.url())
            .args(["get-token", ENVIRONMENT, "--cluster-name", "prod"]);
        let mut login = Self {
            pulumi_cloud,
            server,
            plugin,
            refresh_token,
        };
        let file = login.credentials().to_string();
        login.plugin = login.plugin.file(CREDENTIALS, file);
        login
    }

    /// The content of the credentials file.
    pub(super) fn credentials(&self) -> Value {
        let url = self.server.url();
        json!({
            "current": url,
            "accessTokens": {&url: "pul-expired", OTHER: "pul-other"},
            "accounts": {
                &url: {
                    "accessToken": "pul-expired",
                    "refreshToken": self.refresh_token,
                    "username": USER,
                    "tokenInformation": {"name": "laptop", "expiresAt": "2024-01-01T00:00:00Z"},
                },
                OTHER: {
                    "accessToken": "pul-other",
                    "refreshToken": "pulr-other",
                    // The file has almost 4 KiB, and more than that after a refresh.
                    "organizations": ["x".repeat(3_550)],
                },
            },
        })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.plugin.path(CREDENTIALS)
    }

    fn stored(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path()).unwrap()).unwrap()
    }

    /// The number of requests that spend a refresh token.
    pub(super) fn refreshes(&self) -> usize {
        let operations = self.pulumi_cloud.operations();
        operations.iter().filter(|name| *name == "token").count()
    }

    /// Asserts that the content holds a new login, and all other logins unchanged.
    #[track_caller]
    pub(super) fn assert_refreshed(&self, content: &Value) {
        let url = self.server.url();
        let mut before = self.credentials();
        let account = content["accounts"][&url].clone();
        assert_ne!(account["refreshToken"], self.refresh_token.as_str());
        assert_ne!(account["accessToken"], "pul-expired");
        for name in ["refreshToken", "accessToken"] {
            assert!(account[name].is_string(), "{content}");
        }
        before["accessTokens"][&url] = account["accessToken"].clone();
        let expiry = account["tokenInformation"]["expiresAt"].clone();
        before["accounts"][&url]["tokenInformation"]["expiresAt"] = expiry;
        for name in ["refreshToken", "accessToken"] {
            before["accounts"][&url][name] = account[name].clone();
        }
        assert_eq!(*content, before);
    }

    /// Starts the call, lets the server hold its request for a new token while `work` runs, and returns
    /// the output.
    #[track_caller]
    fn while_refreshing(&self, arguments: &[&str], work: impl FnOnce()) -> Output {
        let call = ConcurrentCalls::start(1, || {
            let mut command = self.plugin.command();
            command.args(arguments);
            command
        });
        self.server.wait_for_requests(1);
        work();
        self.server.set(Behavior::Answer);
        call.outputs().pop().unwrap()
    }
}

/// Replaces the content of the file as the Pulumi CLI does: in place, under the file's lock.
fn write_as_the_cli_does(path: &PathBuf, content: &Value) {
    let file = File::options().write(true).open(path).unwrap();
    file.lock().unwrap();
    fs::write(path, content.to_string()).unwrap();
}

#[test]
fn concurrent_calls_spend_the_refresh_token_once() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let calls = ConcurrentCalls::start(6, || {
        let mut command = login.plugin.command();
        command.args(["--timeout", "55s"]);
        command
    });
    login.server.wait_for_requests(1);
    // No lock is held across the request: the CLI can store a login.
    assert!(File::open(login.path()).unwrap().try_lock().is_ok());
    login.server.set(Behavior::Answer);
    for output in calls.outputs() {
        login.pulumi_cloud.assert_token(&output);
    }
    assert_eq!(login.refreshes(), 1);
    login.assert_refreshed(&login.stored());
}

/// Calls with different cache keys do not wait for each other's credentials, only for the login.
#[test]
fn calls_with_different_cache_keys_spend_the_refresh_token_once() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let calls = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"].map(|region| {
        ConcurrentCalls::start(1, || {
            let mut command = login.plugin.command();
            command.args(["--timeout", "55s", "--region", region]);
            command
        })
    });
    login.server.wait_for_requests(1);
    login.server.set(Behavior::Answer);
    for output in calls.into_iter().flat_map(ConcurrentCalls::outputs) {
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    }
    assert_eq!(login.refreshes(), 1);
    login.assert_refreshed(&login.stored());
}

#[test]
fn login_stored_during_a_refresh_survives() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let added = json!({"accessToken": "pul-added", "refreshToken": "pulr-added"});
    let output = login.while_refreshing(&[], || {
        let mut content = login.stored();
        content["accounts"]["https://added.example.com"] = added.clone();
        content["current"] = json!(OTHER);
        write_as_the_cli_does(&login.path(), &content);
    });
    login.pulumi_cloud.assert_token(&output);
    let mut stored = login.stored();
    assert_eq!(stored["current"], OTHER);
    let accounts = stored["accounts"].as_object_mut().unwrap();
    assert_eq!(accounts.remove("https://added.example.com"), Some(added));
    stored["current"] = json!(login.server.url());
    login.assert_refreshed(&stored);
}

/// What the user did during the refresh takes precedence over its result.
#[test]
fn login_or_logout_during_a_refresh_is_kept() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let url = login.server.url();
    let mut content = login.credentials();
    content["accounts"][&url] =
        json!({"accessToken": TOKEN, "refreshToken": "pulr-new", "username": USER});
    content["accessTokens"][&url] = json!(TOKEN);
    let output = login.while_refreshing(&[], || write_as_the_cli_does(&login.path(), &content));
    login.pulumi_cloud.assert_token(&output);
    assert_eq!(login.stored(), content);

    let login = ExpiredLogin::new(Behavior::Hold);
    let url = login.server.url();
    let mut content = login.credentials();
    for section in ["accounts", "accessTokens"] {
        content[section].as_object_mut().unwrap().remove(&url);
    }
    login.while_refreshing(&[], || write_as_the_cli_does(&login.path(), &content));
    assert_eq!(login.stored(), content);

    let login = ExpiredLogin::new(Behavior::Hold);
    login.while_refreshing(&[], || fs::remove_file(login.path()).unwrap());
    assert!(!login.path().exists());
}

/// Such as the Pulumi CLI, which refreshes an expired login without our lock.
#[test]
fn refresh_by_another_program_is_used() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let rejection = Fault::error(401, "Unauthorized: invalid refresh token", &[]);
    login.pulumi_cloud.stand_in().fail_at("token", rejection, 1);
    let mut content = login.credentials();
    content["accounts"][login.server.url()] =
        json!({"accessToken": TOKEN, "refreshToken": "pulr-new", "username": USER});
    let output = login.while_refreshing(&[], || write_as_the_cli_does(&login.path(), &content));
    login.pulumi_cloud.assert_token(&output);
    assert_eq!(login.stored(), content);
}

/// Another process may hold the lock of the file for longer than the call may take.
#[test]
fn login_that_cannot_be_stored_is_used_for_the_call() {
    for arguments in [&["--timeout", "8s"][..], &["--timeout", "8s", "-v"]] {
        let login = ExpiredLogin::new(Behavior::Hold);
        let file = File::open(login.path()).unwrap();
        let output = login.while_refreshing(arguments, || file.lock().unwrap());
        assert_no_secrets(&login.pulumi_cloud, &output);
        if arguments.contains(&"-v") {
            assert_eq!(output.code, 0, "{output:?}");
            let warning = format!(
                "kubectl-esc: cannot store the refreshed login: another process has locked `{}`; run \
                 `pulumi login` to store a new one\n",
                login.path().display()
            );
            assert!(output.stderr.contains(&warning), "{output:?}");
        } else {
            login.pulumi_cloud.assert_token(&output);
        }
        assert_eq!(login.refreshes(), 1);
        assert_eq!(login.stored(), login.credentials());
        // Later calls use the credentials that were fetched with it.
        let requests = login.server.requests();
        login.pulumi_cloud.assert_token(&login.plugin.run());
        assert_eq!(login.server.requests(), requests);
    }
}

#[test]
fn doctor_reports_a_login_that_cannot_be_stored() {
    let login = ExpiredLogin::new(Behavior::Hold);
    let file = File::open(login.path()).unwrap();
    let call = ConcurrentCalls::start(1, || {
        let mut command = login.plugin.command();
        let doctor = ["doctor", ENVIRONMENT, "-i", "prod", "--timeout", "8s"];
        replace_arguments(&mut command, &doctor);
        command
    });
    login.server.wait_for_requests(1);
    file.lock().unwrap();
    login.server.set(Behavior::Answer);
    let output = call.outputs().pop().unwrap();
    let line = "warning login: cannot store the refreshed login: another process has locked `";
    assert!(output.stdout.contains(line), "{output:?}");
}

#[test]
fn doctor_shows_whose_login_it_is_and_its_expiry() {
    let login = ExpiredLogin::new(Behavior::Answer);
    let mut command = login.plugin.command();
    replace_arguments(&mut command, &["doctor", ENVIRONMENT, "-i", "prod"]);
    let output = run(command, TIME_LIMIT);
    let line = output.stdout.lines().find(|line| line.contains(" login: "));
    let line = line.expect("the step");
    let start = "ok      login: the user `alice`, with the access token from `pulumi login` (`";
    assert!(line.starts_with(start), "{line}");
    let (_, expiry) = line.split_once(", valid until 2").expect(line);
    assert!(
        !expiry.starts_with("024"),
        "the expiry of the old token: {line}"
    );
}

/// Ctrl-Z stops a call, which may not have spent the refresh token.
#[cfg(unix)]
#[test]
fn stopped_refresh_is_taken_over_after_its_time_limit() {
    use rustix::process::{Pid, Signal, kill_process};

    let login = ExpiredLogin::new(Behavior::Hang);
    let command = |arguments: &[&str]| {
        let mut command = login.plugin.command();
        command.args(arguments);
        command
    };
    let mut stopped = command(&["--timeout", "6s"]).spawn().unwrap();
    login.server.wait_for_requests(1);
    kill_process(Pid::from_child(&stopped), Signal::STOP).unwrap();
    login.server.set(Behavior::Answer);
    // The stopped call may still spend the refresh token, and so this one does not.
    let other_key = command(&["--timeout", "1s", "--region", "us-east-2"]);
    run(other_key, TIME_LIMIT).assert_fails(
        &format!(
            "kubectl-esc: cannot open the environment `acme/platform/prod`: process {} has not finished \
             refreshing the login of `{USER}` at `127.0.0.1`\n  hint: try again, or end that process if \
             it hangs\n",
            stopped.id()
        ),
        5,
    );
    assert_eq!(login.server.requests(), 1);
    let calls = ConcurrentCalls::start(3, || command(&["--timeout", "50s"]));
    for output in calls.outputs() {
        login.pulumi_cloud.assert_token(&output);
    }
    assert_eq!(login.refreshes(), 1);
    login.assert_refreshed(&login.stored());
    stopped.kill().unwrap();
    stopped.wait().unwrap();
}

/// Then no refresh token is spent.
#[test]
fn locked_file_is_reported_before_a_refresh() {
    let login = ExpiredLogin::new(Behavior::Answer);
    let file = File::open(login.path()).unwrap();
    file.lock().unwrap();
    let login = ExpiredLogin {
        plugin: login.plugin.args(["--timeout", "1s"]),
        ..login
    };
    login.plugin.run().assert_fails(
        "kubectl-esc: cannot open the environment `acme/platform/prod`: another process has locked `[dir]/home/.pulumi/credentials.json`
  hint: stop the process that holds the lock, or try again in a moment
",
        5,
    );
    assert_eq!(login.server.requests(), 0);
    drop(file);
    login.pulumi_cloud.assert_token(&login.plugin.run());
}
