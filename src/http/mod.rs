//! The HTTPS client for our own requests and for the AWS SDK.
//!
//! It trusts the system's root certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`) and those in
//! `AWS_CA_BUNDLE`, uses the proxy in `HTTPS_PROXY` or `ALL_PROXY` unless `NO_PROXY` lists the host,
//! has a connect timeout of five seconds, follows no redirects, limits the size of responses, and allows
//! plain HTTP only for loopback addresses. Calls block until they finish or reach their deadline. Certificates, connections and the
//! async runtime are set up by the first call.

mod aws_clock;
mod connector;
mod dns;
mod failure;
mod proxy;
mod request;
mod roots;
mod sdk_connector;
mod server_text;
mod server_tls;
#[cfg(test)]
pub(crate) mod test_server;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::clock::{Deadline, Timestamp, format_duration};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use aws_clock::AwsClock;

pub(crate) use failure::{Reason as FailureReason, unreachable};
pub use request::{Method, Request, Response, SendError};
pub(crate) use request::{host_of, is_busy};
use sdk_connector::SdkConnector;
pub(crate) use server_text::{redacted, shortened};
pub(crate) use server_tls::ServerTls;

/// The characters to escape in a query string: all but the unreserved ones of RFC 3986.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The HTTPS client. Clones share its connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    host: Host,
    aws_clock: Arc<AwsClock>,
    connector: OnceLock<SharedHttpConnector>,
    runtime: Runtime,
}

impl HttpClient {
    /// Creates a client. The proxy and certificates are read by the first request, which reports their
    /// errors.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self(Arc::new(Inner {
            host: host.clone(),
            aws_clock: Arc::new(AwsClock::new(host.clock())),
            connector: OnceLock::new(),
            runtime: Runtime(OnceLock::new()),
        }))
    }

    /// A client that passes its requests to `connector`, on this runtime.
    #[cfg(fuzzing)]
    pub(crate) fn with_connector(
        host: &Host,
        connector: SharedHttpConnector,
        runtime: tokio::runtime::Runtime,
    ) -> Self {
        let client = Self::new(host);
        let _ = client.0.connector.set(connector);
        let _ = client.0.runtime.0.set(runtime);
        client
    }

    /// Sends a GET request with these headers (name and value) and returns the response, whatever its
    /// status. A response of more than `limit` bytes is an error.
    ///
    /// Blocks; see [`HttpClient::block_on`].
    pub fn get(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        deadline: Deadline,
        limit: usize,
    ) -> Result<Response> {
        let request = Request {
            method: Method::Get,
            url,
            headers,
            body: &[],
            limit,
        };
        self.send(&request, deadline)
            .map_err(|failure| failure.error)
    }

    /// Sends a request and returns the response, whatever its status. Redirects are returned, not
    /// followed.
    ///
    /// Blocks; see [`HttpClient::block_on`].
    pub fn send(&self, request: &Request<'_>, deadline: Deadline) -> Result<Response, SendError> {
        self.send_through(&self.connector()?, request, deadline)
    }

    /// Sends a request like [`HttpClient::send`], on a new connection with these settings.
    pub(crate) fn send_to_server(
        &self,
        server: &ServerTls,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Response, SendError> {
        let url = parse_url(request.url)?;
        let connector = server_tls::connector(&self.0.host, &url, server)?;
        self.send_through(&connector, request, deadline)
    }

    fn send_through(
        &self,
        connector: &SharedHttpConnector,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Response, SendError> {
        let response = request::send(&self.0.host, connector, request);
        self.block_on(deadline, response)?.unwrap_or_else(|| {
            let host = host_of(request.url);
            Err(SendError {
                error: timed_out(format!("`{host}`"), deadline.allowed()),
                unsent: false,
                permanent: false,
                reason: FailureReason::Timeout,
            })
        })
    }

    /// Sleeps, but not beyond the deadline.
    ///
    /// Blocks; see [`HttpClient::block_on`].
    pub fn sleep(&self, duration: Duration, deadline: Deadline) -> Result<()> {
        // Tokio's timers must be created within the runtime.
        let sleep = async { tokio::time::sleep(duration).await };
        self.block_on(deadline, sleep).map(|_| ())
    }

    /// Runs a future until it is ready; `None` if it reaches the deadline.
    ///
    /// Blocks the thread, so it fails with [`Kind::Internal`] within an async task.
    pub fn block_on<F: Future>(&self, deadline: Deadline, future: F) -> Result<Option<F::Output>> {
        self.0.runtime.block_on(deadline, future)
    }

    /// This client for the AWS SDK. It has its own connect timeout and ignores that of the SDK.
    pub(crate) fn smithy(&self) -> Result<SharedHttpClient> {
        let connector = SharedHttpConnector::new(self.sdk_connector()?);
        Ok(http_client_fn(move |_settings, _components| {
            connector.clone()
        }))
    }

    fn sdk_connector(&self) -> Result<SdkConnector> {
        Ok(SdkConnector {
            connector: self.connector()?,
            aws_clock: Arc::clone(&self.0.aws_clock),
        })
    }

    /// AWS's clock minus the local clock in its last response, in seconds, even if it is not corrected;
    /// `None` before the first response of AWS.
    pub(crate) fn observed_aws_offset(&self) -> Option<i64> {
        self.0.aws_clock.observed()
    }

    /// Whether a request was made, or tried.
    pub(crate) fn was_used(&self) -> bool {
        self.0.connector.get().is_some()
    }

    /// Takes over AWS's clock as another call measured it, unless AWS has responded already: its clock minus
    /// the local clock, in seconds.
    pub(crate) fn assume_aws_clock_offset(&self, offset: i64) {
        self.0.aws_clock.assume(offset);
    }

    /// AWS's clock minus the local clock, in seconds. Zero before the first response of AWS, and if they
    /// differ by only a few seconds. Other servers do not change it: what is signed for AWS must not
    /// depend on their clocks.
    #[must_use]
    pub fn aws_clock_offset(&self) -> i64 {
        self.0.aws_clock.offset()
    }

    /// The current time on AWS's clock, as far as it is known.
    #[must_use]
    pub fn aws_time(&self) -> Timestamp {
        self.0.host.clock().now().shifted(self.aws_clock_offset())
    }

    /// Takes over AWS's clock from a response that the SDK did not request. Fails if the local clock is
    /// too wrong to be corrected.
    pub(crate) fn observe_aws_date(&self, response: &Response) -> Result<()> {
        response
            .date
            .map_or(Ok(()), |date| self.0.aws_clock.observe(date))
    }

    fn connector(&self) -> Result<SharedHttpConnector> {
        if let Some(connector) = self.0.connector.get() {
            return Ok(connector.clone());
        }
        let connector = connector::shared(&self.0.host)?;
        Ok(self.0.connector.get_or_init(|| connector).clone())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HttpClient")
    }
}

/// A Tokio runtime on the calling thread, started by the first call.
struct Runtime(OnceLock<tokio::runtime::Runtime>);

impl Runtime {
    fn block_on<F: Future>(&self, deadline: Deadline, future: F) -> Result<Option<F::Output>> {
        if tokio::runtime::Handle::try_current().is_ok() {
            let message = "blocking call within an async task";
            return Err(Error::new(Kind::Internal, message));
        }
        let runtime = if let Some(runtime) = self.0.get() {
            runtime
        } else {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Error::of_system("cannot start the async runtime", error))?;
            self.0.get_or_init(|| runtime)
        };
        // Tokio's timers must be created within the runtime.
        let timed = async { tokio::time::timeout(deadline.remaining(), future).await };
        Ok(runtime.block_on(timed).ok())
    }
}

