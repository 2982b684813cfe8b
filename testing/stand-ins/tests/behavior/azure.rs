//! The stand-in for Microsoft Entra ID.

use serde_json::{Map, Value};
use stand_ins::azure::configuration::{
    AUDIENCE, CLIENT, ClientSecret, Configuration, DOMAIN, OBJECT, SUBJECT, TENANT, client_secret,
};
use stand_ins::azure::{AKS, Azure};
use stand_ins::clock::Clock;
use stand_ins::http::{Client, Response};
use stand_ins::oidc::Issuer;

use super::{Changes, FORM, ISSUER, NOW, form};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Fixture {
    issuer: Issuer,
    clock: Clock,
    azure: Azure,
}

fn fixture(change: impl FnOnce(&mut Configuration)) -> Fixture {
    let issuer = Issuer::new(ISSUER);
    let clock = Clock::fixed(NOW);
    let mut configuration = Configuration::example(&issuer);
    change(&mut configuration);
    let azure = Azure::start(configuration, clock.clone());
    Fixture {
        issuer,
        clock,
        azure,
    }
}

fn scope() -> String {
    format!("{AKS}/.default")
}

/// The form with an identity token.
fn assertion_form(token: &str, changes: &Changes<'_>) -> String {
    let fields = [
        ("client_id", CLIENT),
        ("grant_type", "client_credentials"),
        ("scope", &scope()),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", token),
    ];
    form(&fields, changes)
}

/// The form with a client secret.
fn secret_form(secret: &str) -> String {
    let fields = [
        ("client_id", CLIENT),
        ("grant_type", "client_credentials"),
        ("scope", &scope()),
        ("client_secret", secret),
    ];
    form(&fields, &[])
}

impl Fixture {
    fn token(&self, subject: &str) -> String {
        self.issuer.token(AUDIENCE, subject, NOW)
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let url = format!("{}{path}", self.azure.url());
        let response = Client::default().send(method, &url, headers, body.as_bytes());
        response.unwrap()
    }

    fn post(&self, tenant: &str, form: &str) -> Response {
        let path = format!("{tenant}/oauth2/v2.0/token");
        self.send("POST", &path, &[("Content-Type", FORM)], form)
    }

