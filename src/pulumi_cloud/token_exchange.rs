//! The token endpoint, `POST /api/oauth/token` (RFC 8693): exchanges an OIDC identity token or a
//! refresh token for an access token.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::http::Response;
use crate::identity_token::IdentityTokenSource;
use crate::pulumi_cloud::credentials_file::IssuedTokens;
use crate::pulumi_cloud::environment_name::Organization;
use crate::pulumi_cloud::error_response::ErrorResponse;
use crate::pulumi_cloud::response_json;
use crate::pulumi_cloud::transport::{ApiRequest, Transport};
use crate::secret::Secret;
use esc::format::{Secrets, json};
use esc::{Data, Value};

/// The requested lifetime of the access token, which is used for one call only.
const LIFETIME: Duration = Duration::from_mins(15);

/// Longer lifetimes are shortened: the credentials file cannot represent a date after the year 9999.
const MAX_LIFETIME: Duration = Duration::from_hours(24 * 3_650);

/// The maximum size of a response, in bytes. Access tokens are sent in a header.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// How deep the JSON of a response may nest.
const MAX_NESTING: usize = 16;

/// The type of access token to exchange an identity token for, with the name of its owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessTokenType {
    kind: String,
    name: Option<String>,
}

/// A token of the organization.
impl Default for AccessTokenType {
    fn default() -> Self {
        Self {
            kind: "organization".to_owned(),
            name: None,
        }
    }
}

impl AccessTokenType {
    /// Parses `organization`, `organization:admin`, `team:NAME`, `personal:LOGIN` or `runner:NAME`.
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, name) = match text.split_once(':') {
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        let is_valid = match (kind, name) {
            ("organization", None | Some("admin")) => true,
            ("team" | "personal" | "runner", Some(name)) => !name.is_empty(),
            _ => false,
        };
        if !is_valid {
            let message = format!("`{text}` is not an access token type");
            return Err(Error::configuration(message).with_hint(
                "use `organization`, `organization:admin`, `team:NAME`, `personal:LOGIN` or \
                 `runner:NAME`",
            ));
        }
        Ok(Self {
            kind: kind.to_owned(),
            name: name.map(str::to_owned),
        })
    }

    fn urn(&self) -> String {
        format!("urn:pulumi:token-type:access_token:{}", self.kind)
    }

    fn scope(&self) -> String {
        match (self.kind.as_str(), &self.name) {
            (_, None) => String::new(),
            ("organization", Some(scope)) => scope.clone(),
            ("personal", Some(login)) => format!("user:{login}"),
            (kind, Some(name)) => format!("{kind}:{name}"),
        }
    }
}

/// The form that [`AccessTokenType::parse`] reads.
impl fmt::Display for AccessTokenType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kind)?;
        match &self.name {
            Some(name) => write!(formatter, ":{name}"),
            None => Ok(()),
        }
    }
}

/// The audience that an identity token needs to be exchanged for a token of this organization.
pub(super) fn audience(organization: &Organization) -> String {
    format!("urn:pulumi:org:{organization}")
}

/// Exchanges an identity token from `source` for an access token of the organization.
pub(super) fn exchange(
    transport: &Transport<'_>,
    source: &IdentityTokenSource,
    identity_token: &Secret<String>,
    organization: &Organization,
    token_type: &AccessTokenType,
) -> Result<IssuedTokens> {
    let audience = audience(organization);
    let mut body = object(&[
        ("audience", &audience),
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        ),
        ("requested_token_type", &token_type.urn()),
        ("scope", &token_type.scope()),
        ("subject_token", identity_token.expose()),
    ]);
    let seconds = esc::Number::from_text(LIFETIME.as_secs().to_string());
    body.insert("expiration".to_owned(), Value::new(Data::Number(seconds)));
    let purpose = "exchanging the identity token";
    request_tokens(transport, purpose, body, identity_token, |rejection| {
        let message = format!(
            "Pulumi Cloud rejected the identity token from {source} (organization \
             `{organization}`, token type `{token_type}`)"
        );
        let hint = format!(
            "in the settings of the organization `{organization}`, register the token's issuer with \
             the audience `{audience}` and a policy that matches the token's claims"
        );
        rejection.with_cause(Error::new(Kind::Denied, message).with_hint(hint))
    })
}

