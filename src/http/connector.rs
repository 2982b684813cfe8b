//! Creates connections: DNS, TCP, proxy and TLS, within the connect timeout.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::Uri;
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, MaybeHttpsStream,
    ResolveServerName,
};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{self, CaptureConnection, capture_connection};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::dns::Resolver;
use crate::http::failure::Reason;
use crate::http::proxy::proxy;
use crate::http::roots::trusted_roots;

/// The timeout for DNS, TCP, the proxy and TLS together.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Creates the connector that all requests share.
pub(super) fn shared(host: &Host) -> Result<SharedHttpConnector> {
    let tls = tls(|builder| Ok(builder.with_root_certificates(trusted_roots(host)?)))?;
    let proxy = proxy(host)?.map(|proxy| (proxy.matcher, Arc::clone(&tls)));
    Ok(connector(tls, None, proxy))
}

/// The TLS settings of a connection whose server is verified like this.
pub(super) fn tls(
    verification: impl FnOnce(
        ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>>,
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Internal, "cannot set up TLS").caused_by(error))?;
    let mut tls = verification(builder)?.with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

/// Creates a connector. `name` is the name in the certificate of the server, if it is not the host name;
/// the TLS settings with the matcher are those for an HTTPS proxy.
pub(super) fn connector(
    tls: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
    proxy: Option<(Matcher, Arc<ClientConfig>)>,
) -> SharedHttpConnector {
    let mut tcp = connect::HttpConnector::new_with_resolver(Resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Divided among the addresses of the host, so that all of them are tried.
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let names: Arc<dyn ResolveServerName + Send + Sync> = match name {
        Some(name) => Arc::new(FixedServerNameResolver::new(name)),
        None => Arc::new(DefaultServerNameResolver::default()),
    };
    let transport = Transport {
        tcp,
        proxy: proxy.map(Arc::new),
    };
    // Plain HTTP is only allowed for loopback addresses; `parse_url` rejects all other URLs.
    let connector = Limited(HttpsConnector::new(transport, tls, false, names));
    let client = Client::builder(TokioExecutor::new()).build(connector);
    SharedHttpConnector::new(HyperClient(client))
}

/// Passes requests of the AWS SDK to hyper.
struct HyperClient(Client<Limited, SdkBody>);

impl fmt::Debug for HyperClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HyperClient")
    }
}

impl HttpConnector for HyperClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let connection = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&connection));
        }
        let response = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let response = response.await.map_err(|error| match Reason::of(&error) {
                Reason::Timeout => ConnectorError::timeout(error.into()),
                _ => ConnectorError::io(error.into()),
            })?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Lets the SDK retry on a new connection if the server fails: another one may answer there.
fn metadata(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let metadata = ConnectionMetadata::builder().proxied(false);
    let metadata = metadata.poison_fn(move || {
        if let Some(connected) = connection.connection_metadata().as_ref() {
            connected.poison();
        }
    });
    Some(metadata.build())
}

type TcpConnector = connect::HttpConnector<Resolver>;
/// A connection to a server, or through TLS to its proxy.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Connecting<S> = Pin<Box<dyn Future<Output = Result<S, BoxError>> + Send>>;

/// Ends attempts to connect after the timeout.
#[derive(Clone)]
struct Limited(HttpsConnector<Transport>);

impl Service<Uri> for Limited {
    type Response = MaybeHttpsStream<Stream>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let connecting = self.0.call(url);
        Box::pin(async move { tokio::time::timeout(CONNECT_TIMEOUT, connecting).await? })
    }
}

/// Connects to a server, through its proxy if there is one.
#[derive(Clone)]
struct Transport {
    tcp: TcpConnector,
    proxy: Option<Arc<(Matcher, Arc<ClientConfig>)>>,
}

impl Service<Uri> for Transport {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        if let Some((matcher, tls)) = self.proxy.as_deref()
            && let Some(proxy) = matcher.intercept(&url)
        {
            return through(&proxy, self.tcp.clone(), tls, url);
        }
        let connecting = self.tcp.call(url);
        Box::pin(async move { Ok(Stream::Http(connecting.await?)) })
    }
}

/// Connects to a server through a proxy.
fn through(
    proxy: &Intercept,
    tcp: TcpConnector,
    tls: &Arc<ClientConfig>,
    url: Uri,
) -> Connecting<Stream> {
    let address = proxy.uri().clone();
    let scheme = address.scheme_str().unwrap_or_default();
    if scheme.starts_with("socks") {
        let mut socks = SocksV5::new(address, tcp);
        if let Some((user, password)) = proxy.raw_auth() {
            socks = socks.with_auth(user.to_owned(), password.to_owned());
        }
        let connecting = socks.call(url);
        return Box::pin(async move { Ok(Stream::Http(connecting.await?)) });
    }
    let mut tunnel = Tunnel::new(address, HttpsConnector::from((tcp, Arc::clone(tls))));
    if let Some(login) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(login.clone());
    }
    let connecting = tunnel.call(url);
    Box::pin(async move { Ok(connecting.await?) })
}
