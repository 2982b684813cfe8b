//! Logins that Microsoft Entra ID rejects, as `get-token` reports them.

use stand_ins::azure::Failure;
use stand_ins::azure::configuration::{AUDIENCE, CLIENT, SUBJECT, TENANT, client_secret};
use stand_ins::azure::error::EntraError;
use stand_ins::http::Response;
use stand_ins::oidc::Issuer;

use crate::support::azure::Entra;
use crate::support::plugin::Plugin;

/// A failing call: its name, Microsoft Entra ID, the call, the standard error, the exit code. In the text,
/// `[IDs]` is the trace ID and the correlation ID, and `[claims]` those of the usual identity token.
type Row = (
    &'static str,
    fn() -> Entra,
    fn(&Entra) -> Plugin,
    &'static str,
    i32,
);

/// The call with this identity token.
fn with_token(entra: &Entra, token: &str) -> Plugin {
    entra.get_token().file("identity", token)
}

/// The call with this definition.
fn with_secret(entra: &Entra, client: &str, tenant: &str, secret: &str) -> Plugin {
    entra.get_token().file(
        "env.yaml",
        format!(
            "values:\n  azure:\n    fn::open::azure-login:\n      clientId: {client}\n      tenantId: {tenant}\n      \
             clientSecret: {{fn::secret: {secret}}}\n"
        ),
    )
}

/// Microsoft Entra ID that fails every request.
fn failing(failure: Failure) -> Entra {
    let entra = Entra::new();
    entra.service.fail(failure, usize::MAX);
    entra
}

/// Microsoft Entra ID that refuses every request with this code.
fn refusing(code: u32, text: &str) -> Entra {
    failing(Failure::Error(EntraError::new(
        401,
        "invalid_client",
        code,
        text,
    )))
}

