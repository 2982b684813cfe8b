//! One request and its response.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::{failure, invalid_url, parse_url};
use crate::secret::Secret;

/// The buffer for a response without `Content-Length`, in bytes.
const DEFAULT_CAPACITY: usize = 64 * 1024;

/// How often to yield to the connection's task after a response, so that it returns the connection to
/// the pool. Otherwise the next request would open another connection. Two or three would be enough.
const YIELDS_AFTER_RESPONSE: usize = 16;

/// The method of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// May be repeated.
    Get,
    /// Must not be repeated unless the server certainly did not receive it.
    Post,
}

/// A request.
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: &'a str,
    /// Names and values. The user agent is added.
    pub headers: &'a [(&'static str, &'a str)],
    /// The body; may be empty.
    pub body: &'a [u8],
    /// The maximum size of the response body in bytes.
    pub limit: usize,
}

/// The response to a request. `Debug` shows only the status.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header `Date`: the server's clock.
    pub date: Option<Timestamp>,
    /// The body, which may contain a token.
    pub body: Secret<Vec<u8>>,
    headers: Headers,
}

/// Why there is no response.
#[derive(Debug)]
pub struct SendError {
    /// The error to report.
    pub error: Error,
    /// Whether the request was certainly not sent, because no connection was established.
    pub unsent: bool,
    /// Whether a retry would fail too, because the cause is the local configuration or the server's
    /// certificate.
    pub permanent: bool,
    /// What kind of failure it is.
    pub(crate) reason: failure::Reason,
}

impl Response {
    /// The first header with this name, ignoring case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The delay before a retry that the server asks for: the header `Retry-After`, in seconds or as a
    /// date (RFC 9110, section 10.2.3), which is compared with the server's own clock.
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

/// An error before the request is sent.
impl From<Error> for SendError {
    fn from(error: Error) -> Self {
        Self {
            error,
            unsent: true,
            permanent: true,
            reason: failure::Reason::Other,
        }
    }
}

/// Sends a request and reads the response.
pub(super) async fn send(
    host: &Host,
    connector: &SharedHttpConnector,
    request: &Request<'_>,
) -> Result<Response, SendError> {
    let server = parse_url(request.url)?
        .host()
        .unwrap_or_default()
        .to_owned();
    let failed = |error: &(dyn StdError + 'static)| SendError {
        error: failure::unreachable(host, &format!("`{server}`"), &server, error),
        unsent: failure::is_before_sending(error),
        permanent: failure::is_permanent(error),
        reason: failure::Reason::of(error),
    };
    let response = connector.call(sdk_request(request)?).await;
    let mut response = response.map_err(|error| failed(&error))?;
    let body = read_body(&mut response, request.limit).await;
    let mut body = body.map_err(|error| match error {
        BodyError::TooLarge => SendError {
            error: too_large(&server, request.limit),
            unsent: false,
            permanent: true,
            reason: failure::Reason::Other,
        },
        BodyError::Incomplete(error) => failed(&error),
    })?;
    for _ in 0..YIELDS_AFTER_RESPONSE {
        tokio::task::yield_now().await;
    }
    let headers = response.headers().clone();
    Ok(Response {
        status: response.status().as_u16(),
        date: headers.get("date").and_then(http_date),
        body: Secret::new(std::mem::take(&mut *body)),
        headers,
    })
}

/// Why the body of a response could not be read.
pub(super) enum BodyError {
    TooLarge,
    Incomplete(aws_smithy_types::byte_stream::error::Error),
}

/// Reads the body of a response, and takes it out of the response.
pub(super) async fn read_body(
    response: &mut HttpResponse,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    let content_length = response.headers().get("content-length");
    let content_length = content_length.and_then(|length| length.trim().parse::<usize>().ok());
    if content_length.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLarge);
    }
    let capacity = content_length.unwrap_or(DEFAULT_CAPACITY).min(limit);
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    let mut stream = ByteStream::new(response.take_body());
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(BodyError::Incomplete)?;
        if bytes.len() > limit - body.len() {
            return Err(BodyError::TooLarge);
        }
        append(&mut body, &bytes, limit);
    }
    Ok(body)
}

/// The error for a response of more than `limit` bytes.
pub(super) fn too_large(server: &str, limit: usize) -> Error {
    let message = format!("the response from `{server}` is larger than {limit} bytes");
    Error::new(Kind::Unavailable, message).with_hint("check that the URL is that of the service")
}

/// Whether a response with this status is worth another attempt.
pub(crate) fn is_busy(status: u16) -> bool {
    status == 429 || status >= 500
}

/// The host of a URL, for messages.
pub(crate) fn host_of(url: &str) -> String {
    let url = url.parse::<http::Uri>().ok();
    let host = url.as_ref().and_then(http::Uri::host);
    host.unwrap_or("the server").to_owned()
}

fn sdk_request(request: &Request<'_>) -> Result<HttpRequest> {
    let invalid = |error| invalid_url().caused_by(error);
    let mut sdk_request = match request.method {
        Method::Get => HttpRequest::get(request.url).map_err(invalid)?,
        Method::Post => {
            let mut post = HttpRequest::new(SdkBody::from(request.body));
            post.set_method("POST").map_err(|error| {
                Error::new(Kind::Internal, "cannot create a request").caused_by(error)
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
        // The cause is left out: it quotes the value, which may be a token.
        let inserted = sdk_request
            .headers_mut()
            .try_insert(*name, (*value).to_owned());
        inserted.map_err(|_| {
            Error::configuration(format!("invalid value for the header `{name}`"))
                .with_hint("remove line breaks and other control characters")
        })?;
    }
    Ok(sdk_request)
}

/// Parses the date in an HTTP header (RFC 9110, section 5.6.7).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    let instant = aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok()?;
    Some(Timestamp::from_unix(instant.secs()))
}

/// Appends to a buffer of at most `limit` bytes, and wipes its old memory if it grows.
fn append(buffer: &mut Zeroizing<Vec<u8>>, bytes: &[u8], limit: usize) {
    if buffer.capacity() - buffer.len() < bytes.len() {
        let capacity = (buffer.len() + bytes.len()).max(2 * buffer.capacity());
        let mut grown = Zeroizing::new(Vec::with_capacity(capacity.min(limit)));
        grown.extend_from_slice(buffer);
        *buffer = grown;
    }
    buffer.extend_from_slice(bytes);
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
