//! Requested faults, violations of the interface, and records.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stand_ins::http::{Client, Gate, read_head};
use stand_ins::pulumi_cloud::configuration::TOKEN;
use stand_ins::pulumi_cloud::fault::{Fault, silent_server};
use stand_ins::tls::Authority;

use super::{ENVIRONMENT, Fixture, error, fixture, session};

/// Method, target, headers and body of a request; status and violation in the response.
type Case<'a> = (
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a str,
    u16,
    &'a str,
);

/// The text of a request.
fn request(method: &str, target: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: token {TOKEN}\r\n\
         Accept: application/vnd.pulumi+8\r\n\r\n"
    )
}

fn connect(fixture: &Fixture) -> TcpStream {
    let url = fixture.cloud.url();
    TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap()
}

/// Reads the first line and the body of a response.
fn answer(stream: &TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let (line, headers) = read_head(&mut reader).unwrap().unwrap();
    let mut lengths = headers.iter();
    let length = lengths.find(|(name, _)| name == "Content-Length").unwrap();
    let mut body = vec![0; length.1.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (line, body)
}

#[test]
fn connections_are_kept_and_counted() {
    let fixture = fixture(|_| ());
    let mut stream = connect(&fixture);
    let open = format!("{ENVIRONMENT}/open?duration=2h0m0s");
    write!(stream, "{}", request("POST", &open)).unwrap();
    let (line, body) = answer(&stream);
    assert_eq!(line, "HTTP/1.1 200 Status");
    let id: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let read = format!("{ENVIRONMENT}/open/{}", id["id"].as_str().unwrap());
    write!(stream, "{}", request("GET", &read)).unwrap();
    answer(&stream);
    assert_eq!(fixture.get("/api/user").status, 200);

    let records = fixture.cloud.records();
    let seen: Vec<_> = records
        .iter()
        .map(|record| (record.connection, record.operation.as_str(), record.status))
        .collect();
    let expected = [
        (1, "open", 200),
        (1, "read session", 200),
        (2, "current user", 200),
    ];
    assert_eq!(seen, expected);
    assert_eq!(records[0].target, open);
    assert_eq!(records[0].header("authorization"), Some("token [secret]"));
    assert!(!format!("{records:?}").contains(TOKEN));
}

#[test]
fn pulumi_cloud_is_served_over_tls() {
    let fixture = fixture(|_| ());
    let authority = Authority::new();
    let secure = fixture.cloud.behind_tls(&authority);
    let authorization = format!("token {TOKEN}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Accept", "application/json"),
    ];
    let client = Client::default().trusting(authority.client());
    let url = format!("{}/api/user", secure.url());
    assert_eq!(client.send("GET", &url, &headers, b"").unwrap().status, 200);
    assert_eq!(fixture.cloud.operations(), ["current user"]);
}

#[test]
fn requested_faults_happen() {
    let fixture = fixture(|_| ());
    let open = format!("{ENVIRONMENT}/open");
    let fail = |fault: Fault| {
        fixture.cloud.fail_at("open", fault, 1);
        // The fault does not apply to other operations.
        assert_eq!(fixture.get("/api/user").status, 200);
    };
    fail(Fault::internal());
    assert_eq!(
        error(&fixture.post(&open, "")),
        (500, "Internal Server Error".to_owned())
    );
    fail(Fault::too_many_requests(Some(7)));
    let response = fixture.post(&open, "");
    assert_eq!(
        (response.status, response.header("Retry-After")),
        (429, Some("7"))
    );
    fail(Fault::too_many_requests(None));
    let response = fixture.post(&open, "");
    assert_eq!(
        (response.status, response.header("Retry-After")),
        (429, None)
    );
    fail(Fault::redirect("https://elsewhere.example/"));
    let response = fixture.post(&open, "");
    assert_eq!(response.status, 307);
    assert_eq!(
        response.header("Location"),
        Some("https://elsewhere.example/")
    );
    fail(Fault::Html);
    assert!(
        fixture
            .post(&open, "")
            .text()
            .starts_with("<!DOCTYPE html>")
    );
    fail(Fault::Huge(200_000));
    assert_eq!(fixture.post(&open, "").body.len(), 200_000);
    fail(Fault::Truncated);
    let cut = fixture.post(&open, "").text();
    assert!(
        serde_json::from_str::<serde_json::Value>(&cut).is_err(),
        "{cut}"
    );
    fail(Fault::Close);
    let mut stream = connect(&fixture);
    write!(stream, "{}", request("POST", &open)).unwrap();
    assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0);
    // Of these faults, only `Truncated` processes the request.
    assert_eq!(fixture.cloud.sessions_opened(), 1);
    assert_eq!(fixture.post(&open, "").status, 200);

    let id = session(&fixture.post(&open, ""));
    fixture
        .cloud
        .fail_at("read session", Fault::ExpireSessions, 1);
    assert_eq!(error(&fixture.get(&format!("{open}/{id}"))).0, 404);
}

#[test]
fn requested_hang_lasts_until_the_client_disconnects() {
    let fixture = fixture(|_| ());
    for (fault, has_head) in [(Fault::Hang, false), (Fault::HangMidBody, true)] {
        fixture.cloud.fail(fault, 1);
        let mut stream = connect(&fixture);
        write!(stream, "{}", request("GET", "/api/user")).unwrap();
        if has_head {
            let mut reader = BufReader::new(&stream);
            let (_, headers) = read_head(&mut reader).unwrap().unwrap();
            assert!(headers.iter().any(|(name, _)| name == "Content-Length"));
            let mut part = [0; 16];
            reader.read_exact(&mut part).unwrap();
        }
        expect_silence(stream);
    }
    let server = silent_server();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "{}", request("GET", "/api/user")).unwrap();
    expect_silence(stream);
}

