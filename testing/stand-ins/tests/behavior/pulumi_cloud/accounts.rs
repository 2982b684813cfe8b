//! Users, default organizations, and exchanges of tokens.

use serde_json::{Value, json};
use stand_ins::http::{Client, Response};
use stand_ins::oidc::Issuer;
use stand_ins::pulumi_cloud::configuration::{
    ORGANIZATION_TOKEN, Owner, STRANGERS_TOKEN, TEAM_TOKEN, TOKEN, Trust,
};

use super::{Fixture, NOW, error, fixture, json, query};

const AUDIENCE: &str = "urn:pulumi:org:acme";
const SUBJECT: &str = "repo:acme/platform:ref:refs/heads/main";

/// A fixture and an issuer that it trusts.
fn trusting(grants: &[&str]) -> (Fixture, Issuer) {
    let issuer = Issuer::new("https://token.actions.example");
    let fixture = fixture(|configuration| {
        configuration.trusts.push(Trust {
            organization: "acme".to_owned(),
            issuer: issuer.url().to_owned(),
            jwks: issuer.jwks(),
            subject: "repo:acme/*".to_owned(),
            grants: grants.iter().map(ToString::to_string).collect(),
        });
    });
    (fixture, issuer)
}

fn exchange(fixture: &Fixture, fields: &[(&str, &str)], as_form: bool) -> Response {
    let (kind, body) = if as_form {
        ("application/x-www-form-urlencoded", query(fields))
    } else {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)));
        (
            "application/json",
            Value::Object(fields.collect()).to_string(),
        )
    };
    let headers = [("Content-Type", kind), ("Accept", "application/json")];
    let url = format!("{}/api/oauth/token", fixture.cloud.url());
    let client = Client::default();
    client
        .send("POST", &url, &headers, body.as_bytes())
        .unwrap()
}

/// The fields of a token exchange with some replaced.
fn fields<'a>(token: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("audience", AUDIENCE),
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        ),
        (
            "requested_token_type",
            "urn:pulumi:token-type:access_token:organization",
        ),
        ("scope", ""),
        ("expiration", "900"),
        ("subject_token", token),
    ];
    for change in changes {
        for field in &mut fields {
            if field.0 == change.0 {
                *field = *change;
            }
        }
    }
    fields
}

#[test]
fn token_owner_is_returned() {
    let fixture = fixture(|_| ());
    let user = |token: &str| json(&fixture.send(token, "GET", "/api/user", ""));
    let alice = user(TOKEN);
    assert_eq!(alice["githubLogin"], "alice");
    let logins = |user: &Value| -> Vec<Value> {
        let organizations = user["organizations"].as_array().unwrap().iter();
        organizations
            .map(|organization| organization["githubLogin"].clone())
            .collect()
    };
    assert_eq!(logins(&alice), ["alice", "acme"]);
    assert!(alice.get("tokenInfo").is_none());
    let info = json!({"name": "deployments", "organization": "acme", "team": ""});
    assert_eq!(user(ORGANIZATION_TOKEN)["tokenInfo"], info);
    let info = json!({"name": "pipelines", "organization": "acme", "team": "platform"});
    assert_eq!(user(TEAM_TOKEN)["tokenInfo"], info);

    let default = |token: &str| fixture.send(token, "GET", "/api/user/organizations/default", "");
    assert_eq!(json(&default(TOKEN))["GitHubLogin"], "acme");
    assert_eq!(error(&default(STRANGERS_TOKEN)).0, 404);
}

#[test]
fn identity_tokens_are_exchanged() {
    let (fixture, issuer) = trusting(&["organization", "team:platform", "personal:alice"]);
    let token = issuer.token(AUDIENCE, SUBJECT, NOW);
    let kind = |kind: &str| format!("urn:pulumi:token-type:access_token:{kind}");
    for (requested, scope, login, issued, as_form) in [
        ("organization", "", "acme", "organization", true),
        ("organization", "admin", "acme", "organization", false),
        ("team", "team:platform", "acme", "team", false),
        ("personal", "user:alice", "alice", "personal", true),
    ] {
        let requested = kind(requested);
        let changes = [
            ("requested_token_type", requested.as_str()),
            ("scope", scope),
        ];
        let response = exchange(&fixture, &fields(&token, &changes), as_form);
        let answer = json(&response);
        assert_eq!(answer["expires_in"], 900);
        assert_eq!(answer["token_type"], "token");
        assert_eq!(answer["issued_token_type"], kind(issued));
        assert_eq!(answer["scope"], scope);
        let access = answer["access_token"].as_str().unwrap();
        let user = json(&fixture.send(access, "GET", "/api/user", ""));
        assert_eq!(user["githubLogin"], login);
    }
    let answer = json(&exchange(&fixture, &fields(&token, &[]), true));
    let access = answer["access_token"].as_str().unwrap();
    fixture.clock.advance(899);
    assert_eq!(fixture.send(access, "GET", "/api/user", "").status, 200);
    fixture.clock.advance(1);
    assert_eq!(fixture.send(access, "GET", "/api/user", "").status, 401);
}

