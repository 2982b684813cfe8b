//! Credentials are renewed before they expire, and a shorter outage has no effect. Earlier calls are
//! made through the library, with a clock that shows the earlier time.

use std::fs;
use std::process::Command;

use kubectl_esc::error::Kind;
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::sts::Failure;

use super::{CacheFixture, LOCAL, expiry, token};
use crate::support::plugin::Output;

/// When credentials were fetched that are due for renewal, in seconds from now. They last an hour.
const DUE_FOR_RENEWAL: i64 = -3_000;
/// When credentials were fetched that are about to expire.
const ABOUT_TO_EXPIRE: i64 = -3_500;

fn fixtures() -> [CacheFixture; 2] {
    [CacheFixture::cloud(), CacheFixture::local(LOCAL)]
}

/// Makes a call while no service answers.
fn during_an_outage(
    fixture: &CacheFixture,
    change: impl FnOnce(&mut Command),
) -> (Output, (usize, usize)) {
    fixture.pulumi_cloud.stand_in().fail(Fault::Close, 1_000);
    fixture.aws.sts.fail(Failure::Close, 1_000);
    let result = fixture.requests_of(|| fixture.run_with(change));
    // The cluster verifies tokens with the same STS.
    fixture.aws.sts.fail(Failure::Close, 0);
    result
}

/// Asserts a valid token, exit code 0 and nothing on standard error.
#[track_caller]
fn assert_silent_success(fixture: &CacheFixture, output: &Output) {
    fixture.pulumi_cloud.assert_token(output);
}

#[test]
fn one_of_many_calls_renews_credentials_before_they_expire() {
    for fixture in fixtures() {
        fixture.run_at(DUE_FOR_RENEWAL).unwrap();
        let before = fs::read(fixture.file("entry")).unwrap();
        let run_all = || {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| fixture.run())).collect();
                let outputs = threads.into_iter().map(|thread| thread.join().unwrap());
                outputs.collect::<Vec<_>>()
            })
        };
        let (outputs, requests) = fixture.requests_of(run_all);
        for output in &outputs {
            assert_silent_success(&fixture, output);
        }
        assert_eq!(requests.0 + 2 * requests.1, 2, "{requests:?}");
        assert_ne!(fs::read(fixture.file("entry")).unwrap(), before);
        fixture.assert_hit();
    }
}

#[test]
fn expiring_credentials_are_not_used() {
    for fixture in fixtures() {
        fixture.run_at(ABOUT_TO_EXPIRE).unwrap();
        fixture.assert_miss();
        fixture.assert_hit();
    }
}

#[test]
fn short_lived_credentials_are_not_cached() {
    let fixture = CacheFixture::local(LOCAL);
    fixture.aws.sts.set_lifetime(Some(110));
    for _ in 0..2 {
        fixture.assert_miss();
    }
    fixture.aws.sts.set_lifetime(Some(400));
    fixture.assert_miss();
    let first = fixture.run();
    // The token expires before the credentials do.
    let left = expiry(&first).unix() - fixture.aws.clock.now();
    assert!((200..=340).contains(&left), "{left}");
    fixture.assert_hit();
}

#[test]
fn outage_is_silent_while_credentials_are_valid() {
    for fixture in fixtures() {
        fixture.run_at(DUE_FOR_RENEWAL).unwrap();
        let (output, requests) = during_an_outage(&fixture, |_| ());
        assert_silent_success(&fixture, &output);
        assert_ne!(requests, (0, 0), "no renewal was tried");
        for _ in 0..3 {
            let (output, requests) = during_an_outage(&fixture, |_| ());
            assert_silent_success(&fixture, &output);
            assert_eq!(requests, (0, 0), "tried again at once");
        }
    }
}

#[test]
fn outage_is_logged_with_v() {
    for fixture in fixtures() {
        fixture.run_at(DUE_FOR_RENEWAL).unwrap();
        let (output, _) = during_an_outage(&fixture, |command| {
            command.arg("-v");
        });
        let caller = fixture.aws.caller(&token(&output), "prod");
        assert!(caller.is_ok(), "{caller:?}");
        let log = output.stderr.as_str();
        assert!(
            log.contains("kubectl-esc: using cached credentials, 50m"),
            "{log}"
        );
        assert!(log.contains("kubectl-esc: cannot refresh them: "), "{log}");
    }
}

#[test]
fn hanging_service_delays_a_call_only_until_its_time_limit() {
    let fixture = CacheFixture::cloud();
    fixture.run_at(DUE_FOR_RENEWAL).unwrap();
    fixture.pulumi_cloud.stand_in().fail(Fault::Hang, 10);
    let output = fixture.run_with(|command| {
        command.args(["--timeout", "300ms"]);
    });
    assert_silent_success(&fixture, &output);
    fixture.assert_hit();
}

#[test]
fn outage_after_expiry_is_an_error() {
    for fixture in fixtures() {
        fixture.run_at(ABOUT_TO_EXPIRE).unwrap();
        fixture.pulumi_cloud.stand_in().fail(Fault::Hang, 10);
        fixture.aws.sts.fail(Failure::Hang, 10);
        let output = fixture.run_with(|command| {
            command.args(["--timeout", "300ms"]);
        });
        assert_eq!(output.code, 5, "{output:?}");
        assert!(output.stderr.contains("300ms"), "{output:?}");
    }
}

#[test]
fn failure_stored_in_the_future_is_ignored() {
    for fixture in fixtures() {
        fixture.run_at(DUE_FOR_RENEWAL).unwrap();
        fixture
            .pulumi_cloud
            .stand_in()
            .fail(Fault::error(403, "no", &[]), 1);
        fixture.aws.sts.fail(Failure::deny(), 1);
        let error = fixture.run_at(1_000).unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        fixture.aws.sts.fail(Failure::deny(), 0);
        assert_eq!(fixture.files("failure").len(), 1);
        fixture.assert_miss();
        assert!(fixture.files("failure").is_empty());
        fixture.assert_hit();
    }
}

#[test]
fn refresh_fetches_new_credentials() {
    for fixture in fixtures() {
        fixture.assert_miss();
        let before = fs::read(fixture.file("entry")).unwrap();
        let refresh = |command: &mut Command| {
            command.arg("--refresh");
        };
        let (output, requests) = fixture.requests_of(|| fixture.run_with(refresh));
        assert_silent_success(&fixture, &output);
        assert_ne!(requests, (0, 0));
        assert_ne!(fs::read(fixture.file("entry")).unwrap(), before);
        fixture.assert_hit();
        // A failed refresh is an error, and the old credentials are kept.
        assert_eq!(during_an_outage(&fixture, refresh).0.code, 5);
        fixture.assert_hit();
    }
}
