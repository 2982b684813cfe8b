//! Failed logins, through the binary.

use stand_ins::gcp::Failure;
use stand_ins::gcp::configuration::SUBJECT;
use stand_ins::gcp::error::GoogleError;
use stand_ins::http::Response;
use stand_ins::oidc::Issuer;

use super::{as_account, changed, oidc};
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::{Output, Plugin};

/// A failing call: its name, Google, the call, the message, the causes and the hint, the exit code.
type Row = (
    &'static str,
    fn() -> GoogleCloud,
    fn(&GoogleCloud) -> Plugin,
    &'static str,
    &'static str,
    i32,
);

/// `open` of the example with an identity token with this audience and subject.
fn with_token(google: &GoogleCloud, audience: &str, subject: &str) -> Plugin {
    let token = google.issuer.token(audience, subject, google.clock.now());
    google.open(&oidc()).file("identity", token)
}

/// Google Cloud that fails each request like this.
fn failing(failure: Failure) -> GoogleCloud {
    let google = GoogleCloud::new();
    google.services.fail(failure, usize::MAX);
    google
}

/// The example's identity token is rejected.
const TOKENS: &[Row] = &[
    (
        "expired token",
        GoogleCloud::new,
        |google| {
            let token =
                google
                    .issuer
                    .expired_token(&GoogleCloud::audience(), SUBJECT, 1_700_000_000);
            google.open(&oidc()).file("identity", token)
        },
        "Google STS rejected the identity token: it expired at 2023-11-14T22:12:20Z",
        r"  caused by: invalid_grant: ID Token issued at 1699999640 is stale to sign-in.
  caused by: [claims]
  hint: get a new identity token
",
        4,
    ),
    (
        "token without a time of issue",
        GoogleCloud::new,
        |google| {
            let now = google.clock.now();
            let mut claims = google.issuer.claims(&GoogleCloud::audience(), SUBJECT, now);
            claims.remove("iat");
            let token = google.issuer.sign(&claims);
            google.open(&oidc()).file("identity", token)
        },
        "Google STS rejected the identity token as expired or not yet valid",
        r"  caused by: invalid_grant: ID Token issued at null is stale to sign-in.
  caused by: [claims]
  hint: get a new identity token, with the claims `iat` and `exp`
",
        4,
    ),
    (
        "token for another audience",
        GoogleCloud::new,
        |google| with_token(google, "sts.amazonaws.com", SUBJECT),
        "Google STS rejected the audience of the identity token",
        r"  caused by: invalid_grant: The audience in ID Token [sts.amazonaws.com] does not match the expected audience.
  caused by: the identity token has iss `https://token.actions.example`, aud `sts.amazonaws.com`, sub `repo:acme/platform:ref:refs/heads/main`
  hint: allow the audience in the workload identity provider, or get a token for the audience `https://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/github/providers/actions`
",
        4,
    ),
    (
        "token of another issuer",
        GoogleCloud::new,
        |google| {
            let issuer = Issuer::new("https://elsewhere.example");
            let token = issuer.token("a", "b", google.clock.now());
            google.open(&oidc()).file("identity", token)
        },
        "Google STS rejected the identity token",
        r"  caused by: invalid_grant: The issuer in ID Token https://elsewhere.example does not match the expected one in config.
  caused by: the identity token has iss `https://elsewhere.example`, aud `a`, sub `b`
  hint: check the issuer of the workload identity provider
",
        4,
    ),
    (
        "token that was tampered with",
        GoogleCloud::new,
        |google| {
            let token =
                google
                    .issuer
                    .tampered_token(&GoogleCloud::audience(), SUBJECT, google.clock.now());
            google.open(&oidc()).file("identity", token)
        },
        "Google STS rejected the identity token",
        r"  caused by: invalid_grant: Unable to verify the ID Token signature.
  caused by: [claims]
  hint: get a new identity token from the issuer of the workload identity provider
",
        4,
    ),
    (
        "token signed with an unknown key",
        GoogleCloud::new,
        |google| {
            let issuer = google.issuer.with_key_id("key-2");
            let token = issuer.token(&GoogleCloud::audience(), SUBJECT, google.clock.now());
            google.open(&oidc()).file("identity", token)
        },
        "Google STS cannot get the key that signed the identity token",
        r"  caused by: invalid_grant: Error connecting to the given credential's issuer.
  hint: try again; if it persists, check that the issuer publishes the key and is reachable from the internet
",
        5,
    ),
    (
        "token that the attribute condition excludes",
        GoogleCloud::new,
        |google| with_token(google, &GoogleCloud::audience(), "repo:evil/fork"),
        "the workload identity provider `projects/123456789012/locations/global/workloadIdentityPools/github/providers/actions` does not allow this identity",
        r"  caused by: unauthorized_client: The given credential is rejected by the attribute condition.
  caused by: the identity token has iss `https://token.actions.example`, aud `[audience]`, sub `repo:evil/fork`
  hint: check the attribute condition of the provider
",
        4,
    ),
];