const IDENTITY_TOKENS: &[Row] = &[
    (
        "another subject",
        Entra::new,
        |entra| with_token(entra, &entra.token("repo:evil/fork")),
        "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated credential of the application
  caused by: AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:evil/fork'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation [IDs]
  caused by: the identity token has iss `https://token.actions.example`, aud `api://AzureADTokenExchange`, sub `repo:evil/fork`
  hint: correct the subject of the application's federated credential, or use a token with that subject
",
        4,
    ),
    (
        "subject in another case",
        Entra::new,
        |entra| with_token(entra, &entra.token(&SUBJECT.replace("acme", "Acme"))),
        "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated credential of the application
  caused by: AADSTS7002138: No matching federated identity record found for presented assertion subject 'repo:Acme/platform:ref:refs/heads/main'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation [IDs]
  caused by: the identity token has iss `https://token.actions.example`, aud `api://AzureADTokenExchange`, sub `repo:Acme/platform:ref:refs/heads/main`
  hint: give the application's federated credential exactly the subject of the token: upper and lower case differ
",
        4,
    ),
    (
        "another issuer",
        Entra::new,
        |entra| {
            let issuer = Issuer::new("https://elsewhere.example");
            with_token(entra, &issuer.token(AUDIENCE, SUBJECT, entra.clock.now()))
        },
        "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated credential of the application
  caused by: AADSTS700211: No matching federated identity record found for presented assertion issuer 'https://elsewhere.example'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation [IDs]
  caused by: the identity token has iss `https://elsewhere.example`, aud `api://AzureADTokenExchange`, sub `repo:acme/platform:ref:refs/heads/main`
  hint: correct the issuer of the application's federated credential, or use a token of that issuer
",
        4,
    ),
    (
        "another audience",
        Entra::new,
        |entra| {
            let now = entra.clock.now();
            with_token(entra, &entra.issuer.token("azure:acme", SUBJECT, now))
        },
        "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated credential of the application
  caused by: AADSTS700212: No matching federated identity record found for presented assertion audience 'azure:acme'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation [IDs]
  caused by: the identity token has iss `https://token.actions.example`, aud `azure:acme`, sub `repo:acme/platform:ref:refs/heads/main`
  hint: correct the audience of the application's federated credential, or use a token with that audience
",
        4,
    ),
    (
        "no federated credential",
        || Entra::with(|it| it.application().federated_credentials.clear()),
        Entra::get_token,
        "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated credential of the application
  caused by: AADSTS70025: The client '0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e' has no configured federated identity credentials. [IDs]
  caused by: [claims]
  hint: add a federated credential to the application with the token's issuer, subject and audience
",
        4,
    ),
    (
        "expired token",
        Entra::new,
        |entra| with_token(entra, &entra.issuer.expired_token(AUDIENCE, SUBJECT, 1_700_000_000)),
        "kubectl-esc: cannot get an access token for AKS: Microsoft Entra ID rejected the identity token: it expired at 2023-11-14T22:12:20Z
  caused by: AADSTS700024: Client assertion is not within its valid time range. Current time: [now], assertion valid from 2023-11-14T22:07:20Z, expiry time of assertion 2023-11-14T22:12:20Z. [IDs]
  hint: get a new identity token
",
        4,
    ),
    (
        "token from the future",
        Entra::new,
        |entra| with_token(entra, &entra.issuer.token(AUDIENCE, SUBJECT, 4_000_000_000)),
        "kubectl-esc: cannot get an access token for AKS: Microsoft Entra ID rejected the identity token as expired or not yet valid
  caused by: AADSTS700024: Client assertion is not within its valid time range. Current time: [now], assertion valid from 2096-10-02T07:06:40Z, expiry time of assertion 2096-10-02T07:11:40Z. [IDs]
  hint: get a new identity token, and check the clock of its issuer
",
        4,
    ),
    (
        "tampered token",
        Entra::new,
        |entra| {
            let now = entra.clock.now();
            with_token(entra, &entra.issuer.tampered_token(AUDIENCE, SUBJECT, now))
        },
        "kubectl-esc: cannot get an access token for AKS: Microsoft Entra ID rejected the identity token
  caused by: AADSTS50013: Assertion failed signature validation. [Reason - Key was found, but use of the key to verify the signature failed.] [IDs]
  caused by: [claims]
  hint: get a new identity token from the issuer of the application's federated credential
",
        4,
    ),
    (
        "no credential for the issuer and the subject",
        || refusing(70021, "No matching federated identity record found for presented assertion."),
        Entra::get_token,
        "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated credential of the application
  caused by: AADSTS70021: No matching federated identity record found for presented assertion. [IDs]
  caused by: [claims]
  hint: add a federated credential to the application with the token's issuer, subject and audience
",
        4,
    ),
    (
        "credential in another case",
        || refusing(7_002_137, "The subject matches with case-insensitive comparison only."),
        Entra::get_token,
        "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated credential of the application
  caused by: AADSTS7002137: The subject matches with case-insensitive comparison only. [IDs]
  caused by: [claims]
  hint: give the application's federated credential exactly the subject of the token: upper and lower case differ
",
        4,
    ),
    (
        "unknown code",
        || refusing(9_999_999, "Something else is wrong."),
        Entra::get_token,
        "kubectl-esc: cannot get an access token for AKS: Microsoft Entra ID denied the request
  caused by: AADSTS9999999: Something else is wrong. [IDs]
  caused by: [claims]
  hint: check `clientId`, `tenantId` and the application in Microsoft Entra ID
",
        4,
    ),
    (
        "unknown code for a client secret",
        || refusing(9_999_999, "Something else is wrong."),
        |entra| with_secret(entra, CLIENT, TENANT, &client_secret()),
        "kubectl-esc: cannot get an access token for AKS: Microsoft Entra ID denied the request
  caused by: AADSTS9999999: Something else is wrong. [IDs]
  hint: check `clientId`, `tenantId` and the application in Microsoft Entra ID
",
        4,
    ),
];

