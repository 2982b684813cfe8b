//! Many processes need the same credentials at once: one of them fetches, the others wait for it.

use std::time::{Duration, Instant};

use serde_json::json;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::pulumi_cloud::configuration::{Owner, USER};
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::sts::Failure;

use super::concurrent_calls::{ConcurrentCalls, without_steps};
use super::stress_settings;
use crate::cloud::PulumiCloudFixture;
use crate::support::aws::Aws;
use crate::support::plugin::{Output, Plugin};

/// A time limit for many processes on a slow machine.
const LONG_TIMEOUT: [&str; 2] = ["--timeout", "55s"];

const DEFINITION: &str = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: arn:aws:iam::123456789012:role/cluster-admin, sessionName: ss, duration: 1h}
";

/// Puts a controlled server in front of Pulumi Cloud.
fn in_front_of_pulumi_cloud(
    pulumi_cloud: &PulumiCloudFixture,
    behavior: Behavior,
) -> ControlledServer {
    let cloud = pulumi_cloud.stand_in().clone();
    ControlledServer::in_front_of(behavior, move |request| cloud.answer(request))
}

/// `get-token` through the controlled server.
fn get_token(pulumi_cloud: &PulumiCloudFixture, server: &ControlledServer) -> Plugin {
    let plugin = pulumi_cloud
        .get_token("acme/platform/prod")
        .args(LONG_TIMEOUT);
    plugin.env("PULUMI_BACKEND_URL", server.url())
}

/// `get-token` of a local definition that calls STS through the controlled server.
fn get_token_locally(aws: &Aws, server: &ControlledServer) -> Plugin {
    aws.plugin_with_identity()
        .env("AWS_ENDPOINT_URL_STS", server.url())
        .file("env.yaml", DEFINITION)
        .args(["get-token", "env.yaml", "-i", "demo"])
        .args(["--region", "eu-west-1"])
        .args(LONG_TIMEOUT)
}

/// Puts a controlled server in front of STS.
fn in_front_of_sts(aws: &Aws, behavior: Behavior) -> ControlledServer {
    let sts = aws.sts.clone();
    ControlledServer::in_front_of(behavior, move |request| sts.answer(request))
}

/// Starts processes while the server holds requests, until one has sent a request and all others wait
/// for it; then lets the server answer.
#[track_caller]
fn run_while_held(server: &ControlledServer, plugin: &Plugin) -> Vec<Output> {
    let size = stress_settings::process_count();
    let calls = ConcurrentCalls::start(size, || {
        let mut command = plugin.command();
        command.arg("-v");
        command
    });
    calls.wait_until_waiting(size - 1);
    server.wait_for_requests(1);
    assert_eq!(
        server.requests(),
        1,
        "more than one process called the network"
    );
    let (released, used) = (Instant::now(), cpu_time_of_children());
    server.set(Behavior::Answer);
    let outputs = calls.outputs();
    let (elapsed, used) = (
        released.elapsed(),
        cpu_time_of_children().saturating_sub(used),
    );
    println!(
        "{size} processes, of which all but one waited: {} after the answer; CPU time of all {}",
        stress_settings::seconds(elapsed),
        stress_settings::seconds(used)
    );
    outputs.into_iter().map(without_steps).collect()
}

/// Asserts that all calls failed with the same output.
#[track_caller]
fn assert_all_fail_alike(outputs: &[Output], code: i32) {
    let first = &outputs[0];
    assert_eq!((first.code, first.stdout.as_str()), (code, ""), "{first:?}");
    assert!(first.stderr.contains("\n  hint: "), "{first:?}");
    for other in outputs {
        assert_eq!(other, first);
    }
}

#[test]
fn environment_in_pulumi_cloud_is_opened_once() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let server = in_front_of_pulumi_cloud(&pulumi_cloud, Behavior::Hold);
    for output in run_while_held(&server, &get_token(&pulumi_cloud, &server)) {
        pulumi_cloud.assert_token(&output);
    }
    assert_eq!(pulumi_cloud.operations(), ["open", "read session"]);
    let actions = pulumi_cloud.aws().sts.actions();
    let logins = actions
        .iter()
        .filter(|action| *action != "GetCallerIdentity");
    assert_eq!(logins.count(), 1, "{actions:?}");
}

#[test]
fn local_definition_is_opened_once() {
    let aws = Aws::new();
    let server = in_front_of_sts(&aws, Behavior::Hold);
    for output in run_while_held(&server, &get_token_locally(&aws, &server)) {
        let caller = aws.caller(&output.token(), "demo").unwrap();
        assert!(caller.contains("assumed-role/cluster-admin/"), "{caller}");
    }
    assert_eq!(server.requests(), 1);
}

#[test]
fn denial_by_pulumi_cloud_reaches_all_waiters() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let server = in_front_of_pulumi_cloud(&pulumi_cloud, Behavior::Hold);
    pulumi_cloud
        .stand_in()
        .fail_at("open", Fault::error(403, "Forbidden", &[]), usize::MAX);
    let outputs = run_while_held(&server, &get_token(&pulumi_cloud, &server));
    assert_all_fail_alike(&outputs, 4);
    // The denial, and the requests for its message.
    assert_eq!(
        pulumi_cloud.operations(),
        ["open", "current user", "metadata"]
    );
}

