//! Calls on a machine with a wrong clock: only AWS's clock corrects it.

use kubectl_esc::clock::{Clock, Timestamp};
use stand_ins::sts::configuration::{Trust, USER_KEY_ID, USER_SECRET_KEY, User};

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::{Aws, VIEWER};
use crate::support::plugin::{Output, Plugin};
use crate::support::round_to_hours;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Asserts that the credential expires one to fourteen minutes from now by this machine's clock, with
/// which client-go compares it.
#[track_caller]
fn assert_expires_by_the_local_clock(output: &Output) {
    let credential = output.credential();
    let end = credential["status"]["expirationTimestamp"].as_str();
    let end = Timestamp::from_rfc3339(end.unwrap()).unwrap();
    let left = end.unix() - Clock::system().now().unix();
    assert!((60..=14 * 60).contains(&left), "{left} s left");
}

/// How often standard error has a line with this note.
fn notes(output: &Output, note: &str) -> usize {
    round_to_hours(&output.stderr).matches(note).count()
}

#[test]
fn date_of_pulumi_cloud_corrects_nothing() {
    for (skew, direction) in [
        (HOUR, "behind"),
        (-HOUR, "ahead of"),
        (9 * DAY, ""),
        (7000 * 365 * DAY, ""),
    ] {
        let pulumi_cloud = PulumiCloudFixture::new();
        pulumi_cloud.stand_in.skew_date(skew);
        let plugin = pulumi_cloud.get_token("acme/platform/prod");
        for _ in ["cold", "warm"] {
            let output = plugin.run();
            pulumi_cloud.assert_token(&output);
            assert_expires_by_the_local_clock(&output);
        }
        assert_eq!(pulumi_cloud.calls().len(), 2);
        let refreshed = plugin.arg("-v").arg("--refresh").run();
        let note = format!("this machine's clock is 1h {direction} that of Pulumi Cloud\n");
        assert_eq!(
            notes(&refreshed, &note) == 1,
            skew.abs() == HOUR,
            "{}",
            refreshed.stderr
        );
        assert!(
            !refreshed.stderr.contains("signing with"),
            "{}",
            refreshed.stderr
        );
    }
}

#[test]
fn credentials_of_pulumi_cloud_sign_with_the_local_clock() {
    for skew in [HOUR, -HOUR] {
        let pulumi_cloud = PulumiCloudFixture::new();
        pulumi_cloud.aws().clock.advance(skew);
        let output = pulumi_cloud.get_token("acme/platform/prod").run();
        assert_expires_by_the_local_clock(&output);
        // AWS is not asked, so nothing is known about its clock.
        let caller = pulumi_cloud.aws().caller(&output.token(), "prod");
        assert!(caller.is_err(), "{caller:?}");
    }
}

const OIDC: &str = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: arn:aws:iam::123456789012:role/cluster-admin, sessionName: ss, duration: 1h}
";

/// `get-token` with an identity token.
fn with_identity(aws: &Aws) -> Plugin {
    let plugin = aws.plugin_with_identity().file("env.yaml", OIDC);
    plugin.args([
        "get-token",
        "env.yaml",
        "-i",
        "demo",
        "--region",
        "eu-west-1",
    ])
}

#[test]
fn tokens_from_an_identity_token_are_valid_with_a_wrong_local_clock() {
    for skew in [HOUR, -HOUR, DAY - 60, 60 - DAY] {
        for role in [None, Some(VIEWER)] {
            let aws = Aws::new();
            aws.clock.advance(skew);
            let mut plugin = with_identity(&aws);
            if let Some(role) = role {
                plugin = plugin.args(["--role-arn", role, "--external-id", "demo"]);
            }
            for _ in ["cold", "warm"] {
                let output = plugin.run();
                let caller = aws.caller(&output.token(), "demo").unwrap();
                let name = role.unwrap_or("role/cluster-admin").rsplit('/').next();
                assert!(caller.contains(name.unwrap()), "{caller}");
                assert_expires_by_the_local_clock(&output);
            }
        }
    }
}

#[test]
fn corrections_above_five_minutes_are_logged_even_from_the_cache() {
    for (skew, direction, is_logged) in [
        (HOUR, "behind", true),
        (-HOUR, "ahead of", true),
        (4 * 60, "", false),
        (0, "", false),
    ] {
        let aws = Aws::new();
        aws.clock.advance(skew);
        let plugin = with_identity(&aws).arg("-v");
        let note = format!(
            "this machine's clock is 1h {direction} that of AWS; signing with the time of AWS\n"
        );
        for state in ["cold", "warm"] {
            let output = plugin.run();
            assert_eq!(output.code, 0, "{output:?}");
            assert_eq!(
                notes(&output, &note),
                usize::from(is_logged),
                "{state}: {output:?}"
            );
            let is_mentioned = output.stderr.contains("this machine's clock");
            assert_eq!(is_mentioned, is_logged, "{state}: {output:?}");
        }
        assert_eq!(aws.sts.actions(), ["AssumeRoleWithWebIdentity"]);
    }
}

#[test]
fn clock_that_is_wrong_by_more_than_a_day_is_an_error() {
    for skew in [DAY + 60, -DAY - 60, 7000 * 365 * DAY] {
        let aws = Aws::new();
        let plugin = with_identity(&aws);
        aws.clock.advance(skew);
        // Issued by AWS's clock.
        let plugin = plugin.file("identity", aws.identity());
        let output = plugin.run();
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
        let message = "this machine's clock is wrong: it shows 20";
        assert!(output.stderr.contains(message), "{output:?}");
        let hint = "\n  hint: set this machine's clock; up to 24h would be corrected\n";
        assert!(output.stderr.contains(hint), "{output:?}");
        // It is not retried.
        assert_eq!(aws.sts.actions(), ["AssumeRoleWithWebIdentity"]);
    }
}

#[test]
fn first_signature_with_a_wrong_clock_is_repeated_with_the_time_of_aws() {
    const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
    for skew in [HOUR, -HOUR] {
        let aws = Aws::with(|configuration| {
            configuration.users.push(User {
                access_key_id: USER_KEY_ID.to_owned(),
                secret_access_key: USER_SECRET_KEY.to_owned(),
                session_token: None,
                arn: ALICE.to_owned(),
                user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
                expires_at: None,
            });
            configuration.roles[1].trust.push(Trust::Caller {
                arn: ALICE.to_owned(),
                external_id: None,
            });
        });
        aws.clock.advance(skew);
        let definition = format!(
            "values:\n  aws: {{accessKeyId: {USER_KEY_ID}, secretAccessKey: {USER_SECRET_KEY}}}\n"
        );
        let plugin = aws.plugin().file("env.yaml", definition).args([
            "get-token",
            "env.yaml",
            "-i",
            "demo",
            "--region",
            "eu-west-1",
            "--role-arn",
            VIEWER,
        ]);
        for _ in ["cold", "warm"] {
            let output = plugin.run();
            let caller = aws.caller(&output.token(), "demo").unwrap();
            assert!(caller.contains("cluster-viewer"), "{caller}");
            assert_expires_by_the_local_clock(&output);
        }
        let records = aws.sts.records().into_iter();
        let assumed = records.filter(|record| record.action == "AssumeRole");
        let outcomes: Vec<_> = assumed.map(|record| record.outcome).collect();
        assert_eq!(
            outcomes.last().map(String::as_str),
            Some("OK"),
            "{outcomes:?}"
        );
        let accepted = outcomes.iter().filter(|outcome| *outcome == "OK");
        assert_eq!(
            accepted.count(),
            1,
            "the warm call assumed the role again: {outcomes:?}"
        );
    }
}
