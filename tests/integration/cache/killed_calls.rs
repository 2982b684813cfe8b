//! Processes that are killed, stopped or orphaned while they fetch.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stand_ins::controlled_server::{Behavior, ControlledServer};

use super::concurrent_calls::{ConcurrentCalls, WAITING, without_steps};
use super::stress_settings::{self, Random};
use super::{ENVIRONMENT, folder, token};
use crate::cloud::PulumiCloudFixture;
use crate::support::plugin::{Plugin, TIME_LIMIT, run};

/// What a call that uses the cache logs with `-v`.
const CACHED: &str = "using cached credentials";

/// Long enough to reach the server on a slow machine, and short enough to wait for.
const SHORT_TIMEOUT: [&str; 2] = ["--timeout", "2s"];

/// `get-token` through a controlled server.
struct ControlledCall {
    pulumi_cloud: PulumiCloudFixture,
    server: ControlledServer,
    plugin: Plugin,
}

impl ControlledCall {
    fn new(behavior: Behavior) -> Self {
        let pulumi_cloud = PulumiCloudFixture::new();
        let cloud = pulumi_cloud.stand_in().clone();
        let server = ControlledServer::in_front_of(behavior, move |request| cloud.answer(request));
        let plugin = pulumi_cloud
            .get_token(ENVIRONMENT)
            .arg("-v")
            .env("PULUMI_BACKEND_URL", server.url());
        Self {
            pulumi_cloud,
            server,
            plugin,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.plugin.command();
        command.args(arguments);
        command
    }

    /// Asserts that the call returns a valid token, and returns its log.
    #[track_caller]
    fn assert_valid_token(&self, arguments: &[&str]) -> String {
        let output = run(self.command(arguments), TIME_LIMIT);
        let caller = self.pulumi_cloud.aws().caller(&token(&output), "prod");
        let caller = caller.expect("a token that the cluster accepts");
        assert!(caller.contains("assumed-role/esc-oidc/"), "{caller}");
        output.stderr
    }

    /// The names of the cache's files with this ending.
    fn files(&self, ending: &str) -> Vec<String> {
        let entries = fs::read_dir(folder(&self.plugin)).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(ending)).collect()
    }
}

fn start(mut command: Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process")
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("a running process");
}

/// Kills a third of the calls at a random moment, a third after the last request was sent, and a third
/// while an entry is being written. Half of them replace an entry, half write the first one.
#[test]
fn killed_call_leaves_a_usable_cache() {
    let fixture = ControlledCall::new(Behavior::Answer);
    let (rounds, seed) = (stress_settings::kill_count(), stress_settings::seed());
    println!("seed {seed}");
    let mut random = Random(seed);
    // The duration of a call, and of its part after the last request.
    let begin = Instant::now();
    let mut first = start(fixture.command(&[]));
    fixture.server.wait_for_requests(2);
    let until_last_request = begin.elapsed();
    assert!(first.wait().unwrap().success());
    let whole = begin.elapsed();
    let rest = whole.saturating_sub(until_last_request);
    let begin = Instant::now();
    let mut half_written = 0;
    let mut finished = 0;
    for round in 0..rounds {
        let is_refresh = random.below(2) == 0;
        if !is_refresh {
            for name in [fixture.files(".entry"), fixture.files(".opened")].concat() {
                fs::remove_file(folder(&fixture.plugin).join(name)).unwrap();
            }
        }
        let (left_before, requests) = (fixture.files(".new"), fixture.server.requests());
        let mut child = start(fixture.command(if is_refresh { &["--refresh"] } else { &[] }));
        let longest = match random.below(3) {
            0 => whole,
            1 => {
                fixture.server.wait_for_requests(requests + 2);
                rest
            }
            _ => {
                let is_written = || fixture.files(".new") != left_before;
                while !is_written() && child.try_wait().unwrap().is_none() {
                    std::thread::yield_now();
                }
                Duration::from_micros(500)
            }
        };
        let longest = u64::try_from(longest.as_micros()).unwrap().max(1);
        std::thread::sleep(Duration::from_micros(random.below(longest)));
        child.kill().unwrap();
        finished += usize::from(child.wait().unwrap().success());
        let left = fixture.files(".new");
        half_written += usize::from(left.iter().any(|name| !left_before.contains(name)));
        // One of credentials, and one of an environment.
        assert!(left.len() <= 2, "round {round}: {left:?}");

        let steps = fixture.assert_valid_token(&[]);
        assert!(!steps.contains(WAITING), "round {round}: {steps}");
        // The old entry or the new one is there, complete.
        assert!(
            !is_refresh || steps.contains(CACHED),
            "round {round}: {steps}"
        );
        assert!(fixture.files(".new").len() <= 2, "round {round}");
    }
    fixture.assert_valid_token(&["--refresh"]);
    assert_eq!(fixture.files(".new"), [""; 0]);
    println!(
        "{rounds} calls killed in {}: {half_written} left a half-written file, {finished} had \
         finished",
        stress_settings::seconds(begin.elapsed())
    );
}

