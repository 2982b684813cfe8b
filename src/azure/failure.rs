//! The wording of failed requests to the token endpoint of Microsoft Entra ID: each error code's kind,
//! message and hint.
//!
//! Codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>. Microsoft may change
//! them, so they decide only the wording; the kind depends on the status.

use serde::Deserialize;

use crate::azure::authority::AuthorityHost;
use crate::azure::{AzureLogin, Proof};
use crate::error::{Error, Kind, one_line};
use crate::http::{Response, is_busy, redacted, shortened};
use crate::identity_token;

/// The name of the service in messages.
const ENTRA: &str = "Microsoft Entra ID";

/// Longer trace and correlation IDs are not Microsoft's, in bytes: they are UUIDs.
const LONGEST_ID: usize = 64;

/// The body of a response with an error (RFC 6749, section 5.2), with Microsoft's extensions.
#[derive(Deserialize)]
struct EntraError {
    error: String,
    #[serde(default)]
    error_description: String,
    /// The numbers in `AADSTS…`.
    #[serde(default)]
    error_codes: Vec<u32>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
}

/// What an error code means.
#[derive(Clone, Copy, PartialEq)]
enum Reason {
    Busy,
    ConditionalAccess,
    Expired,
    FederatedCredential(&'static str),
    InvalidToken,
    Other,
    SecretExpired,
    SecretRejected,
    UnknownApplication,
    UnknownTenant,
}

impl Reason {
    fn of(code: u32) -> Self {
        match code {
            50013 | 50027 => Self::InvalidToken,
            53003 => Self::ConditionalAccess,
            700_024 => Self::Expired,
            70021 | 70025 => Self::FederatedCredential(
                "add a federated credential to the application with the token's issuer, subject and audience",
            ),
            700_211 => Self::FederatedCredential(
                "correct the issuer of the application's federated credential, or use a token of that issuer",
            ),
            700_212 => Self::FederatedCredential(
                "correct the audience of the application's federated credential, or use a token with that audience",
            ),
            700_213 | 7_002_131 => Self::FederatedCredential(
                "correct the subject of the application's federated credential, or use a token with that subject",
            ),
            7_002_137 | 7_002_138 => Self::FederatedCredential(
                "give the application's federated credential exactly the subject of the token: upper and lower case differ",
            ),
            700_016 => Self::UnknownApplication,
            90002 | 900_023 => Self::UnknownTenant,
            7_000_215 => Self::SecretRejected,
            7_000_222 => Self::SecretExpired,
            _ => Self::Other,
        }
    }

    /// Whether the secret or the identity token is the reason.
    fn rejects_login(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::InvalidToken | Self::SecretExpired | Self::SecretRejected
        )
    }

    fn wording(self, login: &AzureLogin, response: &Response) -> (Kind, String, &'static str) {
        match self {
            Self::Busy => (
                Kind::Unavailable,
                format!("{ENTRA} is temporarily unavailable"),
                "try again in a moment",
            ),
            Self::ConditionalAccess => (
                Kind::Denied,
                "a Conditional Access policy of the tenant blocks the application".to_owned(),
                "ask an administrator of the tenant which policy applies to the application",
            ),
            Self::Expired => expired_wording(&login.proof, response),
            Self::FederatedCredential(hint) => (
                Kind::Denied,
                "the identity token matches no federated credential of the application".to_owned(),
                hint,
            ),
            Self::InvalidToken => (
                Kind::Denied,
                "Microsoft Entra ID rejected the identity token".to_owned(),
                "get a new identity token from the issuer of the application's federated credential",
            ),
            Self::SecretExpired => (
                Kind::Denied,
                "the client secret of the application has expired".to_owned(),
                "create a new client secret, and set it as `clientSecret`",
            ),
            Self::SecretRejected => (
                Kind::Denied,
                "Microsoft Entra ID rejected the client secret".to_owned(),
                "check that `clientSecret` is the value of a secret of this application, not its ID",
            ),
            Self::UnknownApplication => (
                Kind::Denied,
                "the application does not exist in the tenant".to_owned(),
                "check `clientId` and `tenantId`",
            ),
            Self::UnknownTenant => (
                Kind::Denied,
                "the tenant does not exist in this cloud".to_owned(),
                "check `tenantId`; for another cloud, pass `--azure-authority-host`",
            ),
            Self::Other => (
                Kind::Denied,
                "Microsoft Entra ID denied the request".to_owned(),
                "check `clientId`, `tenantId` and the application in Microsoft Entra ID",
            ),
        }
    }
}

