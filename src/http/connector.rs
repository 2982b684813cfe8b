//! Creates connections: trusted certificates, proxy, DNS, connect timeout.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::bounded_read::read_bounded;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::dns::Resolver;

/// The timeout for DNS, TCP and TLS together.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Larger CA bundles are rejected. In bytes.
const MAX_CA_BUNDLE_BYTES: usize = 16 * 1024 * 1024;

/// Creates the connector that all requests share.
pub(super) fn build(host: &Host) -> Result<SharedHttpConnector> {
    let mut trust_store = TrustStore::empty();
    for certificate in trusted_roots(host)? {
        trust_store.add_pem_certificate(pem(&certificate));
    }
    let tls = TlsContext::builder()
        .with_trust_store(trust_store)
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
    /// The variable that configures it.
    pub(super) variable: &'static str,
    configuration: ProxyConfig,
}

/// The proxy that the variables configure. The lowercase name takes precedence, as in curl. As in Go,
/// `http://` is the default scheme, and loopback addresses are never accessed through a proxy. Plain
/// HTTP is only used for those, so `HTTP_PROXY` is ignored.
pub(super) fn proxy(host: &Host) -> Result<Option<Proxy>> {
    let Some((variable, address)) =
        host.first_variable(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?
    else {
        return Ok(None);
    };
    // Messages must not quote the address, which may contain a password.
    let unusable = |reason: &str| {
        Error::configuration(format!("the proxy in `{variable}` is not usable: {reason}"))
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
    let mut no_proxy = "localhost,127.0.0.0/8,::1".to_owned();
    if let Some((_, listed)) = host.first_variable(&["no_proxy", "NO_PROXY"])? {
        for entry in listed.split(',').map(str::trim) {
            no_proxy.push(',');
            // The matcher supports `.example.com`, but not the equivalent `*.example.com`.
            no_proxy.push_str(match entry.strip_prefix('*') {
                Some(domain) if domain.starts_with('.') => domain,
                _ => entry,
            });
        }
    }
    let configuration = ProxyConfig::https(uri).map_err(|_| unusable("the URL is malformed"))?;
    Ok(Some(Proxy {
        variable,
        configuration: configuration.no_proxy(no_proxy),
    }))
}

/// The system's root certificates and those in `AWS_CA_BUNDLE`.
///
/// Returns only certificates that rustls accepts as trust anchors; the connector panics on others.
pub(super) fn trusted_roots(host: &Host) -> Result<Vec<CertificateDer<'static>>> {
    let mut roots = system_roots(host)?;
    if let Some(path) = host.path_variable("AWS_CA_BUNDLE") {
        roots.extend(certificates_in(&path, "AWS_CA_BUNDLE")?);
    }
    Ok(roots)
}

/// The root certificates in `SSL_CERT_FILE` and `SSL_CERT_DIR` (OpenSSL's variables), or else those of
/// the operating system.
fn system_roots(host: &Host) -> Result<Vec<CertificateDer<'static>>> {
    let file = host.path_variable("SSL_CERT_FILE");
    let directories = host.path_variable("SSL_CERT_DIR");
    if file.is_none() && directories.is_none() {
        return Ok(trust_anchors(load_native_certs()));
    }
    let mut roots = match &file {
        Some(file) => certificates_in(file, "SSL_CERT_FILE")?,
        None => Vec::new(),
    };
    for directory in directories.iter().flat_map(std::env::split_paths) {
        roots.extend(trust_anchors(load_certs_from_paths(None, Some(&directory))));
    }
    Ok(roots)
}

/// The certificates in the PEM file that `variable` names. Fails if there is none.
fn certificates_in(path: &Path, variable: &str) -> Result<Vec<CertificateDer<'static>>> {
    let unusable = || {
        let path = path.display();
        let message = format!("cannot read the certificates in `{path}` (from `{variable}`)");
        Error::configuration(message).with_hint(format!(
            "set `{variable}` to a PEM file with at least one certificate, or unset it"
        ))
    };
    let text = File::open(path)
        .and_then(|file| read_bounded(file, 256 * 1024, MAX_CA_BUNDLE_BYTES))
        .map_err(|error| unusable().caused_by(error))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .filter_map(Result::ok)
        .filter(is_trust_anchor)
        .collect();
    if certificates.is_empty() {
        return Err(unusable().caused_by("the file contains no certificate"));
    }
    Ok(certificates)
}

fn trust_anchors(loaded: CertificateResult) -> Vec<CertificateDer<'static>> {
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

#[cfg(test)]
mod tests;
