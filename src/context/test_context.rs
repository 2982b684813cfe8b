//! A context for tests of single steps.

use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::context::Context;
use crate::host::Host;
use crate::http::HttpClient;
use crate::log::Log;

/// 2023-04-28T00:00:01Z.
const NOW: i64 = 1_682_640_001;

pub(crate) fn host(variables: &[(&str, &str)]) -> Host {
    let clock = Clock::fixed(Timestamp::from_unix(NOW));
    Host::with(variables.iter().copied(), clock)
}

/// Owns what a [`Context`] borrows.
pub(crate) struct TestContext {
    pub(crate) host: Host,
    http: HttpClient,
    log: Log<'static>,
    timeout: Duration,
}

impl TestContext {
    pub(crate) fn new(variables: &[(&str, &str)], timeout: Duration) -> Self {
        let host = host(variables);
        Self {
            http: HttpClient::new(&host),
            host,
            log: Log::disabled(),
            timeout,
        }
    }

    pub(crate) fn get(&self) -> Context<'_> {
        Context::new(&self.host, &self.http, &self.log, self.timeout)
    }
}

pub(crate) fn test_context() -> TestContext {
    TestContext::new(&[], Duration::from_secs(20))
}