/// The error if `server` did not respond within the timeout `allowed`.
pub(crate) fn timed_out(server: impl fmt::Display, allowed: Duration) -> Error {
    let allowed = format_duration(allowed);
    Error::new(
        Kind::Unavailable,
        format!("{server} did not respond within {allowed}"),
    )
    .with_hint("check the network, or increase `--timeout`")
}

/// Parses a URL and checks that it is safe for credentials: `https`, or `http` with a loopback address.
/// The error does not quote the URL, which may contain a secret.
pub(crate) fn parse_url(url: &str) -> Result<http::Uri> {
    let uri: http::Uri = url
        .parse()
        .map_err(|error| invalid_url().caused_by(error))?;
    if uri
        .authority()
        .is_some_and(|part| part.as_str().contains('@'))
    {
        return Err(
            Error::configuration("the URL contains a user name or password")
                .with_hint("remove them from the URL; they would not be sent"),
        );
    }
    let host = uri.host().filter(|host| !host.is_empty());
    match (uri.scheme_str(), host) {
        (Some("https"), Some(_)) => Ok(uri),
        (Some("http"), Some(host)) if is_loopback(host) => Ok(uri),
        (Some("http"), Some(host)) => Err(Error::configuration(format!(
            "the connection to `{host}` would not be encrypted"
        ))
        .with_hint(
            "use `https`; `http` is only allowed for loopback addresses, such as 127.0.0.1",
        )),
        _ => Err(invalid_url()),
    }
}

fn invalid_url() -> Error {
    Error::configuration("the URL is malformed")
        .with_hint("specify the full URL, with `https://` and a host")
}

/// Whether the host of a URL is a loopback address. IPv6 addresses are in brackets.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
