//! `AssumeRoleWithWebIdentity` of the STS stand-in.

use serde_json::{Map, Value, json};
use stand_ins::http::Client;
use stand_ins::oidc::Issuer;
use stand_ins::sts::configuration::{AUDIENCE, Configuration, ROLE, SECOND_ROLE, SUBJECT};

use super::{
    Changes, NOW, caller, credentials, element, error, fixture, post, signed, user, web_identity,
};

#[test]
fn identity_token_is_exchanged_for_credentials() {
    let fixture = fixture(|configuration| configuration.session_token_length = 1111);
    let token = fixture.issuer.token(AUDIENCE, SUBJECT, NOW);
    let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let changes = [("PolicyArns.member.1.arn", Some(policy))];
    let response = post(&fixture.sts, &web_identity(&token, &changes));
    let body = response.text();
    assert_eq!(response.status, 200, "{body}");
    assert_eq!(response.header("content-type"), Some("text/xml"));
    let date = response.header("date");
    assert_eq!(date, Some("Sun, 01 Mar 2026 12:34:56 GMT"));
    let request_id = response.header("x-amzn-requestid");
    assert_eq!(request_id, Some(element(&body, "RequestId")));
    let session_arn = "arn:aws:sts::123456789012:assumed-role/esc-oidc/dev-session";
    let provider_arn = "arn:aws:iam::123456789012:oidc-provider/api.pulumi.example/oidc";
    for (name, value) in [
        ("Expiration", "2026-03-01T13:34:56Z"),
        ("Arn", session_arn),
        ("AssumedRoleId", "AROAEXAMPLEOFOIDCROLE:dev-session"),
        ("Audience", AUDIENCE),
        ("SubjectFromWebIdentityToken", SUBJECT),
        ("Provider", provider_arn),
    ] {
        assert_eq!(element(&body, name), value);
    }
    let session = credentials(&response);
    assert!(session.access_key_id.starts_with("ASIA") && session.access_key_id.len() == 20);
    assert_eq!(session.session_token.as_ref().unwrap().len(), 1111);
    let records = fixture.sts.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].outcome, "OK");
    assert_eq!(records[0].parameters["WebIdentityToken"], "[secret]");
    assert_eq!(records[0].parameters["RoleArn"], ROLE);
    assert!(!format!("{records:?}").contains(&token));

    let response = caller(&fixture.sts, &session, "cluster");
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(
        body["GetCallerIdentityResponse"]["GetCallerIdentityResult"],
        json!({
            "Account": "123456789012",
            "Arn": session_arn,
            "UserId": "AROAEXAMPLEOFOIDCROLE:dev-session",
        })
    );
}

#[test]
fn invalid_identity_tokens_are_rejected() {
    const EXPIRED: &str = "ExpiredTokenException";
    const INVALID: &str = "InvalidIdentityToken";
    const DENIED: &str = "AccessDenied";
    let elsewhere = Issuer::new("https://elsewhere.example");
    let fixture = fixture(|configuration| {
        let audiences = &mut configuration.providers[0].audiences;
        audiences.push("aws:other".to_owned());
        let other = Configuration::example(&elsewhere).providers.remove(0);
        configuration.providers.push(other);
    });
    let issuer = &fixture.issuer;
    let claims = |change: fn(&mut Map<String, Value>)| {
        let mut claims = issuer.claims(AUDIENCE, SUBJECT, NOW);
        change(&mut claims);
        issuer.sign(&claims)
    };
    let with_algorithm = |algorithm: &str| {
        let header = json!({"alg": algorithm, "typ": "JWT", "kid": "key-1"});
        issuer.sign_with_header(&header, &issuer.claims(AUDIENCE, SUBJECT, NOW))
    };
    let unsigned = with_algorithm("none");
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    let other_subject = "pulumi:environments:org:other:env:dev";
    let evil = Issuer::new("https://evil.example");
    let rows = [
        (
            issuer.expired_token(AUDIENCE, SUBJECT, NOW),
            EXPIRED,
            "must be before",
        ),
        (
            claims(|claims| claims["exp"] = json!(NOW)),
            EXPIRED,
            "must be before",
        ),
        (
            claims(|claims| claims["nbf"] = json!(NOW + 301)),
            INVALID,
            "not yet valid",
        ),
        (
            claims(|claims| claims["iat"] = json!(NOW + 301)),
            INVALID,
            "not yet valid",
        ),
        (
            claims(|claims| drop(claims.remove("exp"))),
            INVALID,
            "not a valid JWT",
        ),
        (
            claims(|claims| drop(claims.remove("iss"))),
            INVALID,
            "not a valid JWT",
        ),
        (
            issuer.token("sts.amazonaws.com", SUBJECT, NOW),
            INVALID,
            "audience",
        ),
        (
            evil.token(AUDIENCE, SUBJECT, NOW),
            INVALID,
            "account for https://evil.example",
        ),
        (
            issuer.tampered_token(AUDIENCE, SUBJECT, NOW),
            INVALID,
            "signature",
        ),
        (
            issuer.with_another_key().token(AUDIENCE, SUBJECT, NOW),
            INVALID,
            "signature",
        ),
        (
            issuer.with_key_id("key-2").token(AUDIENCE, SUBJECT, NOW),
            INVALID,
            "key",
        ),
        (with_algorithm("HS256"), INVALID, "algorithm"),
        (unsigned, INVALID, "algorithm"),
        ("not.a.jwt".to_owned(), INVALID, "not a valid JWT"),
        ("opaque".to_owned(), INVALID, "not a valid JWT"),
        (
            issuer.token(AUDIENCE, other_subject, NOW),
            DENIED,
            "Not authorized",
        ),
        (
            issuer.token("aws:other", SUBJECT, NOW),
            DENIED,
            "Not authorized",
        ),
        (
            elsewhere.token(AUDIENCE, SUBJECT, NOW),
            DENIED,
            "Not authorized",
        ),
    ];
    for (token, code, message) in rows {
        let response = post(&fixture.sts, &web_identity(&token, &[]));
        let (status, actual_code, actual_message) = error(&response);
        let expected = if code == DENIED { 403 } else { 400 };
        assert_eq!(
            (status, actual_code.as_str()),
            (expected, code),
            "{actual_message}"
        );
        assert!(actual_message.contains(message), "{actual_message}");
    }
}

