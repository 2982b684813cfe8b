//! Tests of the stand-ins: they accept what the real services accept, and reject the rest.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed assumption fails the test"
)]

mod api_server;
mod azure;
mod callers;
mod gcp;
mod pulumi_cloud;
mod sigv4;
mod transport;
mod web_identity;

use encodings::percent;
use stand_ins::clock::Clock;
use stand_ins::http::{Client, Reply, Request, Response};
use stand_ins::oidc::Issuer;
use stand_ins::sigv4::Signer;
use stand_ins::sts::configuration::{
    Configuration, EXTERNAL_ID, ROLE, SECOND_ROLE, USER_KEY_ID, USER_SECRET_KEY,
};
use stand_ins::sts::{Sts, caller_identity_request};

/// 2026-03-01T12:34:56Z.
const NOW: i64 = 1_772_368_496;
const ISSUER: &str = "https://api.pulumi.example/oidc";
const FORM: &str = "application/x-www-form-urlencoded";

/// Fields of a form to replace or, without a value, to omit.
type Changes<'a> = [(&'a str, Option<&'a str>)];

struct Fixture {
    issuer: Issuer,
    clock: Clock,
    sts: Sts,
}

fn fixture(change: impl FnOnce(&mut Configuration)) -> Fixture {
    let issuer = Issuer::new(ISSUER);
    let clock = Clock::fixed(NOW);
    let mut configuration = Configuration::example(&issuer);
    change(&mut configuration);
    let sts = Sts::start(configuration, clock.clone());
    Fixture { issuer, clock, sts }
}

fn user() -> Signer {
    Signer {
        access_key_id: USER_KEY_ID.to_owned(),
        secret_access_key: USER_SECRET_KEY.to_owned(),
        session_token: None,
        region: "eu-west-1".to_owned(),
        at: NOW,
    }
}

/// The form of `AssumeRoleWithWebIdentity`.
fn web_identity(token: &str, changes: &Changes<'_>) -> String {
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "dev-session"),
        ("DurationSeconds", "3600"),
        ("WebIdentityToken", token),
    ];
    form(&fields, changes)
}

/// The form of `AssumeRole`.
fn second_role(changes: &Changes<'_>) -> String {
    let fields = [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", SECOND_ROLE),
        ("RoleSessionName", "kubectl-esc"),
        ("ExternalId", EXTERNAL_ID),
    ];
    form(&fields, changes)
}

fn form(fields: &[(&str, &str)], changes: &Changes<'_>) -> String {
    let is_kept = |name: &str| changes.iter().all(|(other, _)| *other != name);
    let kept = fields.iter().copied().filter(|(name, _)| is_kept(name));
    let new = changes
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)));
    percent::form(&kept.chain(new).collect::<Vec<_>>())
}

/// Sends a form over HTTP.
fn post(sts: &Sts, form: &str) -> Response {
    send(&sts.url(), form).unwrap()
}

fn send(url: &str, form: &str) -> std::io::Result<Response> {
    let headers = [("Content-Type", FORM)];
    Client::default().send("POST", &format!("{url}/"), &headers, form.as_bytes())
}

/// Sends a form with a signature in a header.
fn signed(sts: &Sts, signer: &Signer, form: &str) -> Response {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut request = Request {
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers: vec![header("Host", "127.0.0.1:1"), header("Content-Type", FORM)],
        body: form.as_bytes().to_vec(),
        ..Request::default()
    };
    signer.authorize(&mut request);
    answer(sts.answer(&request))
}

/// `GetCallerIdentity`, presigned for the cluster `cluster` and sent for another one.
fn caller(sts: &Sts, signer: &Signer, cluster: &str) -> Response {
    let host = "sts.eu-west-1.amazonaws.com";
    let target = signer.presign(host, "cluster");
    answer(sts.answer(&caller_identity_request(&target, host, cluster)))
}

fn answer(reply: Reply) -> Response {
    match reply {
        Reply::Answer(response) => response,
        other => panic!("not an answer: {other:?}"),
    }
}

/// The text of an XML element.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once('<').unwrap().0
}

/// The status, code and message of an error.
fn error(response: &Response) -> (u16, String, String) {
    let body = response.text();
    let text = |name| element(&body, name).to_owned();
    assert!(body.contains("<ErrorResponse xmlns="), "{body}");
    assert_eq!(text("RequestId").len(), 36);
    (response.status, text("Code"), text("Message"))
}

/// A signer with the credentials of a response.
fn credentials(response: &Response) -> Signer {
    assert_eq!(response.status, 200, "{}", response.text());
    let body = response.text();
    Signer {
        access_key_id: element(&body, "AccessKeyId").to_owned(),
        secret_access_key: element(&body, "SecretAccessKey").to_owned(),
        session_token: Some(element(&body, "SessionToken").to_owned()),
        ..user()
    }
}
