//! From the response over the wire to the error.

use std::time::Duration;

use serde_json::json;

use crate::azure::authority::AuthorityHost;
use crate::azure::token_endpoint::request_aks_token;
use crate::azure::{AzureLogin, Proof};
use crate::context::test_context::{TestContext, test_context};
use crate::error::{Error, Kind};
use crate::http::test_server::{SelfSignedCert, TestServer, http_response};
use crate::secret::Secret;

/// The claims are `{"iss":"https://issuer.example","sub":"alice","exp":1682640000}`.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiYWxpY2UiLCJleHAiOjE2ODI2NDAwMDB9.aHVudGVyMi1zaWduYXR1cmU";

const CLIENT_SECRET: &str = "hunter2~Q8~a+b/c";

/// Half a minute after the token's expiry.
const AFTER: &str = "date: Fri, 28 Apr 2023 00:00:30 GMT\r\n";
/// Half a minute before the token's expiry.
const BEFORE: &str = "date: Thu, 27 Apr 2023 23:59:30 GMT\r\n";

const CLAIMS: &str = "|the identity token has iss `https://issuer.example`, sub `alice`";

const IDS: &str = " (trace ID 7d2c0b1e-0000, correlation ID 5f3a9c44-0000)";

/// The kind, message, causes and hint of an error.
type Parts = (Kind, String, String, String);

fn assertion() -> Proof {
    Proof::Assertion(Secret::from(TOKEN))
}

fn client_secret() -> Proof {
    Proof::ClientSecret(Secret::from(CLIENT_SECRET))
}

/// The error for a response to a request with this proof.
fn failure(proof: Proof, status: u16, headers: &str, body: &str) -> Parts {
    let server = TestServer::responding([http_response(status, headers, body)]);
    let authority = AuthorityHost::parse(&server.url()).unwrap();
    parts(&request(&test_context(), &authority, proof))
}

fn request(context: &TestContext, authority: &AuthorityHost, proof: Proof) -> Error {
    let login = AzureLogin {
        client_id: "5c1f".to_owned(),
        tenant_id: "acme.onmicrosoft.com".to_owned(),
        proof,
    };
    request_aks_token(context.get(), authority, &login).unwrap_err()
}

fn parts(error: &Error) -> Parts {
    let text = format!("{error:?}");
    for secret in TOKEN.split('.').chain(["hunter2"]) {
        assert!(!text.contains(secret), "{text}");
    }
    let message = error.to_string();
    let message = message.strip_prefix("cannot get an access token for AKS: ");
    (
        error.kind(),
        message.unwrap().to_owned(),
        error.causes().collect::<Vec<_>>().join("|"),
        error.hint().unwrap_or_default().to_owned(),
    )
}

/// A body as Microsoft sends it, with the IDs on lines of their own.
fn body(error: &str, code: u32, text: &str) -> String {
    json!({
        "error": error,
        "error_description": format!(
            "AADSTS{code}: {text}\r\nTrace ID: 7d2c0b1e-0000\r\nCorrelation ID: 5f3a9c44-0000\r\n\
             Timestamp: 2023-04-28 00:00:30Z"
        ),
        "error_codes": [code],
        "timestamp": "2023-04-28 00:00:30Z",
        "trace_id": "7d2c0b1e-0000",
        "correlation_id": "5f3a9c44-0000",
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    })
    .to_string()
}

