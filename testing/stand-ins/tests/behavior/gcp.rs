//! The stand-in for Google Cloud.

use encodings::percent;
use serde_json::{Map, Value, json};
use stand_ins::clock::Clock;
use stand_ins::gcp::Gcp;
use stand_ins::gcp::configuration::{
    CLOUD_PLATFORM, Cluster, Configuration, EMAIL, IAM, SERVICE_ACCOUNT, SUBJECT, UNIQUE_ID,
    provider_name, user_token,
};
use stand_ins::http::{Client, Response};
use stand_ins::oidc::Issuer;

use super::{Changes, FORM, ISSUER, NOW, form};

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

struct Fixture {
    issuer: Issuer,
    clock: Clock,
    gcp: Gcp,
}

fn fixture(change: impl FnOnce(&mut Configuration)) -> Fixture {
    let issuer = Issuer::new(ISSUER);
    let clock = Clock::fixed(NOW);
    let mut configuration = Configuration::example(&issuer);
    change(&mut configuration);
    let gcp = Gcp::start(configuration, clock.clone());
    Fixture { issuer, clock, gcp }
}

fn audience() -> String {
    format!("https://iam.googleapis.com/{}", provider_name())
}

/// The form of a token exchange.
fn exchange_form(token: &str, changes: &Changes<'_>) -> String {
    let name = format!("//iam.googleapis.com/{}", provider_name());
    let fields = [
        ("audience", name.as_str()),
        ("grant_type", TOKEN_EXCHANGE),
        ("requested_token_type", ACCESS_TOKEN),
        ("scope", CLOUD_PLATFORM),
        ("subject_token", token),
        ("subject_token_type", JWT),
    ];
    form(&fields, changes)
}

fn post(url: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let response = Client::default().send("POST", url, headers, body.as_bytes());
    response.unwrap()
}

impl Fixture {
    fn token(&self, subject: &str) -> String {
        self.issuer.token(&audience(), subject, NOW)
    }

    fn exchange(&self, form: &str) -> Response {
        let url = format!("{}v1/token", self.gcp.sts_url());
        post(&url, &[("Content-Type", FORM)], form)
    }

    /// The federated access token of a subject.
    fn federated(&self, subject: &str) -> String {
        let response = self.exchange(&exchange_form(&self.token(subject), &[]));
        text(&json(&response), "access_token")
    }

