//! `POST /api/oauth/token` (RFC 8693): an OIDC identity token, or a refresh token, for an access
//! token.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::http::{Method, Response};
use crate::identity_token::Source;
use crate::pulumi_cloud::failure::{Refusal, not_pulumi_cloud};
use crate::pulumi_cloud::name::Organization;
use crate::pulumi_cloud::transport::{Call, LARGEST_ANSWER, Transport};
use crate::secret::Secret;
use esc::format::{Secrets, json};
use esc::{Data, Value};

/// How long the access token is asked to last. It serves this one call.
const LIFETIME: Duration = Duration::from_mins(15);

/// The longest lifetime that is believed. A date beyond the year 9999 could not be written into the
/// credentials file.
const LONGEST_LIFETIME: Duration = Duration::from_hours(24 * 3_650);

/// How deep the answer may nest.
const NESTING: usize = 16;

/// Which access token an identity token is exchanged for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum TokenType {
    /// The organisation's.
    #[default]
    Organization,
    /// The organisation's, with an administrator's rights.
    OrganizationAdmin,
    /// A team's: its name.
    Team(String),
    /// A user's: the login.
    Personal(String),
    /// A deployment runner's: its name.
    Runner(String),
}

impl TokenType {
    /// Reads `organization`, `organization:admin`, `team:NAME`, `personal:LOGIN` or `runner:NAME`.
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, name) = match text.split_once(':') {
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        match (kind, name.map(str::to_owned)) {
            ("organization", None) => Ok(Self::Organization),
            ("organization", Some(scope)) if scope == "admin" => Ok(Self::OrganizationAdmin),
            ("team", Some(name)) if !name.is_empty() => Ok(Self::Team(name)),
            ("personal", Some(login)) if !login.is_empty() => Ok(Self::Personal(login)),
            ("runner", Some(name)) if !name.is_empty() => Ok(Self::Runner(name)),
            _ => Err(
                Error::configuration(format!("`{text}` is not a type of access token")).with_hint(
                    "write `organization`, `organization:admin`, `team:NAME`, `personal:LOGIN` or \
                     `runner:NAME`",
                ),
            ),
        }
    }

    fn urn(&self) -> &'static str {
        match self {
            Self::Organization | Self::OrganizationAdmin => {
                "urn:pulumi:token-type:access_token:organization"
            }
            Self::Team(_) => "urn:pulumi:token-type:access_token:team",
            Self::Personal(_) => "urn:pulumi:token-type:access_token:personal",
            Self::Runner(_) => "urn:pulumi:token-type:access_token:runner",
        }
    }

    fn scope(&self) -> String {
        match self {
            Self::Organization => String::new(),
            Self::OrganizationAdmin => "admin".to_owned(),
            Self::Team(name) => format!("team:{name}"),
            Self::Personal(login) => format!("user:{login}"),
            Self::Runner(name) => format!("runner:{name}"),
        }
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization => formatter.write_str("organisation"),
            Self::OrganizationAdmin => formatter.write_str("organisation administrator"),
            Self::Team(name) => write!(formatter, "team `{name}`"),
            Self::Personal(login) => write!(formatter, "user `{login}`"),
            Self::Runner(name) => write!(formatter, "runner `{name}`"),
        }
    }
}

/// An access token that was issued.
pub(super) struct Issued {
    pub(super) access_token: Secret<String>,
    pub(super) refresh_token: Option<Secret<String>>,
    /// Counted from before the request.
    pub(super) expires_at: Option<Timestamp>,
}

/// Whom an identity token must be for, to be exchanged for a token of this organisation.
pub(super) fn audience(organization: &Organization) -> String {
    format!("urn:pulumi:org:{organization}")
}

