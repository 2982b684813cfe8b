//! Requested failures, TLS, proxies, connections, and the endpoint of GitHub Actions.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use encodings::percent;
use serde_json::Value;
use stand_ins::http::{Client, Reply, Response, Server, read_head};
use stand_ins::oidc::GitHubActions;
use stand_ins::proxy::Proxy;
use stand_ins::sts::Failure;
use stand_ins::sts::configuration::{AUDIENCE, SUBJECT};
use stand_ins::tls::Authority;

use super::{NOW, error, fixture, post, send, user, web_identity};

#[test]
fn sts_fails_on_request() {
    let fixture = fixture(|_| ());
    let sts = &fixture.sts;
    let token = fixture.issuer.token(AUDIENCE, SUBJECT, NOW);
    let form = web_identity(&token, &[]);
    for (failure, status, code) in [
        (Failure::deny(), 403, "AccessDenied"),
        (Failure::internal(), 500, "InternalFailure"),
        (Failure::throttle(), 400, "Throttling"),
    ] {
        sts.fail(failure, 1);
        let (actual_status, actual_code, _) = error(&post(sts, &form));
        assert_eq!((actual_status, actual_code.as_str()), (status, code));
        assert_eq!(post(sts, &form).status, 200, "only once");
    }
    sts.fail(
        Failure::Answer(Response::new(200, "text/html", "<html>")),
        1,
    );
    assert_eq!(post(sts, &form).text(), "<html>");
    sts.fail(Failure::Close, 1);
    assert!(send(&sts.url(), &form).is_err());
    // Dropping the stand-in closes connections that wait for an answer.
    sts.fail(Failure::Hang, 1);
    let url = sts.url();
    let waiting = std::thread::spawn({
        let url = url.clone();
        move || send(&url, &form)
    });
    let has_hung = || {
        sts.records()
            .last()
            .is_some_and(|record| record.outcome == "hang")
    };
    while !has_hung() {
        assert!(!waiting.is_finished(), "the request was answered");
        std::thread::yield_now();
    }
    drop(fixture);
    assert!(waiting.join().unwrap().is_err());
}

#[test]
fn proxy_routes_real_names_to_the_stand_in() {
    let fixture = fixture(|_| ());
    let authority = Authority::new();
    let names = fixture.sts.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let client = Client::default()
        .trusting(authority.client())
        .through(proxy.address());
    let host = "sts.eu-west-1.amazonaws.com";
    let url = format!("https://{host}{}", user().presign(host, "cluster"));
    let headers = [("x-k8s-aws-id", "cluster"), ("accept", "application/json")];
    let response = client.send("GET", &url, &headers, b"").unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(fixture.sts.records()[0].host, host);

    // Other names have no route, and other authorities are not trusted.
    for other in ["https://iam.amazonaws.com/", "https://sts.evil.example/"] {
        assert!(client.send("GET", other, &[], b"").is_err(), "{other}");
    }
    let stranger = Client::default()
        .trusting(Authority::new().client())
        .through(proxy.address());
    let error = stranger.send("GET", &url, &headers, b"").unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert_eq!(
        proxy.requested(),
        [
            "sts.eu-west-1.amazonaws.com:443",
            "iam.amazonaws.com:443",
            "sts.evil.example:443",
            "sts.eu-west-1.amazonaws.com:443",
        ]
    );
    assert_eq!(fixture.sts.records().len(), 1);
}

#[test]
fn github_issues_tokens_only_to_its_jobs() {
    let fixture = fixture(|_| ());
    let actions = GitHubActions::start(fixture.issuer.clone(), SUBJECT, || NOW);
    let bearer = format!("bearer {}", GitHubActions::REQUEST_TOKEN);
    let get = |authorization: &str, query: &str| {
        let headers = [("Authorization", authorization)];
        let url = format!("{}{query}", actions.url());
        Client::default().send("GET", &url, &headers, b"").unwrap()
    };
    let audience = format!("&audience={}", percent::encode(AUDIENCE));
    let response = get(&bearer, &audience);
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    let form = web_identity(answer["value"].as_str().unwrap(), &[]);
    assert_eq!(post(&fixture.sts, &form).status, 200);
    assert_eq!(get("bearer guessed", &audience).status, 401);
    assert_eq!(get(&bearer, "").status, 400);
}

#[test]
fn connections_are_counted_and_kept_open() {
    let server = Server::start(None, |request| {
        let text = format!("{} {}", request.connection, request.target);
        Reply::Answer(Response::new(200, "text/plain", text))
    });
    for connection in 1..=2 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        for target in ["/a", "/b"] {
            write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut reader = BufReader::new(&stream);
            read_head(&mut reader).unwrap().unwrap();
            let mut text = [0; 4];
            reader.read_exact(&mut text).unwrap();
            assert_eq!(text, *format!("{connection} {target}").as_bytes());
        }
    }
}

#[test]
fn malformed_http_requests_are_rejected() {
    let server = Server::start(None, |_| Reply::Close);
    for request in [
        "GET /\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
    }
}
