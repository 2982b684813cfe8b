//! The stand-in for STS as a program, for suites that test other programs with it.
//!
//! `sts-stand-in [CONFIGURATION]` reads a JSON file (see `Program`), prints the addresses as one line
//! of JSON, and serves until its standard input ends. Each line of the input is a [`Command`] in JSON,
//! answered by one line of JSON.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::{Value, json};
use stand_ins::clock::Clock;
use stand_ins::program::{self, Identity};
use stand_ins::proxy::Proxy;
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration, Provider, Role};
use stand_ins::tls::Authority;

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Program {
    sts: Configuration,
    /// An issuer of identity tokens, which is added as a provider.
    issuer: Option<Identity>,
}

/// A command on a line of the input.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    tag = "command",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Command {
    /// Returns an identity token, valid for five minutes, in `identityToken`.
    IdentityToken,
    /// Authenticates a token as the API server of a cluster does. Returns the caller's ARN in `caller`, or
    /// in `rejected` why the token is rejected.
    Authenticate { token: String, cluster: String },
    /// Sets the lifetime of the credentials issued from now on, in seconds; `null` for the requested
    /// duration.
    Lifetime { seconds: Option<Seconds> },
    /// Revokes the sessions issued so far, and returns their number in `revoked`.
    RevokeSessions,
    /// Replaces the roles.
    Roles { roles: Vec<Role> },
    /// Makes the proxy connect `HOST:PORT` to an address.
    Route { from: String, to: SocketAddr },
    /// Returns every request so far, in order, in `records`.
    Records,
}

fn main() -> Result<(), Box<dyn Error>> {
    run(program::configuration()?, io::stdin(), io::stdout())
}

fn run(mut program: Program, input: impl Read, output: impl Write) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    if let Some(identity) = &program.issuer {
        program.sts.providers.push(Provider {
            issuer: identity.url.clone(),
            jwks: identity.issuer().jwks(),
            audiences: vec![identity.audience.clone()],
        });
    }
    let identity = program.issuer;
    let identity_token = || identity.as_ref().map(|identity| identity.token(&clock));
    let sts = Sts::start(program.sts, clock.clone());
    let authority = Authority::new();
    let names = sts.real_names(&authority);
    let routes: Arc<Mutex<HashMap<String, SocketAddr>>> = Arc::default();
    let proxy = {
        let (sts_route, routes) = (names.route(), Arc::clone(&routes));
        Proxy::start(move |authority| {
            let routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
            sts_route(authority).or_else(|| routes.get(authority).copied())
        })
    };
    let addresses = json!({
        // For AWS_ENDPOINT_URL_STS.
        "url": sts.url(),
        // For HTTPS_PROXY: leads the real names of STS to the stand-in, behind TLS.
        "proxy": proxy.url(),
        // For SSL_CERT_FILE or AWS_CA_BUNDLE, in PEM.
        "authority": authority.pem(),
        // For AWS_WEB_IDENTITY_TOKEN_FILE; valid for five minutes.
        "identityToken": identity_token(),
    });
    program::serve(input, output, &addresses, |command| match command {
        Command::IdentityToken => json!({"identityToken": identity_token()}),
        Command::Authenticate { token, cluster } => program::authenticate(&sts, &token, &cluster),
        Command::Lifetime { seconds } => {
            sts.set_lifetime(seconds);
            json!({})
        }
        Command::RevokeSessions => json!({"revoked": sts.revoke_sessions()}),
        Command::Roles { roles } => {
            sts.set_roles(roles);
            json!({})
        }
        Command::Route { from, to } => {
            let mut routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
            routes.insert(from, to);
            json!({})
        }
        Command::Records => json!({"records": records(&sts)}),
    })
}

fn records(sts: &Sts) -> Vec<Value> {
    let records = sts.records().into_iter().map(|record| {
        json!({
            "action": record.action,
            "parameters": record.parameters,
            "host": record.host,
            "userAgent": record.user_agent,
            "outcome": record.outcome,
        })
    });
    records.collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

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
        let (input, mut commands) = io::pipe().unwrap();
        let (answers, output) = io::pipe().unwrap();
        let program = std::thread::spawn(move || run(program, input, output).unwrap());
        let mut answers = BufReader::new(answers).lines();
        let mut next = || serde_json::from_str::<Value>(&answers.next().unwrap().unwrap()).unwrap();
        let addresses = next();
        let form = percent::form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", "arn:aws:iam::123456789012:role/deployer"),
            ("RoleSessionName", "program"),
            (
                "WebIdentityToken",
                addresses["identityToken"].as_str().unwrap(),
            ),
        ]);
        let url = format!("{}/", addresses["url"].as_str().unwrap());
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let response = Client::default()
            .send("POST", &url, &headers, form.as_bytes())
            .unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let mut execute = |command: &str| {
            writeln!(commands, "{command}").unwrap();
            next()
        };
        let records = execute(r#"{"command": "records"}"#);
        assert_eq!(records["records"][0]["outcome"], "OK", "{records}");
        let authenticate = r#"{"command": "authenticate", "token": "k8s", "cluster": "prod"}"#;
        assert!(execute(authenticate)["rejected"].is_string());
        let token = execute(r#"{"command": "identityToken"}"#);
        assert!(token["identityToken"].is_string(), "{token}");
        assert_eq!(
            execute(r#"{"command": "revokeSessions"}"#),
            json!({"revoked": 1})
        );
        assert_eq!(
            execute(r#"{"command": "lifetime", "seconds": 60}"#),
            json!({})
        );
        assert_eq!(execute(r#"{"command": "roles", "roles": []}"#), json!({}));
        let response = Client::default()
            .send("POST", &url, &headers, form.as_bytes())
            .unwrap();
        assert_eq!(response.status, 403, "{}", response.text());
        drop(commands);
        program.join().unwrap();
    }
}