/// Exchanges an identity token.
pub(super) fn exchange(
    transport: &Transport<'_>,
    source: &Source,
    identity_token: &Secret<String>,
    organization: &Organization,
    token_type: &TokenType,
) -> Result<Issued> {
    let issued = ask(
        transport,
        "the exchange of the identity token",
        &[
            ("audience", audience(organization).as_str()),
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:id_token",
            ),
            ("requested_token_type", token_type.urn()),
            ("scope", &token_type.scope()),
            ("subject_token", identity_token.expose()),
        ],
        Some(LIFETIME),
        identity_token,
    )?;
    issued.map_err(|refusal| {
        let message = format!(
            "Pulumi Cloud does not exchange the identity token from {source} for an access token \
             (organisation `{organization}`, {token_type})"
        );
        let hint = format!(
            "in the settings of the organisation `{organization}`, register the token's issuer with \
             the audience `{}` and a policy that its claims satisfy",
            audience(organization)
        );
        refusal.with_cause(Error::new(Kind::Denied, message).with_hint(hint))
    })
}

/// Gets a new access token with a refresh token. `whose` names the login in the error.
pub(super) fn refresh(
    transport: &Transport<'_>,
    refresh_token: &Secret<String>,
    whose: &str,
) -> Result<Issued> {
    let issued = ask(
        transport,
        "the renewal of the login",
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ],
        None,
        refresh_token,
    )?;
    issued.map_err(|refusal| {
        let message = format!("{whose} has expired and cannot be renewed");
        let error = Error::new(Kind::Denied, message).with_hint("run `pulumi login`");
        refusal.with_cause(error)
    })
}

/// Asks for a token; the inner error is a refusal of what was presented.
fn ask(
    transport: &Transport<'_>,
    purpose: &str,
    fields: &[(&str, &str)],
    lifetime: Option<Duration>,
    presented: &Secret<String>,
) -> Result<Result<Issued, Refusal>> {
    let mut body: BTreeMap<_, _> = fields
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Value::secret(*text)))
        .collect();
    if let Some(lifetime) = lifetime {
        let seconds = esc::Number::from_text(lifetime.as_secs().to_string());
        body.insert("expiration".to_owned(), Value::new(Data::Number(seconds)));
    }
    let body = json::compact(&Value::new(Data::Object(body)), Secrets::Revealed);
    let now = transport.http.host().clock().now();
    let answer = transport.send(Call {
        purpose,
        method: Method::Post,
        path: "/api/oauth/token",
        token: None,
        body: body.as_bytes(),
        limit: LARGEST_ANSWER,
        repeatable: false,
    })?;
    match answer.status {
        200 | 201 => read(transport, &answer, now).map(Ok),
        400..=403 => Ok(Err(Refusal::read(&answer, &[presented.expose()]))),
        _ => {
            let refusal = Refusal::read(&answer, &[presented.expose()]);
            Err(refusal.in_general(&transport.backend.host()))
        }
    }
}

fn read(transport: &Transport<'_>, answer: &Response, now: Timestamp) -> Result<Issued> {
    let unexpected = |reason: String| not_pulumi_cloud(&transport.backend.host(), reason);
    let json = json::parse(answer.body.expose(), NESTING)
        .map_err(|error| unexpected(format!("it is not JSON: {error}")))?;
    let text = |name: &str| {
        let text = json.property(name)?.as_str();
        text.filter(|text| !text.is_empty()).map(Secret::from)
    };
    let lifetime = match json.property("expires_in").map(|value| &value.data) {
        Some(Data::Number(seconds)) => seconds.as_str().parse().ok(),
        _ => None,
    };
    Ok(Issued {
        access_token: text("access_token")
            .ok_or_else(|| unexpected("it holds no access token".to_owned()))?,
        refresh_token: text("refresh_token"),
        expires_at: lifetime
            .map(|seconds| now.plus(Duration::from_secs(seconds).min(LONGEST_LIFETIME))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_types_have_their_scopes() {
        for (text, urn, scope) in [
            ("organization", "organization", ""),
            ("organization:admin", "organization", "admin"),
            ("team:platform", "team", "team:platform"),
            ("personal:alice", "personal", "user:alice"),
            ("runner:r1", "runner", "runner:r1"),
        ] {
            let token_type = TokenType::parse(text).unwrap();
            let urn = format!("urn:pulumi:token-type:access_token:{urn}");
            assert_eq!(
                (token_type.urn(), token_type.scope().as_str()),
                (urn.as_str(), scope)
            );
        }
        for text in [
            "",
            "org",
            "team",
            "team:",
            "organization:owner",
            "personal",
            "runner:",
        ] {
            assert!(TokenType::parse(text).is_err(), "{text}");
        }
    }
}