#[test]
fn untrusted_identity_tokens_are_rejected() {
    let (fixture, issuer) = trusting(&["organization"]);
    let good = issuer.token(AUDIENCE, SUBJECT, NOW);
    let stranger = Issuer::new("https://elsewhere.example");
    let unauthorized = |token: &str, why: &str| {
        let response = exchange(&fixture, &fields(token, &[]), true);
        assert_eq!(error(&response), (401, format!("Unauthorized: {why}")));
    };
    unauthorized("no.jwt", "the subject token is not a JWT");
    unauthorized(
        &stranger.token(AUDIENCE, SUBJECT, NOW),
        "the issuer is not trusted",
    );
    unauthorized(
        &issuer.with_another_key().token(AUDIENCE, SUBJECT, NOW),
        "the signature of the subject token does not match",
    );
    unauthorized(
        &issuer.with_key_id("other").token(AUDIENCE, SUBJECT, NOW),
        "the subject token is signed with an unknown key",
    );
    unauthorized(
        &issuer.tampered_token(AUDIENCE, SUBJECT, NOW),
        "the signature of the subject token does not match",
    );
    unauthorized(
        &issuer.token("urn:pulumi:org:other", SUBJECT, NOW),
        "the subject token is for another audience",
    );
    unauthorized(
        &issuer.expired_token(AUDIENCE, SUBJECT, NOW),
        "the subject token is expired or not yet valid",
    );
    unauthorized(
        &issuer.token(AUDIENCE, "repo:evil/app", NOW),
        "the subject is not trusted",
    );
    let team = "urn:pulumi:token-type:access_token:team";
    for (changes, status, why) in [
        (
            vec![("audience", "urn:pulumi:org:other")],
            401,
            "Unauthorized: the issuer is not trusted",
        ),
        (
            vec![("audience", "acme")],
            400,
            "Bad Request: invalid audience",
        ),
        (
            vec![("grant_type", "password")],
            400,
            "Bad Request: unknown grant_type `password`",
        ),
        (
            vec![("subject_token_type", "jwt")],
            400,
            "Bad Request: unknown subject_token_type",
        ),
        (
            vec![("requested_token_type", "jwt")],
            400,
            "Bad Request: unknown requested_token_type",
        ),
        (
            vec![("scope", "user:alice")],
            400,
            "Bad Request: invalid scope for the token type",
        ),
        (
            vec![("expiration", "soon")],
            400,
            "Bad Request: invalid expiration",
        ),
        (
            vec![("requested_token_type", team), ("scope", "team:platform")],
            403,
            "Forbidden: no policy of the organization allows this token",
        ),
    ] {
        let response = exchange(&fixture, &fields(&good, &changes), false);
        assert_eq!(error(&response), (status, why.to_owned()));
    }
}

#[test]
fn refresh_token_works_once() {
    let fixture = fixture(|_| ());
    let refresh = |token: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        exchange(&fixture, &fields, true)
    };
    let first = fixture
        .cloud
        .refresh_token(Owner::Personal("alice".to_owned()));
    let answer = json(&refresh(&first));
    let access = answer["access_token"].as_str().unwrap();
    let user = json(&fixture.send(access, "GET", "/api/user", ""));
    assert_eq!(user["githubLogin"], "alice");
    let second = answer["refresh_token"].as_str().unwrap();
    let rejected = (401, "Unauthorized: invalid refresh token".to_owned());
    assert_eq!(error(&refresh(&first)), rejected);
    assert_eq!(refresh(second).status, 200);
}
