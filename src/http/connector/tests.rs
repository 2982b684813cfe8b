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
        let shown = found.url.to_string();
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

/// A directory with one certificate under two names, and with files that must not be read.
#[cfg(unix)]
fn certificate_directory(pem: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("a.pem"), pem).unwrap();
    std::os::unix::fs::symlink("a.pem", path("12345678.0")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", path("endless")).unwrap();
    std::os::unix::fs::symlink("none", path("broken")).unwrap();
    std::fs::create_dir(path("directory")).unwrap();
    std::fs::write(path("README"), "not a certificate").unwrap();
    directory
}

#[cfg(unix)]
#[test]
fn each_certificate_in_a_directory_is_trusted_once() {
    let identity = SelfSignedCert::new("localhost", 2999);
    let directory = certificate_directory(&identity.pem());
    let host = host([("SSL_CERT_DIR", directory.path().to_str().unwrap())]);
    assert_eq!(trusted_roots(&host).unwrap().len(), 1);
    let server = TestServer::tls(&identity, http_response(204, "", ""));
    let url = format!("https://localhost:{}", server.port());
    assert_eq!(get(&host, &url).unwrap().status, 204);
}

#[cfg(all(unix, not(target_os = "macos")))]
#[test]
fn directory_is_read_only_if_there_is_no_bundle() {
    let of_directory = SelfSignedCert::new("a", 2999);
    let directory = certificate_directory(&of_directory.pem());
    let files = tempfile::tempdir().unwrap();
    let bundle = files.path().join("bundle.pem");
    std::fs::write(&bundle, SelfSignedCert::new("b", 2999).pem().repeat(2)).unwrap();
    let empty = files.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let missing = files.path().join("missing.pem");
    let directories = [files.path().join("missing"), directory.path().to_owned()];
    let directories = [directories[0].as_path(), directories[1].as_path()];
    for (bundles, certificates) in [
        (vec![missing.as_path(), &empty, &bundle], 2),
        (vec![missing.as_path(), &empty], 1),
    ] {
        assert_eq!(first_roots(&bundles, &directories).len(), certificates);
    }
    assert!(first_roots(&[], &[]).is_empty());
}
