//! The STS stand-in as a program, for suites that run other people's programs against it.
//!
//! `sts-stand-in [CONFIGURATION]` reads a JSON file (see `Configuration`, plus the fields of
//! `Program`), prints one line of JSON that says where everything is, and serves until its standard
//! input ends.

/// What the tests use, too.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    reason = "what tests stand on is no library"
)]
#[path = ".."]
pub mod support {
    pub mod base64;
    pub mod http;
    pub mod instant;
    pub mod oidc;
    pub mod percent;
    pub mod proxy;
    pub mod sigv4;
    pub mod sts;
    pub mod tls;
}

use std::error::Error;
use std::io::{self, Read, Write};

use serde::Deserialize;
use serde_json::json;

use support::instant::Clock;
use support::oidc::Issuer;
use support::proxy::Proxy;
use support::sts::Sts;
use support::sts::configuration::{Configuration, Provider};
use support::tls::Authority;

/// What the program reads beside the stand-in's own configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Program {
    sts: Configuration,
    /// An issuer of its own: becomes a provider, and an identity token is printed.
    issuer: Option<OwnIssuer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OwnIssuer {
    url: String,
    audience: String,
    subject: String,
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
    mut input: impl Read,
    mut output: impl Write,
) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    let identity_token = program.issuer.map(|own| {
        let issuer = Issuer::new(&own.url);
        program.sts.providers.push(Provider {
            issuer: own.url,
            jwks: issuer.jwks(),
            audiences: vec![own.audience.clone()],
        });
        issuer.token(&own.audience, &own.subject, clock.now())
    });
    let sts = Sts::start(program.sts, clock);
    let authority = Authority::new();
    let names = sts.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let places = json!({
        // For AWS_ENDPOINT_URL_STS.
        "url": sts.url(),
        // For HTTPS_PROXY: leads the real names of STS to the stand-in, behind TLS.
        "proxy": proxy.url(),
        // For SSL_CERT_FILE or AWS_CA_BUNDLE, in PEM.
        "authority": authority.pem(),
        // For AWS_WEB_IDENTITY_TOKEN_FILE; good for five minutes.
        "identityToken": identity_token,
    });
    writeln!(output, "{places}")?;
    output.flush()?;
    input.read_to_end(&mut Vec::new())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use serde_json::Value;

    use super::*;
    use support::http::Client;
    use support::percent;

    #[test]
    fn it_serves_what_it_is_configured_to_until_its_input_ends() {
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
        let (input, hold) = io::pipe().unwrap();
        let (places, output) = io::pipe().unwrap();
        let served = std::thread::spawn(move || run(program, input, output).unwrap());
        let mut line = String::new();
        BufReader::new(places).read_line(&mut line).unwrap();
        let places: Value = serde_json::from_str(&line).unwrap();
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
        drop(hold);
        served.join().unwrap();
    }
}
