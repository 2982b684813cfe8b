//! A client for the tests of the stand-ins.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::{Response, header, read_head};

/// A client that opens a connection for each request.
#[derive(Clone, Default)]
pub struct Client {
    tls: Option<Arc<ClientConfig>>,
    proxy: Option<SocketAddr>,
}

impl Client {
    /// Sets the configuration for TLS.
    #[must_use]
    pub fn trusting(mut self, tls: Arc<ClientConfig>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sends all requests through this proxy, by CONNECT.
    #[must_use]
    pub fn through(mut self, proxy: SocketAddr) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sends a request to `http://HOST[:PORT]/…` or `https://…` and reads the response. Adds a `Host`
    /// header unless there is one.
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
    // Dropping the reader loses nothing: the proxy sends only the head before the client speaks.
    let head = read_head(&mut BufReader::new(&stream))?;
    match head {
        Some((line, _)) if line.starts_with("HTTP/1.1 200") => Ok(stream),
        other => Err(io::Error::other(format!("the proxy answered {other:?}"))),
    }
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> io::Result<Response> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut stream = BufReader::new(stream);
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "not an HTTP response");
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
