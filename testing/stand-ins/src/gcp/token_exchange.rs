//! `POST /v1/token` of the Security Token Service, for identity tokens of workload identity pools.

use std::collections::BTreeMap;

use encodings::percent;
use encodings::timestamp::Seconds;
use serde_json::{Value, json};

use super::configuration::{CLOUD_PLATFORM, IAM, Provider};
use super::error::GoogleError;
use super::{Issued, State};
use crate::http::Request;
use crate::identity_token::{Rejection, Token};

/// The tolerance for clocks, in seconds.
const LEEWAY: Seconds = 60;

/// The longest lifetime of a federated access token, in seconds.
const MAXIMUM_LIFETIME: Seconds = 3600;

const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:";

/// The form of a request. Of a repeated name it has the last value.
pub(super) fn parameters(request: &Request) -> BTreeMap<String, String> {
    let text = std::str::from_utf8(&request.body).unwrap_or_default();
    percent::pairs(text)
        .unwrap_or_default()
        .into_iter()
        .collect()
}

pub(super) fn exchange(
    state: &mut State,
    request: &Request,
    parameters: &BTreeMap<String, String>,
    now: Seconds,
) -> Result<Value, GoogleError> {
    check_request(request, parameters)?;
    let parameter = |name: &str| parameters.get(name).map_or("", String::as_str);
    let provider = provider(state, parameter("audience"))?.clone();
    let (expires_at, subject) = check_token(&provider, parameter("subject_token"), now)?;
    let lifetime = (expires_at - now).clamp(1, MAXIMUM_LIFETIME);
    let (pool, _) = provider.name.split_once("/providers/").unwrap_or_default();
    let token = state.issue(Issued {
        token: String::new(),
        member: format!("principal://iam.googleapis.com/{pool}/subject/{subject}"),
        scopes: vec![parameter("scope").to_owned()],
        expires_at: now + lifetime,
    });
    Ok(json!({
        "access_token": token,
        "issued_token_type": format!("{TOKEN_TYPE}access_token"),
        "token_type": "Bearer",
        "expires_in": lifetime,
    }))
}

fn check_request(
    request: &Request,
    parameters: &BTreeMap<String, String>,
) -> Result<(), GoogleError> {
    // A header makes Google authenticate the caller first.
    if request.header("authorization").is_some() {
        return Err(GoogleError::unauthenticated());
    }
    let invalid = |what: &str| Err(GoogleError::oauth("invalid_request", what));
    let content_type = request.header("content-type").unwrap_or_default();
    if content_type.split(';').next() != Some("application/x-www-form-urlencoded") {
        return invalid("the stand-in supports forms only");
    }
    let pairs = String::from_utf8_lossy(&request.body).split('&').count();
    if pairs != parameters.len() || !request.query().is_empty() {
        return invalid("a parameter is malformed, occurs twice or is in the query");
    }
    let known = [
        "audience",
        "grant_type",
        "requested_token_type",
        "scope",
        "subject_token",
        "subject_token_type",
    ];
    if let Some(unknown) = parameters
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        return invalid(&format!("unknown parameter {unknown}"));
    }
    let is = |name: &str, value: &str| parameters.get(name).is_some_and(|it| it == value);
    if !is(
        "grant_type",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ) {
        return Err(GoogleError::oauth(
            "unsupported_grant_type",
            "Invalid grant_type",
        ));
    }
    if !is("requested_token_type", &format!("{TOKEN_TYPE}access_token")) {
        return invalid("Invalid requested_token_type");
    }
    if !["jwt", "id_token"]
        .iter()
        .any(|kind| is("subject_token_type", &format!("{TOKEN_TYPE}{kind}")))
    {
        return invalid("Invalid subject_token_type");
    }
    if !is("scope", CLOUD_PLATFORM) && !is("scope", IAM) {
        return Err(GoogleError::oauth("invalid_scope", "Invalid scope"));
    }
    Ok(())
}

