//! The stand-in for Pulumi Cloud as a program, for suites that run other people's programs against
//! it.
//!
//! `pulumi-cloud-stand-in [CONFIGURATION]` reads a JSON file (see `Program`), prints one line of JSON
//! that says where everything is, and serves until its standard input ends. Each line of the input is
//! an [`Order`] in JSON, answered by one line of JSON.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::{Value, json};
use stand_ins::clock::Clock;
use stand_ins::oidc::Issuer;
use stand_ins::pulumi_cloud::configuration::{Configuration, Trust};
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::pulumi_cloud::{PulumiCloud, Surroundings};
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration as Accounts, Provider};
use stand_ins::tls::Authority;

/// What the program reads.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Program {
    /// Users, tokens, environments.
    cloud: Configuration,
    /// The AWS in which logins get credentials. It knows the issuer of Pulumi Cloud's identity
    /// tokens already, for these audiences; the roles have to trust it.
    aws: Option<Aws>,
    /// An issuer of identity tokens that are exchanged for access tokens.
    issuer: Option<OwnIssuer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Aws {
    accounts: Accounts,
    audiences: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OwnIssuer {
    url: String,
    subject: String,
    organization: String,
    /// As in `Trust`.
    grants: Vec<String>,
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
    /// Every request so far, in order, in `records`.
    Records,
    /// How requests and answers broke the interface since this was last asked, in `violations`.
    Violations,
    /// Ends every session.
    ExpireSessions,
    /// Takes an access token away.
    Revoke { token: String },
    /// Refuses the next so many requests of an operation.
    Refuse {
        operation: String,
        status: u16,
        times: usize,
    },
    /// Moves the clock on, in seconds.
    Advance { seconds: Seconds },
    /// An identity token of the issuer, good for five minutes, in `identityToken`.
    IdentityToken,
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
    let sts = program.aws.map(|aws| {
        let mut accounts = aws.accounts;
        for issuer in [PulumiCloud::login_issuer(), PulumiCloud::token_issuer()] {
            accounts.providers.push(Provider {
                issuer: issuer.url().to_owned(),
                jwks: issuer.jwks(),
                audiences: aws.audiences.clone(),
            });
        }
        Sts::start(accounts, clock.clone())
    });
    let issuer = program.issuer.map(|own| {
        let issuer = Issuer::new(&own.url);
        program.cloud.trusts.push(Trust {
            organization: own.organization.clone(),
            issuer: own.url.clone(),
            jwks: issuer.jwks(),
            subject: own.subject.clone(),
            grants: own.grants.clone(),
        });
        (issuer, own)
    });
    let identity_token = || {
        let (issuer, own) = issuer.as_ref()?;
        let audience = format!("urn:pulumi:org:{}", own.organization);
        Some(issuer.token(&audience, &own.subject, clock.now()))
    };
    let surroundings = Surroundings {
        clock: clock.clone(),
        sts: sts.clone(),
    };
    let cloud = PulumiCloud::start(program.cloud, surroundings);
    let authority = Authority::new();
    let secure = cloud.behind_tls(&authority);
    let mut say = |answer: Value| -> io::Result<()> {
        writeln!(output, "{answer}")?;
        output.flush()
    };
    say(json!({
        // For PULUMI_BACKEND_URL.
        "url": cloud.url(),
        // The same behind TLS, and whom to trust for it, in PEM.
        "secureUrl": secure.url(),
        "authority": authority.pem(),
        // For AWS_ENDPOINT_URL_STS.
        "stsUrl": sts.as_ref().map(Sts::url),
    }))?;
    for line in BufReader::new(input).lines() {
        say(match serde_json::from_str(&line?)? {
            Order::Records => {
                let records = cloud.records().into_iter().map(|record| {
                    json!({
                        "operation": record.operation,
                        "method": record.method,
                        "target": record.target,
                        "userAgent": record.header("user-agent"),
                        "connection": record.connection,
                        "login": record.login,
                        "status": record.status,
                    })
                });
                json!({"records": records.collect::<Vec<_>>()})
            }
            Order::Violations => json!({"violations": cloud.take_violations()}),
            Order::ExpireSessions => {
                cloud.expire_sessions();
                json!({})
            }
            Order::Revoke { token } => {
                cloud.revoke(&token);
                json!({})
            }
            Order::Refuse {
                operation,
                status,
                times,
            } => {
                cloud.fail_at(&operation, Fault::refuse(status, "on order", &[]), times);
                json!({})
            }
            Order::Advance { seconds } => {
                clock.advance(seconds);
                json!({})
            }
            Order::IdentityToken => json!({"identityToken": identity_token()}),
        })?;
    }
    // These were not taken: report them to the caller of the program.
    let violations = cloud.take_violations();
    if violations.is_empty() {
        return Ok(());
    }
    Err(violations.join("\n").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stand_ins::http::Client;

    fn program() -> Program {
        let program = json!({
            "cloud": {
                "users": [{"login": "alice", "organizations": ["acme"]}],
                "tokens": [{"text": "pul-1", "owner": {"personal": "alice"}}],
                "environments": [{
                    "organization": "acme",
                    "project": "platform",
                    "name": "prod",
                    "revisions": ["values:\n  a: 1\n"],
                }],
            },
            "aws": {
                "accounts": {"roles": []},
                "audiences": ["aws:acme"],
            },
            "issuer": {
                "url": "https://issuer.example",
                "subject": "repo:acme/app",
                "organization": "acme",
                "grants": ["organization"],
            },
        });
        serde_json::from_value(program).unwrap()
    }

    /// Runs the program, and says what it answers to each line.
    fn answers(program: Program, work: impl FnOnce(&mut dyn FnMut(&str) -> Value)) -> bool {
        let (input, mut hold) = io::pipe().unwrap();
        let (places, output) = io::pipe().unwrap();
        let served = std::thread::spawn(move || run(program, input, output).is_ok());
        let mut answers = BufReader::new(places).lines();
        let mut ask = |order: &str| {
            if !order.is_empty() {
                writeln!(hold, "{order}").unwrap();
            }
            serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap()
        };
        work(&mut ask);
        drop(hold);
        served.join().unwrap()
    }

    fn send(url: &str, method: &str, path: &str) -> (u16, Value) {
        let headers = [
            ("Authorization", "token pul-1"),
            ("Accept", "application/json"),
        ];
        let url = format!("{url}{path}");
        let answer = Client::default().send(method, &url, &headers, b"").unwrap();
        let body = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, body)
    }

    #[test]
    fn program_serves_its_configuration_until_its_input_ends() {
        let good = answers(program(), |ask| {
            let places = ask("");
            let url = places["url"].as_str().unwrap();
            assert!(places["stsUrl"].is_string(), "{places}");
            let path = "/api/esc/environments/acme/platform/prod/open";
            let (status, opened) = send(url, "POST", path);
            assert_eq!(status, 200, "{opened}");
            let session = format!("{path}/{}", opened["id"].as_str().unwrap());
            assert_eq!(send(url, "GET", &session).1["properties"]["a"]["value"], 1);
            let records = ask(r#"{"order": "records"}"#);
            assert_eq!(
                records["records"][1]["operation"], "read session",
                "{records}"
            );
            assert_eq!(ask(r#"{"order": "expireSessions"}"#), json!({}));
            assert_eq!(send(url, "GET", &session).0, 404);
            let refuse = r#"{"order": "refuse", "operation": "open", "status": 429, "times": 1}"#;
            assert_eq!(ask(refuse), json!({}));
            assert_eq!(send(url, "POST", path).0, 429);
            assert_eq!(ask(r#"{"order": "advance", "seconds": 60}"#), json!({}));
            let token = ask(r#"{"order": "identityToken"}"#);
            assert!(token["identityToken"].is_string(), "{token}");
            assert_eq!(ask(r#"{"order": "revoke", "token": "pul-1"}"#), json!({}));
            assert_eq!(send(url, "POST", path).0, 401);
            assert_eq!(ask(r#"{"order": "violations"}"#), json!({"violations": []}));
        });
        assert!(good);
    }

    #[test]
    fn program_fails_on_interface_violations_that_were_not_taken() {
        let good = answers(program(), |ask| {
            let places = ask("");
            send(places["url"].as_str().unwrap(), "GET", "/api/nothing");
        });
        assert!(!good);
    }
}
