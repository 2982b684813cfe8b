//! Clients run a failing plugin up to five times per command. The services are called once.

#![cfg(unix)]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use stand_ins::pulumi_cloud::configuration::STRANGERS_TOKEN;
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::sts::Failure;
use stand_ins::sts::configuration::SECOND_ROLE;

use super::{CacheFixture, LOCAL, replace_arguments, through_shell};
use crate::support::plugin::{Output, TIME_LIMIT, run};

const EXEC_INFO: &str = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}"#;

/// Runs the calls in a script, whose shell is their parent. `"$@"` is the call.
#[track_caller]
fn script(fixture: &CacheFixture, text: &str, change: impl FnOnce(&mut Command)) -> Output {
    let mut call = fixture.plugin.command();
    // The messages are compared: no log while the suite is scanned for secrets.
    call.env("KUBECTL_ESC_LOG", "0");
    call.env("KUBERNETES_EXEC_INFO", EXEC_INFO);
    change(&mut call);
    let output = run(through_shell(&call, text, "sh"), TIME_LIMIT);
    fixture.assert_sealed();
    output
}

const ONCE: &str = "\"$@\"; echo $?";
const THRICE: &str = "for i in 1 2 3; do \"$@\"; echo $?; done";

/// Fixtures in which every call fails, each with its name and the exit code.
fn failing() -> Vec<(&'static str, CacheFixture, i32)> {
    let refused = CacheFixture::cloud();
    refused
        .pulumi_cloud
        .stand_in()
        .fail(Fault::error(403, "no", &[]), 100);
    let down = CacheFixture::cloud();
    down.pulumi_cloud.stand_in().fail(Fault::Close, 100);
    let denied = CacheFixture::local(LOCAL);
    denied.aws.sts.fail(Failure::deny(), 100);
    let role = CacheFixture::cloud().with(|plugin| {
        let role = ["--role-arn", SECOND_ROLE, "--external-id", "wrong"];
        plugin.args(role)
    });
    let broken = CacheFixture::cloud_with(|configuration| {
        let definition = "values: {a: '${nothing}'}";
        *configuration = configuration.clone().environment("test", "bad", definition);
    });
    let plugin = broken.pulumi_cloud.plugin();
    let broken = broken.with(|_| plugin.args(["get-token", "acme/test/bad", "-i", "prod"]));
    let empty = CacheFixture::cloud_with(|configuration| {
        let definition = "values: {eks: {region: eu-west-1}}";
        *configuration = configuration
            .clone()
            .environment("test", "none", definition);
    });
    let plugin = empty.pulumi_cloud.plugin();
    let empty = empty.with(|_| plugin.args(["get-token", "acme/test/none", "-i", "prod"]));
    vec![
        ("refused", refused, 4),
        ("down", down, 5),
        ("denied", denied, 4),
        ("the role is denied", role, 4),
        ("broken", broken, 3),
        ("no credentials", empty, 6),
    ]
}

#[test]
fn failure_is_fetched_once_per_parent_command() {
    for (name, fixture, code) in failing() {
        let (once, requests_once) = fixture.requests_of(|| script(&fixture, ONCE, |_| ()));
        assert_eq!(once.stdout, format!("{code}\n"), "{name}: {once:?}");
        assert_ne!(requests_once, (0, 0), "{name}");
        // Another command calls the services once more, and its later calls replay the failure.
        let (thrice, requests) = fixture.requests_of(|| script(&fixture, THRICE, |_| ()));
        assert_eq!(thrice.stdout, once.stdout.repeat(3), "{name}");
        // The request ids differ between commands, and are equal within one.
        let third = &thrice.stderr[..thrice.stderr.len() / 3];
        assert_eq!(thrice.stderr, third.repeat(3), "{name}");
        assert!(third.starts_with("kubectl-esc: "), "{name}: {third}");
        assert_eq!(requests, requests_once, "{name}");
    }
}

#[test]
fn failure_is_fetched_again_without_exec_info() {
    for (name, fixture, code) in failing() {
        let without_exec_info = |command: &mut Command| {
            command.env_remove("KUBERNETES_EXEC_INFO");
        };
        let (_, requests_once) = fixture.requests_of(|| script(&fixture, ONCE, without_exec_info));
        let (thrice, requests) =
            fixture.requests_of(|| script(&fixture, THRICE, without_exec_info));
        assert_eq!(thrice.stdout, format!("{code}\n").repeat(3), "{name}");
        assert_eq!(
            requests,
            (3 * requests_once.0, 3 * requests_once.1),
            "{name}"
        );
    }
}

#[test]
fn failure_is_not_stored_without_a_cache() {
    for (name, fixture, _) in failing() {
        let without_cache = |command: &mut Command| {
            command.arg("--no-cache");
        };
        let (_, requests_once) = fixture.requests_of(|| script(&fixture, ONCE, without_cache));
        let (_, requests) = fixture.requests_of(|| script(&fixture, THRICE, without_cache));
        assert_eq!(
            requests,
            (3 * requests_once.0, 3 * requests_once.1),
            "{name}"
        );
        assert!(!fixture.folder().exists(), "{name}");
    }
}

