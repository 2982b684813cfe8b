//! `POST /TENANT/oauth2/v2.0/token` with the grant type `client_credentials`.

use std::collections::BTreeMap;

use encodings::percent;
use encodings::timestamp::{self, Seconds};
use serde_json::{Value, json};

use super::configuration::{Application, Configuration, FederatedCredential, Tenant};
use super::error::EntraError;
use super::{AKS, entra};
use crate::MARKER;
use crate::http::Request;
use crate::identity_token::{Rejection, Token};

/// The tolerance for an issuer's clock that is ahead, in seconds.
const LEEWAY: Seconds = 300;

/// The lifetime of access tokens, in seconds. Microsoft's is an hour to an hour and a half.
const LIFETIME: Seconds = 3599;

/// The tenant in the path; `None` for other paths.
pub(super) fn tenant_name(request: &Request) -> Option<String> {
    let path = request.target.strip_prefix('/')?;
    let tenant = path.strip_suffix("/oauth2/v2.0/token")?;
    let is_segment = !tenant.is_empty() && !tenant.contains(['/', '?']);
    is_segment.then(|| percent::decode(tenant)).flatten()
}

/// The form of a request. Of a repeated name it has the last value.
pub(super) fn parameters(request: &Request) -> BTreeMap<String, String> {
    let text = std::str::from_utf8(&request.body).unwrap_or_default();
    let pairs = percent::pairs(text).unwrap_or_default();
    pairs.into_iter().collect()
}

/// Issues an access token.
pub(super) fn issue(
    configuration: &Configuration,
    request: &Request,
    parameters: &BTreeMap<String, String>,
    now: Seconds,
) -> Result<Value, EntraError> {
    let tenant = tenant(configuration, &tenant_name(request).unwrap_or_default())?;
    check_request(request, parameters)?;
    let client_id = &parameters["client_id"];
    let mut applications = tenant.applications.iter();
    let application = applications
        .find(|application| application.client_id.eq_ignore_ascii_case(client_id))
        .ok_or_else(|| {
            let text = format!(
                "Application with identifier '{client_id}' was not found in the directory '{}'. This can \
                 happen if the application has not been installed by the administrator of the tenant or \
                 consented to by any user in the tenant. You may have sent your authentication request to \
                 the wrong tenant.",
                tenant.id
            );
            EntraError::new(400, "unauthorized_client", 700_016, text)
        })?;
    match (
        parameters.get("client_assertion"),
        parameters.get("client_secret"),
    ) {
        (Some(token), None) => check_assertion(configuration, application, token, now)?,
        (None, Some(secret)) => check_secret(application, secret, now)?,
        _ => {
            return Err(EntraError::request(
                7_000_216,
                "'client_assertion', 'client_secret' or 'request' is required for the \
                 'client_credentials' grant type.",
            ));
        }
    }
    if application.is_blocked {
        let text = "Access has been blocked by Conditional Access policies. The access policy does not \
                    allow token issuance.";
        return Err(EntraError::new(400, "access_denied", 53003, text));
    }
    let lifetime = configuration.lifetime.unwrap_or(LIFETIME);
    Ok(json!({
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": access_token(tenant, application, now, lifetime),
    }))
}

/// A token with the claims that AKS reads.
fn access_token(
    tenant: &Tenant,
    application: &Application,
    now: Seconds,
    lifetime: Seconds,
) -> String {
    let issuer = entra(&tenant.id);
    let mut claims = issuer.claims(AKS, &application.object_id, now);
    let more = [
        ("appid", &application.client_id),
        ("oid", &application.object_id),
        ("tid", &tenant.id),
        ("uti", &MARKER.to_owned()),
    ];
    claims.extend(more.map(|(name, value)| (name.to_owned(), json!(value))));
    claims.insert("exp".to_owned(), json!(now + lifetime));
    issuer.sign(&claims)
}

fn tenant<'c>(configuration: &'c Configuration, name: &str) -> Result<&'c Tenant, EntraError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !name.contains(['-', '.']) || !name.chars().all(is_allowed) {
        let text = format!(
            "Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid external \
             domain."
        );
        return Err(EntraError::request(900_023, text));
    }
    let is_named = |tenant: &&Tenant| {
        let mut names = std::iter::once(&tenant.id).chain(&tenant.domains);
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    configuration.tenants.iter().find(is_named).ok_or_else(|| {
        let text = format!(
            "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing \
             into the correct cloud. Check with your subscription administrator, this may happen if there \
             are no active subscriptions for the tenant."
        );
        EntraError::request(90002, text)
    })
}

