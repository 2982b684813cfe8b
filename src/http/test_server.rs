//! For tests: a server on this machine that gives prepared answers and remembers the requests.

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
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a server speaks.
#[derive(Clone)]
enum Speech {
    /// HTTP.
    Plain,
    /// HTTP in TLS.
    Tls(Arc<ServerConfig>),
    /// A proxy's `CONNECT`, after which it plays the other side in TLS itself.
    Tunnel(Arc<ServerConfig>),
}

/// A certificate that signs itself, with its key.
pub(crate) struct SelfSignedCert {
    certificate: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl SelfSignedCert {
    /// A certificate for this host name, good from 2020 to the end of `last_year`.
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
    /// A server that gives the answers in turn, and then the last one over and over. No answer at
    /// all: it accepts connections and stays silent.
    pub(crate) fn responding<S: Into<String>>(answers: impl IntoIterator<Item = S>) -> Self {
        Self::start(Speech::Plain, answers.into_iter().map(Into::into).collect())
    }

    /// The same in TLS.
    pub(crate) fn tls(identity: &SelfSignedCert, answer: String) -> Self {
        Self::start(Speech::Tls(identity.server()), vec![answer])
    }

    /// A proxy that lets everything pass and then is the other side itself.
    pub(crate) fn tunnel(identity: &SelfSignedCert, answer: String) -> Self {
        Self::start(Speech::Tunnel(identity.server()), vec![answer])
    }

    /// A server that accepts connections and never answers.
    pub(crate) fn silent() -> Self {
        Self::start(Speech::Plain, Vec::new())
    }

    fn start(speech: Speech, answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (seen, stop) = (Arc::clone(&requests), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut silent = Vec::new();
            let mut served = 0;
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let Some(answer) = answers.get(served).or(answers.last()) else {
                    silent.push(stream);
                    continue;
                };
                served += 1;
                stream
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .unwrap();
                serve(&speech, stream, answer, &seen);
            }
        });
        Self {
            address,
            requests,
            over,
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

    /// What it was sent, in the order of arrival.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// An answer as it goes over the wire; `headers` end in a line break each.
pub(crate) fn http_response(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// A port of this machine at which nobody listens.
pub(crate) fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Serves one connection. A request is on record before its answer goes out; a client that leaves
/// early is not our concern.
fn serve(speech: &Speech, mut stream: TcpStream, answer: &str, seen: &Mutex<Vec<String>>) {
    let record = |request: String| {
        if !request.is_empty() {
            seen.lock().unwrap().push(request);
        }
    };
    let server = match speech {
        Speech::Plain => {
            record(request(&mut stream));
            let _ = stream.write_all(answer.as_bytes());
            return;
        }
        Speech::Tls(server) => server,
        Speech::Tunnel(server) => {
            record(request(&mut stream));
            let _ = stream.write_all(b"HTTP/1.1 200 -\r\n\r\n");
            server
        }
    };
    let connection = ServerConnection::new(Arc::clone(server)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    record(request(&mut stream));
    let _ = stream.write_all(answer.as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// The first byte of what a TLS client says.
const TLS_HANDSHAKE: u8 = 22;

/// Reads one request with its body; nothing, where the client speaks TLS.
fn request(stream: &mut impl Read) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap_or(0);
        text.extend_from_slice(&buffer[..read]);
        if text.first() == Some(&TLS_HANDSHAKE) {
            return String::new();
        }
        let so_far = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = so_far.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return so_far;
            }
        }
        if read == 0 {
            return so_far;
        }
    }
}