#[test]
fn error_codes_for_identity_tokens_have_their_message_causes_and_hint() {
    let mismatch = "the identity token matches no federated credential of the application";
    let denied = "Microsoft Entra ID denied the request";
    let rejected = "Microsoft Entra ID rejected the identity token";
    let of_issuer =
        "get a new identity token from the issuer of the application's federated credential";
    let not_current = "Microsoft Entra ID rejected the identity token as expired or not yet valid";
    let expired =
        "Microsoft Entra ID rejected the identity token: it expired at 2023-04-28T00:00:00Z";
    for (code, headers, message, claims, hint) in [
        (
            70_021,
            "",
            mismatch,
            CLAIMS,
            "add a federated credential to the application with the token's issuer, subject and audience",
        ),
        (
            70_025,
            "",
            mismatch,
            CLAIMS,
            "add a federated credential to the application with the token's issuer, subject and audience",
        ),
        (
            700_211,
            "",
            mismatch,
            CLAIMS,
            "correct the issuer of the application's federated credential, or use a token of that issuer",
        ),
        (
            700_212,
            "",
            mismatch,
            CLAIMS,
            "correct the audience of the application's federated credential, or use a token with that audience",
        ),
        (
            700_213,
            "",
            mismatch,
            CLAIMS,
            "correct the subject of the application's federated credential, or use a token with that subject",
        ),
        (
            7_002_131,
            "",
            mismatch,
            CLAIMS,
            "correct the subject of the application's federated credential, or use a token with that subject",
        ),
        (
            7_002_137,
            "",
            mismatch,
            CLAIMS,
            "give the application's federated credential exactly the subject of the token: upper and lower case differ",
        ),
        (
            7_002_138,
            "",
            mismatch,
            CLAIMS,
            "give the application's federated credential exactly the subject of the token: upper and lower case differ",
        ),
        (700_024, AFTER, expired, "", "get a new identity token"),
        (
            700_024,
            BEFORE,
            not_current,
            "",
            "get a new identity token, and check the clock of its issuer",
        ),
        (
            700_016,
            "",
            "the application does not exist in the tenant",
            "",
            "check `clientId` and `tenantId`",
        ),
        (
            90_002,
            "",
            "the tenant does not exist in this cloud",
            "",
            "check `tenantId`; for another cloud, pass `--azure-authority-host`",
        ),
        (
            900_023,
            "",
            "the tenant does not exist in this cloud",
            "",
            "check `tenantId`; for another cloud, pass `--azure-authority-host`",
        ),
        (
            53_003,
            "",
            "a Conditional Access policy of the tenant blocks the application",
            "",
            "ask an administrator of the tenant which policy applies to the application",
        ),
        (50_013, "", rejected, CLAIMS, of_issuer),
        (50_027, "", rejected, CLAIMS, of_issuer),
        (
            50_000,
            "",
            denied,
            CLAIMS,
            "check `clientId`, `tenantId` and the application in Microsoft Entra ID",
        ),
    ] {
        let body = body("invalid_client", code, "The text.");
        let cause = format!("AADSTS{code}: The text.{IDS}{claims}");
        for status in [400, 401, 403] {
            let parts = failure(assertion(), status, headers, &body);
            let want = (
                Kind::Denied,
                message.to_owned(),
                cause.clone(),
                hint.to_owned(),
            );
            assert_eq!(parts, want, "{code}");
        }
    }
}

#[test]
fn error_codes_for_client_secrets_have_their_message_and_hint() {
    for (code, message, hint) in [
        (
            7_000_215,
            "Microsoft Entra ID rejected the client secret",
            "check that `clientSecret` is the value of a secret of this application, not its ID",
        ),
        (
            7_000_222,
            "the client secret of the application has expired",
            "create a new client secret, and set it as `clientSecret`",
        ),
        (
            700_016,
            "the application does not exist in the tenant",
            "check `clientId` and `tenantId`",
        ),
        (
            500_011,
            "Microsoft Entra ID denied the request",
            "check `clientId`, `tenantId` and the application in Microsoft Entra ID",
        ),
    ] {
        let body = body("invalid_client", code, "The text.");
        let cause = format!("AADSTS{code}: The text.{IDS}");
        let want = (Kind::Denied, message.to_owned(), cause, hint.to_owned());
        assert_eq!(failure(client_secret(), 401, "", &body), want, "{code}");
    }
}

