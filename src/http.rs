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

use crate::clock::{Deadline, Timestamp, format_duration};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::secret::Secret;

pub(crate) use failure::unreachable;

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
mod tests {
    use super::loopback::{Identity, Loopback, answer, closed_port};
    use super::*;
    use crate::clock::Clock;

    const LIMIT: usize = 1024;

    fn host(variables: &[(&str, &str)]) -> Host {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        Host::with(variables.iter().copied(), clock)
    }

    fn client(variables: &[(&str, &str)]) -> HttpClient {
        HttpClient::new(&host(variables))
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(20))
    }

    fn get(client: &HttpClient, url: &str) -> Result<Response> {
        client.get(url, &[], soon(), LIMIT)
    }

    #[test]
    fn an_answer_comes_back_as_it_is() {
        let headers = "date: Fri, 28 Apr 2023 00:00:00 GMT\r\nlocation: /elsewhere\r\n";
        let server = Loopback::answering([
            answer(200, headers, "body"),
            answer(302, headers, ""),
            answer(503, "", "busy"),
        ]);
        let client = client(&[]);
        let url = format!("{}/path?query=1", server.url());
        for (status, body, date) in [
            (200, "body", Some(1_682_640_000)),
            (302, "", Some(1_682_640_000)),
            (503, "busy", None),
        ] {
            let response = client
                .get(&url, &[("authorization", "bearer x")], soon(), LIMIT)
                .unwrap();
            assert_eq!(response.status, status);
            assert_eq!(response.body.expose(), body.as_bytes());
            assert_eq!(response.date.map(Timestamp::unix), date);
        }
        let requests = server.requests();
        assert_eq!(requests.len(), 3);
        let first = requests[0].to_ascii_lowercase();
        assert!(
            first.starts_with("get /path?query=1 http/1.1\r\n"),
            "{first}"
        );
        assert!(first.contains("\r\nauthorization: bearer x\r\n"), "{first}");
        assert!(first.contains("\r\nuser-agent: kubectl-esc/"), "{first}");
    }

    #[test]
    fn an_answer_over_the_limit_is_refused() {
        let longest = "x".repeat(LIMIT);
        let chunked = format!(
            "HTTP/1.1 200 -\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
             400\r\n{longest}\r\n1\r\ny\r\n0\r\n\r\n"
        );
        for (sent, fits) in [
            (answer(200, "", &longest), true),
            (answer(200, "", &format!("{longest}y")), false),
            (chunked, false),
        ] {
            let server = Loopback::answering([sent]);
            let result = get(&client(&[]), &server.url());
            if fits {
                assert_eq!(result.unwrap().body.expose().len(), LIMIT);
            } else {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), Kind::Unavailable);
                assert_eq!(
                    error.to_string(),
                    "`127.0.0.1` answered with more than 1024 bytes"
                );
            }
        }
    }

    #[test]
    fn a_silent_server_is_left_at_the_deadline() {
        let server = Loopback::silent();
        let deadline = Deadline::after(Duration::from_millis(100));
        let error = client(&[])
            .get(&server.url(), &[], deadline, LIMIT)
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.to_string(), "`127.0.0.1` did not answer within 100ms");
    }

    #[test]
    fn only_safe_urls_are_called() {
        for (url, problem) in [
            (
                "http://example.com/",
                "the connection to `example.com` would not be encrypted",
            ),
            (
                "http://127.0.0.1.example.com/",
                "the connection to `127.0.0.1.example.com` would not be encrypted",
            ),
            (
                "http://127.0.0.1@example.com/",
                "a URL holds a user name or a password",
            ),
            (
                "https://a:hunter2@example.com/",
                "a URL holds a user name or a password",
            ),
            ("ftp://127.0.0.1/", "the URL is malformed"),
            ("127.0.0.1", "the URL is malformed"),
            ("https://", "the URL is malformed"),
            ("", "the URL is malformed"),
            ("https://hunter2 .example.com/", "the URL is malformed"),
        ] {
            let error = get(&client(&[]), url).unwrap_err();
            assert_eq!(error.to_string(), problem, "{url}");
            assert_eq!(error.kind(), Kind::Configuration, "{url}");
            let shown = format!("{error:?}{:?}", error.causes().collect::<Vec<_>>());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        for url in [
            "http://localhost:1/",
            "http://LOCALHOST/",
            "http://127.8.9.10/",
            "http://[::1]:80/x",
            "https://example.com",
        ] {
            assert!(checked(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_header_with_a_line_break_is_refused_and_not_shown() {
        let headers = [("authorization", "hunter2\r\nx: y")];
        let url = format!("http://127.0.0.1:{}", closed_port());
        let error = client(&[]).get(&url, &headers, soon(), LIMIT).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_call_from_a_task_is_an_error_and_no_panic() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let result = runtime.block_on(async { get(&client(&[]), "http://127.0.0.1:1") });
        assert_eq!(result.unwrap_err().kind(), Kind::Internal);
    }

    /// The error's message, its first cause and its hint.
    fn shown(error: &Error) -> [String; 3] {
        assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
        let cause = error.causes().next().unwrap_or_default();
        let hint = error.hint().unwrap_or_default().to_owned();
        [error.to_string(), cause, hint]
    }

    #[test]
    fn failures_to_connect_are_told_apart() {
        let refused = format!("http://127.0.0.1:{}/", closed_port());
        let cut_off = Loopback::answering([""]);
        let network = "check the network; where it wants a proxy, set `HTTPS_PROXY`";
        let lookup = "check the host name, and this machine's network and DNS";
        for (url, message, cause, hint) in [
            (
                refused.as_str(),
                "cannot reach `127.0.0.1`",
                "the connection was refused",
                network,
            ),
            (
                "https://nowhere.invalid/",
                "cannot reach `nowhere.invalid`",
                "the host name cannot be resolved",
                lookup,
            ),
            (
                &cut_off.url(),
                "cannot reach `127.0.0.1`",
                "connection closed before message completed",
                network,
            ),
        ] {
            let error = get(&client(&[]), url).unwrap_err();
            assert_eq!(shown(&error), [message, cause, hint], "{error:?}");
        }
    }

    #[test]
    fn certificates_are_checked_and_failures_told_apart() {
        let good = Identity::new("localhost", 2999);
        let expired = Identity::new("localhost", 2021);
        let other_name = Identity::new("example.com", 2999);
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle.pem");
        let listed = [&good, &expired, &other_name].map(Identity::pem).concat();
        std::fs::write(&bundle, listed).unwrap();
        let bundle = bundle.to_str().unwrap();
        let unknown = "if your network inspects TLS, name a PEM file with its authority in \
                       `AWS_CA_BUNDLE`";
        let name = "check the host name; another server may answer in its place";
        for (identity, variables, expected) in [
            (&good, vec![("AWS_CA_BUNDLE", bundle)], None),
            (&good, vec![("SSL_CERT_FILE", bundle)], None),
            (
                &good,
                vec![],
                Some((
                    "the server's certificate is from an unknown authority",
                    unknown,
                )),
            ),
            (
                &expired,
                vec![("AWS_CA_BUNDLE", bundle)],
                Some((
                    "the server's certificate is not valid at this time",
                    "check this machine's clock",
                )),
            ),
            (
                &other_name,
                vec![("AWS_CA_BUNDLE", bundle)],
                Some(("the server's certificate is for another name", name)),
            ),
        ] {
            let server = Loopback::tls(identity, answer(200, "", "hello"));
            let url = format!("https://localhost:{}/", server.port());
            match (get(&client(&variables), &url), expected) {
                (Ok(response), None) => assert_eq!(response.body.expose(), b"hello"),
                (Err(error), Some((cause, hint))) => {
                    assert_eq!(shown(&error), ["cannot reach `localhost`", cause, hint]);
                    assert_eq!(server.requests(), [""; 0]);
                }
                (result, expected) => panic!("{result:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn a_server_without_tls_fails_the_handshake() {
        let server = Loopback::answering([answer(200, "", "")]);
        let url = format!("https://localhost:{}/", server.port());
        let error = get(&client(&[]), &url).unwrap_err();
        assert_eq!(shown(&error)[1], "the TLS handshake failed", "{error:?}");
    }
}
