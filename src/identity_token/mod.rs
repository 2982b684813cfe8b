//! OIDC identity tokens: where they come from, and what can be read from them.
//!
//! Clouds and Pulumi Cloud exchange them for credentials.

mod settings;

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::bounded_read::{read_regular, read_until, unreadable};
use crate::clock::{Deadline, Timestamp};
use crate::context::Context;
use crate::error::{Error, Kind, Result, one_line};
use crate::host::Host;
use crate::http::RESERVED;
use crate::secret::{Secret, Text};

pub(crate) use settings::{IdentityTokenSettings, Recipient};

/// Maximum length of a token, in bytes. STS accepts tokens of up to 20,000 characters.
const MAXIMUM_LENGTH: usize = 64 * 1024;

/// Where an identity token comes from. `Display` describes it without secrets.
#[derive(Clone, Debug)]
pub enum IdentityTokenSource {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// The flag or variable with the path.
        named_by: &'static str,
    },
    /// A variable.
    Variable {
        /// Its name.
        name: String,
        /// The flag with the name.
        named_by: &'static str,
    },
    /// A value of an opened environment.
    Given {
        /// The token.
        text: Text,
        /// Where the value is, for messages.
        place: String,
    },
    /// GitHub's OIDC provider, from within a job of GitHub Actions.
    GitHubActions {
        /// The value of `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// The value of `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        token: Secret<String>,
        /// The audience of the identity token.
        audience: String,
    },
}

impl IdentityTokenSource {
    /// GitHub's OIDC provider, or `None` outside of jobs with the permission `id-token: write`.
    pub fn github_actions(host: &Host, audience: &str) -> Result<Option<Self>> {
        let url = host.variable("ACTIONS_ID_TOKEN_REQUEST_URL")?;
        let token = host.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?;
        let (Some(url), Some(token)) = (url, token) else {
            return Ok(None);
        };
        Ok(Some(Self::GitHubActions {
            url,
            token: Secret::new(token),
            audience: audience.to_owned(),
        }))
    }

    /// Gets the token, and checks that it has the form of one.
    pub fn read(&self, context: Context<'_>) -> Result<Secret<String>> {
        match self {
            Self::GitHubActions {
                url,
                token,
                audience,
            } => self.request_from_github(url, token, audience, context),
            _ => self
                .content(context.host, Some(context.deadline))
                .and_then(|text| self.validate(text.expose())),
        }
    }

    /// Returns the secret that proves access to this source, without a network call: the token
    /// itself, or the request token of GitHub Actions. Fails for a pipe, because it can be read only
    /// once.
    pub fn secret(&self, host: &Host) -> Result<Secret<Vec<u8>>> {
        self.content(host, None)
    }

    /// What decides that this source is used: a flag, a variable, or GitHub Actions.
    pub(crate) fn named_by(&self) -> &str {
        match self {
            Self::File { named_by, .. } | Self::Variable { named_by, .. } => named_by,
            Self::Given { place, .. } => place,
            Self::GitHubActions { .. } => "GitHub Actions",
        }
    }

    /// The content of the source. With a deadline, a file may be a pipe.
    fn content(&self, host: &Host, deadline: Option<Deadline>) -> Result<Secret<Vec<u8>>> {
        Ok(Secret::new(match self {
            Self::File { path, .. } => std::mem::take(&mut *self.read_file(path, deadline)?),
            Self::Variable { name, .. } => {
                let value = host.variable(name)?.ok_or_else(|| self.missing())?;
                value.into_bytes()
            }
            Self::Given { text, .. } => text.as_bytes().to_vec(),
            Self::GitHubActions { token, .. } => token.expose().as_bytes().to_vec(),
        }))
    }

    fn read_file(&self, path: &Path, deadline: Option<Deadline>) -> Result<Zeroizing<Vec<u8>>> {
        let content = match deadline {
            Some(deadline) => read_until(path, MAXIMUM_LENGTH, deadline),
            None => read_regular(path, MAXIMUM_LENGTH),
        };
        content.map_err(|error| {
            if error.kind() == ErrorKind::FileTooLarge {
                return self.too_long();
            }
            let message = format!("cannot read the identity token from {self}");
            unreadable(message, "check the path and the file's permissions", error)
        })
    }

    fn request_from_github(
        &self,
        url: &str,
        token: &Secret<String>,
        audience: &str,
        context: Context<'_>,
    ) -> Result<Secret<String>> {
        #[derive(Deserialize)]
        struct Body {
            value: Secret<String>,
        }
        let separator = if url.contains('?') { '&' } else { '?' };
        let audience = utf8_percent_encode(audience, RESERVED);
        let url = Zeroizing::new(format!("{url}{separator}audience={audience}"));
        let authorization = Zeroizing::new(format!("bearer {}", token.expose()));
        let headers = [
            ("authorization", authorization.as_str()),
            ("accept", "application/json"),
        ];
        let response = context
            .http
            .get(&url, &headers, context.deadline, MAXIMUM_LENGTH)
            .map_err(|error| {
                let message = format!("cannot get an identity token from {self}");
                Error::new(error.kind(), message)
                    .with_hint(error.hint().unwrap_or_default().to_owned())
                    .caused_by(error)
            })?;
        if response.status != 200 {
            return Err(self.rejected(response.status));
        }
        // The parser's error is dropped: it would quote the response.
        let body: Body =
            serde_json::from_slice(response.body.expose()).map_err(|_| self.invalid())?;
        self.validate(body.value.expose().as_bytes())
    }

