//! A stand-in for AWS STS that checks requests as STS does: signatures, dates, identity tokens, trust
//! policies and limits.
//!
//! It listens on loopback for `AWS_ENDPOINT_URL_STS`, answers calls within the process (for the
//! stand-in of the API server), and serves TLS under STS's real names with [`Sts::real_names`].

pub mod accounts;
mod actions;
pub mod answer;
pub mod configuration;
mod web_identity;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use encodings::timestamp::Seconds;
use serde_json::Value;
use token_verifier::Verifier;

use super::http::{Reply, Request, Response, Server};
use super::tls::Authority;
use crate::clock::Clock;
use accounts::Accounts;
use actions::Parameters;
use answer::StsError;
use configuration::{Configuration, Role};

/// The stand-in. Clones share it; it stops when the last one is dropped.
#[derive(Clone)]
pub struct Sts {
    service: Arc<Service>,
    server: Arc<Server>,
}

/// A received request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The action, such as `AssumeRole`; empty if the request is malformed.
    pub action: String,
    /// The parameters; tokens, keys and signatures read `[secret]`.
    pub parameters: BTreeMap<String, String>,
    /// The `Host` header.
    pub host: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The number of the connection, 0 for a call within the process.
    pub connection: u64,
    /// `OK`; the code of an error, such as `AccessDenied`; or `hang` or `close` without an answer.
    pub outcome: String,
}

/// How to fail a request.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Answer with this error.
    Error(StsError),
    /// Never answer.
    Hang,
    /// Close the connection without an answer.
    Close,
    /// Answer with this response.
    Answer(Response),
}

impl Failure {
    /// 403 `AccessDenied`.
    pub fn deny() -> Self {
        Self::Error(StsError::new(
            403,
            "AccessDenied",
            "Not authorized to perform this action",
        ))
    }

    /// 500 `InternalFailure`.
    pub fn internal() -> Self {
        Self::Error(StsError::new(
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error",
        ))
    }

    /// 400 `Throttling`.
    pub fn throttle() -> Self {
        Self::Error(StsError::new(400, "Throttling", "Rate exceeded"))
    }
}

/// The state of the stand-in.
struct State {
    configuration: Configuration,
    accounts: Accounts,
    records: Vec<Record>,
    failure: Option<(Failure, usize)>,
}

impl State {
    fn role(&self, arn: &str) -> Option<Role> {
        let mut roles = self.configuration.roles.iter();
        roles.find(|role| role.arn == arn).cloned()
    }
}

struct Service {
    clock: Clock,
    state: Mutex<State>,
}

impl Sts {
    /// Starts the stand-in on a free port of 127.0.0.1.
    pub fn start(configuration: Configuration, clock: Clock) -> Self {
        let state = State {
            accounts: Accounts::new(&configuration),
            configuration,
            records: Vec::new(),
            failure: None,
        };
        let service = Arc::new(Service {
            clock,
            state: Mutex::new(state),
        });
        let server = {
            let service = Arc::clone(&service);
            Server::start(None, move |request| service.answer(request))
        };
        Self {
            service,
            server: Arc::new(server),
        }
    }

    /// The value for `AWS_ENDPOINT_URL_STS`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Also serves TLS under the real names of STS until the result is dropped. A
    /// [`Proxy`](crate::proxy::Proxy) reaches it by [`RealNames::route`].
    pub fn real_names(&self, authority: &Authority) -> RealNames {
        let service = Arc::clone(&self.service);
        let server = Server::start(Some(authority.server(is_sts)), move |request| {
            service.answer(request)
        });
        RealNames { server }
    }

    /// Answers a call within the process like a request.
    pub fn answer(&self, request: &Request) -> Reply {
        self.service.answer(request)
    }

    /// Authenticates a token as the API server of `cluster` does: the checks of the verifier, then
    /// `GetCallerIdentity`. Returns the caller's ARN, or why the token is rejected.
    pub fn authenticate(
        &self,
        token: &str,
        cluster: &str,
        verifier: Verifier,
    ) -> Result<String, String> {
        let parsed = verifier
            .verify(token, self.service.clock.now())
            .map_err(|rejection| format!("check {}: {}", rejection.check, rejection.message))?;
        let request = caller_identity_request(&parsed.target, &parsed.host, cluster);
        let Reply::Answer(answer) = self.answer(&request) else {
            return Err("STS did not answer".to_owned());
        };
        let identity: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| "STS did not answer in JSON".to_owned())?;
        if answer.status != 200 {
            let code = identity["Error"]["Code"].as_str().unwrap_or_default();
            return Err(format!("STS: {} {code}", answer.status));
        }
        let result = &identity["GetCallerIdentityResponse"]["GetCallerIdentityResult"];
        let arn = result["Arn"].as_str().ok_or("STS named no ARN")?;
        let user_id = result["UserId"].as_str().unwrap_or_default();
        if arn.contains(":assumed-role/") && user_id.matches(':').count() != 1 {
            return Err(format!("malformed UserID {user_id}"));
        }
        Ok(arn.to_owned())
    }

    /// Every request so far, in order.
    pub fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }

    /// The actions of all requests so far, in order.
    pub fn actions(&self) -> Vec<String> {
        let records = self.records();
        records.into_iter().map(|record| record.action).collect()
    }

    /// Fails the next `times` requests.
    pub fn fail(&self, failure: Failure, times: usize) {
        self.state().failure = Some((failure, times));
    }

    /// Revokes credentials, configured or issued.
    pub fn revoke(&self, access_key_id: &str) {
        self.state().accounts.revoke(access_key_id);
    }

    /// Revokes every session issued so far, and returns their number.
    pub fn revoke_sessions(&self) -> usize {
        self.state().accounts.revoke_sessions()
    }

    /// Every secret key and session token, configured or issued.
    pub fn secrets(&self) -> Vec<String> {
        self.state().accounts.secrets()
    }

    /// Sets [`Configuration::lifetime`] for credentials issued from now on.
    pub fn set_lifetime(&self, lifetime: Option<Seconds>) {
        self.state().configuration.lifetime = lifetime;
    }

    /// Replaces the roles. Issued sessions stay valid.
    pub fn set_roles(&self, roles: Vec<Role>) {
        self.state().configuration.roles = roles;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.service.state.lock().expect("the state")
    }
}