    /// Asserts that the form is rejected with this status and number, in the form of Microsoft's errors.
    #[track_caller]
    fn assert_rejected(&self, tenant: &str, form: &str, status: u16, code: u32) {
        let response = self.post(tenant, form);
        let body = json(&response);
        assert_eq!(response.status, status, "{body}");
        assert_eq!(body["error_codes"], serde_json::json!([code]), "{body}");
        let description = text(&body, "error_description");
        let ids = format!(
            " Trace ID: {} Correlation ID: {} Timestamp: 2026-03-01 12:34:56Z",
            text(&body, "trace_id"),
            text(&body, "correlation_id")
        );
        assert!(
            description.starts_with(&format!("AADSTS{code}: ")),
            "{body}"
        );
        assert!(description.ends_with(&ids), "{body}");
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

#[test]
fn client_credentials_become_an_access_token_for_aks() {
    let fixture = fixture(|_| ());
    let token = fixture.token(SUBJECT);
    for (tenant, form) in [
        (TENANT, assertion_form(&token, &[])),
        (DOMAIN, secret_form(&client_secret())),
    ] {
        let response = fixture.post(tenant, &form);
        assert_eq!(response.status, 200, "{}", response.text());
        let date = response.header("date");
        assert_eq!(date, Some("Sun, 01 Mar 2026 12:34:56 GMT"));
        let body = json(&response);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3599);
        let token = text(&body, "access_token");
        assert_eq!(fixture.azure.authenticate(&token).as_deref(), Ok(OBJECT));
        assert!(fixture.azure.secrets().contains(&token));
    }
    let records = fixture.azure.records();
    let outcomes: Vec<_> = records.iter().map(|record| &*record.outcome).collect();
    assert_eq!(outcomes, ["OK"; 2]);
    let shown = format!("{records:?}");
    assert!(!shown.contains("eyJ") && !shown.contains("8Q~"), "{shown}");
    // An identity token, and an access token that has expired.
    assert!(fixture.azure.authenticate(&token).is_err());
    let issued = fixture.azure.secrets().pop().unwrap();
    fixture.clock.advance(3598);
    assert!(fixture.azure.authenticate(&issued).is_ok());
    fixture.clock.advance(1);
    assert!(fixture.azure.authenticate(&issued).is_err());
}

#[test]
fn aks_rejects_tokens_of_other_issuers_and_for_other_audiences() {
    let fixture = fixture(|_| ());
    let entra = |tenant: &str| {
        let url = format!("https://sts.windows.net/{tenant}/");
        Issuer::new(&url).with_key_id("entra")
    };
    let token = |issuer: &Issuer, tenant: &str, audience: &str| {
        let mut claims = issuer.claims(audience, OBJECT, NOW);
        claims.extend(
            [("tid", tenant), ("oid", OBJECT)].map(|(name, id)| (name.to_owned(), id.into())),
        );
        issuer.sign(&claims)
    };
    let user = |token: &str| fixture.azure.authenticate(token);
    let valid = token(&entra(TENANT), TENANT, AKS);
    assert_eq!(user(&valid).as_deref(), Ok(OBJECT));
    for token in [
        token(&entra(TENANT), TENANT, "api://AzureADTokenExchange"),
        token(&entra(TENANT), "another", AKS),
        token(&entra("another"), TENANT, AKS),
        token(&entra("another"), "another", AKS),
        token(&entra(TENANT).with_another_key(), TENANT, AKS),
    ] {
        assert!(user(&token).is_err(), "{token}");
    }
}

#[test]
fn invalid_requests_are_rejected() {
    let fixture = fixture(|_| ());
    let token = fixture.token(SUBJECT);
    let changed = |name: &str, value: Option<&str>| assertion_form(&token, &[(name, value)]);
    let form = assertion_form(&token, &[]);
    for (tenant, form, code) in [
        ("common", form.clone(), 900_023),
        ("a%20b.c", form.clone(), 900_023),
        ("other.onmicrosoft.com", form.clone(), 90_002),
        (CLIENT, form.clone(), 90_002),
        (TENANT, changed("client_id", None), 900_144),
        (TENANT, changed("client_id", Some(TENANT)), 700_016),
        (TENANT, changed("grant_type", None), 900_144),
        (TENANT, changed("grant_type", Some("password")), 70_003),
        (TENANT, changed("scope", None), 900_144),
        (TENANT, changed("scope", Some(AKS)), 1_002_012),
        (
            TENANT,
            changed("scope", Some("https://x/.default")),
            500_011,
        ),
        (TENANT, changed("client_assertion_type", None), 900_144),
        (
            TENANT,
            changed("client_assertion_type", Some("jwt")),
            900_144,
        ),
        (TENANT, changed("resource", Some(AKS)), 90_014),
        (TENANT, format!("{form}&scope=x"), 90_014),
        (
            TENANT,
            assertion_form(
                "",
                &[("client_assertion", None), ("client_assertion_type", None)],
            ),
            7_000_216,
        ),
        (
            TENANT,
            changed("client_secret", Some(&client_secret())),
            7_000_216,
        ),
    ] {
        fixture.assert_rejected(tenant, &form, 400, code);
    }
    let path = format!("{TENANT}/oauth2/v2.0/token");
    let headers = [("Content-Type", FORM)];
    for (method, path, headers, status) in [
        ("POST", format!("{TENANT}/oauth2/token"), &headers[..], 404),
        ("POST", format!("{path}?x=y"), &headers, 404),
        ("POST", "/oauth2/v2.0/token".to_owned(), &headers, 404),
        ("GET", path.clone(), &headers, 400),
        ("POST", path.clone(), &[], 400),
        (
            "POST",
            path.clone(),
            &[("Content-Type", FORM), ("Authorization", "Basic x")],
            400,
        ),
        ("POST", path, &headers, 200),
    ] {
        let response = fixture.send(method, &path, headers, &form);
        assert_eq!(response.status, status, "{method} {path}");
    }
}

#[test]
fn invalid_identity_tokens_are_rejected() {
    let fixture = fixture(|_| ());
    let issuer = &fixture.issuer;
    let claims = |change: fn(&mut Map<String, Value>)| {
        let mut claims = issuer.claims(AUDIENCE, SUBJECT, NOW);
        change(&mut claims);
        issuer.sign(&claims)
    };
    let at = |issued_at: i64| issuer.token(AUDIENCE, SUBJECT, issued_at);
    let list = |claims: &mut Map<String, Value>| {
        claims.insert("aud".to_owned(), serde_json::json!([AUDIENCE]));
    };
    for (token, status, code) in [
        ("x.y.z".to_owned(), 400, 50_027),
        (claims(|claims| drop(claims.remove("iss"))), 400, 50_027),
        (claims(|claims| drop(claims.remove("sub"))), 400, 50_027),
        (
            Issuer::new("https://other.example").token(AUDIENCE, SUBJECT, NOW),
            401,
            700_211,
        ),
        (
            Issuer::new(&ISSUER.to_uppercase()).token(AUDIENCE, SUBJECT, NOW),
            401,
            700_211,
        ),
        (issuer.tampered_token(AUDIENCE, SUBJECT, NOW), 401, 50_013),
        (
            issuer.with_another_key().token(AUDIENCE, SUBJECT, NOW),
            401,
            50_013,
        ),
        (
            issuer.with_key_id("key-2").token(AUDIENCE, SUBJECT, NOW),
            401,
            50_013,
        ),
        (at(NOW - 300), 401, 700_024),
        (at(NOW + 301), 401, 700_024),
        (claims(|claims| drop(claims.remove("exp"))), 401, 700_024),
        (issuer.token("azure:acme", SUBJECT, NOW), 401, 700_212),
        (claims(|claims| drop(claims.remove("aud"))), 401, 700_212),
        (claims(list), 401, 700_212),
        (fixture.token("repo:evil/fork"), 401, 700_213),
        (
            fixture.token(&SUBJECT.replace("acme", "Acme")),
            401,
            7_002_138,
        ),
    ] {
        let form = assertion_form(&token, &[]);
        fixture.assert_rejected(TENANT, &form, status, code);
    }
    for token in [at(NOW - 299), at(NOW + 300)] {
        let response = fixture.post(TENANT, &assertion_form(&token, &[]));
        assert_eq!(response.status, 200, "{}", response.text());
    }
}

#[test]
fn application_decides_which_credentials_are_accepted() {
    let expired = fixture(|configuration| {
        configuration.application().client_secrets = vec![ClientSecret {
            value: client_secret(),
            expires_at: Some(NOW),
        }];
        configuration.application().federated_credentials.clear();
    });
    let form = secret_form(&client_secret());
    expired.assert_rejected(TENANT, &form, 401, 7_000_222);
    expired.assert_rejected(TENANT, &secret_form("other"), 401, 7_000_215);
    let token = assertion_form(&expired.token(SUBJECT), &[]);
    expired.assert_rejected(TENANT, &token, 401, 70_025);

    let blocked = fixture(|configuration| configuration.application().is_blocked = true);
    blocked.assert_rejected(TENANT, &form, 400, 53_003);
    blocked.assert_rejected(TENANT, &secret_form("other"), 401, 7_000_215);

    let unknown = fixture(|configuration| configuration.issuers.clear());
    unknown.assert_rejected(TENANT, &token, 401, 50_013);
}