#[test]
fn outage_of_pulumi_cloud_reaches_all_waiters() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let server = in_front_of_pulumi_cloud(&pulumi_cloud, Behavior::Hold);
    pulumi_cloud
        .stand_in()
        .fail_at("open", Fault::internal(), usize::MAX);
    let outputs = run_while_held(&server, &get_token(&pulumi_cloud, &server));
    assert_all_fail_alike(&outputs, 5);
    assert_eq!(pulumi_cloud.operations(), ["open"]);
}

#[test]
fn failure_of_sts_reaches_all_waiters() {
    for (failure, code, calls) in [(Failure::deny(), 4, 1), (Failure::internal(), 5, 3)] {
        let aws = Aws::new();
        let server = in_front_of_sts(&aws, Behavior::Hold);
        aws.sts.fail(failure, usize::MAX);
        let outputs = run_while_held(&server, &get_token_locally(&aws, &server));
        assert_all_fail_alike(&outputs, code);
        assert_eq!(server.requests(), calls);
    }
}

/// The cache key changes with the login: the waiting processes use the new one.
#[test]
fn expired_login_is_renewed_once_and_opens_once() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let server = in_front_of_pulumi_cloud(&pulumi_cloud, Behavior::Hold);
    let refresh_token = pulumi_cloud
        .stand_in()
        .refresh_token(Owner::Personal(USER.to_owned()));
    let account = json!({
        "accessToken": "pul-expired",
        "refreshToken": refresh_token,
        "username": "alice",
        "tokenInformation": {"name": "laptop", "expiresAt": "2024-01-01T00:00:00Z"},
    });
    let file = json!({"current": server.url(), "accounts": {server.url(): account}});
    let plugin = pulumi_cloud
        .plugin_without_login()
        .args(["get-token", "acme/platform/prod", "--cluster-name", "prod"])
        .args(LONG_TIMEOUT)
        .file("home/.pulumi/credentials.json", file.to_string())
        .env("PULUMI_BACKEND_URL", server.url());
    let calls = ConcurrentCalls::start(stress_settings::process_count(), || plugin.command());
    server.wait_for_requests(1);
    server.set(Behavior::Answer);
    for output in calls.outputs() {
        pulumi_cloud.assert_token(&output);
    }
    assert_eq!(pulumi_cloud.operations(), ["token", "open", "read session"]);
}

/// Prints how long many processes take together, beside the unavoidable part of that time. Nothing about
/// the time is asserted: it depends on what else the machine does.
#[test]
fn many_cold_calls_take_little_longer_than_one() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let server = in_front_of_pulumi_cloud(&pulumi_cloud, Behavior::Answer);
    let single = (0..5).map(|_| {
        let plugin = get_token(&pulumi_cloud, &server);
        let start = Instant::now();
        pulumi_cloud.assert_token(&plugin.run());
        start.elapsed()
    });
    let mut single: Vec<_> = single.collect();
    single.sort();
    let single = single[single.len() / 2];
    let before = server.requests();

    let size = stress_settings::process_count();
    let plugin = get_token(&pulumi_cloud, &server);
    let (cold, used) = time_of_many(&pulumi_cloud, &plugin, size);
    assert_eq!(server.requests() - before, 2);
    // The same with a warm cache: the cost of starting as many processes.
    let (warm, _) = time_of_many(&pulumi_cloud, &plugin, size);
    assert_eq!(server.requests() - before, 2);
    let ratio = cold.as_secs_f64() / (single + used).as_secs_f64();
    println!(
        "{size} processes: cold {}, warm {}; one cold call {}, CPU time of all cold ones {}: {ratio:.2} \
         of both together",
        stress_settings::seconds(cold),
        stress_settings::seconds(warm),
        stress_settings::seconds(single),
        stress_settings::seconds(used)
    );
}

/// Returns the elapsed time and the CPU time of many processes at once, which all have to succeed.
#[track_caller]
fn time_of_many(
    pulumi_cloud: &PulumiCloudFixture,
    plugin: &Plugin,
    size: usize,
) -> (Duration, Duration) {
    let (start, used) = (Instant::now(), cpu_time_of_children());
    let outputs = ConcurrentCalls::start(size, || plugin.command()).outputs();
    let (elapsed, used) = (start.elapsed(), cpu_time_of_children().saturating_sub(used));
    for output in outputs {
        pulumi_cloud.assert_token(&output);
    }
    (elapsed, used)
}

/// Returns the CPU time of all child processes that have exited; zero where `/proc` is missing.
fn cpu_time_of_children() -> Duration {
    // Fields 16 and 17 of proc_pid_stat(5), in hundredths of a second on every architecture of
    // Linux that Rust runs on. The second field, a name in parentheses, may hold anything.
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default();
    let fields = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}
