//! Requests to Pulumi Cloud: headers, limits, and when to try again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::{Deadline, format_duration};
use crate::error::Result;
use crate::http::{HttpClient, Method, Request, Response, SendError};
use crate::log::Log;
use crate::pulumi_cloud::backend::Backend;
use crate::secret::Secret;

/// The largest answer, in bytes. Environments are a few kilobytes; the largest hold certificates.
pub(super) const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// How often a request is sent at most.
const ATTEMPTS: u32 = 4;

/// The wait before the second attempt. It doubles each time, and varies by half of it.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The shortest time that one attempt at a request that may be repeated gets.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(2);

/// The way to one Pulumi Cloud.
pub(super) struct Transport<'a> {
    pub(super) http: HttpClient,
    pub(super) backend: Backend,
    pub(super) deadline: Deadline,
    pub(super) log: &'a Log<'a>,
}

/// What to ask.
#[derive(Clone, Copy)]
pub(super) struct Call<'c> {
    /// What it is for, in a word or two, for notes. The path may hold a secret, this does not.
    pub(super) purpose: &'c str,
    pub(super) method: Method,
    /// Path and query, from the `/` on.
    pub(super) path: &'c str,
    /// The access token; the token exchange has none.
    pub(super) token: Option<&'c Secret<String>>,
    pub(super) body: &'c [u8],
    /// The largest answer, in bytes.
    pub(super) limit: usize,
    /// Whether asking twice does no more than asking once. What fetches may always be repeated.
    pub(super) repeatable: bool,
}

impl Call<'_> {
    fn may_repeat(&self) -> bool {
        self.repeatable || self.method == Method::Get
    }
}

impl Transport<'_> {
    /// Asks, and hands back whatever is answered.
    ///
    /// What may be repeated is tried again after a failed connection, a cut or late answer, 429 and
    /// 5xx.
    /// What opens an environment is tried again only where it certainly was not done: there was no
    /// connection, or the server said to come back later (429, or 503 with `Retry-After`). Nothing
    /// is tried again that would wait beyond the deadline.
    pub(super) fn send(&self, call: Call<'_>) -> Result<Response> {
        let url = Zeroizing::new(format!("{}{}", self.backend.url, call.path));
        let authorization = call.token.map(|token| {
            // The scheme is Pulumi's own.
            Zeroizing::new(format!("token {}", token.expose()))
        });
        // What the original client sends; the version of the API is in `accept`.
        let mut headers = vec![
            ("accept", "application/vnd.pulumi+8"),
            ("content-type", "application/json"),
        ];
        headers.extend(
            authorization
                .iter()
                .map(|it| ("authorization", it.as_str())),
        );
        let request = Request {
            method: call.method,
            url: &url,
            headers: &headers,
            body: call.body,
            limit: call.limit,
        };
        let mut attempt = 1;
        loop {
            let outcome = self
                .http
                .send(&request, self.attempt_deadline(call.may_repeat()));
            match &outcome {
                Ok(answer) => {
                    self.note_answer(&call, answer);
                }
                Err(no_answer) => self.log.debug(format_args!(
                    "{}: attempt {attempt}: {}",
                    call.purpose, no_answer.error
                )),
            }
            let wait = wait_before_retry(call.may_repeat(), &outcome, attempt);
            match wait.filter(|wait| attempt < ATTEMPTS && *wait < self.deadline.remaining()) {
                Some(wait) => {
                    self.log.info(format_args!(
                        "{} failed; trying again in {}",
                        call.purpose,
                        format_duration(wait)
                    ));
                    self.http.sleep(wait, self.deadline)?;
                    attempt += 1;
                }
                None => return outcome.map_err(|no_answer| no_answer.error),
            }
        }
    }

    /// What may be repeated gets a third of the time, so that a server that hangs is asked again.
    fn attempt_deadline(&self, may_repeat: bool) -> Deadline {
        if may_repeat {
            let third = self.deadline.allowed() / 3;
            self.deadline.within(third.max(SHORTEST_ATTEMPT))
        } else {
            self.deadline
        }
    }

    fn note_answer(&self, call: &Call<'_>, answer: &Response) {
        self.log.debug(format_args!(
            "{}: `{}` answered with status {}",
            call.purpose,
            self.backend.host(),
            answer.status
        ));
    }
}

/// How long to wait before the next attempt; `None` where there must be none.
fn wait_before_retry(
    may_repeat: bool,
    outcome: &Result<Response, SendError>,
    attempt: u32,
) -> Option<Duration> {
    match outcome {
        Err(no_answer) if no_answer.permanent => None,
        Err(no_answer) => (may_repeat || no_answer.unsent).then(|| backoff(attempt)),
        Ok(answer) => {
            let asked = answer.retry_after();
            let again = match answer.status {
                429 => true,
                503 => may_repeat || asked.is_some(),
                500.. => may_repeat,
                _ => false,
            };
            again.then(|| asked.unwrap_or_else(|| backoff(attempt)))
        }
    }
}

/// 100 ms, 200 ms, 400 ms …, each with up to half of it more or less, so that many plugins that
/// failed together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let middle = FIRST_WAIT * 2_u32.saturating_pow(attempt.saturating_sub(1).min(8));
    // The standard library's hash keys are the one source of chance that it has.
    let chance = RandomState::new().hash_one(attempt) % 1_000;
    let chance = u32::try_from(chance).unwrap_or(0);
    middle / 2 + middle * chance / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_vary() {
        for attempt in 1..=4 {
            let middle = 100 * 2_u128.pow(attempt - 1);
            let waits: Vec<_> = (0..50).map(|_| backoff(attempt).as_millis()).collect();
            assert!(
                waits
                    .iter()
                    .all(|wait| (middle / 2..=middle * 3 / 2).contains(wait)),
                "{attempt}: {waits:?}"
            );
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
        }
        assert!(backoff(u32::MAX) < Duration::from_mins(1));
    }
}