/// A signal that ends kubectl does not end its plugin.
#[test]
fn orphaned_call_exits_at_its_time_limit() {
    let fixture = ControlledCall::new(Behavior::Hold);
    let call = fixture.command(&SHORT_TIMEOUT);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "\"$@\" & wait", "sh"])
        .arg(call.get_program())
        .args(call.get_args())
        .env_clear()
        .envs(
            call.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(fixture.plugin.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    fixture.server.wait_for_requests(1);
    signal(&shell, Signal::TERM);
    assert_eq!(shell.wait().unwrap().code(), None);
    // Ends when the orphan exits.
    let mut log = String::new();
    let stderr = shell.stderr.as_mut().unwrap();
    stderr.read_to_string(&mut log).unwrap();
    assert!(log.contains("did not respond within 2s"), "{log}");
    fixture.server.set(Behavior::Answer);
    let steps = fixture.assert_valid_token(&[]);
    assert!(!steps.contains(WAITING), "{steps}");
}

/// Ctrl-Z stops kubectl's plugin too.
#[test]
fn one_waiter_takes_over_from_a_stopped_call_after_its_time_limit() {
    let fixture = ControlledCall::new(Behavior::Hold);
    let mut stopped = start(fixture.command(&SHORT_TIMEOUT));
    fixture.server.wait_for_requests(1);
    signal(&stopped, Signal::STOP);
    let waiters = ConcurrentCalls::start(5, || fixture.command(&["--timeout", "50s"]));
    waiters.wait_until_waiting(5);
    fixture.server.wait_for_requests(2);
    fixture.server.set(Behavior::Answer);
    for output in waiters.outputs() {
        fixture.pulumi_cloud.assert_token(&without_steps(output));
    }
    // One from the stopped call, and two from the waiter that took over.
    assert_eq!(fixture.server.requests(), 3);
    let steps = fixture.assert_valid_token(&[]);
    assert!(steps.contains(CACHED), "{steps}");
    signal(&stopped, Signal::CONT);
    // It timed out, or the response had arrived before it was stopped.
    let code = stopped.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 5)), "{code:?}");
    let steps = fixture.assert_valid_token(&[]);
    assert!(steps.contains(CACHED), "{steps}");
}

/// Both calls have the same time limit, as usual.
#[test]
fn stopped_call_leaves_other_calls_enough_time() {
    let fixture = ControlledCall::new(Behavior::Hold);
    let timeout = ["--timeout", "12s"];
    let mut stopped = start(fixture.command(&timeout));
    fixture.server.wait_for_requests(1);
    signal(&stopped, Signal::STOP);
    fixture.server.set(Behavior::Answer);
    let steps = fixture.assert_valid_token(&timeout);
    let holder = format!(
        "process {} has not finished; no longer waiting",
        stopped.id()
    );
    assert!(
        steps.contains(WAITING) && steps.contains(&holder),
        "{steps}"
    );
    stopped.kill().unwrap();
    stopped.wait().unwrap();
}

#[test]
fn stopped_call_is_named_if_other_calls_fail_too() {
    let fixture = ControlledCall::new(Behavior::Hold);
    let mut stopped = start(fixture.command(&[]));
    fixture.server.wait_for_requests(1);
    signal(&stopped, Signal::STOP);
    let output = run(fixture.command(&SHORT_TIMEOUT), TIME_LIMIT);
    assert_eq!((output.code, output.stdout.as_str()), (5, ""));
    let hint = format!(
        "\n  hint: end process {}, which has not finished fetching the same credentials, if it hangs, \
         or increase `--timeout`\n",
        stopped.id()
    );
    assert!(output.stderr.ends_with(&hint), "{}", output.stderr);
    // The request had what was left of the two seconds.
    assert!(
        output.stderr.contains("did not respond within "),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("within 2s"), "{}", output.stderr);
    stopped.kill().unwrap();
    stopped.wait().unwrap();
}

#[test]
fn one_waiter_takes_over_from_a_killed_call() {
    let fixture = ControlledCall::new(Behavior::Hold);
    let mut first = start(fixture.command(&[]));
    fixture.server.wait_for_requests(1);
    let waiters = ConcurrentCalls::start(5, || fixture.command(&["--timeout", "50s"]));
    waiters.wait_until_waiting(5);
    first.kill().unwrap();
    first.wait().unwrap();
    fixture.server.wait_for_requests(2);
    fixture.server.set(Behavior::Answer);
    for output in waiters.outputs() {
        fixture.pulumi_cloud.assert_token(&without_steps(output));
    }
    // One from the killed call, and two from the waiter that took over.
    assert_eq!(fixture.server.requests(), 3);
}