#[test]
fn failure_of_another_cache_key_is_not_replayed() {
    let fixture = CacheFixture::cloud();
    let change = |command: &mut Command| {
        command.env("PULUMI_ACCESS_TOKEN", STRANGERS_TOKEN);
    };
    let good = stand_ins::pulumi_cloud::configuration::TOKEN;
    let text = format!("\"$@\" || PULUMI_ACCESS_TOKEN={good} \"$@\" && \"$@\" || echo $?");
    let (output, requests) = fixture.requests_of(|| script(&fixture, &text, change));
    assert!(output.stdout.starts_with('{'), "{output:?}");
    assert!(output.stdout.ends_with("\n2\n"), "{output:?}");
    let once = output.stderr.len() / 2;
    assert_eq!(output.stderr[..once], output.stderr[once..]);
    // A failed opening also requests the current user and the metadata of the environment.
    assert_eq!(requests.0, 3 + 2, "{:?}", fixture.pulumi_cloud.calls());

    // A corrected definition.
    let fixture = CacheFixture::local(&LOCAL.replace("esc-oidc", "none"));
    let text = "\"$@\"; sed -i s/none/esc-oidc/ env.yaml; exec \"$@\"";
    let (output, requests) = fixture.requests_of(|| script(&fixture, text, |_| ()));
    assert!(output.stdout.starts_with('{'), "{output:?}");
    assert_eq!(requests, (0, 2));

    // Another region is another cache key, although it fails for the same reason.
    let fixture = CacheFixture::cloud();
    fixture
        .pulumi_cloud
        .stand_in()
        .fail(Fault::error(403, "no", &[]), 100);
    let (_, requests_once) = fixture.requests_of(|| script(&fixture, ONCE, |_| ()));
    let text = "\"$@\"; \"$@\" --region us-east-1";
    let (_, requests) = fixture.requests_of(|| script(&fixture, text, |_| ()));
    assert_eq!(requests.0, 2 * requests_once.0);
}

#[test]
fn failure_is_removed_after_a_success() {
    let fixture = CacheFixture::cloud();
    fixture
        .pulumi_cloud
        .stand_in()
        .fail_at("open", Fault::error(403, "no", &[]), 1);
    // Calls of the same command replay the failure, the next command gets a token.
    let output = script(&fixture, THRICE, |_| ());
    assert_eq!(output.stdout, "4\n4\n4\n");
    assert_eq!(fixture.files("failure").len(), 1);
    let output = script(&fixture, THRICE, |_| ());
    assert_eq!(
        output.stdout.matches("ExecCredential").count(),
        3,
        "{output:?}"
    );
    assert!(fixture.files("failure").is_empty());
}

#[test]
fn last_failure_is_recorded_with_time_and_exit_code_only() {
    let last = |fixture: &CacheFixture| fs::read(fixture.folder().join("last.error")).ok();
    for (name, fixture, code) in failing() {
        script(&fixture, ONCE, |_| ());
        let recorded = last(&fixture).expect(name);
        let mut recorded: Value = serde_json::from_slice(&recorded).unwrap();
        let at = recorded["at"].take().as_i64().unwrap();
        let age = fixture.aws.clock.now() - at;
        assert!((0..60).contains(&age), "{name}: {age}");
        let environment = recorded["environment"].take();
        let environment = environment.as_str().unwrap();
        let call = fixture.plugin.command();
        assert!(
            call.get_args().any(|argument| argument == environment),
            "{name}"
        );
        assert_eq!(
            recorded,
            json!({"at": null, "exit_code": code, "environment": null})
        );
    }

    // A call without a login is recorded too; one without the cache is not.
    let fixture = CacheFixture::cloud();
    for (name, value, is_recorded) in [
        ("KUBECTL_ESC_NO_CACHE", "true", false),
        ("KUBECTL_ESC_NO_CACHE", "false", true),
    ] {
        let output = script(&fixture, ONCE, |call| {
            call.env_remove("PULUMI_ACCESS_TOKEN").env(name, value);
        });
        assert_eq!(output.stdout, "2\n");
        assert_eq!(last(&fixture).is_some(), is_recorded, "{value}");
    }
    let recorded = last(&fixture);
    fixture.assert_miss();
    assert_eq!(last(&fixture), recorded, "a success does not change it");
    fixture.run_with(|call| replace_arguments(call, &["cache", "clear"]));
    assert_eq!(last(&fixture), None);
}

#[test]
fn refresh_ignores_the_failure_of_another_command() {
    let fixture = CacheFixture::cloud();
    fixture
        .pulumi_cloud
        .stand_in()
        .fail(Fault::error(403, "no", &[]), 100);
    let refresh = |command: &mut Command| {
        command.arg("--refresh");
    };
    let (_, requests_once) = fixture.requests_of(|| script(&fixture, ONCE, refresh));
    let (output, requests) = fixture.requests_of(|| script(&fixture, THRICE, refresh));
    assert_eq!(output.stdout, "4\n4\n4\n");
    assert_eq!(requests, requests_once);
    let mut call = fixture.plugin.command();
    replace_arguments(&mut call, &["cache", "clear"]);
    assert_eq!(run(call, TIME_LIMIT).stdout, "0 entries removed\n");
    assert!(fixture.files("failure").is_empty());
}
