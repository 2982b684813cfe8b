//! The signed requests of the STS stand-in: `AssumeRole` and `GetCallerIdentity`.

use serde_json::Value;
use stand_ins::sigv4::Signer;
use stand_ins::sts::configuration::{AUDIENCE, ROLE, SECOND_ROLE, SUBJECT, USER, USER_KEY_ID};

use super::{
    NOW, caller, credentials, element, error, fixture, post, second_role, signed, user,
    web_identity,
};

#[test]
fn role_is_assumed_by_trusted_callers_only() {
    let fixture = fixture(|_| ());
    let sts = &fixture.sts;
    let response = signed(sts, &user(), &second_role(&[]));
    let body = response.text();
    assert_eq!(response.status, 200, "{body}");
    assert_eq!(element(&body, "Expiration"), "2026-03-01T13:34:56Z");
    let arn = "arn:aws:sts::210987654321:assumed-role/admin/kubectl-esc";
    assert_eq!(element(&body, "Arn"), arn);

    // A session of the first role may assume it too, but for an hour at most.
    let token = fixture.issuer.token(AUDIENCE, SUBJECT, NOW);
    let session = credentials(&post(sts, &web_identity(&token, &[])));
    assert_eq!(signed(sts, &session, &second_role(&[])).status, 200);
    let two_hours = second_role(&[("DurationSeconds", Some("7200"))]);
    assert_eq!(signed(sts, &user(), &two_hours).status, 200);
    let (status, code, message) = error(&signed(sts, &session, &two_hours));
    assert_eq!((status, code.as_str()), (400, "ValidationError"));
    assert!(message.contains("role chaining"), "{message}");

    let denied = format!(
        "User: {USER} is not authorized to perform: sts:AssumeRole on resource: {SECOND_ROLE}"
    );
    let denied = (403, "AccessDenied".to_owned(), denied);
    for external_id in [None, Some("EXTERNAL/1+1")] {
        let form = second_role(&[("ExternalId", external_id)]);
        assert_eq!(error(&signed(sts, &user(), &form)), denied);
    }
    let form = second_role(&[("ExternalId", Some("external/1 1"))]);
    assert_eq!(error(&signed(sts, &user(), &form)).1, "ValidationError");
    let form = second_role(&[("RoleArn", Some(ROLE))]);
    assert_eq!(error(&signed(sts, &user(), &form)).1, "AccessDenied");
    let (status, code, _) = error(&post(sts, &second_role(&[])));
    assert_eq!((status, code.as_str()), (403, "MissingAuthenticationToken"));
}

#[test]
fn callers_are_authenticated() {
    let fixture = fixture(|configuration| configuration.lifetime = Some(120));
    let sts = &fixture.sts;
    let token = fixture.issuer.token(AUDIENCE, SUBJECT, NOW);
    let response = post(sts, &web_identity(&token, &[]));
    let end = element(&response.text(), "Expiration").to_owned();
    assert_eq!(end, "2026-03-01T12:36:56Z");
    let session = credentials(&response);
    let with = |change: fn(&mut Signer)| {
        let mut signer = session.clone();
        change(&mut signer);
        signer
    };
    let mismatch = (403, "SignatureDoesNotMatch");
    let invalid = (403, "InvalidClientTokenId");
    let rows = [
        (session.clone(), "cluster", (200, "")),
        (session.clone(), "other", mismatch),
        (
            with(|signer| signer.secret_access_key.push('x')),
            "cluster",
            mismatch,
        ),
        (
            with(|signer| signer.access_key_id.push('X')),
            "cluster",
            invalid,
        ),
        (
            with(|signer| signer.session_token = None),
            "cluster",
            invalid,
        ),
        (
            with(|signer| signer.session_token = Some("a".into())),
            "cluster",
            invalid,
        ),
        (
            with(|signer| signer.region = "us-east-1".into()),
            "cluster",
            mismatch,
        ),
        (with(|signer| signer.at = NOW + 301), "cluster", mismatch),
        (with(|signer| signer.at = NOW - 901), "cluster", mismatch),
        (with(|signer| signer.at = NOW + 300), "cluster", (200, "")),
        (with(|signer| signer.at = NOW - 900), "cluster", (200, "")),
    ];
    let code = |signer: &Signer, cluster: &str| {
        let response = caller(sts, signer, cluster);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        let code = body["Error"]["Code"].as_str().unwrap_or_default();
        (response.status, code.to_owned())
    };
    for (signer, cluster, (status, expected)) in rows {
        assert_eq!(
            code(&signer, cluster),
            (status, expected.to_owned()),
            "{signer:?}"
        );
    }
    // Two minutes later the session has expired.
    fixture.clock.advance(120);
    assert_eq!(code(&session, "cluster"), (403, "ExpiredToken".to_owned()));
    assert_eq!(code(&user(), "cluster").0, 200);
    sts.revoke(USER_KEY_ID);
    assert_eq!(
        code(&user(), "cluster"),
        (403, "InvalidClientTokenId".to_owned())
    );
}

#[test]
fn caller_identity_is_xml_unless_json_is_accepted() {
    let fixture = fixture(|configuration| configuration.regions = vec!["eu-west-1".to_owned()]);
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let response = signed(&fixture.sts, &user(), form);
    let body = response.text();
    assert_eq!(
        (response.status, element(&body, "Arn")),
        (200, USER),
        "{body}"
    );
    assert_eq!(element(&body, "Account"), "123456789012");
    let elsewhere = Signer {
        region: "ap-east-1".to_owned(),
        ..user()
    };
    let (status, code, _) = error(&signed(&fixture.sts, &elsewhere, form));
    assert_eq!((status, code.as_str()), (403, "RegionDisabledException"));
}
