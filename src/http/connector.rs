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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, Deadline, Timestamp};
    use crate::error::Kind;
    use crate::http::HttpClient;
    use crate::http::test_server::{SelfSignedCert, TestServer, closed_port, http_response};

    fn host<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Host {
        Host::with(variables, Clock::fixed(Timestamp::from_unix(0)))
    }

    fn get(host: &Host, url: &str) -> Result<crate::http::Response> {
        HttpClient::new(host).get(url, &[], Deadline::after(Duration::from_secs(20)), 1024)
    }

    #[test]
    fn the_first_variable_configures_the_proxy() {
        let all = [
            ("https_proxy", "http://a"),
            ("HTTPS_PROXY", "http://b"),
            ("all_proxy", "http://c"),
            ("ALL_PROXY", "http://d"),
        ];
        for first in 0..all.len() {
            let found = proxy(&host(all[first..].iter().copied())).unwrap().unwrap();
            assert_eq!(found.variable, all[first].0);
            let shown = format!("{:?}", found.configuration);
            assert!(shown.contains(all[first].1), "{shown}");
        }
        assert!(
            proxy(&host([("https_proxy", ""), ("HTTP_PROXY", "http://a")]))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn an_unusable_proxy_is_an_error_without_its_password() {
        for (address, problem) in [
            (
                "socks5://u:hunter2@proxy",
                "only the schemes `http` and `https` are supported",
            ),
            ("http://u:hunter2@", "the URL is malformed"),
            ("http://u:hunter 2@proxy", "the URL is malformed"),
            ("http://", "the URL is malformed"),
            ("/path", "the URL is malformed"),
        ] {
            let error = get(&host([("HTTPS_PROXY", address)]), "https://example.com").unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration);
            assert_eq!(
                error.to_string(),
                format!("the proxy in `HTTPS_PROXY` is not usable: {problem}"),
                "{address}"
            );
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
    }

    #[test]
    fn https_goes_through_the_proxy() {
        let identity = SelfSignedCert::new("sts.example.invalid", 2999);
        let directory = tempfile::tempdir().unwrap();
        let bundle = directory.path().join("bundle.pem");
        std::fs::write(&bundle, identity.pem()).unwrap();
        let bundle = bundle.to_str().unwrap();
        let url = "https://sts.example.invalid/path";

        let proxy = TestServer::proxy(&identity, http_response(200, "", "hello"));
        let address = format!("user:hunter2@127.0.0.1:{}", proxy.port());
        let variables = [("https_proxy", address.as_str()), ("AWS_CA_BUNDLE", bundle)];
        let response = get(&host(variables), url).unwrap();
        assert_eq!(response.body.expose(), b"hello");
        let received = proxy.requests();
        assert!(received[0].starts_with("CONNECT sts.example.invalid:443 HTTP/1.1\r\n"));
        let basic = "proxy-authorization: basic dxnlcjpodw50zxiy\r\n";
        assert!(
            received[0].to_ascii_lowercase().contains(basic),
            "{}",
            received[0]
        );
        assert!(received[1].starts_with("GET /path HTTP/1.1\r\n"));

        // Hosts in NO_PROXY and loopback addresses are accessed without the proxy. The host name does
        // not exist, so direct requests fail.
        let mut requests = proxy.requests().len();
        for (listed, direct) in [
            ("sts.example.invalid", true),
            (".example.invalid", true),
            ("*.example.invalid", true),
            ("x, *", true),
            ("ample.invalid, 10.0.0.0/8", false),
        ] {
            let variables = variables.into_iter().chain([("NO_PROXY", listed)]);
            let deadline = Deadline::after(Duration::from_secs(if direct { 1 } else { 20 }));
            let result = HttpClient::new(&host(variables)).get(url, &[], deadline, 1024);
            assert_eq!(result.is_err(), direct, "{listed}");
            requests += if direct { 0 } else { 2 };
            assert_eq!(proxy.requests().len(), requests, "{listed}");
        }
        let local = SelfSignedCert::new("localhost", 2999);
        std::fs::write(bundle, local.pem()).unwrap();
        let server = TestServer::tls(&local, http_response(200, "", "here"));
        let url = format!("https://localhost:{}", server.port());
        let response = get(&host(variables), &url).unwrap();
        assert_eq!(response.body.expose(), b"here");
        assert_eq!(proxy.requests().len(), requests);
    }

    #[test]
    fn proxy_failures_name_the_variable() {
        let address = format!("http://user:hunter2@127.0.0.1:{}", closed_port());
        let unauthorized = TestServer::responding(["HTTP/1.1 407 -\r\n\r\n"]);
        // A label of more than 63 characters is invalid and causes no DNS query.
        let unresolvable = format!("http://{}.invalid:3128", "x".repeat(64));
        for (address, cause) in [
            (address, "the connection was refused"),
            (unresolvable, "the host name cannot be resolved"),
            (
                unauthorized.url(),
                "tunnel error: proxy authorization required",
            ),
        ] {
            let host = host([("HTTPS_PROXY", address.as_str())]);
            let error = get(&host, "https://sts.example.invalid/").unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable);
            assert_eq!(error.causes().next().unwrap(), cause);
            assert_eq!(
                error.hint().unwrap(),
                "check the proxy in `HTTPS_PROXY`, or add `sts.example.invalid` to `NO_PROXY`"
            );
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn unreadable_certificates_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(path("empty.pem"), "").unwrap();
        std::fs::write(path("broken.pem"), no_certificate).unwrap();
        std::fs::write(path("cut.pem"), &no_certificate[..30]).unwrap();
        for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
            for file in ["missing.pem", "empty.pem", "broken.pem", "cut.pem", "."] {
                let host = host([(variable, path(file).as_str())]);
                let error = get(&host, "https://localhost:1").unwrap_err();
                assert_eq!(error.kind(), Kind::Configuration, "{variable} {file}");
                assert_eq!(
                    error.to_string(),
                    format!(
                        "cannot read the certificates in `{}` (from `{variable}`)",
                        path(file)
                    )
                );
                assert!(error.causes().next().is_some(), "{variable} {file}");
            }
        }
    }

    #[test]
    fn a_bundle_with_one_valid_certificate_is_enough() {
        let identity = SelfSignedCert::new("localhost", 2999);
        let directory = tempfile::tempdir().unwrap();
        let bundle = directory.path().join("bundle.pem");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&bundle, format!("{broken}{}", identity.pem())).unwrap();
        let server = TestServer::tls(&identity, http_response(204, "", ""));
        let url = format!("https://localhost:{}", server.port());
        let host = host([("SSL_CERT_FILE", bundle.to_str().unwrap())]);
        assert_eq!(get(&host, &url).unwrap().status, 204);
    }

    #[test]
    fn missing_root_certificates_have_a_hint() {
        let identity = SelfSignedCert::new("localhost", 2999);
        let directory = tempfile::tempdir().unwrap();
        let server = TestServer::tls(&identity, http_response(200, "", ""));
        let url = format!("https://localhost:{}", server.port());
        let host = host([("SSL_CERT_DIR", directory.path().to_str().unwrap())]);
        let error = get(&host, &url).unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "this machine has no root certificates: install them, or set `SSL_CERT_FILE` to a PEM \
             file"
        );
    }
}
