//! HTTP requests to Pulumi Cloud: headers and limits.

use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::http::{Method, Request, Response, timed_out};
use crate::pulumi_cloud::backend::Backend;
use crate::pulumi_cloud::error_response::not_pulumi_cloud;
use crate::secret::Secret;

/// The default limit of a response, in bytes. Environments have a few kilobytes, or more if they
/// hold certificates.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// Sends requests to one Pulumi Cloud.
pub(super) struct Transport<'a> {
    pub(super) context: Context<'a>,
    pub(super) backend: Backend,
}

/// A request to the API.
#[derive(Clone, Copy)]
pub(super) struct ApiRequest<'r> {
    /// Describes the request in the log, without secrets: the path may contain one.
    pub(super) purpose: &'r str,
    pub(super) method: Method,
    /// Path and query, starting with `/`.
    pub(super) path: &'r str,
    pub(super) body: &'r [u8],
    /// The maximum size of the response, in bytes.
    pub(super) limit: usize,
    /// Whether it can be repeated without side effects.
    pub(super) is_repeatable: bool,
}

impl<'r> ApiRequest<'r> {
    /// A `GET` request, which is repeatable.
    pub(super) fn get(purpose: &'r str, path: &'r str) -> Self {
        Self {
            purpose,
            method: Method::Get,
            path,
            body: &[],
            limit: MAX_RESPONSE_BYTES,
            is_repeatable: true,
        }
    }

    /// A `POST` request, which is not repeatable.
    pub(super) fn post(purpose: &'r str, path: &'r str, body: &'r [u8]) -> Self {
        Self {
            method: Method::Post,
            body,
            is_repeatable: false,
            ..Self::get(purpose, path)
        }
    }
}

impl Transport<'_> {
    /// Sends a request and returns the response, whatever its status. Retries as [`Context::send`] does.
    pub(super) fn send(
        &self,
        request: ApiRequest<'_>,
        token: Option<&Secret<String>>,
    ) -> Result<Response> {
        let url = Zeroizing::new(format!("{}{}", self.backend.url, request.path));
        // The scheme `token` is Pulumi's own.
        let authorization =
            token.map(|token| Zeroizing::new(format!("token {}", token.expose().as_str())));
        // As the Pulumi CLI sends them; `accept` holds the version of the API.
        let mut headers = vec![
            ("accept", "application/vnd.pulumi+8"),
            ("content-type", "application/json"),
        ];
        if let Some(authorization) = &authorization {
            headers.push(("authorization", authorization));
        }
        let http_request = Request {
            method: request.method,
            url: &url,
            headers: &headers,
            body: request.body,
            limit: request.limit,
        };
        let response = (self.context).send(request.purpose, &http_request, request.is_repeatable);
        response.map_err(|failure| failure.error)
    }

    /// The error for a response that Pulumi Cloud would not send; see [`not_pulumi_cloud`]. A response
    /// that was not read because of the deadline is not at fault.
    pub(super) fn unexpected(&self, reason: impl Into<String>) -> Error {
        let (host, deadline) = (self.backend.host(), self.context.deadline);
        if deadline.is_over() {
            return timed_out(format!("`{host}`"), deadline.allowed());
        }
        not_pulumi_cloud(&host, reason)
    }
}
