//! From the response over the wire to the error.

use std::time::Duration;

use serde_json::json;

use crate::context::test_context::TestContext;
use crate::error::{Error, Kind};
use crate::gcp::endpoint::{Endpoint, Service};
use crate::gcp::iam_credentials::{GenerateAccessToken, generate_access_token};
use crate::gcp::sts::{WorkloadIdentityProvider, exchange};
use crate::http::test_server::{TestServer, http_response};
use crate::secret::Secret;

const ACCOUNT: &str = "deployer@acme.iam.gserviceaccount.com";

/// The claims are `{"iss":"https://issuer.example","sub":"alice","exp":1682640000}`.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiYWxpY2UiLCJleHAiOjE2ODI2NDAwMDB9.aHVudGVyMi1zaWduYXR1cmU";

const CALLER: &str = "ya29.hunter2-of-the-caller";

/// Half a minute after the token's expiry.
const AFTER: &str = "date: Fri, 28 Apr 2023 00:00:30 GMT\r\n";
/// Half a minute before the token's expiry.
const BEFORE: &str = "date: Thu, 27 Apr 2023 23:59:30 GMT\r\n";

#[derive(Clone, Copy)]
enum Call {
    Exchange,
    /// With a `region`.
    ExchangeIn(&'static str),
    /// With the token of an exchange.
    Impersonate,
    /// With an access token.
    ImpersonateDirectly,
}

/// The kind, message, causes and hint of the error for a response.
fn failure(call: Call, status: u16, headers: &str, body: &str) -> (Kind, String, String, String) {
    let server = TestServer::responding([http_response(status, headers, body)]);
    let url = server.url();
    let variables =
        ["STS", "IAMCREDENTIALS"].map(|name| format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}"));
    let variables = [(variables[0].as_str(), url.as_str()), (&variables[1], &url)];
    let context = TestContext::new(&variables, Duration::from_secs(20));
    let error = failing_call(call, &context);
    let text = format!("{error:?}");
    for secret in TOKEN.split('.').chain([CALLER]) {
        assert!(!text.contains(secret), "{text}");
    }
    (
        error.kind(),
        error.to_string(),
        error.causes().collect::<Vec<_>>().join("|"),
        error.hint().unwrap_or_default().to_owned(),
    )
}

fn failing_call(call: Call, context: &TestContext) -> Error {
    let endpoint = |service| Endpoint::of(service, &context.host).unwrap();
    let token = Secret::from(TOKEN);
    let impersonate = |identity_token| {
        let request = GenerateAccessToken {
            service_account: ACCOUNT,
            lifetime: Duration::from_hours(2),
            caller: &Secret::from(CALLER),
            identity_token,
            secret_inputs: &[],
        };
        let endpoint = endpoint(Service::IamCredentials);
        generate_access_token(context.get(), &endpoint, &request)
    };
    let result = match call {
        Call::Exchange | Call::ExchangeIn(_) => {
            let location = match call {
                Call::ExchangeIn(location) => location,
                _ => "global",
            };
            let provider = WorkloadIdentityProvider {
                project_number: "123456789012".to_owned(),
                location: location.to_owned(),
                pool: "github".to_owned(),
                provider: "actions".to_owned(),
            };
            let endpoint = endpoint(Service::Sts);
            exchange(context.get(), &endpoint, &provider, &token, &[])
        }
        Call::Impersonate => impersonate(Some(&token)),
        Call::ImpersonateDirectly => impersonate(None),
    };
    result.unwrap_err()
}

fn oauth(error: &str, description: &str) -> String {
    json!({"error": error, "error_description": description}).to_string()
}

fn api(code: u16, status: &str, message: &str, reason: &str) -> String {
    let help = json!({"@type": "type.googleapis.com/google.rpc.Help", "links": []});
    let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason});
    let error = json!({
        "code": code, "message": message, "status": status, "details": [help, info],
    });
    json!({"error": error}).to_string()
}