/// The workload identity provider or STS fails.
const EXCHANGES: &[Row] = &[
    (
        "no identity token",
        GoogleCloud::new,
        |google| {
            let plugin = google.plugin().file("env.yaml", oidc());
            plugin.args(["open", "env.yaml"])
        },
        "no identity token specified for Google Cloud",
        "  hint: pass `--web-identity-token-file PATH` or `--web-identity-token-env NAME`, or grant the GitHub Actions job the permission `id-token: write`\n",
        2,
    ),
    (
        "malformed name of the provider",
        GoogleCloud::new,
        |google| google.open(&changed("actions", "Actions")),
        "`projects/123456789012/locations/global/workloadIdentityPools/github/providers/Actions` is not the name of a workload identity provider",
        "  caused by: invalid_request: Invalid value for \"audience\". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.\n  hint: check `project`, `workloadPoolId` and `providerId`\n",
        3,
    ),
    (
        "region",
        GoogleCloud::new,
        |google| {
            let region = "workloadPoolId: github\n          region: eu";
            google.open(&changed("workloadPoolId: github", region))
        },
        "`projects/123456789012/locations/eu/workloadIdentityPools/github/providers/actions` is not the name of a workload identity provider",
        "  caused by: invalid_request: Invalid value for \"audience\". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.\n  hint: remove `region`: workload identity pools are in the location `global`\n",
        3,
    ),
    (
        "disabled provider",
        || GoogleCloud::with(|configuration| configuration.providers[0].disabled = true),
        |google| google.open(&oidc()),
        "the workload identity provider `projects/123456789012/locations/global/workloadIdentityPools/github/providers/actions` does not exist, or it or its pool is disabled",
        "  caused by: invalid_target: The target service indicated by the \"audience\" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist.\n  caused by: [claims]\n  hint: check `project`, `workloadPoolId` and `providerId`, and that the pool and the provider are enabled\n",
        4,
    ),
    (
        "service perimeter",
        || {
            let message = "Request is prohibited by organization's policy.";
            let error = GoogleError::api(403, "PERMISSION_DENIED", message);
            failing(Failure::Error(error))
        },
        |google| google.open(&oidc()),
        "Google STS denied the exchange of the identity token",
        r"  caused by: PERMISSION_DENIED: Request is prohibited by organization's policy.
  caused by: [claims]
  hint: check the organization policies and service perimeters of the project
",
        4,
    ),
    (
        "rejected request",
        || {
            let error = GoogleError::oauth("invalid_scope", "Invalid scope");
            failing(Failure::Error(error))
        },
        |google| google.open(&oidc()),
        "Google STS rejected the request for an access token",
        "  caused by: invalid_scope: Invalid scope\n  hint: check `project`, `workloadPoolId` and `providerId`\n",
        2,
    ),
    (
        "unavailable service",
        || {
            let error = GoogleError::api(503, "UNAVAILABLE", "The service is unavailable.");
            failing(Failure::Error(error))
        },
        |google| google.open(&oidc()),
        "Google STS is temporarily unavailable",
        "  caused by: UNAVAILABLE: The service is unavailable.\n  hint: try again in a moment\n",
        5,
    ),
    (
        "service that never answers",
        || failing(Failure::Hang),
        |google| google.open(&oidc()).args(["--timeout", "1s"]),
        "`127.0.0.1` did not respond within 1s",
        "  hint: check the network, or increase `--timeout`\n",
        5,
    ),
    (
        "sign-in page",
        || failing(Failure::Answer(Response::new(403, "text/html", "<html>"))),
        |google| google.open(&oidc()),
        "the response did not come from Google STS",
        r"  caused by: `127.0.0.1` sent HTTP status 403 without an error code
  hint: check the endpoint in `CLOUDSDK_API_ENDPOINT_OVERRIDES_STS`
",
        5,
    ),
    (
        "response without a token",
        || {
            failing(Failure::Answer(Response::new(
                200,
                "application/json",
                "{}",
            )))
        },
        |google| google.open(&oidc()),
        "the response from `127.0.0.1` has no access token",
        "  hint: check the endpoint, and whether a proxy is answering for it\n",
        5,
    ),
    (
        "unencrypted endpoint",
        GoogleCloud::new,
        |google| {
            let plugin = google.open(&oidc());
            plugin.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", "http://sts.example/")
        },
        "`CLOUDSDK_API_ENDPOINT_OVERRIDES_STS` is not a usable endpoint URL",
        r"  caused by: the connection to `sts.example` would not be encrypted
  hint: use `https`; `http` is only allowed for loopback addresses, such as 127.0.0.1
",
        2,
    ),
];

