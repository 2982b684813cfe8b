//! Faults that tests request from the stand-in.

use std::io::{self, Read};
use std::net::TcpStream;

use crate::http::{Gate, Reply, Response, Serve, Server};

/// A server that accepts connections and never sends anything, not even a TLS handshake.
pub fn silent_server() -> Server {
    Server::serving(Silent)
}

struct Silent;

impl Serve for Silent {
    fn serve(&self, _: u64, mut stream: TcpStream) -> io::Result<()> {
        while stream.read(&mut [0; 1024])? > 0 {}
        Ok(())
    }
}

/// A fault of one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Never answer.
    Hang,
    /// Close the connection without an answer.
    Close,
    /// Send half of the right body, then nothing.
    HangMidBody,
    /// Send the right body byte by byte.
    Drip(Gate),
    /// Answer with half of the right body, as if it were complete.
    Truncated,
    /// Answer with a web page, like the sign-on page of a proxy.
    Html,
    /// Answer with a body of this many bytes.
    Huge(usize),
    /// Answer with this response.
    Answer(Response),
    /// Expire every session, then answer normally.
    ExpireSessions,
}

impl Fault {
    /// An error with a status, a message in the documented form, and headers.
    pub fn error(status: u16, message: &str, headers: &[(&str, &str)]) -> Self {
        let body = serde_json::json!({"code": status, "message": message});
        let mut response = Response::new(status, "application/json", body.to_string());
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        response.headers.extend(headers);
        Self::Answer(response)
    }

    /// 429, with or without `Retry-After` in seconds.
    pub fn too_many_requests(retry_after: Option<u32>) -> Self {
        let message = "Too Many Requests: rate limit exceeded";
        let seconds = retry_after.map(|seconds| seconds.to_string());
        let headers: Vec<_> = seconds
            .iter()
            .map(|seconds| ("Retry-After", seconds.as_str()))
            .collect();
        Self::error(429, message, &headers)
    }

    /// 500.
    pub fn internal() -> Self {
        Self::error(500, "Internal Server Error", &[])
    }

    /// 307 to another URL, which keeps method and body.
    pub fn redirect(to: &str) -> Self {
        let mut response = Response::new(307, "text/plain", "");
        let header = ("Location".to_owned(), to.to_owned());
        response.headers.push(header);
        Self::Answer(response)
    }

    /// Applies the fault to the right response.
    pub(super) fn apply(self, mut answer: Response) -> Reply {
        let half = answer.body.len() / 2;
        match self {
            Self::Hang => Reply::Hang,
            Self::Close => Reply::Close,
            Self::HangMidBody => Reply::Part(answer, half),
            Self::Drip(gate) => Reply::Drip(answer, gate),
            Self::Truncated => {
                answer.body.truncate(half);
                Reply::Answer(answer)
            }
            Self::Html => {
                let page = "<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n";
                Reply::Answer(Response::new(200, "text/html", page))
            }
            Self::Huge(length) => {
                // An unterminated string, so that a parser cannot stop early.
                let mut body = b"{\"id\":\"".to_vec();
                body.resize(length.max(body.len()), b'x');
                Reply::Answer(Response::new(200, "application/json", body))
            }
            Self::Answer(response) => Reply::Answer(response),
            Self::ExpireSessions => Reply::Answer(answer),
        }
    }

    /// Whether the stand-in processes the request: it does if it sends part of the right response.
    pub(super) fn processes_request(&self) -> bool {
        !matches!(
            self,
            Self::Hang | Self::Close | Self::Html | Self::Huge(_) | Self::Answer(_)
        )
    }
}