const PROVIDER: &str =
    "projects/123456789012/locations/global/workloadIdentityPools/github/providers/actions";

const CLAIMS: &str = "|the identity token has iss `https://issuer.example`, sub `alice`";

#[test]
fn errors_of_sts_have_their_kind_message_cause_and_hint() {
    let exists = format!(
        "the workload identity provider `{PROVIDER}` does not exist, or it or its pool is disabled"
    );
    let condition =
        format!("the workload identity provider `{PROVIDER}` does not allow this identity");
    let audience = format!(
        "allow the audience in the workload identity provider, or get a token for the audience `https://iam.googleapis.com/{PROVIDER}`"
    );
    let malformed = format!("`{PROVIDER}` is not the name of a workload identity provider");
    let full_name = "Invalid value for \"audience\". This value should be the full resource name";
    for (call, headers, error, text, kind, message, hint) in [
        (
            Call::Exchange,
            "",
            "invalid_request",
            full_name,
            Kind::Definition,
            malformed.clone(),
            "check `project`, `workloadPoolId` and `providerId`",
        ),
        (
            Call::ExchangeIn("eu"),
            "",
            "invalid_request",
            full_name,
            Kind::Definition,
            malformed.replace("global", "eu"),
            "remove `region`: workload identity pools are in the location `global`",
        ),
        (
            Call::Exchange,
            "",
            "invalid_target",
            "The target service indicated by the \"audience\" parameters is invalid.",
            Kind::Denied,
            exists,
            "check `project`, `workloadPoolId` and `providerId`, and that the pool and the provider are enabled",
        ),
        (
            Call::Exchange,
            "",
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
            Kind::Denied,
            condition.clone(),
            "check the attribute condition of the provider",
        ),
        (
            Call::Exchange,
            "",
            "invalid_grant",
            "The given credential is rejected by the attribute condition.",
            Kind::Denied,
            condition,
            "check the attribute condition of the provider",
        ),
        (
            Call::Exchange,
            AFTER,
            "invalid_grant",
            "ID Token issued at 1 is stale to sign-in.",
            Kind::Denied,
            "Google STS rejected the identity token: it expired at 2023-04-28T00:00:00Z".to_owned(),
            "get a new identity token",
        ),
        (
            Call::Exchange,
            BEFORE,
            "invalid_grant",
            "ID Token issued at null is stale to sign-in.",
            Kind::Denied,
            "Google STS rejected the identity token as expired or not yet valid".to_owned(),
            "get a new identity token, with the claims `iat` and `exp`",
        ),
        (
            Call::Exchange,
            "",
            "invalid_grant",
            "The audience in ID Token [other] does not match the expected audience.",
            Kind::Denied,
            "Google STS rejected the audience of the identity token".to_owned(),
            &audience,
        ),
        (
            Call::Exchange,
            "",
            "invalid_grant",
            "The issuer in ID Token https://a does not match the expected one in config",
            Kind::Denied,
            "Google STS rejected the identity token".to_owned(),
            "check the issuer of the workload identity provider",
        ),
        (
            Call::Exchange,
            "",
            "invalid_grant",
            "Unable to verify the ID Token signature.",
            Kind::Denied,
            "Google STS rejected the identity token".to_owned(),
            "get a new identity token from the issuer of the workload identity provider",
        ),
        (
            Call::Exchange,
            "",
            "invalid_grant",
            "Error connecting to the given credential's issuer.",
            Kind::Unavailable,
            "Google STS cannot get the key that signed the identity token".to_owned(),
            "try again; if it persists, check that the issuer publishes the key and is reachable from the internet",
        ),
        (
            Call::Exchange,
            "",
            "invalid_scope",
            "Invalid scope",
            Kind::Configuration,
            "Google STS rejected the request for an access token".to_owned(),
            "check `project`, `workloadPoolId` and `providerId`",
        ),
    ] {
        let claims = if kind == Kind::Denied { CLAIMS } else { "" };
        assert_eq!(
            failure(call, 400, headers, &oauth(error, text)),
            (
                kind,
                message,
                format!("{error}: {text}{claims}"),
                hint.to_owned()
            ),
            "{error}: {text}"
        );
    }
}

