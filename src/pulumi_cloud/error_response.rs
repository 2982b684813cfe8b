//! Error responses of Pulumi Cloud, as messages that a user can act on.

use std::time::Duration;

use crate::clock::{Deadline, format_duration};
use crate::error::{Error, Kind, one_line};
use crate::http::{Response, redacted};
use crate::pulumi_cloud::access_token_source::AccessTokenSource;
use crate::pulumi_cloud::diagnostics::read_diagnostics;
use crate::pulumi_cloud::environment_name::Organization;
use crate::pulumi_cloud::response_json;
use crate::pulumi_cloud::user::Caller;
use esc::Diagnostic;

/// How deep the JSON of an error may nest.
const MAX_NESTING: usize = 64;

/// The maximum length of a server's message, in characters. The rest is dropped.
const MAX_MESSAGE_CHARS: usize = 500;

/// A response with an unexpected status.
pub(super) struct ErrorResponse {
    pub(super) status: u16,
    pub(super) diagnostics: Vec<Diagnostic>,
    message: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

/// What a request tried to access, with the full name.
pub(super) enum Resource<'r> {
    Environment(&'r str),
    Stack(&'r str),
    /// All environments of the organization.
    Organization,
}

impl ErrorResponse {
    /// Reads a response. `secrets` are redacted if the server repeats them.
    pub(super) fn read(response: &Response, secrets: &[&str], deadline: Deadline) -> Self {
        let body = response.body.expose();
        let json = response_json::parse(body, MAX_NESTING, deadline).ok();
        let message = match &json {
            // The token exchange uses `error_description` (RFC 6749, section 5.2).
            Some(json) => ["message", "error_description", "error"]
                .iter()
                .find_map(|name| json.property(name)?.as_str()),
            // Plain text may be useful, HTML is not.
            None => std::str::from_utf8(body)
                .ok()
                .filter(|text| !text.trim_start().starts_with('<')),
        };
        let readable = |text: &str| {
            let text = redacted(&one_line(text), secrets);
            text.chars().take(MAX_MESSAGE_CHARS).collect::<String>()
        };
        Self {
            status: response.status,
            diagnostics: json
                .as_ref()
                .map(|json| read_diagnostics(json, secrets))
                .unwrap_or_default(),
            message: message.map(readable).filter(|text| !text.is_empty()),
            request_id: response.header("x-pulumi-request-id").map(readable),
            retry_after: response.retry_after(),
        }
    }

    /// The error for a 403 or 404 about `resource`.
    pub(super) fn access_error(
        &self,
        resource: &Resource<'_>,
        organization: &Organization,
        caller: &Caller<'_>,
    ) -> Error {
        let is_forbidden = self.status == 403;
        let (action, name, list_command) = match resource {
            Resource::Environment(name) => ("open", format!("environment `{name}`"), "env ls"),
            Resource::Stack(name) => ("read", format!("stack `{name}`"), "stack ls --all"),
            Resource::Organization => {
                let message = format!(
                    "the organization `{organization}` does not exist, or {caller} is not allowed \
                     to open environments in it"
                );
                return self.with_cause(
                    Error::new(Kind::Denied, message)
                        .with_hint("check `--organization` and PULUMI_DEFAULT_ORGANIZATION"),
                );
            }
        };
        let (message, hint) = if is_forbidden {
            (
                format!("{caller} is not allowed to {action} the {name}"),
                format!("ask an administrator of `{organization}` for permission to {action} it"),
            )
        } else {
            let hint = caller.membership_hint(organization).unwrap_or_else(|| {
                format!(
                    "check the name, or ask for access; `pulumi {list_command}` lists what you can \
                     access"
                )
            });
            let message = format!("the {name} does not exist, or {caller} has no access to it");
            (message, hint)
        };
        self.with_cause(Error::new(Kind::Denied, message).with_hint(hint))
    }

    /// The error for an environment that can only be opened with an approval.
    pub(super) fn approval_error(&self, environment: &str, caller: &Caller<'_>) -> Error {
        self.with_cause(approval_error(environment, caller))
    }

    /// The error for a session that cannot be read any more.
    pub(super) fn session_error(&self) -> Error {
        let message = "the session expired before it could be read";
        self.with_cause(Error::new(Kind::Unavailable, message).with_hint("try again in a moment"))
    }

    /// The error for a request with an access token, independent of what was requested. `host` is
    /// the host of Pulumi Cloud.
    pub(super) fn authenticated_error(&self, host: &str, token: &AccessTokenSource) -> Error {
        let (message, hint) = match self.status {
            401 => (
                format!("`{host}` rejected the access token from {token}"),
                token.rejection_hint(),
            ),
            403 => (
                format!("`{host}` denied access with the access token from {token}"),
                "log in as a user with the required permission",
            ),
            _ => return self.general_error(host),
        };
        self.with_cause(Error::new(Kind::Denied, message).with_hint(hint))
    }

    /// The error for any request: rate limit, server failure, redirect, or another server. `host`
    /// is the host of Pulumi Cloud.
    pub(super) fn general_error(&self, host: &str) -> Error {
        let status = self.status;
        let retry_hint = match self.retry_after {
            Some(delay) => format!("try again in {}", format_duration(delay)),
            None => "try again in a moment".to_owned(),
        };
        let (kind, message, hint) = match status {
            300..=399 => (
                Kind::Unavailable,
                format!("`{host}` redirected to another URL (HTTP status {status})"),
                "check PULUMI_BACKEND_URL, and whether the network requires a login; redirects are \
                 not followed",
            ),
            409 => (
                Kind::Unavailable,
                "the environment was modified at the same time".to_owned(),
                "try again in a moment",
            ),
            413 => (
                Kind::Configuration,
                "the request is too large for Pulumi Cloud".to_owned(),
                "make the definition smaller",
            ),
            429 => (
                Kind::Unavailable,
                format!("`{host}` limits the rate of requests"),
                retry_hint.as_str(),
            ),
            500.. => {
                let id = match &self.request_id {
                    Some(id) => format!(", request ID {id}"),
                    None => String::new(),
                };
                (
                    Kind::Unavailable,
                    format!("`{host}` failed (HTTP status {status}{id})"),
                    "try again in a moment; see https://status.pulumi.com for outages",
                )
            }
            400..=499 => (
                Kind::Configuration,
                format!("`{host}` rejected the request (HTTP status {status})"),
                "check the environment name and PULUMI_BACKEND_URL",
            ),
            _ => return not_pulumi_cloud(host, format!("it has HTTP status {status}")),
        };
        self.with_cause(Error::new(kind, message).with_hint(hint))
    }

    /// Adds the server's message as the cause.
    pub(super) fn with_cause(&self, error: Error) -> Error {
        match &self.message {
            Some(message) => error.caused_by(message.clone()),
            None => error,
        }
    }
}

/// The error for an environment that can only be opened with an approval, without a cause.
pub(super) fn approval_error(environment: &str, caller: &Caller<'_>) -> Error {
    let message = format!("{caller} needs an approval to open the environment `{environment}`");
    Error::new(Kind::Denied, message).with_hint(format!(
        "request it with `pulumi env open-request {environment}`, and try again once it is approved"
    ))
}

/// The error for a response that Pulumi Cloud would not send. `reason` continues "the response",
/// and never quotes the response: it may contain secrets.
pub(super) fn not_pulumi_cloud(host: &str, reason: impl Into<String>) -> Error {
    Error::new(
        Kind::Unavailable,
        format!("the response from `{host}` did not come from Pulumi Cloud"),
    )
    .with_hint("check PULUMI_BACKEND_URL; a proxy or a login page may be answering instead")
    .caused_by(reason.into())
}