/// The impersonation of the service account fails.
const IMPERSONATIONS: &[Row] = &[
    (
        "identity without a role",
        GoogleCloud::new,
        |google| with_token(google, &GoogleCloud::audience(), "repo:acme/other"),
        "this identity is not allowed to impersonate the service account `deployer@acme-platform.iam.gserviceaccount.com`, or the account does not exist",
        r"  caused by: PERMISSION_DENIED: Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).
  caused by: the identity token has iss `https://token.actions.example`, aud `[audience]`, sub `repo:acme/other`
  hint: check `serviceAccount`, and grant the identity the role `roles/iam.workloadIdentityUser` on it
",
        4,
    ),
    (
        "owner of an access token without a role",
        || {
            GoogleCloud::with(|configuration| {
                configuration.service_accounts[0].impersonators.clear();
            })
        },
        |google| google.open(&as_account()),
        "this identity is not allowed to impersonate the service account `deployer@acme-platform.iam.gserviceaccount.com`, or the account does not exist",
        r"  caused by: PERMISSION_DENIED: Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).
  hint: check `serviceAccount`, and grant the identity the role `roles/iam.serviceAccountTokenCreator` on it
",
        4,
    ),
    (
        "lifetime of more than an hour",
        GoogleCloud::new,
        |google| {
            let lifetime = "providerId: actions\n          tokenLifetime: 2h";
            google.open(&changed("providerId: actions", lifetime))
        },
        "Google IAM rejected the token lifetime for the service account `deployer@acme-platform.iam.gserviceaccount.com`",
        r"  caused by: INVALID_ARGUMENT: Access tokens for service account deployer@acme-platform.iam.gserviceaccount.com can not have lifetimes of more than 1 hour. Use the Org Policy Constraint constraints/iam.allowServiceAccountCredentialLifetimeExtension to allow up to 12 hours.
  hint: set `tokenLifetime: 1h` or less, or allow up to 12 hours with the organization policy `constraints/iam.allowServiceAccountCredentialLifetimeExtension`
",
        3,
    ),
    (
        "disabled API",
        || GoogleCloud::with(|configuration| configuration.iam_credentials_disabled = true),
        |google| google.open(&as_account()),
        "the IAM Service Account Credentials API is not enabled in the Google Cloud project",
        r"  caused by: PERMISSION_DENIED: IAM Service Account Credentials API has not been used in project 123456789012 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/iamcredentials.googleapis.com/overview?project=123456789012 then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.
  hint: run `gcloud services enable iamcredentials.googleapis.com`, and try again after a few minutes
",
        4,
    ),
    (
        "expired access token",
        || GoogleCloud::with(|configuration| configuration.access_tokens.clear()),
        |google| google.open(&as_account()),
        "Google IAM rejected the access token",
        r"  caused by: UNAUTHENTICATED: Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.
  hint: get a new access token: it may be expired or revoked
",
        4,
    ),
    (
        "access token without the scope",
        || GoogleCloud::with(|configuration| configuration.access_tokens[0].scopes.clear()),
        |google| google.open(&as_account()),
        "the access token lacks the scope to impersonate a service account",
        r"  caused by: PERMISSION_DENIED: Request had insufficient authentication scopes.
  hint: get an access token with the scope `https://www.googleapis.com/auth/cloud-platform`
",
        4,
    ),
    (
        "rejected request",
        || {
            let message = "Request contains an invalid argument.";
            let error = GoogleError::api(400, "INVALID_ARGUMENT", message);
            failing(Failure::Error(error))
        },
        |google| google.open(&as_account()),
        "Google IAM rejected the request for a token of the service account `deployer@acme-platform.iam.gserviceaccount.com`",
        r"  caused by: INVALID_ARGUMENT: Request contains an invalid argument.
  hint: check `serviceAccount` and `tokenLifetime`
",
        2,
    ),
    (
        "response without a token",
        || {
            failing(Failure::Answer(Response::new(
                200,
                "application/json",
                "{}",
            )))
        },
        |google| google.open(&as_account()),
        "the response did not come from Google IAM",
        r"  caused by: `127.0.0.1` sent a response without an access token and its expiry
  hint: check the endpoint in `CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS`
",
        5,
    ),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TOKENS.iter().chain(EXCHANGES).chain(IMPERSONATIONS)
}