#[test]
fn errors_of_iam_credentials_have_their_kind_message_cause_and_hint() {
    let not_allowed = format!(
        "this identity is not allowed to impersonate the service account `{ACCOUNT}`, or the account does not exist"
    );
    let denied = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource";
    for (call, status, code, reason, text, kind, message, hint) in [
        (
            Call::Impersonate,
            403,
            "PERMISSION_DENIED",
            "IAM_PERMISSION_DENIED",
            denied,
            Kind::Denied,
            not_allowed.clone(),
            "check `serviceAccount`, and grant the identity the role `roles/iam.workloadIdentityUser` on it",
        ),
        (
            Call::ImpersonateDirectly,
            403,
            "PERMISSION_DENIED",
            "IAM_PERMISSION_DENIED",
            denied,
            Kind::Denied,
            not_allowed.clone(),
            "check `serviceAccount`, and grant the identity the role `roles/iam.serviceAccountTokenCreator` on it",
        ),
        (
            Call::Impersonate,
            404,
            "NOT_FOUND",
            "",
            "Not found; Gaia id not found for email",
            Kind::Denied,
            not_allowed,
            "check `serviceAccount`, and grant the identity the role `roles/iam.workloadIdentityUser` on it",
        ),
        (
            Call::Impersonate,
            400,
            "INVALID_ARGUMENT",
            "",
            "Access tokens can not have lifetimes of more than 1 hour.",
            Kind::Definition,
            format!("Google IAM rejected the token lifetime for the service account `{ACCOUNT}`"),
            "set `tokenLifetime: 1h` or less, or allow up to 12 hours with the organization policy `constraints/iam.allowServiceAccountCredentialLifetimeExtension`",
        ),
        (
            Call::Impersonate,
            400,
            "INVALID_ARGUMENT",
            "",
            "Request contains an invalid argument.",
            Kind::Configuration,
            format!(
                "Google IAM rejected the request for a token of the service account `{ACCOUNT}`"
            ),
            "check `serviceAccount` and `tokenLifetime`",
        ),
        (
            Call::Impersonate,
            403,
            "PERMISSION_DENIED",
            "SERVICE_DISABLED",
            "IAM Service Account Credentials API has not been used in project 1 before or it is disabled. Enable it by visiting",
            Kind::Denied,
            "the IAM Service Account Credentials API is not enabled in the Google Cloud project"
                .to_owned(),
            "run `gcloud services enable iamcredentials.googleapis.com`, and try again after a few minutes",
        ),
        (
            Call::Exchange,
            403,
            "PERMISSION_DENIED",
            "",
            "Security Token Service API has not been used in project 1 before or it is disabled. Enable it by visiting",
            Kind::Denied,
            "the Security Token Service API is not enabled in the Google Cloud project".to_owned(),
            "run `gcloud services enable sts.googleapis.com`, and try again after a few minutes",
        ),
        (
            Call::Exchange,
            403,
            "PERMISSION_DENIED",
            "",
            "Request is prohibited by organization's policy.",
            Kind::Denied,
            "Google STS denied the exchange of the identity token".to_owned(),
            "check the organization policies and service perimeters of the project",
        ),
        (
            Call::ImpersonateDirectly,
            401,
            "UNAUTHENTICATED",
            "ACCESS_TOKEN_EXPIRED",
            "Request had invalid authentication credentials.",
            Kind::Denied,
            "Google IAM rejected the access token".to_owned(),
            "get a new access token: it may be expired or revoked",
        ),
        (
            Call::ImpersonateDirectly,
            403,
            "PERMISSION_DENIED",
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "Request had insufficient authentication scopes.",
            Kind::Denied,
            "the access token lacks the scope to impersonate a service account".to_owned(),
            "get an access token with the scope `https://www.googleapis.com/auth/cloud-platform`",
        ),
    ] {
        let has_claims = kind == Kind::Denied && !matches!(call, Call::ImpersonateDirectly);
        let claims = if has_claims { CLAIMS } else { "" };
        assert_eq!(
            failure(call, status, "", &api(status, code, text, reason)),
            (
                kind,
                message,
                format!("{code}: {text}{claims}"),
                hint.to_owned()
            ),
            "{code} {reason}"
        );
    }
}