#[test]
fn cause_is_the_first_line_of_the_description() {
    let long = "x".repeat(2_000);
    for (body, cause) in [
        (
            json!({"error": "invalid_request", "error_description":
                "AADSTS900144: No scope. Trace ID: 1 Correlation ID: 2 Timestamp: 3",
                "trace_id": "1", "correlation_id": ""}),
            "AADSTS900144: No scope. (trace ID 1)".to_owned(),
        ),
        (
            json!({"error": "invalid_request", "error_description": "no\u{1b}[31m scope\nmore"}),
            "invalid_request: no [31m scope".to_owned(),
        ),
        (
            json!({"error": "invalid_scope"}),
            "invalid_scope".to_owned(),
        ),
        (
            json!({"error": "invalid_scope", "error_description": format!("AADSTS1: {long}")}),
            format!("AADSTS1: {}…", &long[..991]),
        ),
    ] {
        let parts = failure(client_secret(), 400, "", &body.to_string());
        assert_eq!(parts.2, cause);
    }
}

#[test]
fn secrets_that_the_server_repeats_are_redacted() {
    let signature = TOKEN.split('.').nth(2).unwrap();
    for (proof, text, cause) in [
        (
            assertion(),
            format!("AADSTS50027: token {TOKEN}, signed {signature}"),
            // The token is too long for an ID.
            format!("AADSTS50027: token [secret], signed [secret]{CLAIMS}"),
        ),
        (
            client_secret(),
            format!("AADSTS50027: secret {CLIENT_SECRET} or hunter2~Q8~a%2Bb%2Fc"),
            "AADSTS50027: secret [secret] or [secret] (trace ID [secret])".to_owned(),
        ),
    ] {
        let secret = match &proof {
            Proof::Assertion(secret) | Proof::ClientSecret(secret) => secret.expose().clone(),
        };
        let body =
            json!({"error": "invalid_client", "error_description": text, "trace_id": secret});
        assert_eq!(failure(proof, 401, "", &body.to_string()).2, cause);
    }
}

#[test]
fn other_statuses_are_no_answer_of_microsoft_or_temporary() {
    let busy = "Microsoft Entra ID is temporarily unavailable";
    let other = "the response did not come from Microsoft Entra ID";
    let again = "try again in a moment";
    let check = "check `--azure-authority-host` and `AZURE_AUTHORITY_HOST`";
    let error = body(
        "temporarily_unavailable",
        90033,
        "A transient error has occurred.",
    );
    let page = "<html>hunter2</html>";
    let transient = format!("AADSTS90033: A transient error has occurred.{IDS}");
    // The server asks for a retry after the deadline, so there is none.
    let later = "retry-after: 3600\r\n";
    for (status, body, message, cause, hint) in [
        (429, error.as_str(), busy, transient.as_str(), again),
        (503, &error, busy, &transient, again),
        (
            503,
            page,
            busy,
            "`127.0.0.1` sent HTTP status 503 without an error code",
            again,
        ),
        (
            400,
            page,
            other,
            "`127.0.0.1` sent HTTP status 400 without an error code",
            check,
        ),
        (
            302,
            "",
            other,
            "`127.0.0.1` sent HTTP status 302 without an error code",
            check,
        ),
        (
            404,
            "{}",
            other,
            "`127.0.0.1` sent HTTP status 404 without an error code",
            check,
        ),
    ] {
        let parts = failure(assertion(), status, later, body);
        let want = (
            Kind::Unavailable,
            message.to_owned(),
            cause.to_owned(),
            hint.to_owned(),
        );
        assert_eq!(parts, want, "{status}");
    }
}

#[test]
fn sign_in_page_in_place_of_microsoft_is_a_problem_of_the_network() {
    let authority = AuthorityHost::default();
    let certificate = SelfSignedCert::new(&authority.host(), 2999);
    let proxy = TestServer::proxy(&certificate, http_response(403, "", "<html>"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, certificate.pem()).unwrap();
    let variables = [
        ("HTTPS_PROXY", proxy.url()),
        ("SSL_CERT_FILE", file.path().to_str().unwrap().to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let context = TestContext::new(&variables, Duration::from_secs(20));
    let parts = parts(&request(&context, &authority, assertion()));
    let hint = "check the network: a proxy or a sign-in page may be answering for Microsoft";
    assert_eq!(parts.1, "the response did not come from Microsoft Entra ID");
    assert_eq!(parts.3, hint);
    let tunnel = "CONNECT login.microsoftonline.com:443 ";
    assert!(
        proxy.requests()[0].starts_with(tunnel),
        "{:?}",
        proxy.requests()
    );
}
