//! The stand-in for Pulumi Cloud as a program, for suites that test other programs with it.
//!
//! `pulumi-cloud-stand-in [CONFIGURATION]` reads a JSON file (see `Program`), prints the addresses as
//! one line of JSON, and serves until its standard input ends. Each line of the input is a [`Command`]
//! in JSON, answered by one line of JSON. The exit status is 1 if there are violations of the interface
//! that no command has returned.

use std::error::Error;
use std::io::{self, Read, Write};

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::{Value, json};
use stand_ins::clock::Clock;
use stand_ins::oidc::Issuer;
use stand_ins::program;
use stand_ins::pulumi_cloud::configuration::{Configuration, Owner, Trust};
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::pulumi_cloud::{Dependencies, PulumiCloud};
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration as Accounts, Provider};
use stand_ins::tls::Authority;

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Program {
    /// The users, tokens, environments and stacks.
    cloud: Configuration,
    /// The AWS accounts for logins. The issuers of Pulumi Cloud's identity tokens are added as
    /// providers with these audiences; the roles must trust them.
    aws: Option<Aws>,
    /// An issuer of identity tokens that can be exchanged for access tokens.
    issuer: Option<IssuerConfiguration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Aws {
    accounts: Accounts,
    audiences: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IssuerConfiguration {
    url: String,
    subject: String,
    organization: String,
    /// As in `Trust`.
    grants: Vec<String>,
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
    /// Returns every request so far, in order, in `records`.
    Records,
    /// Returns the violations of the interface since the last such command, in `violations`.
    Violations,
    /// Ends every session.
    ExpireSessions,
    /// Revokes an access token.
    Revoke { token: String },
    /// Fails the next `times` requests of an operation.
    Fail {
        operation: String,
        status: u16,
        times: usize,
    },
    /// Advances the clock, in seconds.
    Advance { seconds: Seconds },
    /// Returns an identity token of the issuer, valid for five minutes, in `identityToken`.
    IdentityToken,
    /// Issues a refresh token for a user, and returns it in `refreshToken`.
    RefreshToken { login: String },
    /// Authenticates a token as the API server of a cluster does. Returns the caller's ARN in `caller`, or
    /// in `rejected` why the token is rejected. Without a cluster of EKS, as GKE does: the user is in `user`.
    Authenticate {
        token: String,
        cluster: Option<String>,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    run(program::configuration()?, io::stdin(), io::stdout())
}

fn run(mut program: Program, input: impl Read, output: impl Write) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    let sts = program.aws.map(|aws| start_sts(aws, clock.clone()));
    let issuer = program.issuer.map(|configuration| {
        let issuer = Issuer::new(&configuration.url);
        let trust = trust(&issuer, &configuration);
        program.cloud.trusts.push(trust);
        (issuer, configuration)
    });
    let identity_token = || {
        let (issuer, configuration) = issuer.as_ref()?;
        let audience = format!("urn:pulumi:org:{}", configuration.organization);
        Some(issuer.token(&audience, &configuration.subject, clock.now()))
    };
    let dependencies = Dependencies {
        clock: clock.clone(),
        sts: sts.clone(),
    };
    let cloud = PulumiCloud::start(program.cloud, dependencies);
    let authority = Authority::new();
    let secure = cloud.behind_tls(&authority);
    let addresses = json!({
        // For PULUMI_BACKEND_URL.
        "url": cloud.url(),
        // The same behind TLS, and the certificate authority in PEM.
        "secureUrl": secure.url(),
        "authority": authority.pem(),
        // For AWS_ENDPOINT_URL_STS.
        "stsUrl": sts.as_ref().map(Sts::url),
        // The keys of the issuer of identity tokens for logins (RFC 7517).
        "loginKeys": PulumiCloud::login_issuer().jwks(),
    });
    program::serve(input, output, &addresses, |command| match command {
        Command::Records => json!({"records": records(&cloud)}),
        Command::Violations => json!({"violations": cloud.take_violations()}),
        Command::ExpireSessions => {
            cloud.expire_sessions();
            json!({})
        }
        Command::Revoke { token } => {
            cloud.revoke(&token);
            json!({})
        }
        Command::Fail {
            operation,
            status,
            times,
        } => {
            let fault = Fault::error(status, "requested by the test", &[]);
            cloud.fail_at(&operation, fault, times);
            json!({})
        }
        Command::Advance { seconds } => {
            clock.advance(seconds);
            json!({})
        }
        Command::IdentityToken => json!({"identityToken": identity_token()}),
        Command::RefreshToken { login } => {
            json!({"refreshToken": cloud.refresh_token(Owner::Personal(login))})
        }
        Command::Authenticate { token, cluster } => match (cluster, &sts) {
            (Some(cluster), Some(sts)) => program::authenticate(sts, &token, &cluster),
            (Some(_), None) => json!({"rejected": "no AWS accounts are configured"}),
            (None, _) => match cloud.authenticate_gke(&token) {
                Ok(user) => json!({"user": user}),
                Err(reason) => json!({"rejected": reason}),
            },
        },
    })?;
    // The caller has not seen these.
    let violations = cloud.take_violations();
    if violations.is_empty() {
        return Ok(());
    }
    Err(violations.join("\n").into())
}

fn trust(issuer: &Issuer, configuration: &IssuerConfiguration) -> Trust {
    Trust {
        organization: configuration.organization.clone(),
        issuer: configuration.url.clone(),
        jwks: issuer.jwks(),
        subject: configuration.subject.clone(),
        grants: configuration.grants.clone(),
    }
}

fn start_sts(aws: Aws, clock: Clock) -> Sts {
    let mut accounts = aws.accounts;
    for issuer in [PulumiCloud::login_issuer(), PulumiCloud::token_issuer()] {
        accounts.providers.push(Provider {
            issuer: issuer.url().to_owned(),
            jwks: issuer.jwks(),
            audiences: aws.audiences.clone(),
        });
    }
    Sts::start(accounts, clock)
}

fn records(cloud: &PulumiCloud) -> Vec<Value> {
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
    records.collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

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

    /// Runs the program. `work` gets the addresses, and a function that sends a command and returns
    /// its answer. Returns whether the program succeeds.
    fn succeeds(
        program: Program,
        work: impl FnOnce(&Value, &mut dyn FnMut(&str) -> Value),
    ) -> bool {
        let (input, mut commands) = io::pipe().unwrap();
        let (answers, output) = io::pipe().unwrap();
        let program = std::thread::spawn(move || run(program, input, output).is_ok());
        let mut answers = BufReader::new(answers).lines();
        let mut next = || serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        let addresses = next();
        work(&addresses, &mut |command| {
            writeln!(commands, "{command}").unwrap();
            next()
        });
        drop(commands);
        program.join().unwrap()
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
        let succeeded = succeeds(program(), |addresses, execute| {
            let url = addresses["url"].as_str().unwrap();
            assert!(addresses["stsUrl"].is_string(), "{addresses}");
            let path = "/api/esc/environments/acme/platform/prod/open";
            let (status, opened) = send(url, "POST", path);
            assert_eq!(status, 200, "{opened}");
            let session = format!("{path}/{}", opened["id"].as_str().unwrap());
            assert_eq!(send(url, "GET", &session).1["properties"]["a"]["value"], 1);
            let records = execute(r#"{"command": "records"}"#);
            assert_eq!(
                records["records"][1]["operation"], "read session",
                "{records}"
            );
            assert_eq!(execute(r#"{"command": "expireSessions"}"#), json!({}));
            assert_eq!(send(url, "GET", &session).0, 404);
            let fail = r#"{"command": "fail", "operation": "open", "status": 429, "times": 1}"#;
            assert_eq!(execute(fail), json!({}));
            assert_eq!(send(url, "POST", path).0, 429);
            assert_eq!(
                execute(r#"{"command": "advance", "seconds": 60}"#),
                json!({})
            );
            let token = execute(r#"{"command": "identityToken"}"#);
            assert!(token["identityToken"].is_string(), "{token}");
            let token = execute(r#"{"command": "refreshToken", "login": "alice"}"#);
            assert!(token["refreshToken"].is_string(), "{token}");
            let authenticate = r#"{"command": "authenticate", "token": "k8s", "cluster": "prod"}"#;
            assert!(execute(authenticate)["rejected"].is_string());
            let authenticate = r#"{"command": "authenticate", "token": "ya29.x"}"#;
            assert_eq!(
                execute(authenticate),
                json!({"rejected": "the token is malformed"})
            );
            assert_eq!(
                execute(r#"{"command": "revoke", "token": "pul-1"}"#),
                json!({})
            );
            assert_eq!(send(url, "POST", path).0, 401);
            assert_eq!(
                execute(r#"{"command": "violations"}"#),
                json!({"violations": []})
            );
        });
        assert!(succeeded);
    }

    #[test]
    fn program_fails_on_unread_interface_violations() {
        let succeeded = succeeds(program(), |addresses, _| {
            send(addresses["url"].as_str().unwrap(), "GET", "/api/nothing");
        });
        assert!(!succeeded);
    }
}
