//! What is kept of a call that failed, so that it is told again rather than tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Record, Result};

/// A failure.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CachedFailure {
    /// The process for which the call was made, where the operating system tells.
    pub parent: Option<u32>,
    /// When it failed by this machine's clock, in seconds since 1970.
    at: i64,
    /// Tells it from another at the same second.
    process: u32,
    /// What was told.
    record: Record,
}

impl CachedFailure {
    /// The failure of a call for the process `parent`.
    #[must_use]
    pub fn new(error: &Error, parent: Option<u32>, at: Timestamp) -> Self {
        Self {
            parent,
            at: at.unix(),
            process: std::process::id(),
            record: error.into(),
        }
    }

    /// When it failed.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp::from_unix(self.at)
    }

    /// Whether it failed less than `limit` before `now`. One that is still to come, because the clock
    /// was set back, did not.
    #[must_use]
    pub fn is_within(&self, limit: Duration, now: Timestamp) -> bool {
        self.at() <= now && now.since(self.at()) < limit
    }

    /// The error, to be told again.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.record.into()
    }
}

pub(super) fn encode(failure: &CachedFailure) -> Result<Vec<u8>> {
    serde_json::to_vec(failure)
        .map_err(|error| Error::new(Kind::Internal, "cannot write a failure down").caused_by(error))
}

pub(super) fn decode(text: &[u8]) -> Option<CachedFailure> {
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_recent_for_a_while() {
        let failure = CachedFailure::new(
            &Error::configuration("x"),
            None,
            Timestamp::from_unix(1_000),
        );
        let limit = Duration::from_secs(5);
        for (now, recent) in [(999, false), (1_000, true), (1_004, true), (1_005, false)] {
            let got = failure.is_within(limit, Timestamp::from_unix(now));
            assert_eq!(got, recent, "{now}");
        }
    }
}
