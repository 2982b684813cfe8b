//! How far this machine's clock is from the servers': each answer's `Date` header (RFC 9110,
//! section 6.6.1) tells. What is signed with a wrong clock is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::clock::{Clock, Timestamp};
use crate::http::request::http_date;

/// In seconds. A difference of no more than this may be the answer's way; nobody refuses it.
const NEGLIGIBLE: u64 = 10;

/// The servers' clock, as far as their answers told it.
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

    /// In seconds: the last server's time less this machine's.
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

/// The same connector, with an eye on the answers' dates.
pub(super) fn watch(
    connector: SharedHttpConnector,
    server_clock: Arc<ServerClock>,
) -> SharedHttpConnector {
    SharedHttpConnector::new(Watched {
        connector,
        server_clock,
    })
}

#[derive(Debug)]
struct Watched {
    connector: SharedHttpConnector,
    server_clock: Arc<ServerClock>,
}

impl HttpConnector for Watched {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.connector.call(request);
        let server_clock = Arc::clone(&self.server_clock);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if let Some(date) = answer.headers().get("date").and_then(http_date) {
                server_clock.observe(date);
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_are_none() {
        let now = Timestamp::from_unix(1_000_000);
        for (date, offset) in [(0, 0), (10, 0), (-10, 0), (11, 11), (-3_600, -3_600)] {
            let clock = ServerClock::new(Clock::fixed(now));
            assert_eq!(clock.offset(), 0);
            clock.observe(now.shifted(date));
            assert_eq!(clock.offset(), offset);
        }
    }
}
