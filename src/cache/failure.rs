//! What is kept of a call that failed, so that it is told again rather than tried again.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Record, Result};

/// A failure.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// The process for which the call was made, where the operating system tells.
    pub parent: Option<u32>,
    /// When it failed by this machine's clock, in seconds since 1970.
    at: i64,
    /// Tells it from another at the same second.
    process: u32,
    /// What was told.
    record: Record,
}

impl Failure {
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

    /// The error, to be told again.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.record.into()
    }
}

pub(super) fn encode(failure: &Failure) -> Result<Vec<u8>> {
    serde_json::to_vec(failure)
        .map_err(|error| Error::new(Kind::Internal, "cannot write a failure down").caused_by(error))
}

pub(super) fn decode(text: &[u8]) -> Option<Failure> {
    serde_json::from_slice(text).ok()
}
