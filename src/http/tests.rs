//! Requests over real sockets, and TLS where it matters.

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::test_server::{SelfSignedCert, TestServer, closed_port, http_response};
use super::*;
use crate::clock::{Clock, Timestamp};

const LIMIT: usize = 1024;

fn host(variables: &[(&str, &str)]) -> Host {
    let clock = Clock::fixed(Timestamp::from_unix(0));
    Host::with(variables.iter().copied(), clock)
}

fn client(variables: &[(&str, &str)]) -> HttpClient {
    HttpClient::new(&host(variables))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn get(client: &HttpClient, url: &str) -> Result<Response> {
    client.get(url, &[], soon(), LIMIT)
}

#[test]
fn responses_are_returned_whatever_their_status() {
    let headers = "date: Fri, 28 Apr 2023 00:00:00 GMT\r\nlocation: /elsewhere\r\n";
    let server = TestServer::responding([
        http_response(200, headers, "body"),
        http_response(302, headers, ""),
        http_response(503, "", "busy"),
    ]);
    let client = client(&[]);
    let url = format!("{}/path?query=1", server.url());
    for (status, body, date) in [
        (200, "body", Some(1_682_640_000)),
        (302, "", Some(1_682_640_000)),
        (503, "busy", None),
    ] {
        let response = client
            .get(&url, &[("authorization", "bearer x")], soon(), LIMIT)
            .unwrap();
        assert_eq!(response.status, status);
        assert_eq!(response.body.expose(), body.as_bytes());
        assert_eq!(response.date.map(Timestamp::unix), date);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    let first = requests[0].to_ascii_lowercase();
    assert!(
        first.starts_with("get /path?query=1 http/1.1\r\n"),
        "{first}"
    );
    assert!(first.contains("\r\nauthorization: bearer x\r\n"), "{first}");
    assert!(first.contains("\r\nuser-agent: kubectl-esc/"), "{first}");
}

#[test]
fn responses_over_the_limit_are_rejected() {
    let largest = "x".repeat(LIMIT);
    let chunked = format!(
        "HTTP/1.1 200 -\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         400\r\n{largest}\r\n1\r\ny\r\n0\r\n\r\n"
    );
    for (sent, fits) in [
        (http_response(200, "", &largest), true),
        (http_response(200, "", &format!("{largest}y")), false),
        (chunked, false),
    ] {
        let server = TestServer::responding([sent]);
        let result = get(&client(&[]), &server.url());
        if fits {
            assert_eq!(result.unwrap().body.expose().len(), LIMIT);
        } else {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable);
            assert_eq!(
                error.to_string(),
                "the response from `127.0.0.1` is larger than 1024 bytes"
            );
        }
    }
}

#[test]
fn requests_end_at_the_deadline() {
    let server = TestServer::silent();
    let deadline = Deadline::after(Duration::from_millis(100));
    let error = client(&[])
        .get(&server.url(), &[], deadline, LIMIT)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(
        error.to_string(),
        "`127.0.0.1` did not respond within 100ms"
    );
}

#[test]
fn only_safe_urls_are_accepted() {
    for (url, problem) in [
        (
            "http://example.com/",
            "the connection to `example.com` would not be encrypted",
        ),
        (
            "http://127.0.0.1.example.com/",
            "the connection to `127.0.0.1.example.com` would not be encrypted",
        ),
        (
            "http://127.0.0.1@example.com/",
            "the URL contains a user name or password",
        ),
        (
            "https://a:hunter2@example.com/",
            "the URL contains a user name or password",
        ),
        ("ftp://127.0.0.1/", "the URL is malformed"),
        ("127.0.0.1", "the URL is malformed"),
        ("https://", "the URL is malformed"),
        ("", "the URL is malformed"),
        ("https://hunter2 .example.com/", "the URL is malformed"),
    ] {
        let error = get(&client(&[]), url).unwrap_err();
        assert_eq!(error.to_string(), problem, "{url}");
        assert_eq!(error.kind(), Kind::Configuration, "{url}");
        let shown = format!("{error:?}{:?}", error.causes().collect::<Vec<_>>());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for url in [
        "http://localhost:1/",
        "http://LOCALHOST/",
        "http://127.8.9.10/",
        "http://[::1]:80/x",
        "https://example.com",
    ] {
        assert!(parse_url(url).is_ok(), "{url}");
    }
}

/// The last check before a connection: URLs of the SDK's own configuration are checked nowhere else.
#[test]
fn sdk_cannot_send_plain_http_to_other_machines() {
    let client = client(&[]);
    let connector = client.sdk_connector().unwrap();
    let request = HttpRequest::get("http://192.0.2.1/").unwrap();
    let response = client.block_on(soon(), connector.call(request)).unwrap();
    let error = response.unwrap().unwrap_err();
    let error = unreachable(&host(&[]), "AWS STS", "192.0.2.1", &error);
    assert_eq!(error.kind(), Kind::Configuration);
    let message = "the connection to `192.0.2.1` would not be encrypted";
    assert_eq!(error.to_string(), message);
}

#[test]
fn invalid_header_values_are_rejected_and_not_shown() {
    let headers = [("authorization", "hunter2\r\nx: y")];
    let url = format!("http://127.0.0.1:{}", closed_port());
    let error = client(&[]).get(&url, &headers, soon(), LIMIT).unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn blocking_within_an_async_task_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let result = runtime.block_on(async { get(&client(&[]), "http://127.0.0.1:1") });
    assert_eq!(result.unwrap_err().kind(), Kind::Internal);
}

fn post<'a>(url: &'a str, body: &'a [u8]) -> Request<'a> {
    Request {
        method: Method::Post,
        url,
        headers: &[("authorization", "token hunter2")],
        body,
        limit: LIMIT,
    }
}

#[test]
fn a_post_sends_its_body() {
    let server = TestServer::responding([http_response(201, "x-id: 7\r\n", "made")]);
    for body in ["", "values: {}"] {
        let url = server.url();
        let request = post(&url, body.as_bytes());
        let response = client(&[]).send(&request, soon()).unwrap();
        assert_eq!(response.status, 201);
        assert_eq!(response.header("X-ID"), Some("7"));
        assert_eq!(response.header("x-other"), None);
        assert!(!format!("{response:?}").contains("made"), "{response:?}");
        let sent = server.requests().pop().unwrap();
        let (head, content) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
        let length = format!("content-length: {}", body.len());
        assert!(head.to_ascii_lowercase().contains(&length), "{head}");
        assert_eq!(content, body);
    }
}

#[test]
fn requests_that_were_not_sent_are_recognized() {
    let refused = format!("http://127.0.0.1:{}/", closed_port());
    let closed = TestServer::responding([""]);
    let truncated = TestServer::responding(["HTTP/1.1 200 -\r\ncontent-length: 9\r\n\r\nx"]);
    let silent = TestServer::silent();
    let identity = SelfSignedCert::new("localhost", 2999);
    let untrusted = TestServer::tls(&identity, http_response(200, "", ""));
    let untrusted = format!("https://localhost:{}/", untrusted.port());
    for (url, unsent, permanent) in [
        (refused.as_str(), true, false),
        (&closed.url(), false, false),
        (&truncated.url(), false, false),
        (&silent.url(), false, false),
        (&untrusted, true, true),
        ("http://example.com/", true, true),
    ] {
        let deadline = Deadline::after(Duration::from_secs(if url == silent.url() {
            1
        } else {
            20
        }));
        let failure = client(&[]).send(&post(url, b""), deadline).unwrap_err();
        let properties = (failure.unsent, failure.permanent);
        assert_eq!(properties, (unsent, permanent), "{failure:?}");
    }
}

#[test]
fn connecting_ends_at_the_connect_timeout() {
    // It accepts the connection, but never answers the TLS handshake.
    let silent = TestServer::silent();
    let url = format!("https://127.0.0.1:{}/", silent.port());
    let failure = client(&[]).send(&post(&url, b""), soon()).unwrap_err();
    assert_eq!((failure.unsent, failure.permanent), (true, false));
    let causes: Vec<_> = failure.error.causes().collect();
    assert_eq!(causes, ["connecting timed out after 5s"]);
}

#[test]
fn retry_after_is_parsed() {
    let date = "date: Fri, 28 Apr 2023 00:00:00 GMT\r\n";
    for (headers, want) in [
        ("", None),
        ("retry-after: 7\r\n", Some(7)),
        ("retry-after: soon\r\n", None),
        ("retry-after: -7\r\n", None),
        ("retry-after: Fri, 28 Apr 2023 00:01:00 GMT\r\n", Some(60)),
        ("retry-after: Thu, 27 Apr 2023 00:01:00 GMT\r\n", Some(0)),
        ("retry-after: 18446744073709551615\r\n", Some(u64::MAX)),
    ] {
        let server = TestServer::responding([http_response(429, &format!("{date}{headers}"), "")]);
        let response = get(&client(&[]), &server.url()).unwrap();
        let wait = response.retry_after();
        assert_eq!(wait, want.map(Duration::from_secs), "{headers}");
    }
}

/// The error's message, its first cause and its hint.
fn shown(error: &Error) -> [String; 3] {
    assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
    let cause = error.causes().next().unwrap_or_default();
    let hint = error.hint().unwrap_or_default().to_owned();
    [error.to_string(), cause, hint]
}

#[test]
fn connection_failures_have_specific_messages() {
    let refused = format!("http://127.0.0.1:{}/", closed_port());
    let closed = TestServer::responding([""]);
    let network = "check the network; if it requires a proxy, set `HTTPS_PROXY`";
    for (url, message, cause, hint) in [
        (
            refused.as_str(),
            "cannot reach `127.0.0.1`",
            "the connection was refused",
            network,
        ),
        (
            &closed.url(),
            "cannot reach `127.0.0.1`",
            "connection closed before message completed",
            network,
        ),
    ] {
        let error = get(&client(&[]), url).unwrap_err();
        assert_eq!(shown(&error), [message, cause, hint], "{error:?}");
    }
}

#[test]
fn certificate_failures_have_specific_messages() {
    let good = SelfSignedCert::new("localhost", 2999);
    let expired = SelfSignedCert::new("localhost", 2021);
    let other_name = SelfSignedCert::new("example.com", 2999);
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("bundle.pem");
    let certificates = [&good, &expired, &other_name]
        .map(SelfSignedCert::pem)
        .concat();
    std::fs::write(&bundle, certificates).unwrap();
    let bundle = bundle.to_str().unwrap();
    let unknown = "if your network inspects TLS, set `AWS_CA_BUNDLE` to a PEM file with its CA \
                   certificate";
    let name = "check the host name; another server may be answering for it";
    for (identity, variables, expected) in [
        (&good, vec![("AWS_CA_BUNDLE", bundle)], None),
        (&good, vec![("SSL_CERT_FILE", bundle)], None),
        (
            &good,
            vec![],
            Some((
                "the server's certificate is signed by an unknown authority",
                unknown,
            )),
        ),
        (
            &expired,
            vec![("AWS_CA_BUNDLE", bundle)],
            Some((
                "the server's certificate has expired or is not valid yet",
                "check this machine's clock",
            )),
        ),
        (
            &other_name,
            vec![("AWS_CA_BUNDLE", bundle)],
            Some(("the server's certificate is for another host name", name)),
        ),
    ] {
        let server = TestServer::tls(identity, http_response(200, "", "hello"));
        let url = format!("https://localhost:{}/", server.port());
        match (get(&client(&variables), &url), expected) {
            (Ok(response), None) => assert_eq!(response.body.expose(), b"hello"),
            (Err(error), Some((cause, hint))) => {
                assert_eq!(shown(&error), ["cannot reach `localhost`", cause, hint]);
                assert_eq!(server.requests(), [""; 0]);
            }
            (result, expected) => panic!("{result:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn a_server_without_tls_fails_the_handshake() {
    let server = TestServer::responding([http_response(200, "", "")]);
    let url = format!("https://localhost:{}/", server.port());
    let error = get(&client(&[]), &url).unwrap_err();
    assert_eq!(shown(&error)[1], "the TLS handshake failed", "{error:?}");
}

#[test]
fn dns_failures_have_a_specific_message() {
    let failure = aws_smithy_runtime_api::client::dns::ResolveDnsError::new("no such name");
    let error = unreachable(&host(&[]), "`example.com`", "example.com", &failure);
    let causes: Vec<_> = error.causes().collect();
    assert_eq!(causes, ["the host name cannot be resolved", "no such name"]);
    assert_eq!(
        shown(&error)[2],
        "check the host name, and this machine's network and DNS"
    );
}
