//! The failure of a call, stored so that following calls report it instead of trying again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Record};

/// A stored failure.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CachedFailure {
    /// The parent process of the call that failed, if the operating system reports it.
    pub parent: Option<u32>,
    /// When the call failed, by the local clock.
    pub at: Timestamp,
    /// The process that failed: distinguishes two failures in the same second.
    process: u32,
    /// The error.
    record: Record,
}

impl CachedFailure {
    /// The failure of this process, whose parent is `parent`.
    #[must_use]
    pub fn new(error: &Error, parent: Option<u32>, at: Timestamp) -> Self {
        Self {
            parent,
            at,
            process: std::process::id(),
            record: error.into(),
        }
    }

    /// Whether the call failed less than `limit` before `now`. A failure in the future, because the
    /// clock was set back, does not count.
    #[must_use]
    pub fn is_within(&self, limit: Duration, now: Timestamp) -> bool {
        self.at <= now && now.since(self.at) < limit
    }

    /// The exit code of the call.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.record.exit_code()
    }

    /// The error to report.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.record.into()
    }
}

/// The last failure of any call, for users of clients that hide it. It is readable without a login,
/// because the login may be what failed, and so it has no messages.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LastFailure {
    /// When the call failed, by the local clock.
    pub at: Timestamp,
    /// The exit code of the call.
    pub exit_code: u8,
    /// The environment, as the user wrote it.
    pub environment: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_recent_until_the_limit() {
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
