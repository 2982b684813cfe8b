//! Credentials are renewed before they end, and an outage that is shorter than what is left of them
//! is not noticed. What was fetched earlier is fetched with the library, on a host whose clock shows
//! that time.

use std::fs;
use std::process::Command;

use kubectl_esc::error::Kind;

use super::{LOCAL, Scene, end, token};
use crate::support::plugin::Output;
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::sts::Failure;

/// In seconds. The credentials last for an hour: now it is time to renew them.
const DUE: i64 = -3_000;
/// They are about to end.
const OVER: i64 = -3_500;

fn scenes() -> [Scene; 2] {
    [Scene::cloud(), Scene::local(LOCAL)]
}

/// Makes a call while nobody answers.
fn during_an_outage(scene: &Scene, change: impl FnOnce(&mut Command)) -> (Output, (usize, usize)) {
    scene.setting.cloud().fail(Fault::Close, 1_000);
    scene.world.sts.fail(Failure::Close, 1_000);
    let result = scene.requests_of(|| scene.run_with(change));
    // The cluster asks the same STS.
    scene.world.sts.fail(Failure::Close, 0);
    result
}

#[track_caller]
fn assert_as_ever(scene: &Scene, output: &Output) {
    // Silent, with code 0.
    scene.setting.assert_token(output);
}

#[test]
fn one_of_many_calls_renews_in_time() {
    for scene in scenes() {
        scene.run_at(DUE).unwrap();
        let before = fs::read(scene.file("entry")).unwrap();
        let run_all = || {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| scene.run())).collect();
                let outputs = threads.into_iter().map(|thread| thread.join().unwrap());
                outputs.collect::<Vec<_>>()
            })
        };
        let (outputs, requests) = scene.requests_of(run_all);
        for output in &outputs {
            assert_as_ever(&scene, output);
        }
        assert_eq!(requests.0 + 2 * requests.1, 2, "{requests:?}");
        assert_ne!(fs::read(scene.file("entry")).unwrap(), before);
        scene.assert_hit();
    }
}

#[test]
fn what_is_over_is_not_used() {
    for scene in scenes() {
        scene.run_at(OVER).unwrap();
        scene.assert_miss();
        scene.assert_hit();
    }
}

#[test]
fn credentials_that_end_at_once_are_not_kept_for_others() {
    let scene = Scene::local(LOCAL);
    scene.world.sts.set_lifetime(Some(110));
    for _ in 0..2 {
        scene.assert_miss();
    }
    scene.world.sts.set_lifetime(Some(400));
    scene.assert_miss();
    let first = scene.run();
    // The token ends before the credentials do.
    let left = end(&first).unix() - scene.world.clock.now();
    assert!((200..=340).contains(&left), "{left}");
    scene.assert_hit();
}

#[test]
fn an_outage_is_not_noticed_while_credentials_last() {
    for scene in scenes() {
        scene.run_at(DUE).unwrap();
        let (output, requests) = during_an_outage(&scene, |_| ());
        assert_as_ever(&scene, &output);
        assert_ne!(requests, (0, 0), "nobody tried to renew them");
        for _ in 0..3 {
            let (output, requests) = during_an_outage(&scene, |_| ());
            assert_as_ever(&scene, &output);
            assert_eq!(requests, (0, 0), "tried again at once");
        }
    }
}

#[test]
fn an_outage_is_told_to_whoever_wants_to_know() {
    for scene in scenes() {
        scene.run_at(DUE).unwrap();
        let (output, _) = during_an_outage(&scene, |command| {
            command.arg("-v");
        });
        let caller = scene.world.caller(&token(&output), "prod");
        assert!(caller.is_ok(), "{caller:?}");
        let told = output.stderr.as_str();
        assert!(
            told.contains("kubectl-esc: using cached credentials, 50m"),
            "{told}"
        );
        assert!(
            told.contains("kubectl-esc: they could not be renewed: "),
            "{told}"
        );
    }
}

#[test]
fn a_service_that_hangs_delays_nobody_for_long() {
    let scene = Scene::cloud();
    scene.run_at(DUE).unwrap();
    scene.setting.cloud().fail(Fault::Hang, 10);
    let output = scene.run_with(|command| {
        command.args(["--timeout", "300ms"]);
    });
    assert_as_ever(&scene, &output);
    scene.assert_hit();
}

#[test]
fn an_outage_beyond_the_end_is_an_error() {
    for scene in scenes() {
        scene.run_at(OVER).unwrap();
        scene.setting.cloud().fail(Fault::Hang, 10);
        scene.world.sts.fail(Failure::Hang, 10);
        let output = scene.run_with(|command| {
            command.args(["--timeout", "300ms"]);
        });
        assert_eq!(output.code, 5, "{output:?}");
        assert!(output.stderr.contains("300ms"), "{output:?}");
    }
}

#[test]
fn a_failure_before_the_clock_was_set_back_holds_up_nobody() {
    for scene in scenes() {
        scene.run_at(DUE).unwrap();
        scene.setting.cloud().fail(Fault::refuse(403, "no", &[]), 1);
        scene.world.sts.fail(Failure::deny(), 1);
        let error = scene.run_at(1_000).unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        scene.world.sts.fail(Failure::deny(), 0);
        assert_eq!(scene.files("failure").len(), 1);
        scene.assert_miss();
        assert!(scene.files("failure").is_empty());
        scene.assert_hit();
    }
}

#[test]
fn whoever_asks_for_new_credentials_gets_them() {
    for scene in scenes() {
        scene.assert_miss();
        let before = fs::read(scene.file("entry")).unwrap();
        let refresh = |command: &mut Command| {
            command.arg("--refresh");
        };
        let (output, requests) = scene.requests_of(|| scene.run_with(refresh));
        assert_as_ever(&scene, &output);
        assert_ne!(requests, (0, 0));
        assert_ne!(fs::read(scene.file("entry")).unwrap(), before);
        scene.assert_hit();
        // Where there are none to be had, that is an error, and the old ones stay.
        assert_eq!(during_an_outage(&scene, refresh).0.code, 5);
        scene.assert_hit();
    }
}