/// Gets a new access token with a refresh token. `login` describes the login in the error.
pub(super) fn refresh(
    transport: &Transport<'_>,
    refresh_token: &Secret<String>,
    login: &str,
) -> Result<IssuedTokens> {
    let body = object(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.expose()),
    ]);
    let purpose = "refreshing the login";
    request_tokens(transport, purpose, body, refresh_token, |rejection| {
        let message = format!("{login} has expired and cannot be refreshed");
        let error = Error::new(Kind::Denied, message).with_hint("run `pulumi login`");
        rejection.with_cause(error)
    })
}

fn object(fields: &[(&str, &str)]) -> BTreeMap<String, Value> {
    fields
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Value::secret(*text)))
        .collect()
}

/// Posts to the token endpoint. `rejected` makes the error if `presented_token` is rejected.
fn request_tokens(
    transport: &Transport<'_>,
    purpose: &str,
    body: BTreeMap<String, Value>,
    presented_token: &Secret<String>,
    rejected: impl Fn(&ErrorResponse) -> Error,
) -> Result<IssuedTokens> {
    let body = json::compact(&Value::new(Data::Object(body)), Secrets::Revealed);
    let now = transport.context.now();
    let request = ApiRequest {
        limit: MAX_RESPONSE_BYTES,
        ..ApiRequest::post(purpose, "/api/oauth/token", body.as_bytes())
    };
    let response = transport.send(request, None)?;
    if matches!(response.status, 200 | 201) {
        return read_tokens(transport, &response, now);
    }
    let deadline = transport.context.deadline;
    let error = ErrorResponse::read(&response, &[presented_token.expose()], deadline);
    Err(match error.status {
        400..=403 => rejected(&error),
        _ => error.general_error(&transport.backend.host()),
    })
}

fn read_tokens(
    transport: &Transport<'_>,
    response: &Response,
    now: Timestamp,
) -> Result<IssuedTokens> {
    let deadline = transport.context.deadline;
    let json = response_json::parse(response.body.expose(), MAX_NESTING, deadline)
        .map_err(|reason| transport.unexpected(format!("it {reason}")))?;
    let token = |name: &str| {
        let text = json.property(name)?.as_str();
        text.filter(|text| !text.is_empty()).map(Secret::from)
    };
    let lifetime = match json.property("expires_in").map(|value| &value.data) {
        Some(Data::Number(seconds)) => seconds.as_str().parse().ok().map(Duration::from_secs),
        _ => None,
    };
    Ok(IssuedTokens {
        access_token: token("access_token")
            .ok_or_else(|| transport.unexpected("it has no access token"))?,
        refresh_token: token("refresh_token"),
        expires_at: now.plus(lifetime.unwrap_or_default().min(MAX_LIFETIME)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_types_map_to_urns_and_scopes() {
        for (text, urn, scope) in [
            ("organization", "organization", ""),
            ("organization:admin", "organization", "admin"),
            ("team:platform", "team", "team:platform"),
            ("personal:alice", "personal", "user:alice"),
            ("runner:r1", "runner", "runner:r1"),
        ] {
            let token_type = AccessTokenType::parse(text).unwrap();
            assert_eq!(token_type.to_string(), text);
            let urn = format!("urn:pulumi:token-type:access_token:{urn}");
            assert_eq!(token_type.urn(), urn);
            assert_eq!(token_type.scope(), scope);
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
            assert!(AccessTokenType::parse(text).is_err(), "{text}");
        }
    }
}
