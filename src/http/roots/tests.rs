use std::time::Duration;

use super::*;
use crate::clock::{Clock, Deadline, Timestamp};
use crate::error::Kind;
use crate::http::HttpClient;
use crate::http::test_server::{SelfSignedCert, TestServer, http_response};

fn host<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Host {
    Host::with(variables, Clock::fixed(Timestamp::from_unix(0)))
}

fn get(host: &Host, url: &str) -> Result<crate::http::Response> {
    HttpClient::new(host).get(url, &[], Deadline::after(Duration::from_secs(20)), 1024)
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
