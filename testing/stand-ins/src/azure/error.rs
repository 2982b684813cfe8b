//! Errors as Microsoft Entra ID sends them.

use aws_lc_rs::rand;
use encodings::timestamp::{self, Seconds};
use serde_json::json;

use crate::http::Response;
use crate::sigv4::hexadecimal;

/// An error response.
#[derive(Clone, Debug)]
pub struct EntraError {
    status: u16,
    error: &'static str,
    /// The number in `AADSTS…`.
    pub(super) code: u32,
    text: String,
}

impl EntraError {
    /// An error with a status, an error code of OAuth 2.0, the number in `AADSTS…`, and its text.
    pub fn new(status: u16, error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self {
            status,
            error,
            code,
            text: text.into(),
        }
    }

    /// 400 `invalid_request`.
    pub(super) fn request(code: u32, text: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", code, text)
    }

    /// 401 `invalid_client`.
    pub(super) fn client(code: u32, text: impl Into<String>) -> Self {
        Self::new(401, "invalid_client", code, text)
    }

    /// 400 for a missing parameter.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::request(
            900_144,
            format!("The request body must contain the following parameter: '{parameter}'."),
        )
    }

    /// 401 for an identity token that no federated credential matches.
    pub(super) fn no_match(code: u32, claim: &str, value: &str, explanation: &str) -> Self {
        Self::client(
            code,
            format!(
                "No matching federated identity record found for presented assertion {claim} \
                 '{value}'.{explanation} Check your federated identity credential Subject, Audience and \
                 Issuer against the presented assertion. \
                 https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
            ),
        )
    }

    pub(super) fn response(&self, now: Seconds) -> Response {
        let Self {
            status,
            error,
            code,
            text,
        } = self;
        let (trace, correlation) = (uuid(), uuid());
        let time = timestamp::rfc3339(now).replace('T', " ");
        let body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
            ),
            "error_codes": [code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        Response::new(*status, "application/json; charset=utf-8", body.to_string())
    }
}

fn uuid() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    let text = hexadecimal(&bytes);
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    parts.join("-")
}
