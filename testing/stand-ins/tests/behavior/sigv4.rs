//! Signature verification, with a known signature and with requests that botocore signed.

use serde_json::Value;
use stand_ins::http::Request;
use stand_ins::sigv4::{Problem, Signed, Signer};
use stand_ins::sts::caller_identity_request;

#[test]
fn signer_produces_the_known_signature() {
    let signer = Signer::known_answer();
    let signature = Signer::KNOWN_SIGNATURE;
    let host = "sts.us-west-2.amazonaws.com";
    let target = signer.presign(host, "test-cluster");
    assert!(
        target.ends_with(&format!("X-Amz-Signature={signature}")),
        "{target}"
    );
    let request = caller_identity_request(&target, host, "test-cluster");
    let parts = Signed::read(&request).unwrap();
    assert_eq!(parts.verify(&request, &signer.secret_access_key), Ok(()));
}

#[test]
fn changed_presigned_requests_are_rejected() {
    let signer = Signer::known_answer();
    let signer = Signer {
        session_token: Some("token/with+signs==".to_owned()),
        ..signer
    };
    let host = "sts.us-west-2.amazonaws.com";
    let target = signer.presign(host, "test-cluster");
    let other_order = {
        let (path, query) = target.split_once('?').unwrap();
        let parts: Vec<_> = query.split('&').rev().collect();
        format!("{path}?{}", parts.join("&"))
    };
    let replaced = |from: &str, to: &str| {
        assert!(target.contains(from), "{from}");
        target.replacen(from, to, 1)
    };
    let mismatch = [
        caller_identity_request(&target, host, "other-cluster"),
        caller_identity_request(&target, "sts.us-east-1.amazonaws.com", "test-cluster"),
        caller_identity_request(
            &replaced("Version=2011-06-15", "Version=2011-06-16"),
            host,
            "test-cluster",
        ),
        caller_identity_request(&replaced("Expires=60", "Expires=61"), host, "test-cluster"),
        caller_identity_request(&replaced("T000000Z", "T000001Z"), host, "test-cluster"),
        caller_identity_request(
            &replaced("with%2Bsigns", "with+signs"),
            host,
            "test-cluster",
        ),
        caller_identity_request(&format!("{target}0"), host, "test-cluster"),
        caller_identity_request(&format!("{target}&Extra=1"), host, "test-cluster"),
        Request {
            body: b"x".to_vec(),
            ..caller_identity_request(&target, host, "test-cluster")
        },
        Request {
            method: "POST".to_owned(),
            ..caller_identity_request(&target, host, "test-cluster")
        },
    ];
    for changed in mismatch {
        let outcome = Signed::read(&changed)
            .unwrap()
            .verify(&changed, &signer.secret_access_key);
        assert!(matches!(outcome, Err(Problem::Mismatch(_))), "{changed:?}");
    }
    for same in [target.clone(), other_order] {
        let same = caller_identity_request(&same, host, "test-cluster");
        let parts = Signed::read(&same).unwrap();
        assert_eq!(parts.verify(&same, &signer.secret_access_key), Ok(()));
        assert!(parts.verify(&same, "another key").is_err());
    }
    for (from, to) in [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        ("X-Amz-Expires=60&", ""),
        ("%2Faws4_request", ""),
        ("20230428T", "20230429T"),
        ("host%3Bx-k8s-aws-id", "x-k8s-aws-id"),
        ("host%3Bx-k8s-aws-id", "x-k8s-aws-id%3Bhost"),
        ("&X-Amz-Date", "&X-Amz-Expires=60&X-Amz-Date"),
    ] {
        let changed = caller_identity_request(&replaced(from, to), host, "test-cluster");
        let outcome = Signed::read(&changed);
        assert!(
            matches!(outcome, Err(Problem::Incomplete(_))),
            "{from}: {outcome:?}"
        );
    }
    assert_eq!(
        Signed::read(&caller_identity_request("/", host, "c")),
        Err(Problem::Missing)
    );
}

/// The requests of `tests/upstream/botocore` verify, and none with a changed byte.
#[test]
fn signatures_of_botocore_verify() {
    let requests = include_str!("../../../../tests/data/botocore_requests.json");
    let requests: Value = serde_json::from_str(requests).unwrap();
    let requests = requests.as_array().unwrap();
    assert!(requests.len() >= 4, "only {} requests", requests.len());
    for recorded in requests {
        let text = |name: &str| recorded[name].as_str().unwrap().to_owned();
        let headers = recorded["headers"].as_array().unwrap().iter();
        let request = Request {
            method: text("method"),
            target: text("target"),
            headers: headers
                .map(|pair| {
                    let text = |index: usize| pair[index].as_str().unwrap().to_owned();
                    (text(0), text(1))
                })
                .collect(),
            body: text("body").into_bytes(),
            connection: 0,
        };
        let signed = Signed::read(&request).unwrap();
        assert_eq!(
            signed.verify(&request, recorded["secret"].as_str().unwrap()),
            Ok(()),
            "{request:?}"
        );
        let mut changed = request.clone();
        changed.body.push(b' ');
        assert!(
            signed
                .verify(&changed, recorded["secret"].as_str().unwrap())
                .is_err()
        );
    }
}
