//! Where the access token comes from.

use kubectl_esc::clock::Timestamp;
use serde_json::{Value, json};
use stand_ins::clock::Clock;
use stand_ins::oidc::GitHubActions;
use stand_ins::pulumi_cloud::configuration::{Configuration, Owner, TOKEN, Trust, USER};

use super::{ENVIRONMENT, PulumiCloudFixture, assert_no_secrets, trusted_issuer};
use crate::support::plugin::Plugin;

const CREDENTIALS: &str = "home/.pulumi/credentials.json";
const SUBJECT: &str = "repo:acme/platform:ref:refs/heads/main";

/// The stand-in's Pulumi Cloud, which trusts [`trusted_issuer`].
fn trusting() -> PulumiCloudFixture {
    PulumiCloudFixture::with(|configuration: &mut Configuration| {
        let issuer = trusted_issuer();
        configuration.trusts = vec![Trust {
            organization: "acme".to_owned(),
            issuer: issuer.url().to_owned(),
            jwks: issuer.jwks(),
            subject: SUBJECT.to_owned(),
            grants: ["organization", "team:platform", "personal:alice"]
                .map(str::to_owned)
                .to_vec(),
        }];
    })
}

fn identity_token() -> String {
    let issuer = trusted_issuer();
    issuer.token("urn:pulumi:org:acme", SUBJECT, Clock::system().now())
}

fn get_token(plugin: Plugin) -> Plugin {
    plugin.args(["get-token", ENVIRONMENT, "--cluster-name", "prod"])
}

/// The file of `pulumi login` with one account.
fn credentials(pulumi_cloud: &PulumiCloudFixture, account: &Value) -> String {
    let url = pulumi_cloud.stand_in.url();
    json!({
        "current": url,
        "accessTokens": {&url: account["accessToken"]},
        "accounts": {&url: account, "https://other.example.com": {"accessToken": "pul-other"}},
    })
    .to_string()
}

#[test]
fn credentials_file_is_used_as_login() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let file = credentials(
        &pulumi_cloud,
        &json!({"accessToken": TOKEN, "username": "alice"}),
    );
    // `current` also selects the backend.
    let plugin = |file_path: &str| {
        pulumi_cloud.aws.plugin().file(file_path, &file).args([
            "get-token",
            ENVIRONMENT,
            "--cluster-name",
            "prod",
        ])
    };
    pulumi_cloud.assert_token(&plugin(CREDENTIALS).run());
    pulumi_cloud.assert_calls(&["open", "read session"]);
    for variable in ["PULUMI_HOME", "PULUMI_CREDENTIALS_PATH"] {
        let plugin = plugin("elsewhere/credentials.json");
        let folder = plugin.path("elsewhere");
        let output = plugin.env(variable, folder).arg("-vv").run();
        assert_eq!(output.code, 0, "{output:?}");
        assert!(
            output
                .stderr
                .contains("access token from `pulumi login` (`[dir]/elsewhere/credentials.json`)"),
            "{}",
            output.stderr
        );
        assert_no_secrets(&pulumi_cloud, &output);
    }
    // The variable takes precedence.
    let output = plugin(CREDENTIALS)
        .env("PULUMI_ACCESS_TOKEN", "pul-unknown")
        .run();
    assert_eq!(output.code, 4, "{output:?}");
}

#[test]
fn expired_login_is_renewed_and_stored() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let refresh_token = pulumi_cloud
        .stand_in
        .refresh_token(Owner::Personal(USER.to_owned()));
    let account = json!({
        "accessToken": "pul-expired",
        "refreshToken": refresh_token,
        "username": "alice",
        "organizations": ["acme"],
        "unknown": {"kept": 1.50},
        "tokenInformation": {"name": "laptop", "expiresAt": "2024-01-01T00:00:00Z"},
    });
    let plugin = get_token(
        pulumi_cloud
            .plugin_without_login()
            .file(CREDENTIALS, credentials(&pulumi_cloud, &account)),
    );
    let output = plugin.run();
    pulumi_cloud.assert_token(&output);
    pulumi_cloud.assert_calls(&["token", "open", "read session"]);
    let stored = std::fs::read_to_string(plugin.path(CREDENTIALS)).unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    let url = pulumi_cloud.stand_in.url();
    let renewed = &stored["accounts"][&url];
    assert_ne!(renewed["accessToken"], "pul-expired");
    assert_eq!(stored["accessTokens"][&url], renewed["accessToken"]);
    // A refresh token is valid once: without the new one the user would be logged out.
    assert_ne!(renewed["refreshToken"], refresh_token.as_str());
    assert_eq!(renewed["unknown"], json!({"kept": 1.50}));
    assert_eq!(renewed["organizations"], json!(["acme"]));
    assert_eq!(renewed["tokenInformation"]["name"], "laptop");
    let expiry = renewed["tokenInformation"]["expiresAt"].as_str().unwrap();
    assert!(Timestamp::from_rfc3339(expiry).unwrap().unix() > pulumi_cloud.aws.clock.now());
    assert_eq!(
        stored["accounts"]["https://other.example.com"],
        json!({"accessToken": "pul-other"})
    );
    // The next call uses the renewed login.
    pulumi_cloud.assert_token(&plugin.run());
    let operations = pulumi_cloud.stand_in.operations();
    assert_eq!(operations.iter().filter(|name| *name == "token").count(), 1);
}

