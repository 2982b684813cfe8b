//! HTTP requests to Pulumi Cloud: headers, limits and retries.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::{Deadline, format_duration};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::http::{Method, Request, Response, SendError, timed_out};
use crate::pulumi_cloud::backend::Backend;
use crate::pulumi_cloud::error_response::not_pulumi_cloud;
use crate::secret::Secret;

/// The default limit of a response, in bytes. Environments have a few kilobytes, or more if they
/// hold certificates.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// The maximum number of attempts at a request.
const MAX_ATTEMPTS: u32 = 4;

/// The delay before the second attempt. It doubles with each attempt, with 50 % jitter.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// The minimum time for one attempt at a repeatable request.
const MIN_ATTEMPT_TIME: Duration = Duration::from_secs(2);

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
    /// Sends a request and returns the response, whatever its status.
    ///
    /// Repeatable requests are retried after a failed connection, an incomplete or late response,
    /// 429 and 5xx. Other requests are retried only if they certainly had no effect: without a
    /// connection, or if the server asks to retry later (429, or 503 with `Retry-After`). There is
    /// no retry whose delay would exceed the deadline.
    pub(super) fn send(
        &self,
        request: ApiRequest<'_>,
        token: Option<&Secret<String>>,
    ) -> Result<Response> {
        let (log, http, deadline) = (self.context.log, self.context.http, self.context.deadline);
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
        let mut attempt = 1;
        loop {
            let outcome = http.send(&http_request, self.attempt_deadline(request.is_repeatable));
            match &outcome {
                Ok(response) => log.debug(format_args!(
                    "{}: `{}` responded with status {}",
                    request.purpose,
                    self.backend.host(),
                    response.status
                )),
                Err(failure) => log.debug(format_args!(
                    "{}: attempt {attempt}: {}",
                    request.purpose, failure.error
                )),
            }
            match retry_delay(request.is_repeatable, &outcome, attempt) {
                Some(delay) if attempt < MAX_ATTEMPTS && delay < deadline.remaining() => {
                    log.info(format_args!(
                        "{} failed; retrying in {}",
                        request.purpose,
                        format_duration(delay)
                    ));
                    http.sleep(delay, deadline)?;
                    attempt += 1;
                }
                _ => return outcome.map_err(|failure| failure.error),
            }
        }
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

    /// The deadline of one attempt: a third of the time if the request is repeatable, so that a
    /// server that hangs gets a second request.
    fn attempt_deadline(&self, is_repeatable: bool) -> Deadline {
        let deadline = self.context.deadline;
        if is_repeatable {
            let third = deadline.allowed() / 3;
            deadline.within(third.max(MIN_ATTEMPT_TIME))
        } else {
            deadline
        }
    }
}

/// The delay before the next attempt; `None` if the outcome is final.
fn retry_delay(
    is_repeatable: bool,
    outcome: &Result<Response, SendError>,
    attempt: u32,
) -> Option<Duration> {
    match outcome {
        Err(failure) if failure.permanent => None,
        Err(failure) => (is_repeatable || failure.unsent).then(|| backoff(attempt)),
        Ok(response) => {
            let retry_after = response.retry_after();
            let should_retry = match response.status {
                429 => true,
                503 => is_repeatable || retry_after.is_some(),
                500.. => is_repeatable,
                _ => false,
            };
            should_retry.then(|| retry_after.unwrap_or_else(|| backoff(attempt)))
        }
    }
}

/// 100 ms, 200 ms, 400 ms and so on, each with 50 % jitter, so that plugins that failed together do
/// not retry together.
fn backoff(attempt: u32) -> Duration {
    let middle = FIRST_DELAY * 2_u32.saturating_pow(attempt.saturating_sub(1).min(8));
    // The random keys of `RandomState` are the only randomness in the standard library.
    let random = RandomState::new().hash_one(attempt) % 1_000;
    let random = u32::try_from(random).unwrap_or(0);
    middle / 2 + middle * random / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_with_jitter() {
        for attempt in 1..=4 {
            let middle = 100 * 2_u128.pow(attempt - 1);
            let delays: Vec<_> = (0..50).map(|_| backoff(attempt).as_millis()).collect();
            assert!(
                delays
                    .iter()
                    .all(|delay| (middle / 2..=middle * 3 / 2).contains(delay)),
                "{attempt}: {delays:?}"
            );
            assert!(delays.iter().any(|delay| *delay != delays[0]), "{delays:?}");
        }
        assert!(backoff(u32::MAX) < Duration::from_mins(1));
    }
}
