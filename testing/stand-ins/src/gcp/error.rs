//! Errors in the two forms of Google's services.

use serde_json::{Value, json};

use crate::http::Response;

/// An error response.
#[derive(Clone, Debug)]
pub struct GoogleError {
    status: u16,
    /// The code that is recorded: `invalid_grant`, `PERMISSION_DENIED` or a more specific reason.
    pub(super) code: String,
    body: Value,
}

impl GoogleError {
    /// An error of STS (RFC 6749, section 5.2).
    pub fn oauth(error: &str, description: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: error.to_owned(),
            body: json!({"error": error, "error_description": description.into()}),
        }
    }

    /// An error of an API (`google.rpc.Status`).
    pub fn api(code: u16, status: &str, message: impl Into<String>) -> Self {
        let error = json!({"code": code, "message": message.into(), "status": status});
        Self {
            status: code,
            code: status.to_owned(),
            body: json!({"error": error}),
        }
    }

    /// Adds a detail (`google.rpc.ErrorInfo`).
    #[must_use]
    pub fn because(mut self, reason: &str, domain: &str, metadata: &Value) -> Self {
        reason.clone_into(&mut self.code);
        self.body["error"]["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": domain,
            "metadata": metadata,
        }]);
        self
    }

    pub(super) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::api(400, "INVALID_ARGUMENT", message)
    }

    /// 401, as for any API of Google.
    pub(super) fn unauthenticated() -> Self {
        Self::api(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
             cookie or other valid authentication credential.",
        )
    }

    pub(super) fn response(&self) -> Response {
        let body = serde_json::to_vec_pretty(&self.body).unwrap_or_default();
        Response::new(self.status, "application/json; charset=UTF-8", body)
    }
}
