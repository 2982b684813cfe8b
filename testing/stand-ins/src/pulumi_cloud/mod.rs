//! A stand-in for the Pulumi ESC part of Pulumi Cloud: accounts, environments, sessions, stacks.
//!
//! It evaluates stored definitions with the plugin's own evaluator. A test that compares the plugin with
//! it covers the transport, not the semantics.
//!
//! It validates each request and each of its responses against the published interface (`contract.rs`).
//! It rejects an invalid request, and a violation fails the test when the stand-in is dropped, unless
//! the test takes it with [`PulumiCloud::take_violations`].

mod account;
mod ciphertext;
mod cloud_logins;
pub mod configuration;
mod contract;
mod definitions;
mod evaluation;
mod expressions;
pub mod fault;
mod json;
mod oauth;
mod providers;
mod sessions;
mod stacks;
mod state;
mod yaml;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use encodings::timestamp::{self, Seconds};

use super::http::{Reply, Request, Response, Server};
use super::oidc::Issuer;
use super::sts::Sts;
use super::tls::Authority;
use crate::clock::Clock;
use configuration::{Configuration, Owner, Token};
use fault::Fault;
use state::{Answer, ApiError, State};

/// The `iss` of the identity tokens for logins.
pub const LOGIN_ISSUER: &str = "https://api.pulumi.com/oidc";
/// The `iss` of the identity tokens from `fn::open::oidc`.
pub const TOKEN_ISSUER: &str = "https://api.pulumi.com/oidc/v2";

/// The stand-in. Clones share it; it stops when the last one is dropped.
#[derive(Clone)]
pub struct PulumiCloud(Arc<Running>);

struct Running {
    service: Arc<Service>,
    server: Server,
}

/// The services that the stand-in uses.
#[derive(Clone)]
pub struct Dependencies {
    /// The time at Pulumi Cloud.
    pub clock: Clock,
    /// The STS for `aws-login` with `oidc`, which fails without one.
    pub sts: Option<Sts>,
}

impl Default for Dependencies {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            sts: None,
        }
    }
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Record {
    /// The operation, such as `open` or `read session`; empty for an unknown one.
    pub operation: String,
    /// Such as `POST`.
    pub method: String,
    /// Path and query, not decoded.
    pub target: String,
    /// The headers; the value of an access token is `token [secret]`.
    pub headers: Vec<(String, String)>,
    /// The length of the body, in bytes.
    pub body: usize,
    /// The number of the connection.
    pub connection: u64,
    /// The login of the token's owner; empty without a valid token.
    pub login: String,
    /// The status of the response; 0 without one.
    pub status: u16,
}

impl Record {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

impl PulumiCloud {
    /// Starts the stand-in on a free port of 127.0.0.1.
    pub fn start(configuration: Configuration, dependencies: Dependencies) -> Self {
        let service = Arc::new(Service {
            clock: dependencies.clock.clone(),
            state: Mutex::new(State::new(configuration, dependencies)),
        });
        let server = {
            let service = Arc::clone(&service);
            Server::start(None, move |request| service.answer(request))
        };
        Self(Arc::new(Running { service, server }))
    }

    /// The value for `PULUMI_BACKEND_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.server.address())
    }

    /// Also serves TLS under the names `api.pulumi.com`, `localhost` and 127.0.0.1 until the result is
    /// dropped.
    pub fn behind_tls(&self, authority: &Authority) -> BehindTls {
        let service = Arc::clone(&self.0.service);
        let tls = authority.server(|name| name == "api.pulumi.com");
        let server = Server::start(Some(tls), move |request| service.answer(request));
        BehindTls { server }
    }

    /// Answers a call within the process like a request.
    pub fn answer(&self, request: &Request) -> Reply {
        self.0.service.answer(request)
    }

    /// Every request so far, in order.
    pub fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }

    /// The operations of all requests so far, in order.
    pub fn operations(&self) -> Vec<String> {
        let records = self.records();
        records.into_iter().map(|record| record.operation).collect()
    }

    /// Returns the violations of the interface so far, and clears them.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.state().violations)
    }

    /// Applies a fault to the next `times` requests.
    pub fn fail(&self, fault: Fault, times: usize) {
        self.state().faults.push((None, fault, times));
    }

    /// Applies a fault to the next `times` requests of an operation, such as `open` or `read session`.
    pub fn fail_at(&self, operation: &str, fault: Fault, times: usize) {
        let operation = Some(operation.to_owned());
        self.state().faults.push((operation, fault, times));
    }

    /// Shifts the `Date` header, in seconds, and nothing else.
    pub fn skew_date(&self, seconds: Seconds) {
        self.state().date_skew = seconds;
    }

    /// Ends every session.
    pub fn expire_sessions(&self) {
        self.state().sessions.clear();
    }

    /// The number of sessions opened so far.
    pub fn sessions_opened(&self) -> usize {
        self.state().opened
    }

    /// Revokes an access token.
    pub fn revoke(&self, token: &str) {
        for known in &mut self.state().configuration.tokens {
            if known.text == token {
                known.revoked = true;
            }
        }
    }

    /// Adds an access token.
    pub fn add_token(&self, token: Token) {
        self.state().configuration.tokens.push(token);
    }

    /// Issues a refresh token, as a login in a browser does.
    pub fn refresh_token(&self, owner: Owner) -> String {
        self.state().issue_refresh_token(owner)
    }

    /// The ciphertext for a secret of an environment.
    pub fn encrypt(
        &self,
        organization: &str,
        project: &str,
        name: &str,
        plaintext: &str,
    ) -> String {
        let id = definitions::id(organization, project, name);
        ciphertext::encrypt(&id, plaintext)
    }

    /// The ciphertext for a secret in the state of a stack.
    pub fn encrypt_for_stack(&self, stack: &str, plaintext: &str) -> String {
        let (project, name) = stack.split_once('/').unwrap_or_default();
        let id = definitions::id(configuration::ORGANIZATION, project, name);
        ciphertext::encrypt(&id, plaintext)
    }

    /// The issuer of the identity tokens for logins.
    pub fn login_issuer() -> Issuer {
        Issuer::new(LOGIN_ISSUER)
    }

    /// The issuer of the identity tokens from `fn::open::oidc`.
    pub fn token_issuer() -> Issuer {
        Issuer::new(TOKEN_ISSUER)
    }

    fn now(&self) -> Seconds {
        self.0.service.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.service.state()
    }
}

