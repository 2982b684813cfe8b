//! The step `api-server`: settings of the cluster, and API servers of several versions.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};

use serde_json::{Value, json};
use stand_ins::http::{Reply, Request, Response, Server};
use stand_ins::tls::Authority;

use super::Fixture;
use crate::support::plugin::TIME_LIMIT;

/// An API server that answers with the function, and the requests that it got.
fn api_server(
    fixture: &mut Fixture,
    answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Vec<Request>>>) {
    let authority = Authority::new();
    let requests = Arc::<Mutex<Vec<Request>>>::default();
    let log = Arc::clone(&requests);
    let server = Server::start(Some(authority.server(|_| false)), move |request| {
        log.lock().unwrap().push(request.clone());
        let (status, body) = answer(request);
        Reply::Answer(Response::new(status, "application/json", body.to_string()))
    });
    fixture.file("ca.pem", authority.pem());
    *fixture.cluster() = json!({
        "server": format!("https://{}/", server.address()),
        "certificate-authority": "ca.pem",
    });
    (server, requests)
}

fn review(version: &str, user: &str) -> Value {
    json!({
        "kind": "SelfSubjectReview",
        "apiVersion": format!("authentication.k8s.io/{version}"),
        "status": {"userInfo": {"username": user, "groups": ["system:authenticated"]}},
    })
}

fn not_found() -> (u16, Value) {
    (
        404,
        json!({"kind": "Status", "message": "not found", "code": 404}),
    )
}

#[test]
fn older_versions_of_the_review_are_used() {
    for (served, requests, status, detail) in [
        (
            Some("v1"),
            1,
            "ok",
            "accepts the token as `alice` (groups `system:authenticated`)",
        ),
        (Some("v1beta1"), 2, "ok", "accepts the token as `alice`"),
        (Some("v1alpha1"), 3, "ok", "accepts the token as `alice`"),
        (
            None,
            3,
            "ok",
            "accepts the token; it is too old to say as whom",
        ),
    ] {
        let mut fixture = Fixture::new();
        let (_server, log) = api_server(&mut fixture, move |request| match served {
            Some(version) if request.path().contains(&format!("/{version}/")) => {
                (201, review(version, "alice"))
            }
            _ => not_found(),
        });
        let diagnosis = fixture.diagnose();
        diagnosis.assert_step("api-server", status, detail, "");
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 2 * requests, "{served:?}");
        for request in log.iter() {
            assert_eq!(request.method, "POST");
            let bearer = request.header("authorization").unwrap();
            assert!(bearer.starts_with("Bearer k8s-aws-v1."));
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(body["kind"], "SelfSubjectReview");
            let version = body["apiVersion"].as_str().unwrap();
            assert_eq!(
                request.path(),
                format!("/apis/{version}/selfsubjectreviews")
            );
        }
    }
}

#[test]
fn accepted_token_without_a_name_is_a_warning_or_a_failure() {
    let forbidden = json!({"kind": "Status", "message": "User \"alice\" cannot create resource"});
    for (code, body, status, detail, hint) in [
        (
            403,
            forbidden,
            "warning",
            "does not say as whom: User \"alice\" cannot",
            "system:basic-user",
        ),
        (
            201,
            review("v1", "system:anonymous"),
            "failed",
            "did not receive the token",
            "removes the header",
        ),
        (
            201,
            json!({"kind": "Status"}),
            "failed",
            "did not come from a Kubernetes API server",
            "",
        ),
        (302, json!(null), "failed", "sent HTTP status 302", ""),
    ] {
        let mut fixture = Fixture::new();
        let (_server, _) = api_server(&mut fixture, move |_| (code, body.clone()));
        let diagnosis = fixture.diagnose();
        diagnosis.assert_step("api-server", status, detail, hint);
    }
}

#[test]
fn response_that_is_too_large_is_an_error() {
    let mut fixture = Fixture::new();
    let (_server, _) = api_server(&mut fixture, |_| (201, "x".repeat(1024 * 1024).into()));
    let diagnosis = fixture.diagnose();
    assert_eq!(
        diagnosis.with_status("failed"),
        ["api-server"],
        "{:#?}",
        diagnosis.text
    );
}

#[test]
fn token_that_the_server_repeats_is_not_shown() {
    let mut fixture = Fixture::new();
    let (_server, _) = api_server(&mut fixture, |request| {
        let bearer = request.header("authorization").unwrap();
        (
            500,
            json!({"kind": "Status", "message": format!("cannot use {bearer}")}),
        )
    });
    // That no token is shown is asserted for every diagnosis.
    let diagnosis = fixture.diagnose();
    diagnosis.assert_step("api-server", "failed", "cannot use Bearer [secret]", "");
}

