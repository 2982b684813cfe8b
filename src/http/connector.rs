//! Creates connections: trusted certificates, proxy, DNS, connect timeout.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::bounded_read::read_regular;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::dns::Resolver;

/// The timeout for DNS, TCP and TLS together.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Larger CA bundles are rejected. In bytes.
const MAX_CA_BUNDLE_BYTES: usize = 16 * 1024 * 1024;

/// The files with all root certificates on Unix, as Go's `crypto/x509` and openssl-probe know them.
#[cfg(not(any(windows, target_os = "macos")))]
const BUNDLES: [&str; 8] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Gentoo, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",   // RHEL 6
    "/etc/ssl/ca-bundle.pem",             // SUSE
    "/etc/ssl/cert.pem",                  // Alpine, OpenBSD
    "/etc/pki/tls/cacert.pem",            // OpenELEC
    "/usr/local/etc/ssl/cert.pem",        // FreeBSD
    "/etc/openssl/certs/ca-certificates.crt", // NetBSD
];

/// The directories with one file for each root certificate.
#[cfg(not(any(windows, target_os = "macos")))]
const DIRECTORIES: [&str; 4] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/usr/local/share/certs",
    "/etc/openssl/certs",
];

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
            Some(proxy) => proxy.configuration()?,
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
    url: http::Uri,
    /// The hosts that are accessed directly, as in `NO_PROXY`.
    exceptions: String,
}

impl Proxy {
    /// The proxy for this URL; `None` if it is accessed directly.
    pub(super) fn intercept(&self, url: &http::Uri) -> Option<Intercept> {
        let matcher = Matcher::builder().https(self.url.to_string());
        matcher.no(self.exceptions.as_str()).build().intercept(url)
    }

    fn configuration(self) -> Result<ProxyConfig> {
        let unusable = |_| unusable_proxy(self.variable, "the URL is malformed");
        let configuration = ProxyConfig::https(self.url).map_err(unusable)?;
        Ok(configuration.no_proxy(self.exceptions))
    }
}

/// The message does not quote the address, which may contain a password.
fn unusable_proxy(variable: &str, reason: &str) -> Error {
    Error::configuration(format!("the proxy in `{variable}` is not usable: {reason}")).with_hint(
        format!("set `{variable}` to a URL such as http://proxy.example.com:3128"),
    )
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
    let unusable = |reason| unusable_proxy(variable, reason);
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
    Ok(Some(Proxy {
        variable,
        url: uri,
        exceptions: no_proxy,
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
pub(super) fn system_roots(host: &Host) -> Result<Vec<CertificateDer<'static>>> {
    let file = host.path_variable("SSL_CERT_FILE");
    let directories = host.path_variable("SSL_CERT_DIR");
    if file.is_none() && directories.is_none() {
        return Ok(trust_anchors(platform_roots()));
    }
    let mut roots = match &file {
        Some(file) => certificates_in(file, "SSL_CERT_FILE")?,
        None => Vec::new(),
    };
    for directory in directories.iter().flat_map(std::env::split_paths) {
        roots.extend(trust_anchors(certificates_in_directory(&directory)));
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
    let text =
        read_regular(path, MAX_CA_BUNDLE_BYTES).map_err(|error| unusable().caused_by(error))?;
    let certificates = trust_anchors(certificates_of(&text));
    if certificates.is_empty() {
        return Err(unusable().caused_by("the file contains no certificate"));
    }
    Ok(certificates)
}

/// The certificates in the files of a directory. OpenSSL's tools link a file there by several names, so
/// a certificate may be read several times, but is returned once.
fn certificates_in_directory(directory: &Path) -> Vec<CertificateDer<'static>> {
    let mut certificates = BTreeSet::new();
    let mut remaining = MAX_CA_BUNDLE_BYTES;
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if let Ok(text) = read_regular(&entry.path(), remaining) {
            remaining -= text.len();
            certificates.extend(certificates_of(&text).into_iter().map(|it| it.to_vec()));
        }
    }
    certificates.into_iter().map(CertificateDer::from).collect()
}

pub(super) fn certificates_of(text: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text)
        .filter_map(Result::ok)
        .collect()
}

#[cfg(any(windows, target_os = "macos"))]
fn platform_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

#[cfg(not(any(windows, target_os = "macos")))]
fn platform_roots() -> Vec<CertificateDer<'static>> {
    first_roots(&BUNDLES.map(Path::new), &DIRECTORIES.map(Path::new))
}

/// The certificates in the first bundle that has any, or else in the first such directory. Systems that
/// have both keep the same certificates in them.
#[cfg(not(any(windows, target_os = "macos")))]
fn first_roots(bundles: &[&Path], directories: &[&Path]) -> Vec<CertificateDer<'static>> {
    let bundles = bundles.iter().map(|path| {
        let text = read_regular(path, MAX_CA_BUNDLE_BYTES);
        text.map_or_else(|_| Vec::new(), |text| certificates_of(&text))
    });
    let directories = directories
        .iter()
        .map(|path| certificates_in_directory(path));
    let mut found = bundles.chain(directories).filter(|it| !it.is_empty());
    found.next().unwrap_or_default()
}

pub(super) fn trust_anchors(
    certificates: Vec<CertificateDer<'static>>,
) -> Vec<CertificateDer<'static>> {
    certificates.into_iter().filter(is_trust_anchor).collect()
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
