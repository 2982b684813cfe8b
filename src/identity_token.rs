//! OIDC identity tokens: where they come from, and what can be read from them.
//!
//! A token is exchanged for credentials elsewhere: at AWS STS, or at Pulumi Cloud.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::{Deadline, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::{HttpClient, RESERVED, Response};
use crate::secret::{Secret, Text};

/// In bytes. STS takes tokens of up to 20,000 characters.
const LONGEST_TOKEN: usize = 64 * 1024;

/// Where the identity token comes from. `Display` says it in words, without any secret.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// The flag or variable that named it.
        named_by: &'static str,
    },
    /// A variable.
    Variable {
        /// Its name.
        name: String,
        /// The flag or variable that named it.
        named_by: &'static str,
    },
    /// A text that is at hand.
    Given {
        /// The token.
        text: Text,
        /// Where it was found, in words.
        place: String,
    },
    /// A job of GitHub Actions, which asks GitHub for a token.
    GitHubActions {
        /// What `ACTIONS_ID_TOKEN_REQUEST_URL` says.
        url: String,
        /// What `ACTIONS_ID_TOKEN_REQUEST_TOKEN` says.
        token: Secret<String>,
        /// Whom the token is for.
        audience: String,
    },
}

impl Source {
    /// A job of GitHub Actions, where this is one that may ask for identity tokens. `audience` is
    /// whom the token is for.
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

    /// Gets the token, and checks that it has the shape of one.
    pub fn read(
        &self,
        host: &Host,
        http: &HttpClient,
        deadline: Deadline,
    ) -> Result<Secret<String>> {
        let text = match self {
            Self::Given { text, .. } => return self.checked(text.as_bytes()),
            Self::File { path, .. } => self.read_file(path)?,
            Self::Variable { name, .. } => {
                let value = host.variable(name)?;
                Zeroizing::new(value.ok_or_else(|| self.absent())?.into_bytes())
            }
            Self::GitHubActions {
                url,
                token,
                audience,
            } => return self.ask_github(url, token, audience, http, deadline),
        };
        self.checked(&text)
    }

    /// What this process has to prove itself with, read without the network: the token itself, or
    /// what GitHub gives a token for. Whoever lacks it cannot get the token. An error for a pipe,
    /// which can be read only once.
    pub fn secret(&self, host: &Host) -> Result<Secret<Vec<u8>>> {
        match self {
            Self::File { path, .. } if !path.is_file() => Err(self.absent()),
            Self::File { path, .. } => self
                .read_file(path)
                .map(|mut text| Secret::new(std::mem::take(&mut *text))),
            Self::Variable { name, .. } => {
                let value = host.variable(name)?.ok_or_else(|| self.absent())?;
                Ok(Secret::new(value.into_bytes()))
            }
            Self::Given { text, .. } => Ok(Secret::new(text.as_bytes().to_vec())),
            Self::GitHubActions { token, .. } => {
                Ok(Secret::new(token.expose().as_bytes().to_vec()))
            }
        }
    }

    fn read_file(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
        let unreadable = |error: std::io::Error| {
            Error::configuration(format!("cannot read the identity token from {self}"))
                .with_hint("check the path and that this user may read the file")
                .caused_by(error)
        };
        // Room for all that is read, so that growing leaves no copy of the token behind.
        let mut content = Zeroizing::new(Vec::with_capacity(LONGEST_TOKEN + 64));
        File::open(path)
            .and_then(|file| {
                let longest = u64::try_from(LONGEST_TOKEN).unwrap_or(u64::MAX);
                file.take(longest.saturating_add(1))
                    .read_to_end(&mut content)
            })
            .map_err(unreadable)?;
        Ok(content)
    }

