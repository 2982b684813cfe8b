//! The one HTTPS client: its connections serve both our own requests and the AWS SDK.
//!
//! It trusts the machine's root certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`) and those in
//! `AWS_CA_BUNDLE`, goes through the proxy of `HTTPS_PROXY` or `ALL_PROXY` unless `NO_PROXY` lists
//! the host, connects within five seconds, follows no redirects and speaks plain HTTP to this
//! machine alone. Every call blocks and ends by its deadline. Nothing is read, connected or started
//! before the first call.

mod connector;
mod dns;
mod failure;
mod request;
mod server_clock;
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

pub(crate) use failure::unreachable;
pub use request::{Method, Request, Response, SendError};
use server_clock::ServerClock;

/// What a query string escapes: all but the unreserved characters of RFC 3986.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The HTTPS client. A clone shares its connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    host: Host,
    server_clock: Arc<ServerClock>,
    connector: OnceLock<SharedHttpConnector>,
    runtime: Runtime,
}

impl HttpClient {
    /// A client for this machine. It does no work yet: a wrong proxy or certificate file shows when
    /// the first request needs it.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self(Arc::new(Inner {
            host: host.clone(),
            server_clock: Arc::new(ServerClock::new(host.clock())),
            connector: OnceLock::new(),
            runtime: Runtime(OnceLock::new()),
        }))
    }

    /// Fetches `url` with these headers (name and value) and hands the answer back, an error status
    /// included. An answer of more than `limit` bytes is an error.
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
            .map_err(|no_answer| no_answer.error)
    }

    /// Sends a request and hands the answer back, an error status included. Redirects are answers
    /// like any other: nothing is sent to where they point.
    ///
    /// Blocks; see [`HttpClient::block_on`].
    pub fn send(&self, request: &Request<'_>, deadline: Deadline) -> Result<Response, SendError> {
        let connector = self.connector()?;
        let exchange = request::send(&self.0.host, &connector, request);
        self.block_on(deadline, exchange)?.unwrap_or_else(|| {
            let host = request::host_of(request.url);
            Err(SendError {
                error: timed_out(&format!("`{host}`"), deadline.allowed()),
                unsent: false,
                permanent: false,
            })
        })
    }

    /// Waits, but not beyond the deadline.
    ///
    /// Blocks; see [`HttpClient::block_on`].
    pub fn pause(&self, duration: Duration, deadline: Deadline) -> Result<()> {
        // Made inside of the runtime, as the timer asks for it.
        let nap = async { tokio::time::sleep(duration).await };
        self.block_on(deadline, nap).map(|_| ())
    }

    /// Runs a future to its end, or to the deadline: then `None`.
    ///
    /// Blocks the thread, so it must not be called from within a runtime's task: that is an error
    /// of [`Kind::Internal`].
    pub fn block_on<F: Future>(&self, deadline: Deadline, future: F) -> Result<Option<F::Output>> {
        self.0.runtime.block_on(deadline, future)
    }

    /// This client as the AWS SDK takes it. It keeps its own time for connecting; the SDK's
    /// settings for that have no effect.
    pub(crate) fn smithy(&self) -> Result<SharedHttpClient> {
        let connector = self.connector()?;
        Ok(http_client_fn(move |_settings, _components| {
            connector.clone()
        }))
    }

    /// What has to be added to this machine's clock, in seconds, to get that of the last server
    /// that answered: zero where they agree but for a few seconds, and before the first answer.
    #[must_use]
    pub fn clock_offset(&self) -> i64 {
        self.0.server_clock.offset()
    }

    /// The time as the last server that answered has it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.host.clock().now().shifted(self.clock_offset())
    }

    /// The machine that the client was made for.
    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    fn connector(&self) -> Result<SharedHttpConnector> {
        if let Some(connector) = self.0.connector.get() {
            return Ok(connector.clone());
        }
        let connector = connector::build(&self.0.host)?;
        let connector = server_clock::watch(connector, Arc::clone(&self.0.server_clock));
        Ok(self.0.connector.get_or_init(|| connector).clone())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HttpClient")
    }
}

/// Tokio's runtime on the calling thread, started when it is first needed.
struct Runtime(OnceLock<tokio::runtime::Runtime>);

impl Runtime {
    fn block_on<F: Future>(&self, deadline: Deadline, future: F) -> Result<Option<F::Output>> {
        if tokio::runtime::Handle::try_current().is_ok() {
            let message = "a blocking call was made from within an asynchronous task";
            return Err(Error::new(Kind::Internal, message));
        }
        let runtime = if let Some(runtime) = self.0.get() {
            runtime
        } else {
            let started = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| {
                    Error::new(Kind::Internal, "cannot start the runtime for network calls")
                        .caused_by(error)
                })?;
            self.0.get_or_init(|| started)
        };
        // The timer must be made inside of the runtime.
        let timed = async { tokio::time::timeout(deadline.remaining(), future).await };
        Ok(runtime.block_on(timed).ok())
    }
}

/// A name lookup may still block a thread of the runtime; a plain drop would wait for it, beyond
/// any deadline.
impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The error for a time `allowed` that passed while `who` was to answer.
pub(crate) fn timed_out(who: &str, allowed: Duration) -> Error {
    let allowed = format_duration(allowed);
    Error::new(
        Kind::Unavailable,
        format!("{who} did not answer within {allowed}"),
    )
    .with_hint("check the network, or allow more time with `--timeout`")
}

/// Reads a URL that we are ready to call: `https`, or `http` to this machine, because what we send
/// and receive are credentials. The error does not quote the URL, which may hold a secret.
pub(crate) fn parse_url(url: &str) -> Result<http::Uri> {
    let uri: http::Uri = url
        .parse()
        .map_err(|error| invalid_url().caused_by(error))?;
    if uri
        .authority()
        .is_some_and(|part| part.as_str().contains('@'))
    {
        return Err(
            Error::configuration("a URL holds a user name or a password")
                .with_hint("write the URL without them; they would not be sent"),
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
            "use `https`; plain `http` is for addresses of this machine, such as 127.0.0.1",
        )),
        _ => Err(invalid_url()),
    }
}

fn invalid_url() -> Error {
    Error::configuration("the URL is malformed")
        .with_hint("write it in full, with `https://` and a host")
}

/// Whether the host of a URL (an IPv6 address in brackets) is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