#[test]
fn concurrent_calls_renew_a_login_once() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let refresh_token = pulumi_cloud
        .stand_in
        .refresh_token(Owner::Personal(USER.to_owned()));
    let account = json!({"refreshToken": refresh_token, "username": "alice"});
    let plugin = get_token(
        pulumi_cloud
            .plugin_without_login()
            .file(CREDENTIALS, credentials(&pulumi_cloud, &account)),
    );
    let codes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| plugin.run().code)).collect();
        let codes = threads.into_iter().map(|thread| thread.join().unwrap());
        codes.collect()
    });
    assert_eq!(codes, [0, 0, 0, 0]);
    let operations = pulumi_cloud.stand_in.operations();
    assert_eq!(operations.iter().filter(|name| *name == "token").count(), 1);
}

#[test]
fn unusable_login_has_a_hint() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let expired = json!({
        "accessToken": "pul-expired",
        "username": "alice",
        "tokenInformation": {"name": "", "expiresAt": "2024-01-01T00:00:00Z"},
    });
    let mut withdrawn = expired.clone();
    withdrawn["refreshToken"] = json!("pulr-withdrawn");
    let envelope = json!({
        "$pulumiSecureStore": 1, "backend": "keychain", "algo": "aes-256-gcm", "nonce": "AA", "data": "AA",
    });
    for (file, stderr, code) in [
        (
            None,
            "not logged in to Pulumi Cloud at `127.0.0.1`
  hint: run `pulumi login`, set PULUMI_ACCESS_TOKEN, or pass `--pulumi-oidc-token`
",
            4,
        ),
        (
            Some(credentials(&pulumi_cloud, &expired)),
            "the login of `alice` at `127.0.0.1` has expired
  hint: run `pulumi login`, or set PULUMI_ACCESS_TOKEN
",
            4,
        ),
        (
            Some(credentials(&pulumi_cloud, &withdrawn)),
            "the login of `alice` at `127.0.0.1` has expired and cannot be refreshed
  caused by: Unauthorized: invalid refresh token
  hint: run `pulumi login`
",
            4,
        ),
        (
            Some(envelope.to_string()),
            "the login in `[dir]/home/.pulumi/credentials.json` is encrypted, and only the Pulumi CLI can decrypt it
  hint: set PULUMI_ACCESS_TOKEN, or log in with `PULUMI_CREDENTIAL_STORE=plaintext pulumi login`
",
            2,
        ),
        (
            Some("{hunter2".to_owned()),
            "cannot read `[dir]/home/.pulumi/credentials.json`
  caused by: invalid character looking for beginning of object key string at byte 1
  hint: check the file's permissions and content, run `pulumi login` to recreate it, or set PULUMI_ACCESS_TOKEN and PULUMI_BACKEND_URL
",
            2,
        ),
    ] {
        let mut plugin = get_token(pulumi_cloud.plugin_without_login());
        if let Some(file) = file {
            plugin = plugin.file(CREDENTIALS, file);
        }
        let stderr = format!("kubectl-esc: cannot open the environment `acme/platform/prod`: {stderr}");
        plugin.run().assert_fails(&stderr, code);
    }
}

#[test]
fn login_to_a_state_backend_does_not_prevent_a_call() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let file = credentials(&pulumi_cloud, &json!({"accessToken": TOKEN}));
    for state in ["s3://state", "file://~", "gs://b", "azblob://c"] {
        let plugin = pulumi_cloud
            .aws
            .plugin()
            .file(CREDENTIALS, &file)
            .env("PULUMI_BACKEND_URL", state);
        pulumi_cloud.assert_token(&get_token(plugin).run());
        let plugin = pulumi_cloud
            .aws
            .plugin()
            .env("PULUMI_BACKEND_URL", state)
            .env("PULUMI_API", pulumi_cloud.stand_in.url())
            .env("PULUMI_ACCESS_TOKEN", TOKEN);
        pulumi_cloud.assert_token(&get_token(plugin).run());
    }
    let plugin = pulumi_cloud
        .aws
        .plugin()
        .env("PULUMI_BACKEND_URL", "s3://state");
    get_token(plugin).run().assert_fails(
        "kubectl-esc: cannot open the environment `acme/platform/prod`: not logged in to Pulumi Cloud at `api.pulumi.com`
  caused by: the variable `PULUMI_BACKEND_URL` names a backend that stores only Pulumi state, not environments
  hint: run `pulumi login`, set PULUMI_ACCESS_TOKEN, or pass `--pulumi-oidc-token`
",
        4,
    );
}

