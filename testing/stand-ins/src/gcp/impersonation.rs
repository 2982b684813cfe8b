//! `POST /v1/projects/-/serviceAccounts/ACCOUNT:generateAccessToken` of the IAM Service Account Credentials
//! API.

use std::collections::BTreeMap;

use encodings::percent;
use encodings::timestamp::{self, Seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::configuration::{CLOUD_PLATFORM, IAM, ServiceAccount};
use super::error::GoogleError;
use super::{Issued, State};
use crate::http::Request;

const DOMAIN: &str = "iam.googleapis.com";

/// How the scopes of Google's APIs start.
const SCOPE_PREFIX: &str = "https://www.googleapis.com/auth/";

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    scope: Vec<String>,
    lifetime: String,
    /// Google's own clients send an empty list or `null`.
    #[serde(default)]
    delegates: Option<Vec<String>>,
}

/// What a request asks for, for the record.
pub(super) fn parameters(request: &Request) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    if let Some(account) = account(request) {
        parameters.insert("serviceAccount".to_owned(), account);
    }
    if let Ok(body) = serde_json::from_slice::<Body>(&request.body) {
        parameters.insert("lifetime".to_owned(), body.lifetime);
        parameters.insert("scope".to_owned(), body.scope.join(" "));
    }
    parameters
}

/// The service account in the path of a request.
pub(super) fn account(request: &Request) -> Option<String> {
    let name = request
        .target
        .strip_prefix("/v1/projects/-/serviceAccounts/")?;
    let account = name.strip_suffix(":generateAccessToken")?;
    percent::decode(account).filter(|account| !account.contains('/'))
}

pub(super) fn generate(
    state: &mut State,
    request: &Request,
    now: Seconds,
) -> Result<Value, GoogleError> {
    let caller = authenticate(state, request, now)?;
    if state.configuration.iam_credentials_disabled {
        return Err(service_disabled());
    }
    let may_impersonate = |scope: &String| [CLOUD_PLATFORM, IAM].contains(&scope.as_str());
    if !caller.scopes.iter().any(may_impersonate) {
        let error = GoogleError::api(
            403,
            "PERMISSION_DENIED",
            "Request had insufficient authentication scopes.",
        );
        let metadata = json!({"service": "iamcredentials.googleapis.com"});
        return Err(error.because(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "googleapis.com",
            &metadata,
        ));
    }
    let body = read_body(request)?;
    let name = account(request).unwrap_or_default();
    let mut accounts = state.configuration.service_accounts.iter();
    let account = accounts
        .find(|account| [&account.email, &account.unique_id].contains(&&name))
        .filter(|account| account.impersonators.contains(&caller.member))
        .ok_or_else(permission_denied)?
        .clone();
    let lifetime = check_lifetime(&body.lifetime, &account)?;
    let expires_at = now + state.configuration.lifetime.unwrap_or(lifetime);
    let token = state.issue(Issued {
        token: String::new(),
        member: format!("serviceAccount:{}", account.email),
        scopes: body.scope,
        expires_at,
    });
    Ok(json!({"accessToken": token, "expireTime": timestamp::rfc3339(expires_at)}))
}

/// The owner of the bearer token, which was issued here or is configured.
pub(super) fn authenticate(
    state: &State,
    request: &Request,
    now: Seconds,
) -> Result<Issued, GoogleError> {
    let Some(authorization) = request.header("authorization") else {
        return Err(GoogleError::api(
            401,
            "UNAUTHENTICATED",
            "Request is missing required authentication credential. Expected OAuth 2 access token, \
             login cookie or other valid authentication credential.",
        ));
    };
    let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
    state
        .find(token, now)
        .ok_or_else(GoogleError::unauthenticated)
}

fn read_body(request: &Request) -> Result<Body, GoogleError> {
    let content_type = request.header("content-type").unwrap_or_default();
    if content_type.split(';').next() != Some("application/json") {
        let what = format!("the stand-in supports JSON only, not `{content_type}`");
        return Err(GoogleError::invalid_argument(what));
    }
    let body: Body = serde_json::from_slice(&request.body).map_err(|error| {
        GoogleError::invalid_argument(format!("Invalid JSON payload received. {error}"))
    })?;
    if body.delegates.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(GoogleError::invalid_argument(
            "the stand-in supports no delegates",
        ));
    }
    if body.scope.is_empty() {
        return Err(GoogleError::invalid_argument("Scope required."));
    }
    let is_scope = |scope: &String| scope == "openid" || scope.starts_with(SCOPE_PREFIX);
    if !body.scope.iter().all(is_scope) {
        return Err(GoogleError::invalid_argument(
            "Request contains an invalid argument.",
        ));
    }
    Ok(body)
}

/// The lifetime in seconds.
fn check_lifetime(lifetime: &str, account: &ServiceAccount) -> Result<Seconds, GoogleError> {
    let seconds = lifetime
        .strip_suffix('s')
        .and_then(|text| text.parse().ok());
    match seconds {
        None => Err(GoogleError::invalid_argument(
            "Invalid value at 'lifetime' (type.googleapis.com/google.protobuf.Duration)",
        )),
        Some(..=0) => Err(GoogleError::invalid_argument(
            "Lifetime of access token must be larger then zero.",
        )),
        Some(3_601..) if !account.extended_lifetime => Err(GoogleError::invalid_argument(format!(
            "Access tokens for service account {} can not have lifetimes of more than 1 hour. Use the \
             Org Policy Constraint constraints/iam.allowServiceAccountCredentialLifetimeExtension to \
             allow up to 12 hours.",
            account.email
        ))),
        Some(43_201..) => Err(GoogleError::invalid_argument(
            "Lifetime of access token can not be more than 12 hours.",
        )),
        Some(seconds) => Ok(seconds),
    }
}

fn permission_denied() -> GoogleError {
    let permission = "iam.serviceAccounts.getAccessToken";
    let message = format!("Permission '{permission}' denied on resource (or it may not exist).");
    GoogleError::api(403, "PERMISSION_DENIED", message).because(
        "IAM_PERMISSION_DENIED",
        DOMAIN,
        &json!({"permission": permission}),
    )
}

fn service_disabled() -> GoogleError {
    let url =
        "https://console.developers.google.com/apis/api/iamcredentials.googleapis.com/overview";
    let message = format!(
        "IAM Service Account Credentials API has not been used in project 123456789012 before or it \
         is disabled. Enable it by visiting {url}?project=123456789012 then retry. If you enabled this \
         API recently, wait a few minutes for the action to propagate to our systems and retry."
    );
    let metadata = json!({
        "service": "iamcredentials.googleapis.com",
        "consumer": "projects/123456789012",
    });
    GoogleError::api(403, "PERMISSION_DENIED", message).because(
        "SERVICE_DISABLED",
        "googleapis.com",
        &metadata,
    )
}