/// Checks that the connection stays open without sending anything more.
fn expect_silence(mut stream: TcpStream) {
    let limit = Duration::from_millis(50);
    stream.set_read_timeout(Some(limit)).unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    let timeouts = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
    assert!(timeouts.contains(&error.kind()), "{error}");
}

#[test]
fn gate_releases_the_response_byte_by_byte() {
    let fixture = fixture(|_| ());
    let gate = Gate::default();
    fixture.cloud.fail(Fault::Drip(gate.clone()), 1);
    let mut stream = connect(&fixture);
    write!(stream, "{}", request("GET", "/api/user")).unwrap();
    let mut reader = BufReader::new(&stream);
    read_head(&mut reader).unwrap().unwrap();
    let mut three = [0; 3];
    gate.release(3);
    reader.read_exact(&mut three).unwrap();
    assert_eq!(gate.passed(), 3);
    gate.release(usize::MAX);
    let mut rest = [0; 4];
    reader.read_exact(&mut rest).unwrap();

    // A paced gate releases bytes by itself, until it is ended.
    let gate = Gate::paced(Duration::from_millis(1));
    fixture.cloud.fail(Fault::Drip(gate.clone()), 1);
    let mut stream = connect(&fixture);
    write!(stream, "{}", request("GET", "/api/user")).unwrap();
    let mut reader = BufReader::new(&stream);
    read_head(&mut reader).unwrap().unwrap();
    reader.read_exact(&mut three).unwrap();
    gate.end();
    assert!(reader.read_to_end(&mut Vec::new()).is_ok());
}

#[test]
fn date_header_is_shifted() {
    let fixture = fixture(|_| ());
    let date = |seconds| {
        fixture.cloud.skew_date(seconds);
        fixture.get("/api/user").header("Date").unwrap().to_owned()
    };
    assert_eq!(date(0), "Sun, 01 Mar 2026 12:34:56 GMT");
    assert_eq!(date(-3600), "Sun, 01 Mar 2026 11:34:56 GMT");
}

#[test]
fn path_with_empty_segments_is_redirected() {
    let fixture = fixture(|_| ());
    let response = fixture.get(&format!("{ENVIRONMENT}/open//id?property=a"));
    assert_eq!(response.status, 301);
    let clean = format!("{ENVIRONMENT}/open/id?property=a");
    assert_eq!(response.header("Location"), Some(clean.as_str()));
    assert_eq!(fixture.cloud.operations(), ["clean path"]);
}

#[test]
fn interface_violations_are_recorded() {
    let fixture = fixture(|_| ());
    let open = format!("{ENVIRONMENT}/open");
    let authorization = format!("token {TOKEN}");
    let cases: [Case<'_>; 9] = [
        (
            "PATCH",
            ENVIRONMENT,
            &[("Content-Type", "text/plain")],
            "values: {}",
            400,
            "`Content-Type: text/plain` is not supported",
        ),
        ("GET", "/api/nothing", &[], "", 404, "there is no such path"),
        (
            "PUT",
            "/api/user",
            &[],
            "",
            405,
            "the path has no such method",
        ),
        (
            "POST",
            &format!("{open}?lifetime=1h"),
            &[],
            "",
            400,
            "there is no parameter `lifetime`",
        ),
        (
            "POST",
            &format!("{open}?duration=1h&duration=1h"),
            &[],
            "",
            400,
            "`duration` is given twice",
        ),
        (
            "POST",
            &open,
            &[("Accept", "text/html")],
            "",
            400,
            "`Accept: text/html` is not supported",
        ),
        (
            "POST",
            &open,
            &[],
            "{}",
            400,
            "there is a body where none belongs",
        ),
        (
            "POST",
            "/api/esc/environments/acme",
            &[("Content-Type", "application/json")],
            "{\"name\": \"x\"}",
            400,
            "body lacks `project` of CreateEnvironmentRequest",
        ),
        (
            "POST",
            "/api/esc/environments/acme/..%2Fsecrets/x/open",
            &[],
            "",
            400,
            "`../secrets` is not a valid projectName",
        ),
    ];
    for (method, target, headers, body, status, problem) in cases {
        let mut headers = headers.to_vec();
        headers.push(("Authorization", &authorization));
        if !headers.iter().any(|(name, _)| *name == "Accept") {
            headers.push(("Accept", "application/json"));
        }
        let url = format!("{}{target}", fixture.cloud.url());
        let response = Client::default()
            .send(method, &url, &headers, body.as_bytes())
            .unwrap();
        assert_eq!(response.status, status, "{target}");
        let violations = fixture.cloud.take_violations();
        assert_eq!(violations.len(), 1, "{target}: {violations:?}");
        assert!(violations[0].ends_with(problem), "{violations:?}");
    }
    let url = format!("{}/api/user", fixture.cloud.url());
    Client::default()
        .send("GET", &url, &[("Authorization", &authorization)], b"")
        .unwrap();
    assert_eq!(
        fixture.cloud.take_violations(),
        ["GET /api/user: there is no `Accept`"]
    );
}

#[test]
#[should_panic(expected = "there is no such path")]
fn interface_violation_fails_the_test() {
    let fixture = fixture(|_| ());
    fixture.get("/api/nothing");
}
