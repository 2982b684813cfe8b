//! Connections to one server with TLS settings of its own, such as the API server of a cluster: its
//! certificate authority, the name in its certificate, its proxy.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::dns::{ResolveDns as _, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpConnector as SdkHttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioExecutor;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tower_service::Service;

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::connector::{self, CONNECT_TIMEOUT};
use crate::http::dns::Resolver;

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
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = Tls {
        configuration: configuration(host, &provider, settings)?,
        server_name: settings
            .server_name
            .as_deref()
            .map(server_name)
            .transpose()?,
    };
    let mut direct = HttpConnector::new_with_resolver(Resolver);
    direct.enforce_http(false);
    direct.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let Some(proxy) = proxy(host, url, settings)? else {
        return Ok(tls.over(direct));
    };
    if proxy
        .uri()
        .scheme_str()
        .is_some_and(|scheme| scheme.starts_with("socks"))
    {
        let mut socks = SocksV5::new(proxy.uri().clone(), direct);
        if let Some((user, password)) = proxy.raw_auth() {
            socks = socks.with_auth(user.to_owned(), password.to_owned());
        }
        return Ok(tls.over(socks));
    }
    let to_proxy = Tls {
        configuration: configuration(host, &provider, &ServerTls::default())?,
        server_name: None,
    };
    let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy.connector(direct));
    if let Some(login) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(login.clone());
    }
    Ok(tls.over(tunnel))
}

/// The TLS settings of a connection.
struct Tls {
    configuration: ClientConfig,
    server_name: Option<ServerName<'static>>,
}

impl Tls {
    fn connector<T>(self, transport: T) -> HttpsConnector<T> {
        let builder = HttpsConnectorBuilder::new().with_tls_config(self.configuration);
        // Plain HTTP is only allowed for loopback addresses; `parse_url` rejects all other URLs.
        let builder = builder.https_or_http();
        match self.server_name {
            Some(name) => builder.with_server_name_resolver(FixedServerNameResolver::new(name)),
            None => builder,
        }
        .enable_http1()
        .wrap_connector(transport)
    }

    fn over<T>(self, transport: T) -> SharedHttpConnector
    where
        HttpsConnector<T>: Connect + Clone + Send + Sync + 'static,
    {
        let client = Client::builder(TokioExecutor::new()).build(self.connector(transport));
        SharedHttpConnector::new(ServerConnector(client))
    }
}

fn configuration(
    host: &Host,
    provider: &Arc<CryptoProvider>,
    settings: &ServerTls,
) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Internal, "cannot set up TLS").caused_by(error))?;
    if settings.skip_verification {
        let verifier = Arc::new(AnyCertificate(Arc::clone(provider)));
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        return Ok(builder.with_no_client_auth());
    }
    let roots = match &settings.authority {
        Some(pem) => connector::trust_anchors(connector::certificates_of(pem)),
        None => connector::system_roots(host)?,
    };
    if settings.authority.is_some() && roots.is_empty() {
        let message = "the certificate authority contains no certificate in PEM";
        return Err(Error::configuration(message).with_hint(
            "use the `certificateAuthority.data` that `aws eks describe-cluster` prints",
        ));
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

fn server_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Error::configuration(format!("`{name}` is not a valid server name for TLS"))
            .with_hint("use the host name in the server's certificate")
    })
}

/// The proxy for the URL; `None` to connect directly.
fn proxy(host: &Host, url: &http::Uri, settings: &ServerTls) -> Result<Option<Intercept>> {
    let Some(proxy) = &settings.proxy_url else {
        return connector::proxy(host).map(|proxy| proxy.and_then(|proxy| proxy.intercept(url)));
    };
    let found = Matcher::builder()
        .all(proxy.as_str())
        .build()
        .intercept(url);
    let is_supported =
        |proxy: &Intercept| matches!(proxy.uri().scheme_str(), Some("http" | "https" | "socks5"));
    // The message does not quote the URL, which may contain a password.
    let unusable = || {
        Error::configuration("the proxy URL is malformed, or its scheme is not supported")
            .with_hint("use a URL such as http://proxy.example.com:3128 or socks5://127.0.0.1:1080")
    };
    found.filter(is_supported).ok_or_else(unusable).map(Some)
}

/// Passes requests to hyper's client, as the AWS SDK does.
struct ServerConnector<C>(Client<C, SdkBody>);

impl<C> fmt::Debug for ServerConnector<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServerConnector")
    }
}

impl<C> SdkHttpConnector for ServerConnector<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let response = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let other = |error| ConnectorError::other(error, None);
            let response = response.await.map_err(|error| other(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| other(error.into()))
        })
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveDnsError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let addresses = Self.resolve_dns(name.as_str()).await?.into_iter();
            // hyper sets the port.
            let addresses: Vec<_> = addresses.map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
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
