//! How connections are made: trusted certificates, the proxy, name lookup, the time to connect.

use std::net::IpAddr;
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::error::{Error, Result};
use crate::host::Host;

/// How long name lookup, TCP and TLS may take together.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A larger bundle of certificates is none.
const CA_BUNDLE_LIMIT: u64 = 16 * 1024 * 1024;

/// Makes the connector that all requests share.
pub(super) fn build(host: &Host) -> Result<SharedHttpConnector> {
    let mut trusted = TrustStore::empty();
    for certificate in trusted_roots(host)? {
        trusted.add_pem_certificate(pem(&certificate));
    }
    let tls = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| Error::configuration("cannot set up TLS").caused_by(error))?;
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    let builder = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .proxy_config(match proxy(host)? {
            Some(proxy) => proxy.configuration,
            None => ProxyConfig::disabled(),
        })
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls);
    Ok(SharedHttpConnector::new(
        builder.build_with_resolver(Resolver),
    ))
}

/// The proxy for `https` URLs.
pub(super) struct Proxy {
    /// The variable that names it.
    pub(super) variable: &'static str,
    configuration: ProxyConfig,
}

/// The proxy that this machine's variables ask for: the lower-case name wins, as for curl, and a
/// proxy without a scheme is an HTTP proxy, as for Go. This machine is never reached through a
/// proxy, as for Go: that is the only place where we speak plain HTTP, so `HTTP_PROXY` has no use.
pub(super) fn proxy(host: &Host) -> Result<Option<Proxy>> {
    let Some((variable, address)) = first_of(
        host,
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
    )?
    else {
        return Ok(None);
    };
    // The address may hold a password, so no message may quote it.
    let unusable = |why: &str| {
        Error::configuration(format!(
            "the proxy that `{variable}` names is not usable: {why}"
        ))
        .with_hint(format!(
            "set `{variable}` to a URL such as http://proxy.example.com:3128"
        ))
    };
    let url = if address.contains("://") {
        address
    } else {
        format!("http://{address}")
    };
    let uri: http::Uri = url.parse().map_err(|_| unusable("the URL is malformed"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(unusable(
            "only the schemes `http` and `https` are supported",
        ));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(unusable("the URL has no host"));
    }
    let mut direct = "localhost,127.0.0.0/8,::1".to_owned();
    if let Some((_, listed)) = first_of(host, &["no_proxy", "NO_PROXY"])? {
        for entry in listed.split(',').map(str::trim) {
            direct.push(',');
            // `*.example.com` means what `.example.com` means; the matcher knows the latter.
            direct.push_str(match entry.strip_prefix('*') {
                Some(domain) if domain.starts_with('.') => domain,
                _ => entry,
            });
        }
    }
    let configuration = ProxyConfig::https(uri).map_err(|_| unusable("the URL is malformed"))?;
    Ok(Some(Proxy {
        variable,
        configuration: configuration.no_proxy(direct),
    }))
}

/// The first of these variables that is set, with its value.
fn first_of(host: &Host, names: &[&'static str]) -> Result<Option<(&'static str, String)>> {
    for name in names {
        if let Some(value) = host.variable(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// The machine's root certificates and those of `AWS_CA_BUNDLE`.
///
/// Only certificates that rustls accepts as a trust anchor come back: the connector's own loading
/// panics at any other.
pub(super) fn trusted_roots(host: &Host) -> Result<Vec<CertificateDer<'static>>> {
    let mut roots = native_roots(host)?;
    if let Some(path) = host.path_variable("AWS_CA_BUNDLE") {
        let unusable = || {
            Error::configuration(format!(
                "cannot read certificates from `{}`, which `AWS_CA_BUNDLE` names",
                path.display()
            ))
            .with_hint("name a PEM file with at least one certificate, or unset `AWS_CA_BUNDLE`")
        };
        let size = std::fs::metadata(&path).map_err(|error| unusable().caused_by(error))?;
        if size.len() > CA_BUNDLE_LIMIT {
            return Err(unusable().caused_by("the file is too large"));
        }
        let text = std::fs::read(&path).map_err(|error| unusable().caused_by(error))?;
        let listed: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .filter_map(Result::ok)
            .filter(is_trust_anchor)
            .collect();
        if listed.is_empty() {
            return Err(unusable().caused_by("the file has no certificate in it"));
        }
        roots.extend(listed);
    }
    Ok(roots)
}

/// The root certificates of `SSL_CERT_FILE` and `SSL_CERT_DIR`, as OpenSSL knows these variables;
/// without them, those of the operating system.
fn native_roots(host: &Host) -> Result<Vec<CertificateDer<'static>>> {
    let file = host.path_variable("SSL_CERT_FILE");
    let folders = host.path_variable("SSL_CERT_DIR");
    if file.is_none() && folders.is_none() {
        return Ok(anchors(load_native_certs()));
    }
    let mut roots = Vec::new();
    if let Some(file) = &file {
        let loaded = load_certs_from_paths(Some(file), None);
        let problem = loaded.errors.first().map(ToString::to_string);
        roots = anchors(loaded);
        if roots.is_empty() {
            let message = format!(
                "cannot read certificates from `{}`, which `SSL_CERT_FILE` names",
                file.display()
            );
            let hint = "name a PEM file with root certificates, or unset `SSL_CERT_FILE`";
            let reason = problem.unwrap_or_else(|| "the file has no certificate in it".to_owned());
            return Err(Error::configuration(message)
                .with_hint(hint)
                .caused_by(reason));
        }
    }
    for folder in folders.iter().flat_map(std::env::split_paths) {
        roots.extend(anchors(load_certs_from_paths(None, Some(&folder))));
    }
    Ok(roots)
}

fn anchors(loaded: CertificateResult) -> Vec<CertificateDer<'static>> {
    loaded.certs.into_iter().filter(is_trust_anchor).collect()
}

fn is_trust_anchor(certificate: &CertificateDer<'_>) -> bool {
    RootCertStore::empty()
        .add(certificate.clone().into_owned())
        .is_ok()
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let encoded = aws_smithy_types::base64::encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n")
}

/// Looks names up as the operating system does. Our own, so that a failed lookup has a type of its
/// own.
#[derive(Clone, Debug)]
struct Resolver;

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let addresses = tokio::net::lookup_host((name, 0))
                .await
                .map_err(ResolveDnsError::new)?;
            let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            Ok(addresses)
        })
    }
}