    fn generate(&self, account: &str, token: &str, body: &Value) -> Response {
        let url = format!(
            "{}v1/projects/-/serviceAccounts/{account}:generateAccessToken",
            self.gcp.iam_credentials_url()
        );
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", &bearer),
        ];
        post(&url, &headers, &body.to_string())
    }
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn text(json: &Value, name: &str) -> String {
    json[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {json}"))
        .to_owned()
}

fn body(lifetime: &str) -> Value {
    json!({"scope": [CLOUD_PLATFORM, EMAIL], "lifetime": lifetime, "delegates": null})
}

#[test]
fn identity_token_becomes_an_access_token_of_the_service_account() {
    let fixture = fixture(|_| ());
    let response = fixture.exchange(&exchange_form(&fixture.token(SUBJECT), &[]));
    assert_eq!(response.status, 200, "{}", response.text());
    let federated = json(&response);
    assert_eq!(federated["token_type"], "Bearer");
    assert_eq!(federated["issued_token_type"], ACCESS_TOKEN);
    // The lifetime of the identity token.
    assert_eq!(federated["expires_in"], 300);
    // Google's own clients ask for this scope.
    let form = exchange_form(&fixture.token(SUBJECT), &[("scope", Some(IAM))]);
    let with_iam_scope = text(&json(&fixture.exchange(&form)), "access_token");
    let response = fixture.generate(SERVICE_ACCOUNT, &with_iam_scope, &body("60s"));
    assert_eq!(response.status, 200, "{}", response.text());

    let federated = text(&federated, "access_token");
    assert!(fixture.gcp.authenticate(&federated).is_err());

    for (account, scopes, user) in [
        (
            SERVICE_ACCOUNT,
            json!([CLOUD_PLATFORM, EMAIL]),
            SERVICE_ACCOUNT,
        ),
        (UNIQUE_ID, json!([CLOUD_PLATFORM]), UNIQUE_ID),
    ] {
        let body = json!({"scope": scopes, "lifetime": "600s"});
        let response = fixture.generate(account, &federated, &body);
        assert_eq!(response.status, 200, "{}", response.text());
        let date = response.header("date");
        assert_eq!(date, Some("Sun, 01 Mar 2026 12:34:56 GMT"));
        let issued = json(&response);
        assert_eq!(issued["expireTime"], "2026-03-01T12:44:56Z");
        let token = text(&issued, "accessToken");
        assert_eq!(fixture.gcp.authenticate(&token).as_deref(), Ok(user));
    }
    let records = fixture.gcp.records();
    let outcomes: Vec<_> = records
        .iter()
        .map(|record| record.outcome.as_str())
        .collect();
    assert_eq!(outcomes, ["OK"; 5]);
    let shown = format!("{records:?}");
    assert!(!shown.contains("ya29") && !shown.contains("eyJ"), "{shown}");

    let token = fixture.generate(SERVICE_ACCOUNT, &federated, &body("299s"));
    let token = text(&json(&token), "accessToken");
    fixture.clock.advance(299);
    assert!(fixture.gcp.authenticate(&token).is_err());
    fixture.clock.advance(1);
    let response = fixture.generate(SERVICE_ACCOUNT, &federated, &body("60s"));
    assert_eq!(response.status, 401, "{}", response.text());
}

#[test]
fn invalid_exchanges_are_rejected() {
    let fixture = fixture(|configuration| {
        let mut disabled = configuration.providers[0].clone();
        disabled.disabled = true;
        disabled.name = disabled.name.replace("actions", "disabled");
        configuration.providers.push(disabled);
    });
    let token = fixture.token(SUBJECT);
    let named = |from: &str, to: &str| {
        let name = format!("//iam.googleapis.com/{}", provider_name());
        let changed = name.replace(from, to);
        assert_ne!(changed, name);
        exchange_form(&token, &[("audience", Some(&changed))])
    };
    let changed = |name: &str, value: Option<&str>| exchange_form(&token, &[(name, value)]);
    for (form, error) in [
        (named("123456789012", "acme-platform"), "invalid_request"),
        (named("global", "eu"), "invalid_request"),
        (named("/providers/actions", ""), "invalid_request"),
        (named("actions", ""), "invalid_request"),
        (named("//iam", "https://iam"), "invalid_request"),
        (named("actions", "other"), "invalid_target"),
        (named("actions", "disabled"), "invalid_target"),
        (named("123456789012", "123456789013"), "invalid_target"),
        (changed("audience", None), "invalid_request"),
        (
            changed("grant_type", Some("client_credentials")),
            "unsupported_grant_type",
        ),
        (
            changed("requested_token_type", Some(JWT)),
            "invalid_request",
        ),
        (changed("requested_token_type", None), "invalid_request"),
        (
            changed("subject_token_type", Some(ACCESS_TOKEN)),
            "invalid_request",
        ),
        (changed("subject_token_type", None), "invalid_request"),
        (changed("scope", None), "invalid_scope"),
        (changed("scope", Some(EMAIL)), "invalid_scope"),
        (changed("subject_token", None), "invalid_grant"),
        (changed("options", Some("{}")), "invalid_request"),
        (
            format!("{}&scope=x", exchange_form(&token, &[])),
            "invalid_request",
        ),
    ] {
        let response = fixture.exchange(&form);
        assert_eq!(
            (response.status, text(&json(&response), "error").as_str()),
            (400, error),
            "{form}"
        );
    }
    let url = format!("{}v1/token", fixture.gcp.sts_url());
    let form = exchange_form(&token, &[]);
    let headers = [("Content-Type", FORM), ("Authorization", "Bearer x")];
    assert_eq!(post(&url, &headers, &form).status, 401);
    let headers = [("Content-Type", "application/json")];
    assert_eq!(post(&url, &headers, &form).status, 400);
    let headers = [("Content-Type", FORM)];
    assert_eq!(post(&format!("{url}/"), &headers, &form).status, 404);
    assert_eq!(post(&url, &headers, &form).status, 200);
}

#[test]
fn invalid_identity_tokens_are_rejected() {
    let fixture = fixture(|_| ());
    let issuer = &fixture.issuer;
    let claims = |change: fn(&mut Map<String, Value>)| {
        let mut claims = issuer.claims(&audience(), SUBJECT, NOW);
        change(&mut claims);
        issuer.sign(&claims)
    };
    let at = |issued_at: i64| issuer.token(&audience(), SUBJECT, issued_at);
    for (token, error, words) in [
        ("x.y.z".to_owned(), "invalid_grant", "parse"),
        (
            Issuer::new("https://other.example").token(&audience(), SUBJECT, NOW),
            "invalid_grant",
            "issuer in",
        ),
        (
            issuer.tampered_token(&audience(), SUBJECT, NOW),
            "invalid_grant",
            "signature",
        ),
        (
            issuer.with_another_key().token(&audience(), SUBJECT, NOW),
            "invalid_grant",
            "signature",
        ),
        (
            issuer.with_key_id("key-2").token(&audience(), SUBJECT, NOW),
            "invalid_grant",
            "connecting",
        ),
        (
            issuer.token("sts.amazonaws.com", SUBJECT, NOW),
            "invalid_grant",
            "[sts.amazonaws.com]",
        ),
        (
            claims(|claims| drop(claims.remove("aud"))),
            "invalid_grant",
            "audience in",
        ),
        (
            claims(|claims| drop(claims.remove("exp"))),
            "invalid_grant",
            "stale",
        ),
        (
            claims(|claims| drop(claims.remove("iat"))),
            "invalid_grant",
            "at null is stale",
        ),
        (at(NOW - 361), "invalid_grant", "stale"),
        (at(NOW + 61), "invalid_grant", "stale"),
        (
            claims(|claims| drop(claims.remove("sub"))),
            "unauthorized_client",
            "condition",
        ),
        (
            fixture.token("repo:evil/fork"),
            "unauthorized_client",
            "condition",
        ),
    ] {
        let response = fixture.exchange(&exchange_form(&token, &[]));
        let body = json(&response);
        assert_eq!(
            (response.status, text(&body, "error").as_str()),
            (400, error),
            "{words}"
        );
        assert!(text(&body, "error_description").contains(words), "{body}");
    }
    for token in [
        at(NOW - 359),
        at(NOW + 60),
        issuer.token(&audience().replace("https:", ""), SUBJECT, NOW),
    ] {
        let response = fixture.exchange(&exchange_form(&token, &[]));
        assert_eq!(response.status, 200, "{}", response.text());
    }
}

#[test]
fn invalid_impersonations_are_rejected() {
    let fixture = fixture(|configuration| {
        let mut other = configuration.service_accounts[0].clone();
        other.email = "extended@acme-platform.iam.gserviceaccount.com".to_owned();
        other.extended_lifetime = true;
        configuration.service_accounts.push(other);
        let mut token = configuration.access_tokens[0].clone();
        token.token = "ya29.without-scope".to_owned();
        token.scopes = vec![EMAIL.to_owned()];
        configuration.access_tokens.push(token);
    });
    let federated = fixture.federated(SUBJECT);
    let stranger = fixture.federated("repo:acme/other");
    let user = user_token();
    let extended = "extended@acme-platform.iam.gserviceaccount.com";
    for (account, token, body, status, code) in [
        (SERVICE_ACCOUNT, "", body("60s"), 401, "UNAUTHENTICATED"),
        (
            SERVICE_ACCOUNT,
            "ya29.unknown",
            body("60s"),
            401,
            "UNAUTHENTICATED",
        ),
        (
            SERVICE_ACCOUNT,
            "ya29.without-scope",
            body("60s"),
            403,
            "PERMISSION_DENIED",
        ),
        (
            SERVICE_ACCOUNT,
            &stranger,
            body("60s"),
            403,
            "PERMISSION_DENIED",
        ),
        (
            "none@acme-platform.iam.gserviceaccount.com",
            &user,
            body("60s"),
            403,
            "PERMISSION_DENIED",
        ),
        (SERVICE_ACCOUNT, &user, body("0s"), 400, "INVALID_ARGUMENT"),
        (SERVICE_ACCOUNT, &user, body("1h"), 400, "INVALID_ARGUMENT"),
        (
            SERVICE_ACCOUNT,
            &user,
            body("3601s"),
            400,
            "INVALID_ARGUMENT",
        ),
        (extended, &user, body("43201s"), 400, "INVALID_ARGUMENT"),
        (
            SERVICE_ACCOUNT,
            &user,
            json!({"lifetime": "60s", "scope": []}),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            SERVICE_ACCOUNT,
            &user,
            json!({"lifetime": "60s", "scope": [EMAIL], "delegates": ["a"]}),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            SERVICE_ACCOUNT,
            &user,
            json!({"lifetime": "60s", "scope": ["email"]}),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            SERVICE_ACCOUNT,
            &user,
            json!({"lifetime": "60s", "scope": [EMAIL], "x": 1}),
            400,
            "INVALID_ARGUMENT",
        ),
    ] {
        let response = fixture.generate(account, token, &body);
        let error = &json(&response)["error"];
        assert_eq!(
            (response.status, text(error, "status").as_str()),
            (status, code),
            "{account} {body}"
        );
        assert_eq!(error["code"], status, "{error}");
    }
    for (account, token, lifetime) in [
        (SERVICE_ACCOUNT, &federated, "3600s"),
        (SERVICE_ACCOUNT, &user, "1s"),
        (extended, &user, "43200s"),
        (&*percent::encode(SERVICE_ACCOUNT), &user, "60s"),
    ] {
        let response = fixture.generate(account, token, &body(lifetime));
        assert_eq!(response.status, 200, "{}", response.text());
    }
}

#[test]
fn cluster_is_described_to_its_viewers_only() {
    let cluster = |project: &str, viewer: &str| Cluster {
        project: project.to_owned(),
        location: "europe-west1".to_owned(),
        name: "prod".to_owned(),
        status: "RUNNING".to_owned(),
        endpoint: Some("203.0.113.7".to_owned()),
        authority_data: "QUJD".to_owned(),
        dns_endpoint: "gke-1a2b.europe-west1.gke.goog".to_owned(),
        allows_external_traffic: false,
        viewers: vec![viewer.to_owned()],
    };
    let fixture = fixture(|configuration| {
        let mut weak = configuration.access_tokens[0].clone();
        weak.token.push('x');
        weak.scopes = vec![EMAIL.to_owned()];
        configuration.access_tokens.push(weak);
        configuration.clusters = vec![
            cluster("acme", "user:alice@acme.example"),
            cluster("other", "user:bob@acme.example"),
        ];
    });
    let user = user_token();
    let bearer = |token: &str| format!("Bearer {token}");
    for (method, path, authorization, status) in [
        (
            "GET",
            "acme/locations/europe-west1/clusters/prod",
            bearer(&user),
            200,
        ),
        (
            "GET",
            "acme/locations/europe-west1/clusters/dev",
            bearer(&user),
            404,
        ),
        (
            "GET",
            "acme/locations/us-east1/clusters/prod",
            bearer(&user),
            404,
        ),
        (
            "GET",
            "other/locations/europe-west1/clusters/prod",
            bearer(&user),
            403,
        ),
        (
            "GET",
            "none/locations/europe-west1/clusters/prod",
            bearer(&user),
            403,
        ),
        (
            "GET",
            "acme/locations/europe-west1/clusters/prod",
            bearer(&format!("{user}x")),
            403,
        ),
        (
            "GET",
            "acme/locations/europe-west1/clusters/prod",
            bearer("ya29.other"),
            401,
        ),
        (
            "GET",
            "acme/locations/europe-west1/clusters/prod",
            user.clone(),
            401,
        ),
        (
            "GET",
            "acme/locations/europe-west1/clusters/prod/",
            bearer(&user),
            404,
        ),
        (
            "GET",
            "acme/zones/europe-west1/clusters/prod",
            bearer(&user),
            404,
        ),
        (
            "POST",
            "acme/locations/europe-west1/clusters/prod",
            bearer(&user),
            404,
        ),
    ] {
        let url = format!("{}v1/projects/{path}", fixture.gcp.container_url());
        let headers = [("Authorization", authorization.as_str())];
        let response = Client::default().send(method, &url, &headers, b"").unwrap();
        assert_eq!(response.status, status, "{path}: {}", response.text());
        if status == 200 {
            let described = json(&response);
            assert_eq!(described["endpoint"], "203.0.113.7");
            assert_eq!(described["masterAuth"]["clusterCaCertificate"], "QUJD");
            let endpoints = &described["controlPlaneEndpointsConfig"];
            assert!(endpoints["dnsEndpointConfig"]["allowExternalTraffic"].is_null());
        }
    }
}
