//! Connections to one server with TLS settings of its own, such as the API server of a cluster: its
//! certificate authority, the name in its certificate, its proxy.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::connector;
use crate::http::proxy::proxy;
use crate::http::roots::{certificates_of, system_roots};

/// How to connect to a server. The default is like any other connection, but without `AWS_CA_BUNDLE`.
#[derive(Default)]
pub(crate) struct ServerTls {
    /// The only trusted certificates, in PEM; `None` trusts those of the system.
    pub authority: Option<Vec<u8>>,
    /// Whether any certificate is accepted.
    pub skip_verification: bool,
    /// The name in the server's certificate, if it is not the host name.
    pub server_name: Option<String>,
    /// The proxy (`http`, `https` or `socks5`), instead of the one in the environment variables.
    pub proxy_url: Option<String>,
}

/// Creates a connector for requests to `url`.
pub(super) fn connector(
    host: &Host,
    url: &http::Uri,
    settings: &ServerTls,
) -> Result<SharedHttpConnector> {
    let tls = connector::tls(|builder| {
        if settings.skip_verification {
            let verifier = Arc::new(AnyCertificate(Arc::clone(builder.crypto_provider())));
            let builder = builder.dangerous();
            return Ok(builder.with_custom_certificate_verifier(verifier));
        }
        Ok(builder.with_root_certificates(roots(host, settings)?))
    })?;
    let name = settings.server_name.as_deref().map(server_name);
    let proxy = match matcher(host, url, settings)? {
        Some(matcher) => {
            let roots = system_roots(host)?;
            let tls = connector::tls(|builder| Ok(builder.with_root_certificates(roots)))?;
            Some((matcher, tls))
        }
        None => None,
    };
    Ok(connector::connector(tls, name.transpose()?, proxy))
}

fn roots(host: &Host, settings: &ServerTls) -> Result<RootCertStore> {
    let Some(pem) = &settings.authority else {
        return system_roots(host);
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates_of(pem));
    if added == 0 {
        let message = "the certificate authority contains no certificate in PEM";
        return Err(Error::configuration(message).with_hint(
            "use the `certificateAuthority.data` that `aws eks describe-cluster` prints",
        ));
    }
    Ok(roots)
}

fn server_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Error::configuration(format!("`{name}` is not a valid server name for TLS"))
            .with_hint("use the host name in the server's certificate")
    })
}

/// Finds the proxy for the URL; `None` to connect directly.
fn matcher(host: &Host, url: &http::Uri, settings: &ServerTls) -> Result<Option<Matcher>> {
    let Some(proxy) = &settings.proxy_url else {
        let matcher = proxy(host)?.map(|proxy| proxy.matcher);
        return Ok(matcher.filter(|matcher| matcher.intercept(url).is_some()));
    };
    let matcher = Matcher::builder().all(proxy.as_str()).build();
    let is_supported =
        |proxy: Intercept| matches!(proxy.uri().scheme_str(), Some("http" | "https" | "socks5"));
    if matcher.intercept(url).is_some_and(is_supported) {
        return Ok(Some(matcher));
    }
    // The message does not quote the URL, which may contain a password.
    Err(
        Error::configuration("the proxy URL is malformed, or its scheme is not supported")
            .with_hint(
                "use a URL such as http://proxy.example.com:3128 or socks5://127.0.0.1:1080",
            ),
    )
}

/// Accepts any certificate, as `insecure-skip-tls-verify` demands. Signatures are verified.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
