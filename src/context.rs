//! What every step of a call shares.

mod send;

use std::time::Duration;

use crate::clock::{Deadline, Timestamp};
use crate::host::Host;
use crate::http::HttpClient;
use crate::log::Log;

/// The host, the connections, the log and the deadline of one call.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Variables, the home directory and the clock.
    pub host: &'a Host,
    /// The HTTPS client. All steps of a call share its connections.
    pub http: &'a HttpClient,
    /// The log shown with `-v`.
    pub log: &'a Log<'a>,
    /// When the call must be over.
    pub deadline: Deadline,
}

impl<'a> Context<'a> {
    /// A context whose deadline is `timeout` from now.
    #[must_use]
    pub fn new(host: &'a Host, http: &'a HttpClient, log: &'a Log<'a>, timeout: Duration) -> Self {
        Self {
            host,
            http,
            log,
            deadline: Deadline::after(timeout),
        }
    }

    /// The same context with another deadline.
    #[must_use]
    pub fn with_deadline(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    /// The same context with a deadline this long from now.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with_deadline(Deadline::after(timeout))
    }

    /// The current time on this machine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.host.clock().now()
    }
}

#[cfg(test)]
pub(crate) mod test_context;
