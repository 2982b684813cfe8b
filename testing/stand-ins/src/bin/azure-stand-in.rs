//! The stand-in for Microsoft Entra ID as a program, for suites that test other programs with it.
//!
//! `azure-stand-in [CONFIGURATION]` reads a JSON file (see `Program`), prints the addresses as one line of
//! JSON, and serves until its standard input ends. Each line of the input is a [`Command`] in JSON,
//! answered by one line of JSON.

use std::error::Error;
use std::io::{self, Read, Write};

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::{Value, json};
use stand_ins::azure::Azure;
use stand_ins::azure::configuration::{Configuration, IssuerKeys};
use stand_ins::clock::Clock;
use stand_ins::program::{self, Identity};
use stand_ins::proxy::Proxy;
use stand_ins::tls::Authority;

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Program {
    azure: Configuration,
    /// An issuer of identity tokens, whose keys are added.
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
    /// Authenticates an access token as AKS does. Returns the name of the user in `user`, or in `rejected`
    /// why the token is rejected.
    Authenticate { token: String },
    /// Sets the lifetime of access tokens that are issued from now on, in seconds; `null` for an hour.
    Lifetime { seconds: Option<Seconds> },
    /// Returns every request so far, in order, in `records`.
    Records,
}

fn main() -> Result<(), Box<dyn Error>> {
    run(program::configuration()?, io::stdin(), io::stdout())
}

fn run(mut program: Program, input: impl Read, output: impl Write) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    if let Some(identity) = &program.issuer {
        program.azure.issuers.push(IssuerKeys {
            url: identity.url.clone(),
            jwks: identity.issuer().jwks(),
        });
    }
    let identity = program.issuer;
    let identity_token = || identity.as_ref().map(|identity| identity.token(&clock));
    let azure = Azure::start(program.azure, clock.clone());
    let authority = Authority::new();
    let names = azure.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let addresses = json!({
        // For AZURE_AUTHORITY_HOST.
        "url": azure.url(),
        // For HTTPS_PROXY: leads Microsoft's real names to the stand-in, behind TLS.
        "proxy": proxy.url(),
        // For SSL_CERT_FILE, in PEM.
        "authority": authority.pem(),
        // For AZURE_FEDERATED_TOKEN_FILE; valid for five minutes.
        "identityToken": identity_token(),
    });
    program::serve(input, output, &addresses, |command| match command {
        Command::IdentityToken => json!({"identityToken": identity_token()}),
        Command::Authenticate { token } => match azure.authenticate(&token) {
            Ok(user) => json!({"user": user}),
            Err(reason) => json!({"rejected": reason}),
        },
        Command::Lifetime { seconds } => {
            azure.set_lifetime(seconds);
            json!({})
        }
        Command::Records => json!({"records": records(&azure)}),
    })
}

fn records(azure: &Azure) -> Vec<Value> {
    let records = azure.records().into_iter().map(|record| {
        json!({
            "path": record.path,
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
    use stand_ins::azure::AKS;
    use stand_ins::azure::configuration::{AUDIENCE, CLIENT, OBJECT, SUBJECT, TENANT};
    use stand_ins::http::Client;

    fn access_token(addresses: &Value) -> String {
        let form = percent::form(&[
            ("client_id", CLIENT),
            ("grant_type", "client_credentials"),
            ("scope", &format!("{AKS}/.default")),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            (
                "client_assertion",
                addresses["identityToken"].as_str().unwrap(),
            ),
        ]);
        let url = addresses["url"].as_str().unwrap();
        let url = format!("{url}{TENANT}/oauth2/v2.0/token");
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let response = Client::default().send("POST", &url, &headers, form.as_bytes());
        let response = response.unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    #[test]
    fn program_serves_its_configuration_until_its_input_ends() {
        let issuer = "https://issuer.example";
        let credential = json!({"issuer": issuer, "subject": SUBJECT, "audience": AUDIENCE});
        let program = json!({
            "azure": {"tenants": [{
                "id": TENANT,
                "applications": [{
                    "clientId": CLIENT,
                    "objectId": OBJECT,
                    "federatedCredentials": [credential],
                }],
            }]},
            "issuer": {"url": issuer, "audience": AUDIENCE, "subject": SUBJECT},
        });
        let program = serde_json::from_value(program).unwrap();
        let (input, mut commands) = io::pipe().unwrap();
        let (answers, output) = io::pipe().unwrap();
        let program = std::thread::spawn(move || run(program, input, output).unwrap());
        let mut answers = BufReader::new(answers).lines();
        let mut next = || serde_json::from_str::<Value>(&answers.next().unwrap().unwrap()).unwrap();
        let addresses = next();
        let token = access_token(&addresses);
        let mut execute = |command: &Value| {
            writeln!(commands, "{command}").unwrap();
            next()
        };
        let authenticate = json!({"command": "authenticate", "token": token});
        assert_eq!(execute(&authenticate), json!({"user": OBJECT}));
        let records = execute(&json!({"command": "records"}));
        assert_eq!(records["records"][0]["outcome"], "OK", "{records}");
        let identity = execute(&json!({"command": "identityToken"}));
        assert!(identity["identityToken"].is_string(), "{identity}");
        let lifetime = json!({"command": "lifetime", "seconds": 0});
        assert_eq!(execute(&lifetime), json!({}));
        let token = access_token(&addresses);
        let authenticate = json!({"command": "authenticate", "token": token});
        assert!(execute(&authenticate)["rejected"].is_string());
        drop(commands);
        program.join().unwrap();
    }
}
