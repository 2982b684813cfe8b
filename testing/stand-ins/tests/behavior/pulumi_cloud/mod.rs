//! The stand-in for Pulumi Cloud answers like the documented service, and rejects other requests.

mod accounts;
mod definitions;
mod faults;
mod opening;
mod providers;
mod stacks;

use encodings::percent;
use serde_json::Value;
use stand_ins::clock::Clock;
use stand_ins::http::{Client, Response};
use stand_ins::oidc::Issuer;
use stand_ins::pulumi_cloud::configuration::{Configuration, TOKEN};
use stand_ins::pulumi_cloud::{Dependencies, LOGIN_ISSUER, PulumiCloud};
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration as Accounts, Provider, Trust};

/// 2026-03-01T12:34:56Z.
const NOW: i64 = 1_772_368_496;
/// The audience of the identity tokens from `fn::open::oidc`.
const AUDIENCE: &str = "sts.amazonaws.com";
const ENVIRONMENT: &str = "/api/esc/environments/acme/platform/prod";

struct Fixture {
    cloud: PulumiCloud,
    clock: Clock,
    sts: Sts,
}

/// A Pulumi Cloud whose identity tokens AWS trusts.
fn fixture(change: impl FnOnce(&mut Configuration)) -> Fixture {
    let clock = Clock::fixed(NOW);
    let mut accounts = Accounts::example(&Issuer::new(LOGIN_ISSUER));
    let tokens = PulumiCloud::token_issuer();
    accounts.providers.push(Provider {
        issuer: tokens.url().to_owned(),
        jwks: tokens.jwks(),
        audiences: vec![AUDIENCE.to_owned()],
    });
    accounts.roles[0].trust.push(Trust::WebIdentity {
        issuer: tokens.url().to_owned(),
        audience: AUDIENCE.to_owned(),
        subject: "pulumi:org:org-acme:env:*".to_owned(),
    });
    let sts = Sts::start(accounts, clock.clone());
    let mut configuration = Configuration::example();
    change(&mut configuration);
    let dependencies = Dependencies {
        clock: clock.clone(),
        sts: Some(sts.clone()),
    };
    let cloud = PulumiCloud::start(configuration, dependencies);
    Fixture { cloud, clock, sts }
}

/// A fixture with one more environment, `test/env`.
fn with(definition: &str) -> Fixture {
    fixture(|configuration| {
        *configuration = configuration.clone().environment("test", "env", definition);
    })
}

impl Fixture {
    fn send(&self, token: &str, method: &str, target: &str, body: &str) -> Response {
        let authorization = format!("token {token}");
        let mut headers = vec![
            ("Authorization", authorization.as_str()),
            ("Accept", "application/vnd.pulumi+8"),
        ];
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        let url = format!("{}{target}", self.cloud.url());
        let client = Client::default();
        client
            .send(method, &url, &headers, body.as_bytes())
            .unwrap()
    }

    fn get(&self, target: &str) -> Response {
        self.send(TOKEN, "GET", target, "")
    }

    fn post(&self, target: &str, body: &str) -> Response {
        self.send(TOKEN, "POST", target, body)
    }

    /// Opens `path` and reads the session.
    fn opened(&self, path: &str) -> Value {
        serde_json::from_str(&self.opened_text(path)).unwrap()
    }

    /// Opens `path` and reads the session as text.
    fn opened_text(&self, path: &str) -> String {
        let id = session(&self.post(&format!("{path}/open?duration=2h0m0s"), ""));
        let environment = path.split("/versions/").next().unwrap();
        let response = self.get(&format!("{environment}/open/{id}"));
        assert_eq!(response.status, 200, "{}", response.text());
        response.text()
    }
}

/// The body of a successful response.
fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    serde_json::from_slice(&response.body).unwrap()
}

/// The id of an opened session.
fn session(response: &Response) -> String {
    json(response)["id"].as_str().unwrap().to_owned()
}

/// The status and the message of an error in the documented form.
fn error(response: &Response) -> (u16, String) {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["code"], response.status, "{body}");
    (
        response.status,
        body["message"].as_str().unwrap().to_owned(),
    )
}

/// The plain values of `properties`.
fn plain(properties: &Value) -> Value {
    let entries = properties.as_object().unwrap().iter();
    let entries = entries.map(|(name, value)| (name.clone(), plain_value(value)));
    Value::Object(entries.collect())
}

fn plain_value(value: &Value) -> Value {
    match &value["value"] {
        Value::Array(items) => Value::Array(items.iter().map(plain_value).collect()),
        entries @ Value::Object(_) => plain(entries),
        other => other.clone(),
    }
}

fn query(pairs: &[(&str, &str)]) -> String {
    percent::form(pairs)
}
