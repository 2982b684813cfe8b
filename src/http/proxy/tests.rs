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
        let shown = found
            .matcher
            .intercept(&"https://example.com".parse().unwrap());
        let shown = shown.unwrap().uri().to_string();
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
    let rejecting = TestServer::responding(["HTTP/1.1 503 -\r\n\r\n"]);
    // A label of more than 63 characters is invalid and causes no DNS query.
    let unresolvable = format!("http://{}.invalid:3128", "x".repeat(64));
    for (address, cause) in [
        (address, "the connection was refused"),
        (unresolvable, "the host name cannot be resolved"),
        (
            unauthorized.url(),
            "the proxy requires a user and a password",
        ),
        (rejecting.url(), "the proxy rejected the connection"),
    ] {
        let host = host([("HTTPS_PROXY", address.as_str())]);
        let error = get(&host, "https://sts.example.invalid/").unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.causes().next().unwrap(), cause);
        assert!(error.causes().all(|cause| !cause.contains("tunnel error")));
        assert_eq!(
            error.hint().unwrap(),
            "check the proxy in `HTTPS_PROXY`, or add `sts.example.invalid` to `NO_PROXY`"
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
