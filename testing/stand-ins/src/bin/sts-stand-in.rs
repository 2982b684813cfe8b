//! The STS stand-in as a program, for suites that run other people's programs against it.
//!
//! `sts-stand-in [CONFIGURATION]` reads a JSON file (see `Configuration`, plus the fields of
//! `Program`), prints one line of JSON that says where everything is, and serves until its standard
//! input ends. Each line of the input is an [`Order`] in JSON, answered by one line of JSON.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::{Value, json};
use stand_ins::clock::Clock;
use stand_ins::oidc::Issuer;
use stand_ins::proxy::Proxy;
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration, Provider, Role};
use stand_ins::tls::Authority;

/// What the program reads beside the stand-in's own configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Program {
    sts: Configuration,
    /// An issuer of its own: becomes a provider, and an identity token is printed.
    issuer: Option<OwnIssuer>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OwnIssuer {
    url: String,
    audience: String,
    subject: String,
}

/// What a line of the input asks for.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    tag = "order",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Order {
    /// An identity token issued now, good for five minutes, in `identityToken`.
    IdentityToken,
    /// Credentials issued from now on last this long, in seconds; `null`: as long as asked for.
    Lifetime { seconds: Option<Seconds> },
    /// Takes away the sessions that were issued so far; how many, in `revoked`.
    RevokeSessions,
    /// From now on there are these roles and no others.
    Roles { roles: Vec<Role> },
    /// From now on the proxy leads this `HOST:PORT` to an address, beside the names of STS.
    Route { from: String, to: SocketAddr },
    /// Every request so far, in order, in `records`.
    Records,
}

fn main() -> Result<(), Box<dyn Error>> {
    let program = match std::env::args_os().nth(1) {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        None => Program::default(),
    };
    run(program, io::stdin(), io::stdout())
}

fn run(
    mut program: Program,
    input: impl Read,
    mut output: impl Write,
) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    let issuer = program.issuer.map(|own| {
        let issuer = Issuer::new(&own.url);
        program.sts.providers.push(Provider {
            issuer: own.url.clone(),
            jwks: issuer.jwks(),
            audiences: vec![own.audience.clone()],
        });
        (issuer, own)
    });
    let identity_token = || {
        let (issuer, own) = issuer.as_ref()?;
        Some(issuer.token(&own.audience, &own.subject, clock.now()))
    };
    let sts = Sts::start(program.sts, clock.clone());
    let authority = Authority::new();
    let names = sts.real_names(&authority);
    let routes: Arc<Mutex<HashMap<String, SocketAddr>>> = Arc::default();
    let proxy = {
        let (of_sts, more) = (names.route(), Arc::clone(&routes));
        Proxy::start(move |authority| {
            let more = more.lock().unwrap_or_else(PoisonError::into_inner);
            of_sts(authority).or_else(|| more.get(authority).copied())
        })
    };
    let mut say = |answer: Value| -> io::Result<()> {
        writeln!(output, "{answer}")?;
        output.flush()
    };
    say(json!({
        // For AWS_ENDPOINT_URL_STS.
        "url": sts.url(),
        // For HTTPS_PROXY: leads the real names of STS to the stand-in, behind TLS.
        "proxy": proxy.url(),
        // For SSL_CERT_FILE or AWS_CA_BUNDLE, in PEM.
        "authority": authority.pem(),
        // For AWS_WEB_IDENTITY_TOKEN_FILE; good for five minutes.
        "identityToken": identity_token(),
    }))?;
    for line in BufReader::new(input).lines() {
        say(match serde_json::from_str(&line?)? {
            Order::IdentityToken => json!({"identityToken": identity_token()}),
            Order::Lifetime { seconds } => {
                sts.set_lifetime(seconds);
                json!({})
            }
            Order::RevokeSessions => json!({"revoked": sts.revoke_sessions()}),
            Order::Roles { roles } => {
                sts.set_roles(roles);
                json!({})
            }
            Order::Route { from, to } => {
                let mut routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
                routes.insert(from, to);
                json!({})
            }
            Order::Records => {
                let records = sts.records().into_iter().map(|record| {
                    json!({
                        "action": record.action,
                        "parameters": record.parameters,
                        "host": record.host,
                        "userAgent": record.user_agent,
                        "outcome": record.outcome,
                    })
                });
                json!({"records": records.collect::<Vec<_>>()})
            }
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use serde_json::Value;

    use super::*;
    use encodings::percent;
    use stand_ins::http::Client;

    #[test]
    fn program_serves_its_configuration_until_its_input_ends() {
        let program = json!({
            "sts": {
                "roles": [{
                    "arn": "arn:aws:iam::123456789012:role/deployer",
                    "id": "AROAEXAMPLE",
                    "trust": [{"webIdentity": {
                        "issuer": "https://issuer.example",
                        "audience": "sts.amazonaws.com",
                        "subject": "repo:acme/*",
                    }}],
                }],
                "lifetime": 300,
            },
            "issuer": {
                "url": "https://issuer.example",
                "audience": "sts.amazonaws.com",
                "subject": "repo:acme/app",
            },
        });
        let program = serde_json::from_value(program).unwrap();
        let (input, mut hold) = io::pipe().unwrap();
        let (places, output) = io::pipe().unwrap();
        let served = std::thread::spawn(move || run(program, input, output).unwrap());
        let mut answers = BufReader::new(places).lines();
        let mut next = || serde_json::from_str::<Value>(&answers.next().unwrap().unwrap()).unwrap();
        let places = next();
        let form = percent::form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", "arn:aws:iam::123456789012:role/deployer"),
            ("RoleSessionName", "program"),
            (
                "WebIdentityToken",
                places["identityToken"].as_str().unwrap(),
            ),
        ]);
        let url = format!("{}/", places["url"].as_str().unwrap());
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let response = Client::default()
            .send("POST", &url, &headers, form.as_bytes())
            .unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let mut order = |order: &str| {
            writeln!(hold, "{order}").unwrap();
            next()
        };
        let records = order(r#"{"order": "records"}"#);
        assert_eq!(records["records"][0]["outcome"], "OK", "{records}");
        let token = order(r#"{"order": "identityToken"}"#);
        assert!(token["identityToken"].is_string(), "{token}");
        assert_eq!(
            order(r#"{"order": "revokeSessions"}"#),
            json!({"revoked": 1})
        );
        assert_eq!(order(r#"{"order": "lifetime", "seconds": 60}"#), json!({}));
        assert_eq!(order(r#"{"order": "roles", "roles": []}"#), json!({}));
        let response = Client::default()
            .send("POST", &url, &headers, form.as_bytes())
            .unwrap();
        assert_eq!(response.status, 403, "{}", response.text());
        drop(hold);
        served.join().unwrap();
    }
}
