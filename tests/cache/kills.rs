//! Processes that are killed, stopped or left alone in the middle of their work.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::crowd::{Crowd, WAITING, without_steps};
use super::heavy::{self, Chance};
use super::{ENVIRONMENT, folder, token};
use crate::cloud::Setting;
use crate::support::door::{Door, Way};
use crate::support::plugin::{LIMIT, Plugin, run};

/// What a call says with `-v` that finds an entry.
const CACHED: &str = "using cached credentials";

/// What is long enough to reach the door on a slow machine, and still can be waited for.
const SHORT: [&str; 2] = ["--timeout", "2s"];

/// `get-token` before a door.
struct Scene {
    setting: Setting,
    door: Door,
    plugin: Plugin,
}

impl Scene {
    fn new(way: Way) -> Self {
        let setting = Setting::new();
        let cloud = setting.cloud().clone();
        let door = Door::before(way, move |request| cloud.answer(request));
        let plugin = setting
            .get_token(ENVIRONMENT)
            .arg("-v")
            .env("PULUMI_BACKEND_URL", door.url());
        Self {
            setting,
            door,
            plugin,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.plugin.command();
        command.args(arguments);
        command
    }

    /// The call has to give a good token. What it told of its steps.
    #[track_caller]
    fn assert_right(&self, arguments: &[&str]) -> String {
        let output = run(self.command(arguments), LIMIT);
        let caller = self.setting.world().caller(&token(&output), "prod");
        let caller = caller.expect("a token that the cluster takes");
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
    kill_process(Pid::from_child(child), signal).expect("a process that is there");
}

/// A third of the calls is killed at any moment, a third after the last answer was asked for, a third
/// while an entry is being written. Half replace an entry, half make the first one.
#[test]
fn a_killed_call_harms_nobody() {
    let scene = Scene::new(Way::Open);
    let (rounds, seed) = (heavy::kills(), heavy::seed());
    println!("seed {seed}");
    let mut chance = Chance(seed);
    // How long a call takes, all of it and from the last question on.
    let begin = Instant::now();
    let mut first = start(scene.command(&[]));
    scene.door.wait_for_knocks(2);
    let asked = begin.elapsed();
    assert!(first.wait().unwrap().success());
    let whole = begin.elapsed();
    let rest = whole.saturating_sub(asked);
    let begin = Instant::now();
    let mut half_written = 0;
    let mut finished = 0;
    for round in 0..rounds {
        let is_refresh = chance.below(2) == 0;
        if !is_refresh {
            for name in scene.files(".entry") {
                fs::remove_file(folder(&scene.plugin).join(name)).unwrap();
            }
        }
        let (left_before, asked) = (scene.files(".new"), scene.door.knocks());
        let mut child = start(scene.command(if is_refresh { &["--refresh"] } else { &[] }));
        let longest = match chance.below(3) {
            0 => whole,
            1 => {
                scene.door.wait_for_knocks(asked + 2);
                rest
            }
            _ => {
                let is_written = || scene.files(".new") != left_before;
                while !is_written() && child.try_wait().unwrap().is_none() {
                    std::thread::yield_now();
                }
                Duration::from_micros(500)
            }
        };
        let longest = u64::try_from(longest.as_micros()).unwrap().max(1);
        std::thread::sleep(Duration::from_micros(chance.below(longest)));
        child.kill().unwrap();
        finished += usize::from(child.wait().unwrap().success());
        let left = scene.files(".new");
        half_written += usize::from(left.iter().any(|name| !left_before.contains(name)));
        assert!(left.len() <= 1, "round {round}: {left:?}");

        let steps = scene.assert_right(&[]);
        assert!(!steps.contains(WAITING), "round {round}: {steps}");
        // What was there is there, whole, or what is new.
        assert!(
            !is_refresh || steps.contains(CACHED),
            "round {round}: {steps}"
        );
        assert!(scene.files(".new").len() <= 1, "round {round}");
    }
    scene.assert_right(&["--refresh"]);
    assert_eq!(scene.files(".new"), [""; 0]);
    println!(
        "{rounds} calls killed in {}: {half_written} left a half-written file, {finished} had come to \
         their end",
        heavy::seconds(begin.elapsed())
    );
}

/// Whoever ends kubectl leaves its plugin alone.
#[test]
fn a_call_without_its_parent_ends_by_its_own_time_limit() {
    let scene = Scene::new(Way::Shut);
    let call = scene.command(&SHORT);
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
        .current_dir(scene.plugin.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    scene.door.wait_for_knocks(1);
    signal(&shell, Signal::TERM);
    assert_eq!(shell.wait().unwrap().code(), None);
    // Comes to its end when the orphan does.
    let mut told = String::new();
    let stderr = shell.stderr.as_mut().unwrap();
    stderr.read_to_string(&mut told).unwrap();
    assert!(told.contains("did not respond within 2s"), "{told}");
    scene.door.set(Way::Open);
    let steps = scene.assert_right(&[]);
    assert!(!steps.contains(WAITING), "{steps}");
}

/// As Ctrl-Z does it, which stops kubectl's plugin too.
#[test]
fn nobody_waits_for_a_stopped_call_beyond_its_time() {
    let scene = Scene::new(Way::Shut);
    let mut stopped = start(scene.command(&SHORT));
    scene.door.wait_for_knocks(1);
    signal(&stopped, Signal::STOP);
    let waiters = Crowd::start(3, || scene.command(&SHORT));
    waiters.wait_until_waiting(3);
    for output in waiters.outputs() {
        without_steps(output).assert_fails(
            "kubectl-esc: another process did not finish opening the environment \
             `acme/platform/prod` within 2s\n  hint: try again in a moment; `--no-cache` waits for \
             nobody\n",
            5,
        );
    }
    assert_eq!(scene.door.knocks(), 1);
    // With more time one sees that nothing is to be expected any more, and what it gets is kept.
    scene.door.set(Way::Open);
    scene.assert_right(&["--timeout", "50s"]);
    let steps = scene.assert_right(&[]);
    assert!(steps.contains(CACHED), "{steps}");
    signal(&stopped, Signal::CONT);
    // Its time was over, or the answer was there already.
    let code = stopped.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 5)), "{code:?}");
    let steps = scene.assert_right(&[]);
    assert!(steps.contains(CACHED), "{steps}");
}

/// A waiter takes over from one that was killed.
#[test]
fn the_next_in_line_takes_over_from_a_killed_call() {
    let scene = Scene::new(Way::Shut);
    let mut first = start(scene.command(&[]));
    scene.door.wait_for_knocks(1);
    let waiters = Crowd::start(5, || scene.command(&["--timeout", "50s"]));
    waiters.wait_until_waiting(5);
    first.kill().unwrap();
    first.wait().unwrap();
    scene.door.wait_for_knocks(2);
    scene.door.set(Way::Open);
    for output in waiters.outputs() {
        scene.setting.assert_token(&without_steps(output));
    }
    // The killed one's, and those of the one that took over.
    assert_eq!(scene.door.knocks(), 3);
}