#[test]
fn each_failure_has_its_message_causes_hint_and_exit_code() {
    let audience = GoogleCloud::audience();
    let claims = format!(
        "the identity token has iss `https://token.actions.example`, aud `{audience}`, sub `{SUBJECT}`"
    );
    let mut failures = Vec::new();
    for (name, google, call, message, rest, code) in rows() {
        let google = google();
        let plugin = call(&google);
        let output = plugin.run();
        let definition = std::fs::read_to_string(plugin.path("env.yaml")).unwrap();
        let login = |line: &str| line.contains("fn::open::gcp-login");
        let line = 1 + definition.lines().position(login).unwrap();
        let rest = rest.replace("[claims]", &claims);
        let rest = rest.replace("[audience]", &audience);
        let wanted = format!(
            "kubectl-esc: cannot open the environment `env.yaml`: {message}\nerror: failed here\n --> \
             env.yaml:{line}:7\n  |\n{line} |       fn::open::gcp-login:\n  |       \
             ^^^^^^^^^^^^^^^^^^^^\n{rest}"
        );
        if output.stderr != wanted || output.code != *code {
            let Output {
                stderr, code: got, ..
            } = output;
            failures.push(format!(
                "## {name}: {got}, not {code}\n{stderr}\nwanted:\n{wanted}"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

const SUCCESS: &Row = &(
    "success",
    GoogleCloud::new,
    |google| google.open(&oidc()).arg("--redact"),
    "",
    "",
    0,
);

#[test]
fn no_token_is_printed_at_any_verbosity() {
    for (name, google, call, _, _, code) in rows().chain([SUCCESS]) {
        let google = google();
        let plugin = call(&google).arg("-vv");
        let output = plugin.run();
        assert_eq!(output.code, *code, "{name}");
        let shown = format!("{}{}", output.stdout, output.stderr);
        assert!(shown.contains("kubectl-esc: "), "{name}: nothing is logged");
        let identity = std::fs::read_to_string(plugin.path("identity")).unwrap_or_default();
        let parts: Vec<_> = identity.split('.').map(str::to_owned).collect();
        for secret in google.services.secrets().into_iter().chain(parts) {
            assert!(
                secret.len() < 20 || !shown.contains(&secret),
                "{name}: {shown}"
            );
        }
    }
}
