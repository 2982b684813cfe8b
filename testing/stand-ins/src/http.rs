//! HTTP/1.1 on loopback, with or without TLS: a server that hands every request to a function as it
//! was received, and a client for the tests of the stand-ins themselves.
//!
//! One thread for each connection; dropping the server closes its port and all connections.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};

/// The most that a request's or answer's head may have, in bytes.
const HEAD_LIMIT: u64 = 64 * 1024;
/// The most that a body may have, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// A request as it was received.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// Path and query, as written.
    pub target: String,
    /// Names as written, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Which connection of the server it came through, from 1; 0 for a call within the process.
    pub connection: u64,
}

impl Request {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// What is behind the `?`.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers; length and connection are added when it is sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with a content type and a body.
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
    /// Answer it.
    Answer(Response),
    /// Send the head and so many bytes of the body, then nothing until the other side gives up.
    Part(Response, usize),
    /// Send the head, and the bytes of the body one by one as the gate lets them pass.
    Drip(Response, Gate),
    /// Never answer: wait until the other side gives up or the server is dropped.
    Hang,
    /// Close the connection without an answer.
    Close,
}

/// Lets the bytes of a body pass one by one. Clones are the same gate.
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
    /// A gate through which a byte passes at the latest this long after the one before.
    pub fn paced(pace: Duration) -> Self {
        let gate = Self::default();
        gate.0.0.lock().expect("the gate").pace = Some(pace);
        gate
    }

    /// Lets so many bytes more pass at once.
    pub fn release(&self, bytes: usize) {
        let mut passage = self.0.0.lock().expect("the gate");
        passage.released = passage.released.saturating_add(bytes);
        self.0.1.notify_all();
    }

    /// How many bytes have passed.
    pub fn passed(&self) -> usize {
        self.0.0.lock().expect("the gate").passed
    }

    /// Stops releasing bytes: waiting connections are closed.
    pub fn end(&self) {
        self.0.0.lock().expect("the gate").ended = true;
        self.0.1.notify_all();
    }

    /// Waits until a byte may pass; whether it may.
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

/// What a server does with a connection: its number and the stream.
pub trait Serve: Send + Sync + 'static {
    /// Serves one connection until it ends.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.connections.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is over.
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
            // A broken connection is the other side's business; it shows there.
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
        loop {
            let Some((line, headers)) = read_head(&mut stream)? else {
                return Ok(());
            };
            let [method, target, version] = *line.split(' ').collect::<Vec<_>>() else {
                return refuse(stream.get_mut());
            };
            let length = header(&headers, "content-length").map(str::parse::<usize>);
            let chunked = header(&headers, "transfer-encoding").is_some();
            let (Ok(length), "HTTP/1.1", false) = (length.unwrap_or(Ok(0)), version, chunked)
            else {
                return refuse(stream.get_mut());
            };
            if length > BODY_LIMIT {
                return refuse(stream.get_mut());
            }
            if header(&headers, "expect").is_some() {
                stream
                    .get_mut()
                    .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            let request = Request {
                method: method.to_owned(),
                target: target.to_owned(),
                body,
                connection: number,
                headers,
            };
            let response = match (self.handler)(&request) {
                Reply::Answer(response) => response,
                Reply::Part(response, bytes) => {
                    let part = bytes.min(response.body.len());
                    write_head(stream.get_mut(), &response, false)?;
                    stream.get_mut().write_all(&response.body[..part])?;
                    stream.get_mut().flush()?;
                    while stream.read(&mut [0; 1024])? > 0 {}
                    return Ok(());
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
                    continue;
                }
                Reply::Close => return Ok(()),
                Reply::Hang => {
                    while stream.read(&mut [0; 1024])? > 0 {}
                    return Ok(());
                }
            };
            let last = request
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
            write_response(stream.get_mut(), &response, last)?;
            if last {
                return Ok(());
            }
        }
    }
}

fn refuse(stream: &mut impl Write) -> io::Result<()> {
    let response = Response::new(
        400,
        "text/plain",
        "the stand-in does not read this request\n",
    );
    write_response(stream, &response, true)
}

fn write_response(stream: &mut impl Write, response: &Response, last: bool) -> io::Result<()> {
    // In one piece: fewer packets, and a client that gives up sees no half answer.
    let mut all = Vec::new();
    write_head(&mut all, response, last)?;
    all.extend(&response.body);
    stream.write_all(&all)?;
    stream.flush()
}

fn write_head(all: &mut impl Write, response: &Response, last: bool) -> io::Result<()> {
    write!(all, "HTTP/1.1 {} Status\r\n", response.status)?;
    for (name, value) in &response.headers {
        write!(all, "{name}: {value}\r\n")?;
    }
    let connection = if last { "close" } else { "keep-alive" };
    let length = response.body.len();
    write!(
        all,
        "Content-Length: {length}\r\nConnection: {connection}\r\n\r\n"
    )
}

/// First line and headers.
type Head = (String, Vec<(String, String)>);

/// Reads a head; `None` where the other side closed the connection before it.
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

/// A client for one request a connection.
#[derive(Clone, Default)]
pub struct Client {
    tls: Option<Arc<ClientConfig>>,
    proxy: Option<SocketAddr>,
}

impl Client {
    /// A client that speaks TLS with this configuration.
    #[must_use]
    pub fn trusting(mut self, tls: Arc<ClientConfig>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// A client that reaches every host through this proxy, by CONNECT.
    #[must_use]
    pub fn through(mut self, proxy: SocketAddr) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sends a request to `http://HOST[:PORT]/…` or `https://…` and reads the answer. A `Host`
    /// header is added unless there is one.
    pub fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| invalid("no scheme in the URL"))?;
        let path = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(path);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.to_owned()),
            None if scheme == "https" => (authority, "443".to_owned()),
            None => (authority, "80".to_owned()),
        };
        let stream = match self.proxy {
            Some(proxy) => connect_through(proxy, &format!("{host}:{port}"))?,
            None => TcpStream::connect(format!("{host}:{port}"))?,
        };
        stream.set_nodelay(true)?;
        let mut all = Vec::new();
        write!(all, "{method} {target} HTTP/1.1\r\nConnection: close\r\n")?;
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            write!(all, "Host: {authority}\r\n")?;
        }
        for (name, value) in headers {
            write!(all, "{name}: {value}\r\n")?;
        }
        write!(all, "Content-Length: {}\r\n\r\n", body.len())?;
        all.extend(body);
        match (scheme, &self.tls) {
            ("https", Some(tls)) => {
                let name =
                    ServerName::try_from(host.to_owned()).map_err(|_| invalid("bad host name"))?;
                let connection =
                    ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
                exchange(StreamOwned::new(connection, stream), &all)
            }
            ("http", _) => exchange(stream, &all),
            _ => Err(invalid("https needs a TLS configuration")),
        }
    }
}

fn connect_through(proxy: SocketAddr, authority: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(proxy)?;
    write!(
        stream,
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
    )?;
    // Nothing follows the head before we speak, so that the buffer holds nothing else.
    let head = read_head(&mut BufReader::new(&stream))?;
    match head {
        Some((line, _)) if line.starts_with("HTTP/1.1 200") => Ok(stream),
        other => Err(io::Error::other(format!("the proxy refused: {other:?}"))),
    }
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> io::Result<Response> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut stream = BufReader::new(stream);
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer");
    let (line, headers) = read_head(&mut stream)?.ok_or_else(broken)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let length = header(&headers, "content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok(Response {
        status: status.ok_or_else(broken)?,
        headers,
        body,
    })
}