#[test]
fn identity_token_is_exchanged() {
    for (source, token_type, login) in [
        ("file://identity", None, "acme"),
        ("env:IDENTITY", None, "acme"),
        ("env:IDENTITY", Some("organization:admin"), "acme"),
        ("env:IDENTITY", Some("team:platform"), "acme"),
        ("env:IDENTITY", Some("personal:alice"), "alice"),
    ] {
        let pulumi_cloud = trusting();
        let mut plugin = get_token(pulumi_cloud.plugin_without_login())
            .file("identity", identity_token())
            .env("IDENTITY", identity_token())
            .args(["--pulumi-oidc-token", source]);
        if let Some(token_type) = token_type {
            plugin = plugin.args(["--pulumi-oidc-token-type", token_type]);
        }
        pulumi_cloud.assert_token(&plugin.run());
        pulumi_cloud.assert_calls(&["token", "open", "read session"]);
        let records = pulumi_cloud.stand_in.records();
        assert!(records[1].login.contains(login), "{:?}", records[1]);
    }
}

#[test]
fn github_actions_job_needs_no_stored_secret() {
    let pulumi_cloud = trusting();
    let github = GitHubActions::start(trusted_issuer(), SUBJECT, || Clock::system().now());
    let job = |plugin: Plugin| {
        plugin
            .env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", github.url())
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                GitHubActions::REQUEST_TOKEN,
            )
    };
    pulumi_cloud.assert_token(&get_token(job(pulumi_cloud.plugin_without_login())).run());
    pulumi_cloud.assert_calls(&["token", "open", "read session"]);
    // A name without an organization uses the configured one.
    let output = job(pulumi_cloud.plugin_without_login())
        .env("PULUMI_DEFAULT_ORGANIZATION", "acme")
        .args(["get-token", "platform/prod", "-i", "prod", "-vv"])
        .run();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output
            .stderr
            .contains("access token from the exchange of the identity token from GitHub Actions"),
        "{output:?}"
    );
    assert_no_secrets(&pulumi_cloud, &output);
    let plugin =
        job(pulumi_cloud.plugin_without_login()).args(["get-token", "platform/prod", "-i", "prod"]);
    plugin.run().assert_fails(
        "kubectl-esc: cannot open the environment `platform/prod`: cannot exchange the identity token from GitHub Actions: the organization is not known
  hint: write the environment as ORG/PROJECT/NAME, pass `--organization`, or set PULUMI_DEFAULT_ORGANIZATION
",
        2,
    );
}

#[test]
fn rejected_identity_token_is_reported() {
    let pulumi_cloud = trusting();
    let token = identity_token();
    let plugin = |source: &str| {
        get_token(pulumi_cloud.plugin_without_login())
            .env("IDENTITY", &token)
            .env(
                "OTHER",
                trusted_issuer().token("other", SUBJECT, Clock::system().now()),
            )
            .args(["--pulumi-oidc-token", source])
    };
    let output = plugin(&token).run();
    output.assert_fails(
        "kubectl-esc: cannot open the environment `acme/platform/prod`: the flag `--pulumi-oidc-token` is neither a file nor a variable
  hint: write file://PATH or env:NAME; a token itself would show in the process list
",
        2,
    );
    assert_eq!(pulumi_cloud.calls(), []);
    let refused = |token: &str, kind: &str, cause: &str| {
        format!(
            "kubectl-esc: cannot open the environment `acme/platform/prod`: Pulumi Cloud rejected the identity token from the variable `{token}` (`--pulumi-oidc-token`) (organization `acme`, token type `{kind}`)
  caused by: {cause}
  hint: in the settings of the organization `acme`, register the token's issuer with the audience `urn:pulumi:org:acme` and a policy that matches the token's claims
"
        )
    };
    plugin("env:OTHER").run().assert_fails(
        &refused(
            "OTHER",
            "organization",
            "Unauthorized: the subject token is for another audience",
        ),
        4,
    );
    plugin("env:IDENTITY")
        .args(["--pulumi-oidc-token-type", "team:other"])
        .run()
        .assert_fails(
            &refused(
                "IDENTITY",
                "team:other",
                "Forbidden: no policy of the organization allows this token",
            ),
            4,
        );
    plugin("env:IDENTITY")
        .args(["--pulumi-oidc-token-type", "owner"])
        .run()
        .assert_fails(
            "kubectl-esc: cannot open the environment `acme/platform/prod`: cannot use the flag `--pulumi-oidc-token-type`: `owner` is not an access token type
  hint: use `organization`, `organization:admin`, `team:NAME`, `personal:LOGIN` or `runner:NAME`
",
            2,
        );
}
