//! HTTP/1.1 on loopback, with or without TLS: a server that calls a function with every request, and
//! a client for the tests of the stand-ins.
//!
//! Each connection has a thread. Dropping the server closes its port and all connections.

mod client;

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub use client::Client;

/// The maximum size of the head of a request or response, in bytes.
const HEAD_LIMIT: u64 = 64 * 1024;
/// The maximum size of a request's body, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// Path and query, not decoded.
    pub target: String,
    /// The headers in their order; names keep their case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The number of the server's connection, from 1; 0 for a call within the process.
    pub connection: u64,
}

impl Request {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The text after the `?`.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers. `Content-Length` and `Connection` are added when it is sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with a content type and a body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What to do with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Send a response.
    Answer(Response),
    /// Send the head and this many bytes of the body, then wait until the client disconnects.
    Part(Response, usize),
    /// Send the head, then each byte of the body when the gate lets it pass.
    Drip(Response, Gate),
    /// Wait until the client disconnects or the server is dropped.
    Hang,
    /// Close the connection without a response.
    Close,
}

/// Controls when the bytes of a body are sent. Clones share the state.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Debug, Default)]
struct Passage {
    released: usize,
    passed: usize,
    pace: Option<Duration>,
    ended: bool,
}

impl Gate {
    /// A gate that lets a byte pass at least every `pace`.
    pub fn paced(pace: Duration) -> Self {
        let gate = Self::default();
        gate.0.0.lock().expect("the gate").pace = Some(pace);
        gate
    }

    /// Lets this many more bytes pass at once.
    pub fn release(&self, bytes: usize) {
        let mut passage = self.0.0.lock().expect("the gate");
        passage.released = passage.released.saturating_add(bytes);
        self.0.1.notify_all();
    }

    /// The number of bytes that have passed.
    pub fn passed(&self) -> usize {
        self.0.0.lock().expect("the gate").passed
    }

    /// Stops releasing bytes: waiting connections are closed.
    pub fn end(&self) {
        self.0.0.lock().expect("the gate").ended = true;
        self.0.1.notify_all();
    }

    /// Waits until a byte may pass; false after the end.
    fn pass(&self) -> bool {
        let (passage, changed) = &*self.0;
        let mut passage = passage.lock().expect("the gate");
        loop {
            if passage.ended {
                return false;
            }
            if passage.released > passage.passed {
                passage.passed += 1;
                return true;
            }
            passage = match passage.pace {
                None => changed.wait(passage).expect("the gate"),
                Some(pace) => {
                    let (mut passage, waited) =
                        changed.wait_timeout(passage, pace).expect("the gate");
                    if waited.timed_out() && passage.released <= passage.passed {
                        passage.released = passage.passed + 1;
                    }
                    passage
                }
            };
        }
    }
}

/// A server on a free port of 127.0.0.1.
pub struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Connections {
    stopped: AtomicBool,
    open: Mutex<HashMap<u64, TcpStream>>,
}

/// The protocol of a server.
pub trait Serve: Send + Sync + 'static {
    /// Serves the connection with this number until it ends.
    fn serve(&self, number: u64, stream: TcpStream) -> io::Result<()>;
}

impl Server {
    /// Serves HTTP, or HTTPS with `tls`.
    pub fn start<H>(tls: Option<Arc<ServerConfig>>, handler: H) -> Self
    where
        H: Fn(&Request) -> Reply + Send + Sync + 'static,
    {
        Self::serving(Http { tls, handler })
    }

    /// Serves any protocol.
    pub fn serving(service: impl Serve) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind to loopback");
        let address = listener.local_addr().expect("the port that was bound");
        let connections = Arc::new(Connections::default());
        let acceptor = {
            let connections = Arc::clone(&connections);
            std::thread::spawn(move || accept(&listener, &connections, &Arc::new(service)))
        };
        Self {
            address,
            connections,
            acceptor: Some(acceptor),
        }
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.connections.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then stops.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(acceptor)) = (woken, self.acceptor.take()) {
            drop(acceptor.join());
        }
        let open = std::mem::take(&mut *self.connections.open.lock().expect("connections"));
        for stream in open.values() {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn accept(listener: &TcpListener, connections: &Arc<Connections>, service: &Arc<impl Serve>) {
    for number in 1.. {
        let Ok((stream, _)) = listener.accept() else {
            return;
        };
        if connections.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(handle) = stream.try_clone() else {
            return;
        };
        let mut open = connections.open.lock().expect("connections");
        open.insert(number, handle);
        drop(open);
        let (connections, service) = (Arc::clone(connections), Arc::clone(service));
        std::thread::spawn(move || {
            // The client notices a broken connection itself.
            drop(service.serve(number, stream));
            let mut open = connections.open.lock().expect("connections");
            if let Some(stream) = open.remove(&number) {
                drop(stream.shutdown(Shutdown::Both));
            }
        });
    }
}

struct Http<H> {
    tls: Option<Arc<ServerConfig>>,
    handler: H,
}

impl<H: Fn(&Request) -> Reply + Send + Sync + 'static> Serve for Http<H> {
    fn serve(&self, number: u64, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        match &self.tls {
            Some(tls) => {
                let connection =
                    ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
                self.exchange(number, StreamOwned::new(connection, stream))
            }
            None => self.exchange(number, stream),
        }
    }
}

