//! The one HTTPS client: its connections serve both our own requests and the AWS SDK.
//!
//! It trusts the machine's root certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`) and those in
//! `AWS_CA_BUNDLE`, goes through the proxy of `HTTPS_PROXY` or `ALL_PROXY` unless `NO_PROXY` lists
//! the host, connects within five seconds, follows no redirects and speaks plain HTTP to this
//! machine alone. Every call blocks and ends by its deadline. Nothing is read, connected or started
//! before the first call.

mod connector;
mod failure;
#[cfg(test)]
pub(crate) mod loopback;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::clock::{Deadline, Timestamp, format_duration};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::secret::Secret;

pub(crate) use failure::unreachable;

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
    connector: OnceLock<SharedHttpConnector>,
    runtime: Runtime,
}

/// The answer to a request, whatever its status.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What the header `Date` says: the server's clock.
    pub date: Option<Timestamp>,
    /// The content, which may hold a token.
    pub body: Secret<Vec<u8>>,
}

impl HttpClient {
    /// A client for this machine. It does no work yet: a wrong proxy or certificate file shows when
    /// the first request needs it.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self(Arc::new(Inner {
            host: host.clone(),
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
        let uri = checked(url)?;
        let host = uri.host().unwrap_or_default();
        let mut request = HttpRequest::get(url).map_err(|error| invalid_url().caused_by(error))?;
        let agent = (
            "user-agent",
            concat!("kubectl-esc/", env!("CARGO_PKG_VERSION")),
        );
        for (name, value) in headers.iter().chain([&agent]) {
            // The cause would quote the value, which may be a token.
            let inserted = request.headers_mut().try_insert(*name, (*value).to_owned());
            inserted.map_err(|_| {
                Error::configuration(format!("the value for the header `{name}` is malformed"))
                    .with_hint("remove line breaks and other control characters from it")
            })?;
        }
        let answer = self.connector()?.call(request);
        let exchange = async {
            let answer = answer
                .await
                .map_err(|error| self.unreachable(host, &error))?;
            let status = answer.status().as_u16();
            let date = answer.headers().get("date").and_then(http_date);
            let too_long = || {
                let message = format!("`{host}` answered with more than {limit} bytes");
                Error::new(Kind::Unavailable, message)
                    .with_hint("check that the address is the service's, not that of another")
            };
            let mut body = Vec::with_capacity(limit);
            let mut stream = ByteStream::new(answer.into_body());
            while let Some(bytes) = stream.next().await {
                let bytes = bytes.map_err(|error| self.unreachable(host, &error))?;
                if bytes.len() > limit - body.len() {
                    return Err(too_long());
                }
                body.extend_from_slice(&bytes);
            }
            Ok(Response {
                status,
                date,
                body: Secret::new(body),
            })
        };
        self.block_on(deadline, exchange)?
            .unwrap_or_else(|| Err(too_late(&format!("`{host}`"), deadline.allowed())))
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

    /// The machine that the client was made for.
    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    fn unreachable(&self, server: &str, error: &(dyn std::error::Error + 'static)) -> Error {
        unreachable(&self.0.host, &format!("`{server}`"), server, error)
    }

    fn connector(&self) -> Result<SharedHttpConnector> {
        if let Some(connector) = self.0.connector.get() {
            return Ok(connector.clone());
        }
        let connector = connector::build(&self.0.host)?;
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
pub(crate) fn too_late(who: &str, allowed: Duration) -> Error {
    let allowed = format_duration(allowed);
    Error::new(
        Kind::Unavailable,
        format!("{who} did not answer within {allowed}"),
    )
    .with_hint("check the network, or allow more time with `--timeout`")
}

/// Reads a URL that we are ready to call: `https`, or `http` to this machine, because what we send
/// and receive are credentials. The error does not quote the URL, which may hold a secret.
pub(crate) fn checked(url: &str) -> Result<http::Uri> {
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

/// Reads the date of an HTTP header (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let instant = aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok()?;
    Some(Timestamp::from_unix(instant.secs()))
}

#[cfg(test)]
mod tests;