    fn rejected(&self, status: u16) -> Error {
        let (kind, hint) = match status {
            401 | 403 => (Kind::Denied, GRANT_PERMISSION),
            429 | 500.. => (Kind::Unavailable, TRY_AGAIN),
            _ => (Kind::Configuration, GRANT_PERMISSION),
        };
        Error::new(kind, format!("{self} did not issue an identity token"))
            .with_hint(hint)
            .caused_by(format!("HTTP status {status}"))
    }

    /// The text without surrounding whitespace, if it has the form of a signed JWT (RFC 7519): three
    /// parts in base64url, separated by dots.
    fn validate(&self, text: &[u8]) -> Result<Secret<String>> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(self.missing());
        }
        if text.len() > MAXIMUM_LENGTH {
            return Err(self.too_long());
        }
        let text = std::str::from_utf8(text).map_err(|_| self.invalid())?;
        let is_base64url = |part: &str| {
            let mut bytes = part.bytes();
            !part.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if text.split('.').count() == 3 && text.split('.').all(is_base64url) {
            Ok(Secret::from(text))
        } else {
            Err(self.invalid())
        }
    }

    fn too_long(&self) -> Error {
        Error::configuration(format!("{self} is too long for an identity token"))
            .with_hint("an identity token is a JSON web token (JWT) of a few kilobytes")
    }

    fn missing(&self) -> Error {
        let hint = match self {
            Self::File { .. } => "check that the process that writes the file has run",
            Self::Given { .. } => {
                "pass the path of an identity token, such as the output of `fn::open::oidc`"
            }
            Self::Variable { .. } => "set the variable to the identity token, or use another one",
            Self::GitHubActions { .. } => return self.invalid(),
        };
        Error::configuration(format!("there is no identity token in {self}")).with_hint(hint)
    }

    fn invalid(&self) -> Error {
        if matches!(self, Self::GitHubActions { .. }) {
            let message = format!("the response from {self} is not an identity token");
            return Error::new(Kind::Unavailable, message)
                .with_hint("check the network: a proxy may be answering for GitHub");
        }
        let message = format!("{self} does not contain a valid identity token");
        Error::configuration(message).with_hint(
            "use a signed JSON web token (JWT): three parts in base64url, separated by dots",
        )
    }
}

const TRY_AGAIN: &str = "try again in a moment";

const GRANT_PERMISSION: &str = "grant the job the permission `id-token: write`";

impl fmt::Display for IdentityTokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, named_by } => {
                write!(formatter, "the file `{}` (`{named_by}`)", path.display())
            }
            Self::Variable { name, named_by } => {
                write!(formatter, "the variable `{name}` (`{named_by}`)")
            }
            Self::Given { place, .. } => formatter.write_str(place),
            Self::GitHubActions { .. } => formatter.write_str("GitHub Actions"),
        }
    }
}

/// The length up to which a claim is shown, in characters.
const MAXIMUM_CLAIM: usize = 200;

/// Describes who issued the token, for whom and about whom: the claims `iss`, `aud` and `sub` (RFC 7519,
/// section 4.1), not verified. Trust policies are written in terms of these. `None` if none can be read.
#[must_use]
pub(crate) fn describe_claims(token: &Secret<String>) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        iss: Option<String>,
        aud: Option<Audience>,
        sub: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Several(Vec<String>),
    }
    let Claims { iss, aud, sub } = read_payload(token)?;
    let audiences = aud.map(|aud| match aud {
        Audience::One(audience) => vec![audience],
        Audience::Several(audiences) => audiences,
    });
    let shown = |claim: &String| {
        let text: String = claim.chars().take(MAXIMUM_CLAIM).collect();
        format!("`{}`", one_line(&text))
    };
    let audiences = audiences.map(|list| {
        list.iter()
            .take(3)
            .map(shown)
            .collect::<Vec<_>>()
            .join(" and ")
    });
    let claims = [
        ("iss", iss.as_ref().map(shown)),
        ("aud", audiences),
        ("sub", sub.as_ref().map(shown)),
    ];
    let claims: Vec<_> = claims
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect();
    (!claims.is_empty()).then(|| format!("the identity token has {}", claims.join(", ")))
}

/// Returns the expiry in the token: the claim `exp` (RFC 7519, section 4.1.4), not verified. `None`
/// if it cannot be read.
#[must_use]
pub(crate) fn expiry(token: &Secret<String>) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: serde_json::Number,
    }
    let claims: Claims = read_payload(token)?;
    // The number may have a fraction, which is dropped.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "larger numbers become the largest"
    )]
    let from_fraction = |seconds: f64| seconds as i64;
    let exp = claims.exp;
    let seconds = exp.as_i64().or_else(|| exp.as_f64().map(from_fraction))?;
    Some(Timestamp::from_unix(seconds))
}

/// Reads claims of a JSON Web Token without verifying it.
pub(crate) fn read_payload<T: DeserializeOwned>(token: &Secret<String>) -> Option<T> {
    let payload = token.expose().split('.').nth(1)?;
    let payload = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?);
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests;