impl<H: Fn(&Request) -> Reply> Http<H> {
    fn exchange(&self, number: u64, stream: impl Read + Write) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(head) = read_head(&mut stream)? {
            let Some(request) = read_request(&mut stream, head, number)? else {
                return reject(stream.get_mut());
            };
            let is_last = request
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
            match (self.handler)(&request) {
                Reply::Answer(response) => {
                    write_response(stream.get_mut(), &response, is_last)?;
                    if is_last {
                        return Ok(());
                    }
                }
                Reply::Part(response, bytes) => {
                    let part = bytes.min(response.body.len());
                    write_head(stream.get_mut(), &response, false)?;
                    stream.get_mut().write_all(&response.body[..part])?;
                    stream.get_mut().flush()?;
                    return wait_for_end(&mut stream);
                }
                Reply::Drip(response, gate) => {
                    write_head(stream.get_mut(), &response, false)?;
                    stream.get_mut().flush()?;
                    for byte in &response.body {
                        if !gate.pass() {
                            return Ok(());
                        }
                        stream.get_mut().write_all(&[*byte])?;
                        stream.get_mut().flush()?;
                    }
                }
                Reply::Close => return Ok(()),
                Reply::Hang => return wait_for_end(&mut stream),
            }
        }
        Ok(())
    }
}

/// Reads the rest of a request; `None` if it is malformed or not supported.
fn read_request(
    stream: &mut BufReader<impl Read + Write>,
    (line, headers): Head,
    connection: u64,
) -> io::Result<Option<Request>> {
    let [method, target, "HTTP/1.1"] = *line.split(' ').collect::<Vec<_>>() else {
        return Ok(None);
    };
    let length = header(&headers, "content-length").unwrap_or("0");
    let length = length.parse().ok().filter(|length| *length <= BODY_LIMIT);
    let (Some(length), None) = (length, header(&headers, "transfer-encoding")) else {
        return Ok(None);
    };
    if header(&headers, "expect").is_some() {
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        body,
        connection,
        headers,
    }))
}

fn wait_for_end(stream: &mut impl Read) -> io::Result<()> {
    while stream.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

fn reject(stream: &mut impl Write) -> io::Result<()> {
    let response = Response::new(
        400,
        "text/plain",
        "the stand-in does not support this request\n",
    );
    write_response(stream, &response, true)
}

fn write_response(stream: &mut impl Write, response: &Response, is_last: bool) -> io::Result<()> {
    // At once, so that a client never sees part of a response.
    let mut all = Vec::new();
    write_head(&mut all, response, is_last)?;
    all.extend(&response.body);
    stream.write_all(&all)?;
    stream.flush()
}

fn write_head(all: &mut impl Write, response: &Response, is_last: bool) -> io::Result<()> {
    write!(all, "HTTP/1.1 {} Status\r\n", response.status)?;
    for (name, value) in &response.headers {
        write!(all, "{name}: {value}\r\n")?;
    }
    let connection = if is_last { "close" } else { "keep-alive" };
    let length = response.body.len();
    write!(
        all,
        "Content-Length: {length}\r\nConnection: {connection}\r\n\r\n"
    )
}

/// The first line and the headers.
type Head = (String, Vec<(String, String)>);

/// Reads a head; `None` if the connection ends before it.
pub fn read_head(stream: &mut impl BufRead) -> io::Result<Option<Head>> {
    let broken = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
    let mut limited = stream.take(HEAD_LIMIT);
    let mut first = None;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if limited.read_line(&mut line)? == 0 {
            return match first {
                None => Ok(None),
                Some(_) => broken("the head ends early"),
            };
        }
        let Some(line) = line.strip_suffix("\r\n") else {
            return broken("a line of the head does not end in CR LF");
        };
        match first.take() {
            None => first = Some(line.to_owned()),
            Some(first) if line.is_empty() => return Ok(Some((first, headers))),
            Some(line_before) => {
                first = Some(line_before);
                let Some((name, value)) = line.split_once(':') else {
                    return broken("a header has no colon");
                };
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut matching = headers
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    matching.next().map(|(_, value)| value.as_str())
}
