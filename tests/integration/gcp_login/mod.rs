//! `gcp-login` of a local environment, against stand-ins for Google's services.

mod failures;

use serde_json::Value;
use stand_ins::gcp::Failure;
use stand_ins::gcp::configuration::{PROJECT, SERVICE_ACCOUNT, SUBJECT, provider_name, user_token};
use stand_ins::gcp::error::GoogleError;
use stand_ins::oidc::GitHubActions;
use stand_ins::proxy::Proxy;
use stand_ins::tls::Authority;

use crate::support::aws::project_file;
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::Output;

const STS: &str = "sts.googleapis.com";
const IAM: &str = "iamcredentials.googleapis.com";

/// The example, whose provider and service account exist in the stand-in.
fn oidc() -> String {
    project_file("examples/environments/gcp.yaml")
}

/// The example with a text replaced.
fn changed(from: &str, to: &str) -> String {
    let definition = oidc().replace(from, to);
    assert_ne!(definition, oidc(), "{from}");
    definition
}

/// A login with an access token, and these further inputs.
fn access_token(token: &str, inputs: &str) -> String {
    format!(
        "values:\n  gcp:\n    login:\n      fn::open::gcp-login:\n        project: {PROJECT}\n        \
         accessToken:\n          accessToken: {{fn::secret: {token}}}\n{inputs}"
    )
}

fn as_account() -> String {
    access_token(
        &user_token(),
        &format!("          serviceAccount: {SERVICE_ACCOUNT}\n"),
    )
}

/// The outputs of the login that a successful `open` prints.
#[track_caller]
fn outputs(output: &Output) -> Value {
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let values: Value = serde_json::from_str(&output.stdout).unwrap();
    values["gcp"]["login"].clone()
}

#[test]
fn open_shows_the_token_that_google_issued() {
    let google = GoogleCloud::new();
    let before = google.clock.now();
    let outputs = outputs(&google.open(&oidc()).without_log().run());
    let token = outputs["accessToken"].as_str().unwrap();
    let user = google.services.authenticate(token);
    assert_eq!(user.as_deref(), Ok(SERVICE_ACCOUNT));
    assert_eq!(outputs["project"].to_string(), PROJECT);
    assert_eq!(outputs["tokenType"], "Bearer");
    let expiry = outputs["expiry"].as_str().unwrap();
    let lifetime = seconds(expiry) - before;
    assert!((3_590..=3_660).contains(&lifetime), "{lifetime}");
    let records = google.services.records();
    assert_eq!(google.services.calls(), [STS, IAM]);
    let audience = format!("//iam.googleapis.com/{}", provider_name());
    assert_eq!(records[0].parameters["audience"], audience);
    assert_eq!(records[1].parameters["lifetime"], "3600s");
    let scopes = "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email";
    assert_eq!(records[1].parameters["scope"], scopes);
    assert!(
        records
            .iter()
            .all(|record| record.user_agent.starts_with("kubectl-esc/"))
    );
}

fn seconds(timestamp: &str) -> i64 {
    let timestamp = kubectl_esc::clock::Timestamp::from_rfc3339(timestamp);
    timestamp.unwrap().unix()
}

#[test]
fn all_outputs_are_redacted() {
    let google = GoogleCloud::new();
    let output = google.open(&oidc()).arg("--redact").run();
    let outputs = outputs(&output);
    for name in ["accessToken", "expiry", "project", "tokenType"] {
        assert_eq!(outputs[name], "[secret]", "{outputs}");
    }
}