fn check_request(
    request: &Request,
    parameters: &BTreeMap<String, String>,
) -> Result<(), EntraError> {
    let content_type = request.header("content-type").unwrap_or_default();
    if content_type.split(';').next() != Some("application/x-www-form-urlencoded") {
        return Err(EntraError::missing("grant_type"));
    }
    // Stricter than Microsoft.
    let pairs = String::from_utf8_lossy(&request.body).split('&').count();
    if pairs != parameters.len() || request.header("authorization").is_some() {
        let text = "a parameter is malformed or occurs twice, or there is an Authorization header";
        return Err(EntraError::request(90014, text));
    }
    let known = [
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "grant_type",
        "scope",
    ];
    let mut names = parameters.keys();
    if let Some(unknown) = names.find(|name| !known.contains(&name.as_str())) {
        return Err(EntraError::request(
            90014,
            format!("unknown parameter {unknown}"),
        ));
    }
    for name in ["grant_type", "client_id", "scope"] {
        if parameters.get(name).is_none_or(String::is_empty) {
            return Err(EntraError::missing(name));
        }
    }
    let grant_type = &parameters["grant_type"];
    if grant_type != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{grant_type}'.");
        return Err(EntraError::new(400, "unsupported_grant_type", 70003, text));
    }
    check_scope(&parameters["scope"])?;
    let assertion_type = parameters.get("client_assertion_type").map(String::as_str);
    let expected = parameters
        .contains_key("client_assertion")
        .then_some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    if assertion_type != expected {
        return Err(EntraError::missing("client_assertion_type"));
    }
    Ok(())
}

fn check_scope(scope: &str) -> Result<(), EntraError> {
    let Some(resource) = scope.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope \
             value with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(EntraError::new(400, "invalid_scope", 1_002_012, text));
    };
    if resource == AKS {
        return Ok(());
    }
    let text = format!("The resource principal named {resource} was not found in the tenant.");
    Err(EntraError::new(400, "invalid_resource", 500_011, text))
}

fn check_secret(application: &Application, secret: &str, now: Seconds) -> Result<(), EntraError> {
    let client_id = &application.client_id;
    let mut secrets = application.client_secrets.iter();
    let Some(known) = secrets.find(|known| known.value == secret) else {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client \
             secret value, not the client secret ID, for a secret added to app '{client_id}'."
        );
        return Err(EntraError::client(7_000_215, text));
    };
    if known.expires_at.is_some_and(|expiry| expiry <= now) {
        let text = format!("The provided client secret keys for app '{client_id}' are expired.");
        return Err(EntraError::client(7_000_222, text));
    }
    Ok(())
}

fn check_assertion(
    configuration: &Configuration,
    application: &Application,
    token: &str,
    now: Seconds,
) -> Result<(), EntraError> {
    let credentials = application.federated_credentials.as_slice();
    if credentials.is_empty() {
        let text = format!(
            "The client '{}' has no configured federated identity credentials.",
            application.client_id
        );
        return Err(EntraError::client(70025, text));
    }
    let malformed = || EntraError::request(50027, "JWT token is invalid or malformed.");
    let token = Token::decode(token).ok_or_else(malformed)?;
    let claim = |name: &str| token.claims[name].as_str().ok_or_else(malformed);
    let (issuer, subject) = (claim("iss")?, claim("sub")?);
    let of_issuer = |credential: &&FederatedCredential| credential.issuer == issuer;
    let credentials: Vec<_> = credentials.iter().filter(of_issuer).collect();
    if credentials.is_empty() {
        return Err(EntraError::no_match(700_211, "issuer", issuer, ""));
    }
    let mut issuers = configuration.issuers.iter();
    let keys = issuers.find(|keys| keys.url == issuer);
    let verified = keys.map_or(Err(Rejection::UnknownKey), |keys| token.verify(&keys.jwks));
    verified.map_err(|rejection| {
        let reason = match rejection {
            Rejection::Algorithm | Rejection::UnknownKey => "The key was not found.",
            Rejection::Signature => {
                "Key was found, but use of the key to verify the signature failed."
            }
        };
        let text = format!("Assertion failed signature validation. [Reason - {reason}]");
        EntraError::client(50013, text)
    })?;
    check_times(&token, now)?;
    check_audience_and_subject(&credentials, &token, subject)
}

fn check_times(token: &Token, now: Seconds) -> Result<(), EntraError> {
    let time = |claim: &str| token.claims[claim].as_i64();
    let start = time("nbf").or(time("iat")).unwrap_or_default();
    let end = time("exp").unwrap_or_default();
    if start <= now + LEEWAY && end > now {
        return Ok(());
    }
    let [now, start, end] = [now, start, end].map(timestamp::rfc3339);
    let text = format!(
        "Client assertion is not within its valid time range. Current time: {now}, assertion valid from \
         {start}, expiry time of assertion {end}."
    );
    Err(EntraError::client(700_024, text))
}

fn check_audience_and_subject(
    credentials: &[&FederatedCredential],
    token: &Token,
    subject: &str,
) -> Result<(), EntraError> {
    // Only a single audience is supported.
    let audience = token.claims["aud"].as_str().unwrap_or_default();
    let mut credentials = credentials
        .iter()
        .filter(|credential| credential.audience == audience)
        .peekable();
    if credentials.peek().is_none() {
        return Err(EntraError::no_match(700_212, "audience", audience, ""));
    }
    let (mut is_match, mut is_match_but_for_case) = (false, false);
    for credential in credentials {
        is_match |= credential.subject == subject;
        is_match_but_for_case |= credential.subject.eq_ignore_ascii_case(subject);
    }
    if is_match {
        return Ok(());
    }
    let (code, explanation) = if is_match_but_for_case {
        (
            7_002_138,
            " The subject matches with case-insensitive comparison, but not with case-sensitive comparison.",
        )
    } else {
        (700_213, "")
    };
    Err(EntraError::no_match(code, "subject", subject, explanation))
}