#[test]
fn session_parameters_are_validated() {
    let fixture = fixture(|_| ());
    let token = fixture.issuer.token(AUDIENCE, SUBJECT, NOW);
    let long = "x".repeat(65);
    let any_policy = "arn:aws:iam::aws:policy/Any";
    let policies: Vec<_> = (1..=11)
        .map(|number| format!("PolicyArns.member.{number}.arn"))
        .collect();
    let eleven: Vec<_> = policies
        .iter()
        .map(|name| (name.as_str(), Some(any_policy)))
        .collect();
    let unknown_role = "arn:aws:iam::123456789012:role/none";
    let user_arn = "arn:aws:iam::123456789012:user/bob";
    let rows: &[(&Changes<'_>, &str, &str)] = &[
        (
            &[("RoleSessionName", Some("x"))],
            "ValidationError",
            "equal to 2",
        ),
        (
            &[("RoleSessionName", Some(&long))],
            "ValidationError",
            "equal to 64",
        ),
        (
            &[("RoleSessionName", Some("a b"))],
            "ValidationError",
            "pattern",
        ),
        (
            &[("RoleSessionName", None)],
            "ValidationError",
            "must not be null",
        ),
        (
            &[("WebIdentityToken", None)],
            "ValidationError",
            "must not be null",
        ),
        (
            &[("DurationSeconds", Some("899"))],
            "ValidationError",
            "equal to 900",
        ),
        (
            &[("DurationSeconds", Some("43201"))],
            "ValidationError",
            "equal to 43200",
        ),
        (
            &[("DurationSeconds", Some("7201"))],
            "ValidationError",
            "MaxSessionDuration",
        ),
        (
            &[("DurationSeconds", Some("1h"))],
            "ValidationError",
            "durationSeconds",
        ),
        (
            &[("RoleArn", Some("esc-oidc"))],
            "ValidationError",
            "roleArn",
        ),
        (
            &[("RoleArn", Some(user_arn))],
            "ValidationError",
            "is invalid",
        ),
        (
            &[("RoleArn", Some(SECOND_ROLE))],
            "AccessDenied",
            "Not authorized",
        ),
        (
            &[("RoleArn", Some(unknown_role))],
            "AccessDenied",
            "Not authorized",
        ),
        (&eleven, "ValidationError", "policyArns"),
        (
            &[("PolicyArns.member.1.arn", Some("Any"))],
            "ValidationError",
            "is invalid",
        ),
        (
            &[("PolicyArns.member.2.arn", Some(any_policy))],
            "ValidationError",
            "malformed",
        ),
        (
            &[("Durationseconds", Some("900"))],
            "ValidationError",
            "unknown parameter",
        ),
        (
            &[("Version", Some("2012-10-17"))],
            "InvalidAction",
            "version",
        ),
        (
            &[("Action", Some("AssumeRoleWithSAML"))],
            "InvalidAction",
            "operation",
        ),
    ];
    for (changes, code, message) in rows {
        let response = post(&fixture.sts, &web_identity(&token, changes));
        let (status, actual_code, actual_message) = error(&response);
        assert_eq!(actual_code, *code, "{changes:?}: {actual_message}");
        assert_eq!(
            status,
            if actual_code == "AccessDenied" {
                403
            } else {
                400
            }
        );
        assert!(
            actual_message.contains(message),
            "{changes:?}: {actual_message}"
        );
    }
    // The default duration is an hour, and the role's maximum is allowed.
    for (duration, end) in [(None, "13:34:56"), (Some("7200"), "14:34:56")] {
        let changes = [("DurationSeconds", duration)];
        let body = post(&fixture.sts, &web_identity(&token, &changes)).text();
        assert_eq!(element(&body, "Expiration"), format!("2026-03-01T{end}Z"));
    }
    // The request must not be signed, even if the client has credentials.
    let response = signed(&fixture.sts, &user(), &web_identity(&token, &[]));
    assert_eq!(error(&response).1, "ValidationError");
    // The token must be in a form, not in a URL, which may be logged.
    let form = web_identity(&token, &[]);
    let url = format!("{}/?{form}", fixture.sts.url());
    let response = Client::default().send("GET", &url, &[], b"").unwrap();
    assert_eq!(error(&response).1, "InvalidAction");
    let url = format!("{}/", fixture.sts.url());
    let response = Client::default()
        .send("POST", &url, &[], form.as_bytes())
        .unwrap();
    assert_eq!(error(&response).1, "ValidationError");
}