const APPLICATIONS: &[Row] = &[
    (
        "wrong client secret",
        Entra::new,
        |entra| with_secret(entra, CLIENT, TENANT, "example~hunter2"),
        "kubectl-esc: cannot get an access token for AKS: Microsoft Entra ID rejected the client secret
  caused by: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e'. [IDs]
  hint: check that `clientSecret` is the value of a secret of this application, not its ID
",
        4,
    ),
    (
        "expired client secret",
        || Entra::with(|it| it.application().client_secrets[0].expires_at = Some(1)),
        |entra| with_secret(entra, CLIENT, TENANT, &client_secret()),
        "kubectl-esc: cannot get an access token for AKS: the client secret of the application has expired
  caused by: AADSTS7000222: The provided client secret keys for app '0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e' are expired. [IDs]
  hint: create a new client secret, and set it as `clientSecret`
",
        4,
    ),
    (
        "unknown application",
        Entra::new,
        |entra| with_secret(entra, TENANT, TENANT, &client_secret()),
        "kubectl-esc: cannot get an access token for AKS: the application does not exist in the tenant
  caused by: AADSTS700016: Application with identifier '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d' was not found in the directory '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant. [IDs]
  hint: check `clientId` and `tenantId`
",
        4,
    ),
    (
        "unknown tenant",
        Entra::new,
        |entra| with_secret(entra, CLIENT, "other.onmicrosoft.com", &client_secret()),
        "kubectl-esc: cannot get an access token for AKS: the tenant does not exist in this cloud
  caused by: AADSTS90002: Tenant 'other.onmicrosoft.com' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant. [IDs]
  hint: check `tenantId`; for another cloud, pass `--azure-authority-host`
",
        4,
    ),
    (
        "blocked by Conditional Access",
        || Entra::with(|it| it.application().is_blocked = true),
        Entra::get_token,
        "kubectl-esc: cannot get an access token for AKS: a Conditional Access policy of the tenant blocks the application
  caused by: AADSTS53003: Access has been blocked by Conditional Access policies. The access policy does not allow token issuance. [IDs]
  hint: ask an administrator of the tenant which policy applies to the application
",
        4,
    ),
];

const SERVICE: &[Row] = &[
    (
        "busy",
        || {
            let text = "A transient error has occurred. Please try again.";
            failing(Failure::Error(EntraError::new(
                503,
                "temporarily_unavailable",
                90033,
                text,
            )))
        },
        Entra::get_token,
        "kubectl-esc: cannot get an access token for AKS: Microsoft Entra ID is temporarily unavailable
  caused by: AADSTS90033: A transient error has occurred. Please try again. [IDs]
  hint: try again in a moment
",
        5,
    ),
    (
        "another server",
        || failing(Failure::Answer(Response::new(404, "text/html", "<html>"))),
        Entra::get_token,
        "kubectl-esc: cannot get an access token for AKS: the response did not come from Microsoft Entra ID
  caused by: `127.0.0.1` sent HTTP status 404 without an error code
  hint: check `--azure-authority-host` and `AZURE_AUTHORITY_HOST`
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
        Entra::get_token,
        "kubectl-esc: the response from `127.0.0.1` has no access token
  hint: check the endpoint, and whether a proxy is answering for it
",
        5,
    ),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    IDENTITY_TOKENS.iter().chain(APPLICATIONS).chain(SERVICE)
}

/// The text with `new` for what is between `start` and `end`.
fn replaced_between(text: &str, start: &str, end: char, new: &str) -> String {
    let Some((before, rest)) = text.split_once(start) else {
        return text.to_owned();
    };
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{new}{after}")
}

#[test]
fn each_failure_has_its_message_causes_hint_and_exit_code() {
    let claims = format!(
        "the identity token has iss `https://token.actions.example`, aud `{AUDIENCE}`, sub `{SUBJECT}`"
    );
    let mut failures = Vec::new();
    for (name, entra, call, wanted, code) in rows() {
        let output = call(&entra()).run();
        let stderr = replaced_between(&output.stderr, "(trace ID ", ')', "[IDs]");
        let stderr = replaced_between(&stderr, "Current time: ", ',', "Current time: [now],");
        let wanted = wanted.replace("[claims]", &claims);
        if (stderr.as_str(), output.code) != (wanted.as_str(), *code) || !output.stdout.is_empty() {
            failures.push(format!("## {name}\n{output:#?}\nwanted: {code}\n{wanted}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_token_or_secret_is_printed_at_any_verbosity() {
    for (name, entra, call, _, code) in rows() {
        let entra = entra();
        let plugin = call(&entra).arg("-vv");
        let output = plugin.run();
        assert_eq!(output.code, *code, "{name}");
        assert!(
            output.stderr.contains("requesting an access token"),
            "{name}"
        );
        let identity = std::fs::read_to_string(plugin.path("identity")).unwrap();
        let parts = identity.split('.').map(str::to_owned);
        let secrets = parts.chain(entra.service.secrets());
        for secret in secrets.chain(["example~hunter2".to_owned()]) {
            assert!(
                !output.stderr.contains(&secret),
                "{name}: {}",
                output.stderr
            );
        }
    }
}
