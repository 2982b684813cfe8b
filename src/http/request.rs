//! One request and its answer.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::{failure, invalid_url, parse_url};
use crate::secret::Secret;

/// What is put down for an answer that does not say how long it is, in bytes.
const USUAL_LENGTH: usize = 64 * 1024;

/// How often the runtime gets to run its other tasks after an answer: the connection's own task has
/// to notice the end of the answer and hand the connection back, or else the next request would
/// open another one. Two or three rounds are enough for that.
const ROUNDS_AFTER_AN_ANSWER: usize = 16;

/// What a request does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Fetches; may be repeated.
    Get,
    /// Does something; must not be repeated unless it was certainly not done.
    Post,
}

/// A request. `Debug` leaves out the headers' values and the body.
pub struct Request<'a> {
    /// What it does.
    pub method: Method,
    /// Where to.
    pub url: &'a str,
    /// Names and values; the user agent is added.
    pub headers: &'a [(&'static str, &'a str)],
    /// The content, empty for none.
    pub body: &'a [u8],
    /// The longest answer that is taken, in bytes.
    pub limit: usize,
}

/// The answer to a request, whatever its status. `Debug` shows the status alone.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What the header `Date` says: the server's clock.
    pub date: Option<Timestamp>,
    /// The content, which may hold a token.
    pub body: Secret<Vec<u8>>,
    headers: Vec<(String, String)>,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct SendError {
    /// In words.
    pub error: Error,
    /// Whether the request certainly never left: there was no connection to send it through.
    pub unsent: bool,
    /// Whether it would go the same way right again, for what is wrong lies on this machine or is
    /// the server's certificate.
    pub permanent: bool,
}

impl Response {
    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

impl Response {
    /// How long the server asks to wait before the next attempt: the header `Retry-After`, in
    /// seconds or as a date (RFC 9110, section 10.2.3). A date counts from the server's own clock.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let wait = http_date(text)?.unix().checked_sub(self.date?.unix())?;
        Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
    }
}

/// What stops a request before it is sent.
impl From<Error> for SendError {
    fn from(error: Error) -> Self {
        Self {
            error,
            unsent: true,
            permanent: true,
        }
    }
}

/// Sends the request and reads the answer to its end.
pub(super) async fn send(
    machine: &Host,
    connector: &SharedHttpConnector,
    request: &Request<'_>,
) -> Result<Response, SendError> {
    let server = parse_url(request.url)?
        .host()
        .unwrap_or_default()
        .to_owned();
    let failed = |error: &(dyn StdError + 'static)| SendError {
        error: failure::unreachable(machine, &format!("`{server}`"), &server, error),
        unsent: failure::is_before_sending(error),
        permanent: failure::is_permanent(error),
    };
    let answer = connector.call(prepared(request)?).await;
    let answer = answer.map_err(|error| failed(&error))?;
    let status = answer.status().as_u16();
    let headers: Vec<(String, String)> = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let date = answer.headers().get("date").and_then(http_date);
    let announced = answer.headers().get("content-length");
    let announced = announced.and_then(|length| length.trim().parse::<usize>().ok());

    let limit = request.limit;
    let too_long = || SendError {
        error: Error::new(
            Kind::Unavailable,
            format!("`{server}` answered with more than {limit} bytes"),
        )
        .with_hint("check that the address is the service's, not that of another"),
        unsent: false,
        permanent: true,
    };
    if announced.is_some_and(|length| length > limit) {
        return Err(too_long());
    }
    let mut body = Body::with_capacity(announced.unwrap_or(USUAL_LENGTH).min(limit));
    let mut stream = ByteStream::new(answer.into_body());
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| failed(&error))?;
        if bytes.len() > limit - body.0.len() {
            return Err(too_long());
        }
        body.push(&bytes);
    }
    drop(stream);
    for _ in 0..ROUNDS_AFTER_AN_ANSWER {
        tokio::task::yield_now().await;
    }
    Ok(Response {
        status,
        date,
        body: Secret::new(std::mem::take(&mut *body.0)),
        headers,
    })
}

/// The host in a URL, as far as there is one.
pub(super) fn host_of(url: &str) -> String {
    let url = url.parse::<http::Uri>().ok();
    let host = url.as_ref().and_then(http::Uri::host);
    host.unwrap_or("the server").to_owned()
}

fn prepared(request: &Request<'_>) -> Result<HttpRequest> {
    let invalid = |error| invalid_url().caused_by(error);
    let mut prepared = match request.method {
        Method::Get => HttpRequest::get(request.url).map_err(invalid)?,
        Method::Post => {
            let mut post = HttpRequest::new(SdkBody::from(request.body));
            post.set_method("POST").map_err(|error| {
                Error::new(Kind::Internal, "cannot make a request").caused_by(error)
            })?;
            post.set_uri(request.url).map_err(invalid)?;
            post
        }
    };
    let agent = (
        "user-agent",
        concat!("kubectl-esc/", env!("CARGO_PKG_VERSION")),
    );
    let length = request.body.len().to_string();
    let length = ("content-length", length.as_str());
    let length = (request.method == Method::Post).then_some(&length);
    for (name, value) in request.headers.iter().chain([&agent]).chain(length) {
        // The cause would quote the value, which may be a token.
        let inserted = prepared
            .headers_mut()
            .try_insert(*name, (*value).to_owned());
        inserted.map_err(|_| {
            Error::configuration(format!("the value for the header `{name}` is malformed"))
                .with_hint("remove line breaks and other control characters from it")
        })?;
    }
    Ok(prepared)
}

/// Reads the date of an HTTP header (RFC 9110, section 5.6.7).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    let instant = aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok()?;
    Some(Timestamp::from_unix(instant.secs()))
}

/// A growing content that wipes what it leaves behind.
struct Body(Zeroizing<Vec<u8>>);

impl Body {
    fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let capacity = (self.0.len() + bytes.len()).max(2 * self.0.capacity());
            let mut grown = Zeroizing::new(Vec::with_capacity(capacity));
            grown.extend_from_slice(&self.0);
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
