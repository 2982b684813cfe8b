//! The stand-in of the API server accepts valid, current tokens only.

use serde_json::Value;
use stand_ins::api_server::ApiServer;
use stand_ins::sigv4::Signer;
use stand_ins::sts::configuration::{AUDIENCE, SUBJECT, USER, USER_KEY_ID};
use token_verifier::{Verifier, tampered};

use super::{Fixture, NOW, credentials, fixture, post, user, web_identity};

const HOST: &str = "sts.eu-west-1.amazonaws.com";

fn server(fixture: &Fixture) -> ApiServer {
    let verifier = Verifier::new("aws", "eu-west-1");
    ApiServer::start("demo", verifier, &fixture.sts)
}

#[test]
fn api_server_accepts_callers_known_to_sts() {
    let fixture = fixture(|_| ());
    let server = server(&fixture);
    let token = fixture.issuer.token(AUDIENCE, SUBJECT, NOW);
    let session = credentials(&post(&fixture.sts, &web_identity(&token, &[])));
    for (signer, arn) in [
        (user(), USER),
        (
            session,
            "arn:aws:sts::123456789012:assumed-role/esc-oidc/dev-session",
        ),
    ] {
        let response = server.get("/api/v1/namespaces", &signer.token(HOST, "demo"));
        assert_eq!(response.status, 200, "{}", response.text());
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["kind"], "NamespaceList");
        assert_eq!(body["items"][1]["metadata"]["name"], "kube-system");
        let log = server.log();
        let last = log.accepted.last().unwrap();
        assert_eq!(*last, format!("GET /api/v1/namespaces as {arn}"));
    }
    assert!(server.log().rejected.is_empty());
}

#[test]
fn api_server_rejects_other_callers() {
    let fixture = fixture(|_| ());
    let server = server(&fixture);
    let good = user().token(HOST, "demo");
    let late = Signer {
        at: NOW - 901,
        ..user()
    };
    let early = Signer {
        at: NOW + 301,
        ..user()
    };
    let stranger = Signer {
        access_key_id: "AKIAUNKNOWN".to_owned(),
        ..user()
    };
    let flipped = tampered(&good, |url| {
        let last = url.pop().unwrap();
        url.push(if last == '0' { '1' } else { '0' });
    });
    let shorter = tampered(&good, |url| url.truncate(url.len() - 1));
    let longer = tampered(&good, |url| url.push_str("&X-Amz-Security-Token=x"));
    let other_version = good.replacen("k8s-aws-v1.", "k8s-aws-v2.", 1);
    let rows = [
        ("", "no bearer token"),
        ("opaque", "check 2"),
        (&other_version, "check 2"),
        (&shorter, "STS: 403 SignatureDoesNotMatch"),
        (&flipped, "STS: 403 SignatureDoesNotMatch"),
        (&longer, "STS: 403 SignatureDoesNotMatch"),
        (
            &user().token(HOST, "other"),
            "STS: 403 SignatureDoesNotMatch",
        ),
        (&user().token("sts.evil.example", "demo"), "check 6"),
        (&late.token(HOST, "demo"), "check 17"),
        (&early.token(HOST, "demo"), "STS: 403 SignatureDoesNotMatch"),
        (
            &stranger.token(HOST, "demo"),
            "STS: 403 InvalidClientTokenId",
        ),
    ];
    for (number, (token, reason)) in rows.into_iter().enumerate() {
        let response = server.get("/api/v1/namespaces", token);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(
            (response.status, &body["reason"]),
            (401, &Value::from("Unauthorized"))
        );
        let log = server.log();
        assert_eq!(log.rejected.len(), number + 1);
        assert!(
            log.rejected[number].starts_with(reason),
            "{reason}: {:?}",
            log.rejected[number]
        );
    }
    assert_eq!(server.get("/version", &good).status, 200);
    fixture.sts.revoke(USER_KEY_ID);
    assert_eq!(server.get("/version", &good).status, 401);
}
