//! For tests: a local server that sends prepared responses and records the requests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server that runs until it is dropped.
pub(crate) struct TestServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The protocol of a server.
#[derive(Clone)]
enum Protocol {
    /// HTTP.
    Http,
    /// HTTPS.
    Https(Arc<ServerConfig>),
    /// A proxy with `CONNECT` that then answers itself, as the HTTPS server.
    Proxy(Arc<ServerConfig>),
}

/// A self-signed certificate and its key.
pub(crate) struct SelfSignedCert {
    certificate: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl SelfSignedCert {
    /// A certificate for this host name, valid from 2020 to the end of `last_year`.
    pub(crate) fn new(name: &str, last_year: i32) -> Self {
        let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(last_year, 12, 31);
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let cert = parameters.self_signed(&signing_key).unwrap();
        let certificate = rcgen::CertifiedKey { cert, signing_key };
        Self { certificate }
    }

    /// The certificate in PEM.
    pub(crate) fn pem(&self) -> String {
        self.certificate.cert.pem()
    }

    fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::try_from(self.certificate.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.cert.der().clone()], key);
        Arc::new(server.unwrap())
    }
}

impl TestServer {
    /// An HTTP server that sends these responses in order, and then repeats the last one. Without a
    /// response, it accepts connections and never responds.
    pub(crate) fn responding<S: Into<String>>(responses: impl IntoIterator<Item = S>) -> Self {
        Self::start(
            Protocol::Http,
            responses.into_iter().map(Into::into).collect(),
        )
    }

    /// An HTTPS server.
    pub(crate) fn tls(identity: &SelfSignedCert, response: String) -> Self {
        Self::start(Protocol::Https(identity.server()), vec![response])
    }

    /// A proxy that accepts every `CONNECT` and then answers itself, as the HTTPS server.
    pub(crate) fn proxy(identity: &SelfSignedCert, response: String) -> Self {
        Self::start(Protocol::Proxy(identity.server()), vec![response])
    }

    /// A server that accepts connections and never responds.
    pub(crate) fn silent() -> Self {
        Self::start(Protocol::Http, Vec::new())
    }

    fn start(protocol: Protocol, responses: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (recorded, stop) = (Arc::clone(&requests), Arc::clone(&is_stopped));
        let thread = std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            let mut served = 0;
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let Some(response) = responses.get(served).or(responses.last()) else {
                    unanswered.push(stream);
                    continue;
                };
                served += 1;
                stream
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .unwrap();
                serve(&protocol, stream, response, &recorded);
            }
        });
        Self {
            address,
            requests,
            is_stopped,
            thread: Some(thread),
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests so far, in order of arrival.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A raw response. Each of `headers` ends in a line break.
pub(crate) fn http_response(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// A local port without a listener.
pub(crate) fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Serves one connection. The request is recorded before the response is sent. A client may close the
/// connection early.
fn serve(
    protocol: &Protocol,
    mut stream: TcpStream,
    response: &str,
    recorded: &Mutex<Vec<String>>,
) {
    let record = |request: String| {
        if !request.is_empty() {
            recorded.lock().unwrap().push(request);
        }
    };
    let server = match protocol {
        Protocol::Http => {
            record(read_request(&mut stream));
            let _ = stream.write_all(response.as_bytes());
            return;
        }
        Protocol::Https(server) => server,
        Protocol::Proxy(server) => {
            record(read_request(&mut stream));
            let _ = stream.write_all(b"HTTP/1.1 200 -\r\n\r\n");
            server
        }
    };
    let connection = ServerConnection::new(Arc::clone(server)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    record(read_request(&mut stream));
    let _ = stream.write_all(response.as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// The first byte that a TLS client sends.
const TLS_HANDSHAKE: u8 = 22;

/// Reads one request with its body; empty if the client speaks TLS.
fn read_request(stream: &mut impl Read) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap_or(0);
        text.extend_from_slice(&buffer[..read]);
        if text.first() == Some(&TLS_HANDSHAKE) {
            return String::new();
        }
        let received = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = received.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return received;
            }
        }
        if read == 0 {
            return received;
        }
    }
}
