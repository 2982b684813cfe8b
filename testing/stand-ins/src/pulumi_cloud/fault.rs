//! What the stand-in does wrong on order.

use std::io::{self, Read};
use std::net::TcpStream;

use crate::http::{Gate, Reply, Response, Serve, Server};

/// A server that takes connections and never says a word, not even for TLS.
pub fn deaf() -> Server {
    Server::serving(Deaf)
}

struct Deaf;

impl Serve for Deaf {
    fn serve(&self, _: u64, mut stream: TcpStream) -> io::Result<()> {
        while stream.read(&mut [0; 1024])? > 0 {}
        Ok(())
    }
}

/// A fault.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Takes the request and never answers.
    Hang,
    /// Closes the connection without an answer.
    Close,
    /// Answers as it should, but stops in the middle of the body.
    HangMidBody,
    /// Answers as it should, byte by byte.
    Drip(Gate),
    /// Answers with the first half of what it should, as if that were all.
    Truncated,
    /// Answers with a web page, as a proxy or a sign-on does.
    Html,
    /// Answers with a body of so many bytes.
    Huge(usize),
    /// Answers with this.
    Answer(Response),
    /// Lets every session expire, then answers as it should.
    ExpireSessions,
}

impl Fault {
    /// An answer with a status, a message in the documented form, and headers.
    pub fn refuse(status: u16, message: &str, headers: &[(&str, &str)]) -> Self {
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
        Self::refuse(429, message, &headers)
    }

    /// 500.
    pub fn internal() -> Self {
        Self::refuse(500, "Internal Server Error", &[])
    }

    /// 307 to another place, which keeps method and body.
    pub fn redirect(to: &str) -> Self {
        let mut response = Response::new(307, "text/plain", "");
        let header = ("Location".to_owned(), to.to_owned());
        response.headers.push(header);
        Self::Answer(response)
    }

    /// What it makes of the answer that should be.
    pub(super) fn spoil(self, mut answer: Response) -> Reply {
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
                // A text that never ends, so that a reader has to take it all or stop.
                let mut body = b"{\"id\":\"".to_vec();
                body.resize(length.max(body.len()), b'x');
                Reply::Answer(Response::new(200, "application/json", body))
            }
            Self::Answer(response) => Reply::Answer(response),
            Self::ExpireSessions => Reply::Answer(answer),
        }
    }

    /// Whether the request is to be acted upon: a real service in trouble may or may not; here it
    /// does wherever the answer that should be is part of what is sent.
    pub(super) fn acts(&self) -> bool {
        !matches!(
            self,
            Self::Hang | Self::Close | Self::Html | Self::Huge(_) | Self::Answer(_)
        )
    }
}
