//! OAuth 2.0: requests to token endpoints, and the access tokens that they issue (RFC 6749).

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::{Method, RESERVED, Request, Response, host_of};
use crate::secret::Secret;

/// The maximum size of a response, in bytes. Access tokens are sent in a header.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The longest lifetime that is believed, in seconds: a year.
const MAX_LIFETIME: u64 = 365 * 24 * 3_600;

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    /// The token.
    pub token: Secret<String>,
    /// When it expires, by this machine's clock; `None` if that is unknown.
    pub expires_at: Option<Timestamp>,
}

/// Posts a form to the token endpoint at `url` (RFC 6749, section 4.4.2). A second request has no further
/// effect, so it is retried as [`Context::send`] does. `rejected` makes the error of a response whose status
/// is not 200.
pub(crate) fn request_token(
    context: Context<'_>,
    url: &str,
    form: &[(&str, &str)],
    rejected: impl FnOnce(&Response) -> Error,
) -> Result<AccessToken> {
    let now = context.now();
    let body = encode(form);
    let request = Request {
        method: Method::Post,
        url,
        headers: &[
            ("accept", "application/json"),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
        body: body.as_bytes(),
        limit: MAX_RESPONSE_BYTES,
    };
    let response = context.send("requesting an access token", &request, true);
    let response = response.map_err(|failure| failure.error)?;
    if response.status != 200 {
        return Err(rejected(&response));
    }
    read_token(&response, now).ok_or_else(|| {
        let message = format!("the response from `{}` has no access token", host_of(url));
        Error::new(Kind::Unavailable, message)
            .with_hint("check the endpoint, and whether a proxy is answering for it")
    })
}

/// The form in the encoding of HTML forms.
fn encode(form: &[(&str, &str)]) -> Zeroizing<String> {
    let length: usize = form
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    // Large enough from the start: a buffer that grows leaves copies of the secrets behind.
    let mut body = Zeroizing::new(String::with_capacity(length * 3 + form.len() * 2));
    for (name, value) in form {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        body.extend(utf8_percent_encode(value, RESERVED));
    }
    body
}

/// Reads a successful response (RFC 6749, section 5.1).
fn read_token(response: &Response, now: Timestamp) -> Option<AccessToken> {
    #[derive(Deserialize)]
    struct Body {
        access_token: Secret<String>,
        expires_in: Option<u64>,
    }
    // The parser's error is dropped: it would quote the response.
    let body: Body = serde_json::from_slice(response.body.expose()).ok()?;
    let lifetime = body.expires_in.map(|seconds| seconds.min(MAX_LIFETIME));
    (!body.access_token.expose().is_empty()).then(|| AccessToken {
        token: body.access_token,
        expires_at: lifetime.map(|seconds| now.plus(std::time::Duration::from_secs(seconds))),
    })
}
