//! Calls on a machine with a wrong clock.

use kubectl_esc::clock::{Clock, Timestamp};
use stand_ins::sts::configuration::{Trust, USER_KEY_ID, USER_SECRET_KEY, User};

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::{Aws, VIEWER};
use crate::support::plugin::Output;

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

#[test]
fn tokens_from_pulumi_cloud_are_valid_with_a_wrong_local_clock() {
    for (skew, word) in [(3600, "1h behind"), (-3600, "1h ahead of")] {
        let pulumi_cloud = PulumiCloudFixture::new();
        pulumi_cloud.aws().clock.advance(skew);
        let plugin = pulumi_cloud.get_token("acme/platform/prod");
        for _ in ["cold", "warm"] {
            let output = plugin.run();
            pulumi_cloud.assert_token(&output);
            assert_expires_by_the_local_clock(&output);
        }
        assert_eq!(pulumi_cloud.calls().len(), 2);
        let refreshed = plugin.arg("-v").arg("--refresh").run();
        let note =
            format!("this machine's clock is {word} the servers'; signing with the servers' time");
        // A second may pass between reading the two clocks.
        let near = note.replace("1h ", "59m59s ");
        let is_logged = |note: &String| refreshed.stderr.matches(note.as_str()).count() == 1;
        assert!(is_logged(&note) || is_logged(&near), "{}", refreshed.stderr);
    }
}

const OIDC: &str = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: arn:aws:iam::123456789012:role/cluster-admin, sessionName: ss, duration: 1h}
";

#[test]
fn tokens_from_an_identity_token_are_valid_with_a_wrong_local_clock() {
    for skew in [3600, -3600] {
        for role in [None, Some(VIEWER)] {
            let aws = Aws::new();
            aws.clock.advance(skew);
            let mut plugin = aws.plugin_with_identity().file("env.yaml", OIDC);
            plugin = plugin.args([
                "get-token",
                "env.yaml",
                "-i",
                "demo",
                "--region",
                "eu-west-1",
            ]);
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
fn first_signature_with_a_wrong_clock_is_repeated_with_the_servers_time() {
    const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
    for skew in [3600, -3600] {
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