#[test]
fn other_responses_are_not_from_google() {
    let page = "<html>hunter2";
    let busy = |service: &str| format!("{service} is temporarily unavailable");
    let other = |service: &str| format!("the response did not come from {service}");
    let (sts, iam) = ("Google STS", "Google IAM");
    for (call, status, body, message, sent) in [
        (
            Call::Exchange,
            404,
            page,
            other(sts),
            "HTTP status 404 without an error code",
        ),
        (
            Call::Impersonate,
            302,
            "",
            other(iam),
            "HTTP status 302 without an error code",
        ),
        (
            Call::Impersonate,
            400,
            r#"{"error": {"message": "hunter2"}}"#,
            other(iam),
            "HTTP status 400 without an error code",
        ),
        (
            Call::Impersonate,
            200,
            page,
            other(iam),
            "a response without an access token and its expiry",
        ),
        (
            Call::Impersonate,
            200,
            r#"{"accessToken": "hunter2"}"#,
            other(iam),
            "a response without an access token and its expiry",
        ),
        (
            Call::Impersonate,
            200,
            r#"{"accessToken": "", "expireTime": "2023-04-28T01:00:00Z"}"#,
            other(iam),
            "a response without an access token and its expiry",
        ),
        (
            Call::Exchange,
            502,
            page,
            busy(sts),
            "HTTP status 502 without an error code",
        ),
        (
            Call::Impersonate,
            502,
            page,
            busy(iam),
            "HTTP status 502 without an error code",
        ),
    ] {
        let (kind, text, cause, hint) = failure(call, status, "", body);
        assert_eq!((kind, text), (Kind::Unavailable, message), "{body}");
        assert_eq!(cause, format!("`127.0.0.1` sent {sent}"), "{body}");
        let is_busy = status >= 500;
        assert_eq!(hint == "try again in a moment", is_busy, "{body}: {hint}");
        let variable = "check the endpoint in `CLOUDSDK_API_ENDPOINT_OVERRIDES_";
        assert_eq!(hint.starts_with(variable), !is_busy, "{body}: {hint}");
    }
    let body = api(429, "RESOURCE_EXHAUSTED", "Quota exceeded", "");
    let (kind, text, cause, _) = failure(Call::Impersonate, 429, "", &body);
    assert_eq!((kind, text), (Kind::Unavailable, busy(iam)));
    assert_eq!(cause, "RESOURCE_EXHAUSTED: Quota exceeded");
}

#[test]
fn repeated_secrets_are_redacted() {
    let escaped = TOKEN.replace('.', "%2E");
    let signature = TOKEN.rsplit('.').next().unwrap();
    let text = format!(
        "{TOKEN} {escaped} {signature}\n\u{1b}[31m{}",
        "x".repeat(2000)
    );
    let (_, _, cause, _) = failure(Call::Exchange, 400, "", &oauth("invalid_grant", &text));
    let start = "invalid_grant: [secret] [secret]%2E[secret]%2E[secret] [secret] [31mxxx";
    assert!(cause.starts_with(start), "{cause}");
    assert!(cause.len() < 1200, "{cause}");
    let text = format!("Bearer {CALLER} and {TOKEN}");
    let body = api(403, &text, &text, "");
    let (_, _, cause, _) = failure(Call::Impersonate, 403, "", &body);
    let redacted = "Bearer [secret] and [secret]";
    assert_eq!(cause, format!("{redacted}: {redacted}{CLAIMS}"));
}
