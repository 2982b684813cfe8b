//! What a refusal of Pulumi Cloud means, in words a user can act on.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::format_duration;
use crate::error::{Error, Kind, one_line};
use crate::http::Response;
use crate::secret::REDACTED;
use esc::{Data, Diagnostic, Position, Range, Severity, Value, format::json};

/// How deep an error's JSON may nest.
const NESTING: usize = 64;

/// The longest message of the server that is shown, in characters.
const LONGEST_MESSAGE: usize = 500;

/// The most diagnostics that are taken over.
const MOST_DIAGNOSTICS: usize = 1_000;

/// An answer that is not what was asked for.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) diagnostics: Vec<Diagnostic>,
    message: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an answer. `secrets` are what must not be shown, should the server repeat it.
    pub(super) fn read(answer: &Response, secrets: &[&str]) -> Self {
        let body = answer.body.expose();
        let json = json::parse(body, NESTING).ok();
        let message = match &json {
            // `error_description` is what the token exchange says (RFC 6749, section 5.2).
            Some(json) => ["message", "error_description", "error"]
                .iter()
                .find_map(|name| json.property(name)?.as_str()),
            // Other servers' pages are of no use here; a line of plain text may be.
            None => std::str::from_utf8(body)
                .ok()
                .filter(|text| !text.trim_start().starts_with('<')),
        };
        let shown = |text: &str| {
            let hidden = secrets
                .iter()
                .filter(|secret| !secret.is_empty())
                .fold(one_line(text), |text, secret| {
                    text.replace(secret, REDACTED)
                });
            hidden.chars().take(LONGEST_MESSAGE).collect::<String>()
        };
        let diagnostics = json.as_ref().and_then(|json| json.property("diagnostics"));
        Self {
            status: answer.status,
            diagnostics: diagnostics.map(read_diagnostics).unwrap_or_default(),
            message: message.map(shown).filter(|text| !text.is_empty()),
            request_id: answer.header("x-pulumi-request-id").map(shown),
            retry_after: answer.retry_after(),
        }
    }

    /// The error for what every call may be answered with: an overload, a failure of the server,
    /// another server. `host` is who answered.
    pub(super) fn in_general(&self, host: &str) -> Error {
        let status = self.status;
        let (kind, message, hint) = match status {
            300..=399 => (
                Kind::Unavailable,
                format!("`{host}` redirects to another address (HTTP status {status})"),
                "check PULUMI_BACKEND_URL, and whether the network wants a login; the access token \
                 is not sent elsewhere"
                    .to_owned(),
            ),
            409 => (
                Kind::Unavailable,
                "the environment was changed at the same time".to_owned(),
                "try again in a moment".to_owned(),
            ),
            413 => (
                Kind::Configuration,
                "what was sent is too large for Pulumi Cloud".to_owned(),
                "make the definition smaller".to_owned(),
            ),
            429 => (
                Kind::Unavailable,
                format!("`{host}` refuses so many requests in so short a time"),
                self.retry_after.map_or_else(
                    || "try again in a moment".to_owned(),
                    |wait| format!("try again in {}", format_duration(wait)),
                ),
            ),
            500.. => {
                let id = self.request_id.as_deref();
                let id = id.map_or_else(String::new, |id| format!(", request id {id}"));
                (
                    Kind::Unavailable,
                    format!("`{host}` failed (HTTP status {status}{id})"),
                    "try again in a moment; https://status.pulumi.com tells about outages"
                        .to_owned(),
                )
            }
            400..=499 => (
                Kind::Configuration,
                format!("`{host}` refuses the request (HTTP status {status})"),
                "check the name of the environment, and PULUMI_BACKEND_URL".to_owned(),
            ),
            _ => return not_pulumi_cloud(host, format!("it has HTTP status {status}")),
        };
        self.with_cause(Error::new(kind, message).with_hint(hint))
    }

    /// Adds what the server said.
    pub(super) fn with_cause(&self, error: Error) -> Error {
        match &self.message {
            Some(message) => error.caused_by(message.clone()),
            None => error,
        }
    }
}

/// The error for an answer that Pulumi Cloud would not give. `reason` continues "the answer": it
/// never quotes it, for an answer may hold secrets.
pub(super) fn not_pulumi_cloud(host: &str, reason: impl Into<String>) -> Error {
    Error::new(
        Kind::Unavailable,
        format!("the answer of `{host}` is not one of Pulumi Cloud's API"),
    )
    .with_hint("check PULUMI_BACKEND_URL; a proxy or a login page may answer in its place")
    .caused_by(reason.into())
}

/// Reads diagnostics as the API writes them.
pub(super) fn read_diagnostics(list: &Value) -> Vec<Diagnostic> {
    let Data::Array(items) = &list.data else {
        return Vec::new();
    };
    let items = items.iter().take(MOST_DIAGNOSTICS);
    items.filter_map(read_diagnostic).collect()
}

fn read_diagnostic(item: &Value) -> Option<Diagnostic> {
    let text = |name: &str| {
        item.property(name)?
            .as_str()
            .filter(|text| !text.is_empty())
    };
    let summary = match (text("summary"), text("detail")) {
        (Some(summary), Some(detail)) => format!("{summary}: {detail}"),
        (Some(either), None) | (None, Some(either)) => either.to_owned(),
        (None, None) => return None,
    };
    let severity = match text("severity") {
        Some("warning") => Severity::Warning,
        // A severity that is not said is an error, as for the original client.
        _ => Severity::Error,
    };
    Some(Diagnostic {
        severity,
        summary,
        range: item.property("range").and_then(read_range),
        path: text("path").map(str::to_owned),
        failure: None,
    })
}

/// Reads a range; one that is all zero says nothing.
fn read_range(range: &Value) -> Option<Range> {
    let position = |name: &str| -> Option<Position> {
        let position = range.property(name)?;
        let number = |name: &str| match &position.property(name)?.data {
            Data::Number(number) => number.as_str().parse().ok(),
            _ => None,
        };
        Some(Position {
            line: number("line").filter(|line| *line > 0)?,
            column: number("column").unwrap_or(1).max(1),
            byte: number("byte").unwrap_or(0),
        })
    };
    let environment = range.property("environment").and_then(Value::as_str);
    let begin = position("begin")?;
    Some(Range {
        environment: Arc::from(environment.unwrap_or_default()),
        begin,
        end: position("end").unwrap_or(begin),
    })
}