    fn ask_github(
        &self,
        url: &str,
        token: &Secret<String>,
        audience: &str,
        http: &HttpClient,
        deadline: Deadline,
    ) -> Result<Secret<String>> {
        let separator = if url.contains('?') { '&' } else { '?' };
        let audience = utf8_percent_encode(audience, RESERVED);
        let url = Zeroizing::new(format!("{url}{separator}audience={audience}"));
        let authorization = Zeroizing::new(format!("bearer {}", token.expose()));
        let headers = [
            ("authorization", authorization.as_str()),
            ("accept", "application/json"),
        ];
        let answer = http
            .get(&url, &headers, deadline, LONGEST_TOKEN)
            .map_err(|error| {
                let hint = error.hint().unwrap_or_default().to_owned();
                Error::new(
                    error.kind(),
                    format!("cannot get an identity token from {self}"),
                )
                .with_hint(hint)
                .caused_by(error)
            })?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        // A failure to read would quote the answer.
        let Ok(answer) = serde_json::from_slice::<GitHubAnswer>(answer.body.expose()) else {
            return Err(self.malformed());
        };
        self.checked(&Zeroizing::new(answer.value.into_bytes()))
    }

    fn refused(&self, answer: &Response) -> Error {
        let kind = match answer.status {
            401 | 403 => Kind::Denied,
            429 | 500.. => Kind::Unavailable,
            _ => Kind::Configuration,
        };
        let hint = match kind {
            Kind::Unavailable => "try again in a moment",
            _ => "give the job `permissions: id-token: write`",
        };
        Error::new(kind, format!("{self} gives no identity token"))
            .with_hint(hint)
            .caused_by(format!("HTTP status {}", answer.status))
    }

    /// The text between white space, where it has the shape of a signed token (RFC 7519): three
    /// parts in base64url with dots between.
    fn checked(&self, text: &[u8]) -> Result<Secret<String>> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(self.absent());
        }
        if text.len() > LONGEST_TOKEN {
            return Err(Error::configuration(format!(
                "what is in {self} is too long for an identity token"
            ))
            .with_hint("an identity token is a JSON web token (JWT) of a few kilobytes"));
        }
        let text = std::str::from_utf8(text).map_err(|_| self.malformed())?;
        let is_base64url = |part: &str| {
            let mut bytes = part.bytes();
            !part.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if text.split('.').count() == 3 && text.split('.').all(is_base64url) {
            Ok(Secret::from(text))
        } else {
            Err(self.malformed())
        }
    }

    fn absent(&self) -> Error {
        let hint = match self {
            Self::File { .. } => "check that whatever writes the file has run",
            Self::Given { .. } => {
                "name the path of an identity token, such as that of `fn::open::oidc`"
            }
            Self::Variable { .. } => "set the variable to the identity token, or name another",
            Self::GitHubActions { .. } => return self.malformed(),
        };
        Error::configuration(format!("there is no identity token in {self}")).with_hint(hint)
    }

    fn malformed(&self) -> Error {
        if matches!(self, Self::GitHubActions { .. }) {
            let message = format!("what {self} answered is not an identity token");
            return Error::new(Kind::Unavailable, message)
                .with_hint("check the network: a proxy may answer in the place of GitHub");
        }
        Error::configuration(format!("what is in {self} is not an identity token")).with_hint(
            "it has to be a signed JSON web token (JWT): three parts in base64url with dots between",
        )
    }
}

impl fmt::Display for Source {
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

/// What GitHub answers. The token is wiped by whoever takes it.
#[derive(Deserialize)]
struct GitHubAnswer {
    value: String,
}

/// When a token says that it expires: the claim `exp` (RFC 7519, section 4.1.4), read without any
/// verification; `None` where it cannot be read.
#[must_use]
pub(crate) fn expiry(token: &Secret<String>) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: serde_json::Number,
    }
    let payload = token.expose().split('.').nth(1)?;
    let payload = BASE64_URL_SAFE_NO_PAD
        .decode(payload)
        .map(Zeroizing::new)
        .ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    // The number may have a fraction, which says nothing that matters.
    let exp = claims.exp.to_string();
    let seconds = exp.split('.').next()?.parse().ok()?;
    Some(Timestamp::from_unix(seconds))
}
