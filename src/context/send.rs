//! Requests that are retried, within the deadline of the call.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::clock::{Deadline, format_duration};
use crate::context::Context;
use crate::error::Result;
use crate::http::{Request, Response, SendError, host_of};

/// The maximum number of attempts at a request.
const MAX_ATTEMPTS: u32 = 4;

/// The delay before the second attempt. It doubles with each attempt, with 50 % jitter.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// The minimum time for one attempt at a repeatable request.
const MIN_ATTEMPT_TIME: Duration = Duration::from_secs(2);

impl Context<'_> {
    /// Sends a request and returns the response, whatever its status. `purpose` describes it in the log,
    /// without secrets.
    ///
    /// Requests that are repeatable, because a second one has no further effect, are retried after a
    /// failed connection, an incomplete or late response, 429 and 5xx. Other requests are retried only if
    /// they certainly had no effect: without a connection, or if the server asks to retry later (429, or
    /// 503 with `Retry-After`). There is no retry whose delay would exceed the deadline.
    pub(crate) fn send(
        &self,
        purpose: &str,
        request: &Request<'_>,
        is_repeatable: bool,
    ) -> Result<Response, SendError> {
        let (log, deadline) = (self.log, self.deadline);
        let mut attempt = 1;
        loop {
            let outcome = (self.http).send(request, self.attempt_deadline(is_repeatable));
            match &outcome {
                Ok(response) => log.debug(format_args!(
                    "{purpose}: `{}` responded with status {}",
                    host_of(request.url),
                    response.status
                )),
                Err(failure) => log.debug(format_args!(
                    "{purpose}: attempt {attempt}: {}",
                    failure.error
                )),
            }
            match retry_delay(is_repeatable, &outcome, attempt) {
                Some(delay) if attempt < MAX_ATTEMPTS && delay < deadline.remaining() => {
                    log.info(format_args!(
                        "{purpose} failed; retrying in {}",
                        format_duration(delay)
                    ));
                    self.http.sleep(delay, deadline)?;
                    attempt += 1;
                }
                _ => return outcome,
            }
        }
    }

    /// The deadline of one attempt: a third of the time if the request is repeatable, so that a
    /// server that hangs gets a second request.
    fn attempt_deadline(&self, is_repeatable: bool) -> Deadline {
        if is_repeatable {
            let third = self.deadline.allowed() / 3;
            self.deadline.within(third.max(MIN_ATTEMPT_TIME))
        } else {
            self.deadline
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