/// The error for a response whose status is not 200.
pub(super) fn rejection(
    authority: &AuthorityHost,
    login: &AzureLogin,
    response: &Response,
) -> Error {
    explanation(authority, login, response).within("cannot get an access token for AKS")
}

fn explanation(authority: &AuthorityHost, login: &AzureLogin, response: &Response) -> Error {
    let status = response.status;
    // The parser's error is dropped: it would quote the response.
    let error = serde_json::from_slice::<EntraError>(response.body.expose());
    let (reason, cause) = match &error {
        Ok(error) if is_busy(status) => (Reason::Busy, cause(error, login)),
        Ok(error) if matches!(status, 400 | 401 | 403) => {
            let code = error.error_codes.first().copied().unwrap_or_default();
            (Reason::of(code), cause(error, login))
        }
        _ => {
            let host = authority.host();
            let cause = format!("`{host}` sent HTTP status {status} without an error code");
            if !is_busy(status) {
                return not_from_microsoft(authority).caused_by(cause);
            }
            (Reason::Busy, cause)
        }
    };
    let (kind, message, hint) = reason.wording(login, response);
    let error = Error::new(kind, message)
        .with_hint(hint)
        .rejecting_login(reason.rejects_login());
    match claims(reason, &login.proof) {
        Some(claims) => error.caused_by(Error::new(kind, cause).caused_by(claims)),
        None => error.caused_by(cause),
    }
}

/// The error for a response that Microsoft cannot have sent.
fn not_from_microsoft(authority: &AuthorityHost) -> Error {
    let hint = if authority.is_known() {
        "check the network: a proxy or a sign-in page may be answering for Microsoft"
    } else {
        "check `--azure-authority-host` and `AZURE_AUTHORITY_HOST`"
    };
    let message = format!("the response did not come from {ENTRA}");
    Error::new(Kind::Unavailable, message).with_hint(hint)
}

/// Microsoft's clock decides, so the claim `exp` is quoted only if it agrees.
fn expired_wording(proof: &Proof, response: &Response) -> (Kind, String, &'static str) {
    let expiry = match proof {
        Proof::Assertion(token) => identity_token::expiry(token),
        Proof::ClientSecret(_) => None,
    };
    match expiry.filter(|expiry| response.date.is_some_and(|now| *expiry <= now)) {
        Some(expiry) => (
            Kind::Denied,
            format!("Microsoft Entra ID rejected the identity token: it expired at {expiry}"),
            "get a new identity token",
        ),
        None => (
            Kind::Denied,
            "Microsoft Entra ID rejected the identity token as expired or not yet valid".to_owned(),
            "get a new identity token, and check the clock of its issuer",
        ),
    }
}

/// The claims of an identity token, if it may be the cause.
fn claims(reason: Reason, proof: &Proof) -> Option<String> {
    let is_about_token = matches!(
        reason,
        Reason::FederatedCredential(_) | Reason::InvalidToken | Reason::Other
    );
    match proof {
        Proof::Assertion(token) if is_about_token => identity_token::describe_claims(token),
        _ => None,
    }
}

/// Microsoft's own words, such as `AADSTS700016: … (trace ID …, correlation ID …)`.
fn cause(error: &EntraError, login: &AzureLogin) -> String {
    let (Proof::Assertion(secret) | Proof::ClientSecret(secret)) = &login.proof;
    let redacted = |text: &str| redacted(text, &[secret.expose()]);
    let shown = |text: &str| shortened(&one_line(&redacted(text)));
    let description = redacted(&error.error_description);
    // The IDs follow on lines of their own, or on the same line.
    let description = description.split("Trace ID:").next();
    let description = description.and_then(|text| text.trim().lines().next());
    let text = match description.map(shown) {
        Some(text) if text.starts_with("AADSTS") => text,
        Some(text) => format!("{}: {text}", shown(&error.error)),
        None => shown(&error.error),
    };
    let ids = [
        ("trace ID", &error.trace_id),
        ("correlation ID", &error.correlation_id),
    ];
    let ids = ids.iter().filter_map(|(name, id)| {
        let id = id
            .as_deref()
            .filter(|id| (1..=LONGEST_ID).contains(&id.len()))?;
        Some(format!("{name} {}", shown(id)))
    });
    let ids: Vec<_> = ids.collect();
    match ids.as_slice() {
        [] => text,
        ids => format!("{text} ({})", ids.join(", ")),
    }
}

#[cfg(test)]
mod tests;
