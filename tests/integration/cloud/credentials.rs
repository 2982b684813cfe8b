//! AWS credentials from an environment or from its identity token, and their lifetime.

use std::time::Duration;

use kubectl_esc::clock::Timestamp;
use stand_ins::sts::configuration::ROLE;

use super::{ENVIRONMENT, PulumiCloudFixture, TOKEN_AUDIENCE};

/// The expiry of the credentials in the log, in seconds since 1970.
fn logged_expiry(stderr: &str) -> i64 {
    let line = stderr.lines().find(|line| line.contains("valid until"));
    let instant = line.unwrap_or_else(|| panic!("{stderr}"));
    let instant = instant.rsplit(' ').next().unwrap();
    Timestamp::from_rfc3339(instant).unwrap().unix()
}

/// Runs with `-v`, and returns the least and the greatest possible lifetime of the credentials, in
/// seconds.
fn lifetime(pulumi_cloud: &PulumiCloudFixture, environment: &str, flags: &[&str]) -> (i64, i64) {
    let plugin = pulumi_cloud.get_token(environment).arg("-v").args(flags);
    let before = pulumi_cloud.aws.clock.now();
    let output = plugin.run();
    let after = pulumi_cloud.aws.clock.now();
    assert_eq!(output.code, 0, "{output:?}");
    let end = logged_expiry(&output.stderr);
    (end - after, end - before)
}

fn definition(login: &str) -> String {
    format!(
        "values:\n  minutes: 30m\n  aws:\n    login:\n      fn::open::aws-login:\n        oidc:\n          \
         roleArn: {ROLE}\n          sessionName: esc\n          {login}\n  environmentVariables:\n    \
         AWS_ACCESS_KEY_ID: ${{aws.login.accessKeyId}}\n    AWS_SECRET_ACCESS_KEY: \
         ${{aws.login.secretAccessKey}}\n    AWS_SESSION_TOKEN: ${{aws.login.sessionToken}}\n  eks: \
         {{region: eu-west-1}}\n"
    )
}

#[test]
fn lifetime_comes_from_the_definition_the_setting_or_a_safe_default() {
    let seconds = |minutes: u64| i64::try_from(Duration::from_mins(minutes).as_secs()).unwrap();
    for (login, flags, expected) in [
        ("duration: 45m", &[][..], seconds(45)),
        // The default of the provider's schema.
        ("subjectAttributes: []", &[], seconds(120)),
        (
            "duration: 45m",
            &["--credential-lifetime", "20m"],
            seconds(45),
        ),
        // The plugin cannot read an expression.
        ("duration: ${minutes}", &[], seconds(15)),
        (
            "duration: ${minutes}",
            &["--credential-lifetime", "20m"],
            seconds(20),
        ),
    ] {
        let pulumi_cloud = PulumiCloudFixture::with_definition(&definition(login));
        let (least, most) = lifetime(&pulumi_cloud, "acme/test/env", flags);
        assert!(
            (least..=most).contains(&expected),
            "{login} {flags:?}: {least} {most}"
        );
    }
}

#[test]
fn role_to_assume_is_assumed_with_the_credentials() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let output = pulumi_cloud
        .get_token(ENVIRONMENT)
        .args([
            "--role-arn",
            stand_ins::sts::configuration::SECOND_ROLE,
            "--external-id",
            stand_ins::sts::configuration::EXTERNAL_ID,
        ])
        .run();
    let caller = pulumi_cloud.aws.caller(&output.token(), "prod").unwrap();
    assert!(
        caller.contains(":assumed-role/admin/kubectl-esc"),
        "{caller}"
    );
}

fn identity(extra: &str) -> String {
    format!(
        "values:\n  token:\n    fn::open::oidc:\n      audience: {TOKEN_AUDIENCE}\n      identityToken: \
         {{version: v2}}\n  eks: {{region: eu-west-1}}\n{extra}"
    )
}

#[test]
fn identity_token_in_the_environment_is_exchanged_at_sts() {
    let variables = format!("  environmentVariables: {{AWS_ROLE_ARN: '{ROLE}'}}\n");
    for (extra, flags) in [
        ("", &["--web-identity", "token", "--role-arn", ROLE][..]),
        // The only token from `fn::open::oidc` needs no path.
        ("", &["--role-arn", ROLE]),
        (variables.as_str(), &["--web-identity", "token"]),
        (variables.as_str(), &[]),
        (
            "  copy: ${token}\n",
            &["--web-identity", "copy", "--role-arn", ROLE],
        ),
    ] {
        let pulumi_cloud = PulumiCloudFixture::with_definition(&identity(extra));
        let output = pulumi_cloud.get_token("acme/test/env").args(flags).run();
        pulumi_cloud.assert_token(&output);
        assert_eq!(
            pulumi_cloud.aws.sts.actions(),
            ["AssumeRoleWithWebIdentity", "GetCallerIdentity"],
            "{flags:?}"
        );
    }
}

#[test]
fn failed_identity_token_exchange_is_reported() {
    for (extra, flags, stderr, code) in [
        (
            "",
            &["--web-identity", "token"][..],
            "kubectl-esc: no role specified for the identity token at `token`
  hint: pass `--role-arn ARN`, or add `eks.roleArn` or `environmentVariables.AWS_ROLE_ARN` to the environment
",
            2,
        ),
        (
            "",
            &[],
            "kubectl-esc: the environment contains no AWS credentials
  hint: add `fn::open::aws-login` to it, or pass the path of credentials with `--credentials PATH`
",
            6,
        ),
        (
            "",
            &["--web-identity", "nothing", "--role-arn", ROLE],
            "kubectl-esc: `nothing` does not exist in the environment
  hint: pass the path of an identity token, such as that of `fn::open::oidc`
",
            6,
        ),
        (
            "  other: hunter2\n",
            &["--web-identity", "other", "--role-arn", ROLE],
            "kubectl-esc: `other` in the environment does not contain a valid identity token
  hint: use a signed JSON web token (JWT): three parts in base64url, separated by dots
",
            2,
        ),
        (
            "",
            &["--web-identity", "token", "--role-arn", ROLE, "--external-id", "x"],
            "kubectl-esc: the flag `--external-id` is set, but assuming a role with an identity token takes no external ID
  hint: remove the external ID
",
            2,
        ),
    ] {
        let pulumi_cloud = PulumiCloudFixture::with_definition(&identity(extra));
        let output = pulumi_cloud.get_token("acme/test/env").args(flags).run();
        output.assert_fails(stderr, code);
    }
}
