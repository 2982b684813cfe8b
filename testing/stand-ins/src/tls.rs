//! A certificate authority for tests. It issues a certificate for each requested name, so that one
//! server can represent many real hosts.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A certificate authority.
pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Arc<Issuer<'static, KeyPair>>,
}

impl Authority {
    /// An authority with a new key and a unique name.
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed) + 1;
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(
            DnType::CommonName,
            format!("kubectl-esc test authority {number}"),
        );
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self {
            certificate,
            issuer: Arc::new(Issuer::new(parameters, key)),
        }
    }

    /// The authority's certificate in PEM, for a CA bundle or a kubeconfig.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The configuration of a server with certificates for the names that `serves` accepts, for
    /// `localhost` and for 127.0.0.1.
    pub fn server(
        &self,
        serves: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Arc<ServerConfig> {
        let names = Names {
            issuer: Arc::clone(&self.issuer),
            serves: Box::new(serves),
            issued: Mutex::default(),
        };
        let configuration = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(names));
        Arc::new(configuration)
    }

    /// The configuration of a client that trusts only this authority.
    pub fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let certificate = self.certificate.der().clone();
        roots.add(certificate).expect("a root certificate");
        let configuration = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(configuration)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

struct Names {
    issuer: Arc<Issuer<'static, KeyPair>>,
    serves: Box<dyn Fn(&str) -> bool + Send + Sync>,
    issued: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Names")
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A client that connects to an address sends no name.
        let name = hello.server_name().unwrap_or("localhost");
        if name != "localhost" && !(self.serves)(name) {
            return None;
        }
        let mut issued = self.issued.lock().expect("issued certificates");
        if let Some(certified) = issued.get(name) {
            return Some(Arc::clone(certified));
        }
        let certified = Arc::new(issue(&self.issuer, name)?);
        issued.insert(name.to_owned(), Arc::clone(&certified));
        Some(certified)
    }
}

fn issue(issuer: &Issuer<'static, KeyPair>, name: &str) -> Option<CertifiedKey> {
    let mut names = vec![name.to_owned()];
    if name == "localhost" {
        names.push("127.0.0.1".to_owned());
    }
    let parameters = CertificateParams::new(names).ok()?;
    let key = KeyPair::generate().ok()?;
    let certificate = parameters.signed_by(&key, issuer).ok()?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).ok()?;
    CertifiedKey::from_der(vec![certificate.der().clone()], key, &provider()).ok()
}