/// Fails a test with violations of the interface.
impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.service.state();
        for (_, fault, _) in &state.faults {
            if let Fault::Drip(gate) = fault {
                gate.end();
            }
        }
        let violations = std::mem::take(&mut state.violations);
        drop(state);
        if !std::thread::panicking() {
            assert!(
                violations.is_empty(),
                "violations of the interface of Pulumi Cloud:\n{}",
                violations.join("\n")
            );
        }
    }
}

/// The stand-in behind TLS: see [`PulumiCloud::behind_tls`].
pub struct BehindTls {
    server: Server,
}

impl BehindTls {
    /// The URL with a name of the certificate.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.server.address().port())
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The route for a [`Proxy`](crate::proxy::Proxy) from `api.pulumi.com:443` to this server.
    pub fn route(&self) -> impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static {
        let address = self.server.address();
        move |authority| (authority == "api.pulumi.com:443").then_some(address)
    }
}

struct Service {
    clock: Clock,
    state: Mutex<State>,
}

impl Service {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Reply {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(target) = contract::clean(request) {
            // Go's routers redirect to the clean path, which the ESC SDK relies on to read a property.
            let mut response = Response::new(301, "text/plain", "");
            response.headers.push(("Location".to_owned(), target));
            state.records.push(record(request, "clean path", "", 301));
            return Reply::Answer(response);
        }
        let call = contract::recognize(request);
        let operation = call
            .as_ref()
            .map_or("", |call| call.operation.name.as_str())
            .to_owned();
        let fault = state.next_fault(&operation);
        if let Some(Fault::ExpireSessions) = fault {
            state.sessions.clear();
        }
        let mut login = String::new();
        let answer = match call {
            Err((status, problem)) => {
                state.violations.push(problem.clone());
                ApiError::new(status, problem).into_response()
            }
            Ok(call) => {
                let is_processed = fault.as_ref().is_none_or(Fault::processes_request);
                let time = is_processed.then_some(now);
                let answer = respond(&mut state, &call, request, time, &mut login);
                answer.unwrap_or_else(|| Response::new(204, "text/plain", ""))
            }
        };
        let request_id = format!("request-{}", state.records.len() + 1);
        let mut reply = match fault {
            Some(fault) => fault.apply(answer),
            None => Reply::Answer(answer),
        };
        let status = match &mut reply {
            Reply::Answer(response) | Reply::Part(response, _) | Reply::Drip(response, _) => {
                let date = timestamp::http_date(now + state.date_skew);
                let headers = [("Date", date), ("X-Pulumi-Request-ID", request_id)];
                let headers = headers.map(|(name, value)| (name.to_owned(), value));
                response.headers.extend(headers);
                response.status
            }
            Reply::Hang | Reply::Close => 0,
        };
        state
            .records
            .push(record(request, &operation, &login, status));
        reply
    }
}

/// Validates the request, processes it if there is a time, and validates the response.
fn respond(
    state: &mut State,
    call: &contract::Call,
    request: &Request,
    now: Option<Seconds>,
    login: &mut String,
) -> Option<Response> {
    let method_and_path = format!("{} {}", request.method, request.path());
    let mut response = match (contract::check_request(call, request), now) {
        (Err(problem), _) => {
            let problem = format!("{method_and_path}: {problem}");
            state.violations.push(problem.clone());
            ApiError::new(400, problem).into_response()
        }
        (Ok(()), Some(now)) => state::run(state, call, request, now, login)
            .map_or_else(ApiError::into_response, Answer::into_response),
        (Ok(()), None) => return None,
    };
    if request.method == "HEAD" {
        response.body.clear();
    }
    if let Err(problem) = contract::check_answer(call, &response) {
        let problem = format!("{method_and_path}: the stand-in's response: {problem}");
        state.violations.push(problem);
    }
    Some(response)
}

fn record(request: &Request, operation: &str, login: &str, status: u16) -> Record {
    let headers = request.headers.iter().map(|(name, value)| {
        let is_token = name.eq_ignore_ascii_case("authorization");
        let is_secret = is_token && value.starts_with("token ");
        let value = if is_secret { "token [secret]" } else { value };
        (name.clone(), value.to_owned())
    });
    Record {
        operation: operation.to_owned(),
        method: request.method.clone(),
        target: request.target.clone(),
        headers: headers.collect(),
        body: request.body.len(),
        connection: request.connection,
        login: login.to_owned(),
        status,
    }
}
