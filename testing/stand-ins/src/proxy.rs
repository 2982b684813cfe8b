//! An HTTP proxy that supports CONNECT only, with a routing table instead of DNS, so that real names
//! such as `sts.us-east-1.amazonaws.com` reach a stand-in on loopback.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use crate::http::{Serve, Server, read_head};

/// A proxy on a free port of 127.0.0.1.
pub struct Proxy {
    server: Server,
    requested: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that connects `HOST:PORT` to the address that `route` returns. Without one, it
    /// answers 502, like a proxy that cannot resolve a name.
    pub fn start(route: impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        let requested = Arc::default();
        let service = Tunnel {
            route,
            requested: Arc::clone(&requested),
        };
        Self {
            server: Server::serving(service),
            requested,
        }
    }

    /// The address of the proxy.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The value for `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Every requested `HOST:PORT`, in order.
    pub fn requested(&self) -> Vec<String> {
        self.requested.lock().expect("requested hosts").clone()
    }
}

struct Tunnel<R> {
    route: R,
    requested: Arc<Mutex<Vec<String>>>,
}

impl<R: Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static> Serve for Tunnel<R> {
    fn serve(&self, _: u64, client: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let Some((line, _)) = read_head(&mut reader)? else {
            return Ok(());
        };
        let mut client = client;
        let ["CONNECT", authority, "HTTP/1.1"] = *line.split(' ').collect::<Vec<_>>() else {
            return client
                .write_all(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
        };
        let mut requested = self.requested.lock().expect("requested hosts");
        requested.push(authority.to_owned());
        drop(requested);
        let Some(Ok(server)) = (self.route)(authority).map(TcpStream::connect) else {
            return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        };
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        let (mut upstream, mut downstream) = (server.try_clone()?, client.try_clone()?);
        let back = std::thread::spawn(move || {
            drop(io::copy(&mut upstream, &mut downstream));
            drop(downstream.shutdown(Shutdown::Both));
        });
        let mut server = server;
        // The reader may have read beyond the head.
        drop(io::copy(&mut reader, &mut server));
        drop(server.shutdown(Shutdown::Both));
        drop(back.join());
        Ok(())
    }
}