#[test]
fn settings_of_the_cluster_are_used() {
    // The name in the certificate, through a proxy with a login in its URL.
    let mut fixture = Fixture::new();
    let proxy = fixture
        .eks_proxy
        .url()
        .replace("http://", "http://me:hunter2@");
    fixture.cluster()["server"] = "https://A1.gr7.eu-west-1.eks.amazonaws.com".into();
    fixture.cluster()["proxy-url"] = proxy.into();
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
    assert_eq!(fixture.eks_proxy.requested().len(), 2);

    let mut fixture = Fixture::new();
    fixture.cluster()["tls-server-name"] = "B2.gr7.eu-west-1.eks.amazonaws.com".into();
    assert_eq!(fixture.diagnose().text.code, 0);

    // Any certificate, with a warning.
    let mut fixture = Fixture::new();
    let cluster = fixture.cluster().as_object_mut().unwrap();
    let authority = cluster.remove("certificate-authority-data");
    assert_eq!(fixture.diagnose().with_status("failed"), ["api-server"]);
    fixture.cluster()["insecure-skip-tls-verify"] = true.into();
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
    let hint = "replace `insecure-skip-tls-verify`";
    diagnosis.assert_step("api-server", "warning", "anyone may answer for it", hint);
    fixture.cluster()["certificate-authority-data"] = authority.unwrap();
    let message = "both `insecure-skip-tls-verify` and a certificate authority";
    fixture
        .diagnose()
        .assert_step("api-server", "failed", message, "remove one");
}

/// Serves SOCKS version 5 without a login on one connection, and leads it to the server. Returns the
/// requested host.
fn serve_socks(listener: &TcpListener, server: SocketAddr) -> std::io::Result<String> {
    let (mut client, _) = listener.accept()?;
    let read = |mut client: &TcpStream, length: u8| {
        let mut bytes = vec![0; length.into()];
        client.read_exact(&mut bytes).map(|()| bytes)
    };
    // The version and the number of methods; the methods.
    let greeting = read(&client, 2)?;
    read(&client, greeting[1])?;
    client.write_all(&[5, 0])?;
    // Version, command, reserved, 3 for a name, its length; the name and the port.
    let request = read(&client, 5)?;
    assert_eq!(request[..4], [5, 1, 0, 3]);
    let name = String::from_utf8(read(&client, request[4])?).unwrap();
    read(&client, 2)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let server = TcpStream::connect(server)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from_client, &mut to_server));
        drop(to_server.shutdown(Shutdown::Both));
    });
    let mut server = server;
    std::io::copy(&mut server, &mut client)?;
    Ok(name)
}

#[test]
fn socks_proxy_resolves_the_name_of_the_server() {
    let mut fixture = Fixture::new();
    let host = "A1.gr7.eu-west-1.eks.amazonaws.com";
    let server = (fixture.api_server.route())(&format!("{host}:443")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("socks5://{}", listener.local_addr().unwrap());
    fixture.cluster()["server"] = format!("https://{host}").into();
    fixture.cluster()["proxy-url"] = proxy.into();
    let (sender, names) = mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..2 {
            sender.send(serve_socks(&listener, server)).unwrap();
        }
    });
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
    diagnosis.assert_step("api-server", "ok", "accepts the token as", "");
    assert_eq!(names.recv().unwrap().unwrap(), host);
}

#[test]
fn unusable_settings_of_the_cluster_are_named() {
    for (key, value, detail, hint) in [
        (
            "certificate-authority-data",
            "%",
            "is not Base64",
            "aws eks describe-cluster",
        ),
        (
            "certificate-authority-data",
            "eA==",
            "contains no certificate in PEM",
            "",
        ),
        (
            "proxy-url",
            "ftp://me:hunter2@proxy.test",
            "the proxy URL is malformed",
            "http://proxy.example.com:3128",
        ),
        (
            "tls-server-name",
            "a b",
            "`a b` is not a valid server name",
            "",
        ),
        (
            "server",
            "",
            "the cluster in the kubeconfig has no `server`",
            "add the URL",
        ),
        (
            "server",
            "https://me:hunter2@api.test",
            "contains a user name or password",
            "",
        ),
        ("server", "x", "the URL is malformed", ""),
    ] {
        let mut fixture = Fixture::new();
        fixture.cluster()[key] = value.into();
        let diagnosis = fixture.diagnose();
        assert_eq!(diagnosis.text.code, 2, "{key}: {value}");
        diagnosis.assert_step("api-server", "failed", detail, hint);
    }
}

#[test]
fn server_that_hangs_is_given_up_at_the_timeout() {
    let mut fixture = Fixture::new();
    let authority = Authority::new();
    let server = Server::start(Some(authority.server(|_| false)), |_| Reply::Hang);
    fixture.file("ca.pem", authority.pem());
    *fixture.cluster() = json!({
        "server": format!("https://{}", server.address()),
        "certificate-authority": "ca.pem",
    });
    fixture
        .arguments
        .extend(["--timeout".to_owned(), "8s".to_owned()]);
    // Once, because it takes that long.
    let output = fixture.plugin().without_log().run_command(TIME_LIMIT);
    assert_eq!(output.code, 5, "{output:#?}");
    let failed = "\nfailed  api-server: the API server `127.0.0.1` did not respond within 8s\n        \
                  hint: check the network: the endpoint may be private";
    assert!(output.stdout.contains(failed), "{output:#?}");
    assert!(output.stdout.contains("\nok      clock: "), "{output:#?}");
}

#[test]
fn api_server_is_asked_even_if_aws_sts_cannot_be_reached() {
    let mut fixture = Fixture::new();
    fixture.set("HTTPS_PROXY", "http://127.0.0.1:1");
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 5);
    assert_eq!(
        diagnosis.with_status("failed"),
        ["aws-sts"],
        "{:#?}",
        diagnosis.text
    );
    diagnosis.assert_step("api-server", "ok", "accepts the token as", "");
    diagnosis.assert_step("clock", "skipped", "needs the result of `aws-sts`", "");
    // The account is known from the role's ARN only if a role is set.
    diagnosis.assert_step("credentials", "ok", "access key `ASIA", "");
}