/// The stand-in under STS's real names: see [`Sts::real_names`].
pub struct RealNames {
    server: Server,
}

impl RealNames {
    /// The route for a [`Proxy`](crate::proxy::Proxy) from all hosts of STS to this server.
    pub fn route(&self) -> impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static {
        let address = self.server.address();
        move |authority| {
            let host = authority.strip_suffix(":443")?;
            is_sts(host).then_some(address)
        }
    }
}

/// The hosts of STS in any partition and region.
fn is_sts(host: &str) -> bool {
    const DOMAINS: [&str; 10] = [
        "amazonaws.com",
        "api.aws",
        "amazonaws.com.cn",
        "api.amazonwebservices.com.cn",
        "c2s.ic.gov",
        "sc2s.sgov.gov",
        "cloud.adc-e.uk",
        "csp.hci.ic.gov",
        "amazonaws.eu",
        "api.amazonwebservices.eu",
    ];
    let regional = || {
        let (service, rest) = host.split_once('.')?;
        let (region, domain) = rest.split_once('.')?;
        let known = ["sts", "sts-fips"].contains(&service) && DOMAINS.contains(&domain);
        (known && region.contains('-')).then_some(())
    };
    host == "sts.amazonaws.com" || regional().is_some()
}

impl Service {
    fn answer(&self, request: &Request) -> Reply {
        let now = self.clock.now();
        let mut state = self.state.lock().expect("the state");
        let parameters = Parameters::read(request);
        let (action, redacted) = match &parameters {
            Ok(parameters) => (
                parameters.get("Action").unwrap_or_default().to_owned(),
                parameters.all().iter().map(redact).collect(),
            ),
            Err(_) => (String::new(), BTreeMap::new()),
        };
        let accept = request.header("accept").unwrap_or_default();
        let as_json = accept.contains("application/json");
        let failure = match &mut state.failure {
            Some((failure, times)) if *times > 0 => {
                *times -= 1;
                Some(failure.clone())
            }
            _ => None,
        };
        let write = |outcome: Result<_, &StsError>| {
            let response = answer::write(&action, outcome, as_json, now);
            let code = outcome.map_or_else(|error| error.code.clone(), |_| "OK".to_owned());
            (Reply::Answer(response), code)
        };
        let (reply, outcome) = match failure {
            Some(Failure::Hang) => (Reply::Hang, "hang".to_owned()),
            Some(Failure::Close) => (Reply::Close, "close".to_owned()),
            Some(Failure::Answer(response)) => {
                let code = response.status.to_string();
                (Reply::Answer(response), code)
            }
            Some(Failure::Error(error)) => write(Err(&error)),
            None => {
                let answer = parameters
                    .and_then(|parameters| actions::run(&mut state, request, &parameters, now));
                write(answer.as_ref())
            }
        };
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        let (host, user_agent) = (header("host"), header("user-agent"));
        state.records.push(Record {
            action,
            parameters: redacted,
            host,
            user_agent,
            connection: request.connection,
            outcome,
        });
        reply
    }
}

fn redact((name, value): &(String, String)) -> (String, String) {
    let secret = [
        "WebIdentityToken",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
    ];
    let value = if secret.contains(&name.as_str()) {
        "[secret]"
    } else {
        value
    };
    (name.clone(), value.to_owned())
}

/// Returns the request that the API server of `cluster` sends to STS to verify a token, given the
/// path and query that the token presigns.
pub fn caller_identity_request(target: &str, host: &str, cluster: &str) -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Request {
        method: "GET".to_owned(),
        target: target.to_owned(),
        headers: vec![
            header("Host", host),
            header("x-k8s-aws-id", cluster),
            header("accept", "application/json"),
        ],
        ..Request::default()
    }
}