#[test]
fn each_login_makes_as_few_requests_as_possible() {
    let two_logins = oidc().replace(
        "  environmentVariables:",
        "    same:\n      fn::open::gcp-login:\n        project: 123456789012\n        oidc:\n          \
         workloadPoolId: github\n          providerId: actions\n          serviceAccount: \
         deployer@acme-platform.iam.gserviceaccount.com\n          tokenLifetime: 60m\n  \
         environmentVariables:",
    );
    assert!(two_logins.contains("same:"));
    for (definition, calls) in [
        (oidc(), &[STS, IAM][..]),
        (two_logins, &[STS, IAM]),
        (as_account(), &[IAM]),
        (access_token("ya29.mine", ""), &[]),
    ] {
        let google = GoogleCloud::new();
        let output = google.open(&definition).without_log().run();
        let outputs = outputs(&output);
        assert_eq!(google.services.calls(), calls, "{definition}");
        let token = outputs["accessToken"].as_str().unwrap();
        let is_own = token == "ya29.mine";
        let user = google.services.authenticate(token);
        assert_eq!(user.as_deref() == Ok(SERVICE_ACCOUNT), !is_own, "{user:?}");
        assert_eq!(outputs["expiry"].is_string(), !is_own, "{outputs}");
        google.check(&definition).run().assert("", "", 0);
        assert_eq!(google.services.calls(), calls, "{definition}");
    }
}

#[test]
fn github_actions_issues_a_token_for_the_provider() {
    for (audiences, arguments) in [
        (&[][..], &[][..]),
        (&["gcp:acme"], &["--web-identity-audience", "gcp:acme"]),
    ] {
        let google = GoogleCloud::with(|configuration| {
            let audiences = audiences.iter().map(ToString::to_string);
            configuration.providers[0].audiences = audiences.collect();
        });
        let clock = google.clock.clone();
        let issuer = google.issuer.clone();
        let actions = GitHubActions::start(issuer, SUBJECT, move || clock.now());
        let plugin = google
            .plugin()
            .without_log()
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url())
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                GitHubActions::REQUEST_TOKEN,
            )
            .file("env.yaml", oidc())
            .args(["open", "env.yaml"])
            .args(arguments);
        let outputs = outputs(&plugin.run());
        let token = outputs["accessToken"].as_str().unwrap();
        assert!(google.services.authenticate(token).is_ok());
    }
}

#[test]
fn services_have_their_real_names_by_default() {
    let google = GoogleCloud::new();
    let authority = Authority::new();
    let names = google.services.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let plugin = google
        .open(&oidc())
        .without_log()
        .env_remove("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS")
        .env_remove("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS")
        .env("HTTPS_PROXY", proxy.url())
        .file("authority.pem", authority.pem());
    let authority = plugin.path("authority.pem");
    outputs(&plugin.env("SSL_CERT_FILE", authority).run());
    let hosts: Vec<_> = google.services.records();
    let hosts: Vec<_> = hosts.iter().map(|record| record.host.as_str()).collect();
    assert_eq!(hosts, [STS, IAM]);
}

#[test]
fn busy_services_are_called_again() {
    let google = GoogleCloud::new();
    let error = GoogleError::api(503, "UNAVAILABLE", "The service is currently unavailable.");
    google.services.fail(Failure::Error(error), 1);
    outputs(&google.open(&oidc()).without_log().run());
    assert_eq!(google.services.calls(), [STS, STS, IAM]);
}

#[test]
fn check_reports_mistakes_without_a_request() {
    let google = GoogleCloud::new();
    for (from, to, message) in [
        (
            "project: 123456789012",
            "project: acme-platform",
            "expected a number such as 123456789012",
        ),
        (
            "project: 123456789012",
            "project: 1.5",
            "`project` is not the number of a Google Cloud project",
        ),
        (
            "workloadPoolId: github",
            "workloadPoolId: projects/1/github",
            "`workloadPoolId` contains characters that Google Cloud does not allow",
        ),
        (
            "serviceAccount: deployer@acme-platform.iam.gserviceaccount.com",
            "serviceAccount: deployer",
            "`serviceAccount` is not the e-mail address of a service account",
        ),
        (
            "providerId: actions",
            "providerId: actions\n          tokenLifetime: 13h",
            "`tokenLifetime` must be more than zero and at most 12 hours",
        ),
    ] {
        let output = google.check(&changed(from, to)).run();
        assert_eq!(output.code, 3, "{output:?}");
        assert!(output.stderr.contains(message), "{}", output.stderr);
    }
    assert!(google.services.calls().is_empty());
}
