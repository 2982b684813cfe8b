//! The stand-in for Google Cloud as a program, for suites that test other programs with it.
//!
//! `gcp-stand-in [CONFIGURATION]` reads a JSON file (see `Program`), prints the addresses as one line of
//! JSON, and serves until its standard input ends. Each line of the input is a [`Command`] in JSON,
//! answered by one line of JSON.

use std::error::Error;
use std::io::{self, Read, Write};

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::{Value, json};
use stand_ins::clock::Clock;
use stand_ins::gcp::Gcp;
use stand_ins::gcp::configuration::Configuration;
use stand_ins::program::{self, Identity};
use stand_ins::proxy::Proxy;
use stand_ins::tls::Authority;

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Program {
    gcp: Configuration,
    /// An issuer of identity tokens, whose keys its providers get.
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
    /// Authenticates an access token as GKE does. Returns the name of the user in `user`, or in `rejected`
    /// why the token is rejected.
    Authenticate { token: String },
    /// Sets the lifetime of service accounts' tokens that are issued from now on, in seconds; `null` for the
    /// requested one.
    Lifetime { seconds: Option<Seconds> },
    /// Revokes the tokens issued so far.
    RevokeTokens,
    /// Returns every request so far, in order, in `records`.
    Records,
}

fn main() -> Result<(), Box<dyn Error>> {
    run(program::configuration()?, io::stdin(), io::stdout())
}

fn run(mut program: Program, input: impl Read, output: impl Write) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    if let Some(identity) = &program.issuer {
        let providers = program.gcp.providers.iter_mut();
        for provider in providers.filter(|provider| provider.issuer == identity.url) {
            provider.jwks = identity.issuer().jwks();
        }
    }
    let identity = program.issuer;
    let identity_token = || identity.as_ref().map(|identity| identity.token(&clock));
    let gcp = Gcp::start(program.gcp, clock.clone());
    let authority = Authority::new();
    let names = gcp.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let addresses = json!({
        // For CLOUDSDK_API_ENDPOINT_OVERRIDES_STS.
        "sts": gcp.sts_url(),
        // For CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS.
        "iamCredentials": gcp.iam_credentials_url(),
        // For CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER.
        "container": gcp.container_url(),
        // For HTTPS_PROXY: leads Google's real names to the stand-in, behind TLS.
        "proxy": proxy.url(),
        // For SSL_CERT_FILE, in PEM.
        "authority": authority.pem(),
        // Valid for five minutes.
        "identityToken": identity_token(),
    });
    program::serve(input, output, &addresses, |command| match command {
        Command::IdentityToken => json!({"identityToken": identity_token()}),
        Command::Authenticate { token } => match gcp.authenticate(&token) {
            Ok(user) => json!({"user": user}),
            Err(reason) => json!({"rejected": reason}),
        },
        Command::Lifetime { seconds } => {
            gcp.set_lifetime(seconds);
            json!({})
        }
        Command::RevokeTokens => {
            gcp.revoke_tokens();
            json!({})
        }
        Command::Records => json!({"records": records(&gcp)}),
    })
}

fn records(gcp: &Gcp) -> Vec<Value> {
    let records = gcp.records().into_iter().map(|record| {
        json!({
            "service": record.service,
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
    use stand_ins::gcp::configuration::{
        CLOUD_PLATFORM, EMAIL, SERVICE_ACCOUNT, SUBJECT, UNIQUE_ID, principal, provider_name,
    };
    use stand_ins::http::Client;

    /// Exchanges an identity token, and impersonates the service account.
    fn access_token(addresses: &Value) -> String {
        let post = |url: &str, headers: &[(&str, &str)], body: &str| {
            let response = Client::default().send("POST", url, headers, body.as_bytes());
            let response = response.unwrap();
            assert_eq!(response.status, 200, "{}", response.text());
            serde_json::from_slice::<Value>(&response.body).unwrap()
        };
        let token_type = "urn:ietf:params:oauth:token-type:";
        let form = encodings::percent::form(&[
            (
                "audience",
                &format!("//iam.googleapis.com/{}", provider_name()),
            ),
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("requested_token_type", &format!("{token_type}access_token")),
            ("scope", CLOUD_PLATFORM),
            (
                "subject_token",
                addresses["identityToken"].as_str().unwrap(),
            ),
            ("subject_token_type", &format!("{token_type}jwt")),
        ]);
        let url = format!("{}v1/token", addresses["sts"].as_str().unwrap());
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let federated = post(&url, &headers, &form);
        let url = format!(
            "{}v1/projects/-/serviceAccounts/{SERVICE_ACCOUNT}:generateAccessToken",
            addresses["iamCredentials"].as_str().unwrap()
        );
        let bearer = format!("Bearer {}", federated["access_token"].as_str().unwrap());
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", &bearer),
        ];
        let body = json!({"scope": [CLOUD_PLATFORM, EMAIL], "lifetime": "600s"});
        let issued = post(&url, &headers, &body.to_string());
        issued["accessToken"].as_str().unwrap().to_owned()
    }

    #[test]
    fn program_serves_its_configuration_until_its_input_ends() {
        let program = json!({
            "gcp": {
                "providers": [{"name": provider_name(), "issuer": "https://issuer.example"}],
                "serviceAccounts": [{
                    "email": SERVICE_ACCOUNT,
                    "uniqueId": UNIQUE_ID,
                    "impersonators": [principal(SUBJECT)],
                }],
            },
            "issuer": {
                "url": "https://issuer.example",
                "audience": format!("https://iam.googleapis.com/{}", provider_name()),
                "subject": SUBJECT,
            },
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
        assert_eq!(execute(&authenticate), json!({"user": SERVICE_ACCOUNT}));
        let records = execute(&json!({"command": "records"}));
        assert_eq!(records["records"][1]["outcome"], "OK", "{records}");
        assert_eq!(execute(&json!({"command": "revokeTokens"})), json!({}));
        assert!(execute(&authenticate)["rejected"].is_string());
        let issued = execute(&json!({"command": "identityToken"}));
        assert!(issued["identityToken"].is_string(), "{issued}");
        let lifetime = json!({"command": "lifetime", "seconds": 0});
        assert_eq!(execute(&lifetime), json!({}));
        let token = access_token(&addresses);
        let authenticate = json!({"command": "authenticate", "token": token});
        assert!(execute(&authenticate)["rejected"].is_string());
        drop(commands);
        program.join().unwrap();
    }
}
