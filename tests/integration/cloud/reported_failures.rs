//! Failures of providers that Pulumi Cloud reports as diagnostics of the definition.

use stand_ins::http::Response;
use stand_ins::pulumi_cloud::configuration::TOKEN;
use stand_ins::pulumi_cloud::fault::Fault;

use super::PulumiCloudFixture;

/// The trust policy of the role does not allow Pulumi Cloud. The same definition fails in the same way on this
/// machine.
#[test]
fn refusal_of_a_trust_policy_is_the_same_as_on_this_machine() {
    let definition = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: 'arn:aws:iam::123456789012:role/other', sessionName: demo}
";
    let pulumi_cloud = PulumiCloudFixture::with_definition(definition);
    let output = pulumi_cloud.get_token("acme/test/env").run();
    output.assert_fails(
        "kubectl-esc: cannot open the environment `acme/test/env`: AWS STS does not allow this identity to \
         assume the role
error: failed here
--> test/env:3:5
  caused by: unable to assume the role: operation error STS: AssumeRoleWithWebIdentity, https response error \
         StatusCode: 403, api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity
  hint: check the role's trust policy: the identity provider, audience and subject that it allows
",
        4,
    );
    let local = pulumi_cloud
        .plugin()
        .file("env.yaml", definition)
        .file("identity", super::trusted_issuer().token("a", "b", 0))
        .args([
            "get-token",
            "env.yaml",
            "-i",
            "prod",
            "--web-identity-token-file",
            "identity",
        ])
        .args(["--region", "eu-west-1"])
        .run();
    assert_eq!(local.code, 4, "{local:?}");
}

/// The texts are those of Go's network packages, of the AWS SDK for Go and of other clients.
#[test]
fn reported_failure_decides_the_exit_code_and_the_hint() {
    let sts = "unable to assume role: operation error STS: AssumeRoleWithWebIdentity, https response error \
               StatusCode";
    for (summary, message, hint, code) in [
        (
            format!(
                "{sts}: 400, RequestID: 1, InvalidIdentityToken: No OpenIDConnect provider found"
            ),
            "AWS STS rejected the identity token",
            "check that the role's account has an identity provider for the token's issuer and audience",
            4,
        ),
        (
            format!(
                "{sts}: 400, RequestID: 1, api error ValidationError: The requested DurationSeconds exceeds the \
                 MaxSessionDuration set for this role."
            ),
            "AWS STS rejected the session duration for the role",
            "set a shorter `duration`, such as `duration: 1h`, or raise the role's maximum session duration",
            3,
        ),
        (
            format!("{sts}: 503, RequestID: 1, api error ServiceUnavailable: down"),
            "AWS STS is temporarily unavailable",
            "try again in a moment",
            5,
        ),
        (
            "Get \"https://vault.example/v1\": dial tcp 192.0.2.1:443: i/o timeout".to_owned(),
            "a provider cannot be reached from Pulumi Cloud",
            "try again in a moment; if it persists, check the provider's address",
            5,
        ),
        (
            "URL: PUT https://vault.example/v1/auth/jwt/login Code: 403. Errors: * denied"
                .to_owned(),
            "a provider was denied access",
            "check the credentials that the provider uses, and their permissions",
            4,
        ),
        (
            "this environment requires approval".to_owned(),
            "the user `alice` (access token from the variable `PULUMI_ACCESS_TOKEN`) needs an approval to open \
             the environment `acme/platform/prod`",
            "request it with `pulumi env open-request acme/platform/prod`, and try again once it is approved",
            4,
        ),
        (
            "unknown property \"a\"".to_owned(),
            "its definition has 1 error",
            "fix the definition; `kubectl-esc check acme/platform/prod` validates it without opening it",
            3,
        ),
    ] {
        let pulumi_cloud = PulumiCloudFixture::new();
        let body = serde_json::json!({
            "code": 400,
            "message": "Bad Request",
            "diagnostics": [{"summary": summary, "severity": "error"}],
        });
        let response = Response::new(400, "application/json", body.to_string());
        pulumi_cloud
            .stand_in()
            .fail_at("open", Fault::Answer(response), 1);
        let output = pulumi_cloud.get_token("acme/platform/prod").run();
        let start =
            format!("kubectl-esc: cannot open the environment `acme/platform/prod`: {message}\n");
        assert!(output.stderr.starts_with(&start), "{}", output.stderr);
        assert!(
            output.stderr.ends_with(&format!("\n  hint: {hint}\n")),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains(&summary), "{}", output.stderr);
        assert_eq!(output.code, code, "{summary}");
    }
}

#[test]
fn diagnostics_do_not_repeat_the_access_token() {
    let body = serde_json::json!({
        "diagnostics": [{
            // The second one would be cut off within the token.
            "summary": format!("unexpected header: token {TOKEN}"),
            "detail": format!("{}{TOKEN}", "x".repeat(1_990)),
            "severity": "error",
        }],
    });
    for (operation, command) in [
        ("open", "open acme/platform/prod"),
        ("check", "check acme/platform/prod"),
    ] {
        for status in [200, 400] {
            let pulumi_cloud = PulumiCloudFixture::new();
            let response = Response::new(status, "application/json", body.to_string());
            pulumi_cloud
                .stand_in()
                .fail_at(operation, Fault::Answer(response), 1);
            let output = pulumi_cloud.plugin().args(command.split(' ')).run();
            let shown = format!("{}{}", output.stdout, output.stderr);
            assert!(
                shown.contains("unexpected header: token [secret]: xxx"),
                "{shown}"
            );
            assert!(!shown.contains(&TOKEN[..8]), "{shown}");
            assert_eq!(output.code, 3);
        }
    }
}
