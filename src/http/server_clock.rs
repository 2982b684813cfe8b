//! Measures the difference between the local clock and that of the servers, from the `Date` header of
//! each response (RFC 9110, section 6.6.1). AWS rejects what is signed with a wrong clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::clock::{Clock, Timestamp};
use crate::http::request::http_date;

/// In seconds. A smaller difference may be network latency, and AWS accepts it.
const NEGLIGIBLE: u64 = 10;

/// The clock of the last server that responded.
#[derive(Debug)]
pub(super) struct ServerClock {
    clock: Clock,
    offset: AtomicI64,
}

impl ServerClock {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            offset: AtomicI64::new(0),
        }
    }

    /// The server's clock minus the local clock, in seconds.
    pub(super) fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    fn observe(&self, date: Timestamp) {
        let offset = date.unix().saturating_sub(self.clock.now().unix());
        let offset = if offset.unsigned_abs() > NEGLIGIBLE {
            offset
        } else {
            0
        };
        self.offset.store(offset, Ordering::Relaxed);
    }
}

/// A connector that updates the server clock with each response.
#[derive(Debug)]
pub(super) struct TrackingConnector {
    pub(super) connector: SharedHttpConnector,
    pub(super) server_clock: Arc<ServerClock>,
}

impl HttpConnector for TrackingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let response = self.connector.call(request);
        let server_clock = Arc::clone(&self.server_clock);
        HttpConnectorFuture::new(async move {
            let response = response.await?;
            if let Some(date) = response.headers().get("date").and_then(http_date) {
                server_clock.observe(date);
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_are_ignored() {
        let now = Timestamp::from_unix(1_000_000);
        for (date, offset) in [(0, 0), (10, 0), (-10, 0), (11, 11), (-3_600, -3_600)] {
            let clock = ServerClock::new(Clock::fixed(now));
            assert_eq!(clock.offset(), 0);
            clock.observe(now.shifted(date));
            assert_eq!(clock.offset(), offset);
        }
    }
}