/// The provider whose full resource name is the audience.
fn provider<'s>(state: &'s State, audience: &str) -> Result<&'s Provider, GoogleError> {
    let name = audience
        .strip_prefix("//iam.googleapis.com/")
        .filter(|name| is_provider_name(name))
        .ok_or_else(|| {
            GoogleError::oauth(
                "invalid_request",
                "Invalid value for \"audience\". This value should be the full resource name of the \
                 Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token \
                 for the list of possible formats.",
            )
        })?;
    let mut providers = state.configuration.providers.iter();
    providers
        .find(|provider| provider.name == name && !provider.disabled)
        .ok_or_else(|| {
            GoogleError::oauth(
                "invalid_target",
                "The target service indicated by the \"audience\" parameters is invalid. This might \
                 either be because the pool or provider is disabled or deleted or because it doesn't \
                 exist.",
            )
        })
}

/// Whether the name has a project number, the location `global`, a pool and a provider.
fn is_provider_name(name: &str) -> bool {
    let parts: Vec<_> = name.split('/').collect();
    let is_id = |id: &str| {
        (4..=32).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    match *parts.as_slice() {
        [
            "projects",
            project,
            "locations",
            "global",
            "workloadIdentityPools",
            pool,
            "providers",
            provider,
        ] => {
            let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            is_number(project) && !project.is_empty() && is_id(pool) && is_id(provider)
        }
        _ => false,
    }
}

/// Checks the identity token. Returns its expiry and its subject.
fn check_token(
    provider: &Provider,
    token: &str,
    now: Seconds,
) -> Result<(Seconds, String), GoogleError> {
    let invalid = |what: String| GoogleError::oauth("invalid_grant", what);
    let token =
        Token::decode(token).ok_or_else(|| invalid("Unable to parse the ID Token.".to_owned()))?;
    let issuer = &token.claims["iss"];
    if *issuer != provider.issuer.as_str() {
        let issuer = issuer.as_str().unwrap_or("null");
        return Err(invalid(format!(
            "The issuer in ID Token {issuer} does not match the expected one in config."
        )));
    }
    token.verify(&provider.jwks).map_err(|rejection| {
        invalid(match rejection {
            Rejection::Algorithm | Rejection::UnknownKey => {
                "Error connecting to the given credential's issuer.".to_owned()
            }
            Rejection::Signature => "Unable to verify the ID Token signature.".to_owned(),
        })
    })?;
    let time = |claim: &str| token.claims[claim].as_i64();
    let (issued_at, expires_at) = (time("iat"), time("exp"));
    let is_current = issued_at.is_some_and(|at| at <= now + LEEWAY)
        && expires_at.is_some_and(|at| at > now - LEEWAY);
    let Some(expires_at) = expires_at.filter(|_| is_current) else {
        let issued_at = issued_at.map_or("null".to_owned(), |at| at.to_string());
        return Err(invalid(format!(
            "ID Token issued at {issued_at} is stale to sign-in."
        )));
    };
    let defaults =
        ["https:", ""].map(|scheme| format!("{scheme}//iam.googleapis.com/{}", provider.name));
    let allowed = match provider.audiences.as_slice() {
        [] => &defaults[..],
        audiences => audiences,
    };
    let audiences = token.audiences();
    if !audiences
        .iter()
        .any(|audience| allowed.iter().any(|it| it == audience))
    {
        let audiences = audiences.join(", ");
        return Err(invalid(format!(
            "The audience in ID Token [{audiences}] does not match the expected audience."
        )));
    }
    let subject = token.claims["sub"].as_str().unwrap_or_default();
    let prefix = provider.subject_prefix.as_deref().unwrap_or_default();
    if subject.is_empty() || !subject.starts_with(prefix) {
        return Err(GoogleError::oauth(
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
        ));
    }
    Ok((expires_at, subject.to_owned()))
}
