//! Gets access tokens of service accounts from the IAM Service Account Credentials API.

use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::Result;
use crate::gcp::CLOUD_PLATFORM;
use crate::gcp::endpoint::Endpoint;
use crate::gcp::failure::{Operation, ServiceCall};
use crate::http::{Method, Request, Response};
use crate::oauth::AccessToken;
use crate::secret::Secret;

/// Without this scope, GKE knows a service account by its numeric ID instead of its e-mail address.
pub(crate) const EMAIL_SCOPE: &str = "https://www.googleapis.com/auth/userinfo.email";

/// The maximum size of a response, in bytes. Access tokens are sent in a header.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The inputs of `generateAccessToken`.
pub(crate) struct GenerateAccessToken<'a> {
    /// The e-mail address or the unique ID of the service account; both need no escapes in a URL.
    pub service_account: &'a str,
    /// How long the token is valid, in whole seconds.
    pub lifetime: Duration,
    /// The access token of the caller.
    pub caller: &'a Secret<String>,
    /// The identity token that the caller's access token was exchanged for, if it was.
    pub identity_token: Option<&'a Secret<String>>,
    /// Which of the other inputs are secret: error messages redact them.
    pub secret_inputs: &'a [&'a str],
}

/// Gets an access token of a service account.
pub(crate) fn generate_access_token(
    context: Context<'_>,
    endpoint: &Endpoint,
    request: &GenerateAccessToken<'_>,
) -> Result<AccessToken> {
    let GenerateAccessToken {
        service_account,
        lifetime,
        caller,
        identity_token,
        secret_inputs,
    } = *request;
    let mut secrets = secret_inputs.to_vec();
    secrets.push(caller.expose());
    secrets.extend(identity_token.map(|token| token.expose().as_str()));
    let call = ServiceCall {
        endpoint,
        operation: Operation::GenerateAccessToken {
            service_account,
            identity_token,
        },
        secrets,
    };
    let path = format!("/v1/projects/-/serviceAccounts/{service_account}:generateAccessToken");
    let body = serde_json::json!({
        "lifetime": format!("{}s", lifetime.as_secs()),
        "scope": [CLOUD_PLATFORM, EMAIL_SCOPE],
    })
    .to_string();
    let authorization = Zeroizing::new(format!("Bearer {}", caller.expose()));
    let request = Request {
        method: Method::Post,
        url: &endpoint.url(&path),
        headers: &[
            ("accept", "application/json"),
            ("authorization", &authorization),
            ("content-type", "application/json"),
        ],
        body: body.as_bytes(),
        limit: MAX_RESPONSE_BYTES,
    };
    let now = context.now();
    // A second request has no further effect.
    let response = context.send("impersonating the service account", &request, true);
    let response = response.map_err(|failure| failure.error)?;
    if response.status != 200 {
        return Err(call.rejection(&response));
    }
    read_token(&response, now, lifetime)
        .ok_or_else(|| call.not_from_google("a response without an access token and its expiry"))
}

fn read_token(response: &Response, now: Timestamp, requested: Duration) -> Option<AccessToken> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        access_token: Secret<String>,
        expire_time: String,
    }
    // The parser's error is dropped: it would quote the response.
    let body: Body = serde_json::from_slice(response.body.expose()).ok()?;
    // Google's clock may differ from this machine's, by which the expiry is judged.
    let google_now = response.date.unwrap_or(now);
    let lifetime = Timestamp::from_rfc3339(&body.expire_time)?.since(google_now);
    (!body.access_token.expose().is_empty()).then(|| AccessToken {
        token: body.access_token,
        expires_at: Some(now.plus(lifetime.min(requested))),
    })
}

#[cfg(test)]
mod tests;
