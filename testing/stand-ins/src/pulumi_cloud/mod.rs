//! A stand-in for the Pulumi ESC part of Pulumi Cloud: accounts, environments, sessions.
//!
//! It evaluates stored definitions with the plugin's own evaluator. A test that compares the plugin with
//! it tests transport, not semantics.
//!
//! It is strict: each request, and each of its own answers, is held against the published interface
//! (`contract.rs`). What does not fit is refused, and fails the test when the stand-in is dropped,
//! unless the test takes it with [`PulumiCloud::take_violations`].

mod account;
mod ciphertext;
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
use state::{Answer, Refusal, State};

/// The `iss` of the identity tokens that logins get.
pub const LOGIN_ISSUER: &str = "https://api.pulumi.com/oidc";
/// The `iss` of the identity tokens that `fn::open::oidc` gives.
pub const TOKEN_ISSUER: &str = "https://api.pulumi.com/oidc/v2";

/// The stand-in. Clones are the same one; its port closes with the last of them.
#[derive(Clone)]
pub struct PulumiCloud(Arc<Running>);

struct Running {
    service: Arc<Service>,
    server: Server,
}

/// What other services the stand-in works with.
#[derive(Clone)]
pub struct Surroundings {
    /// The time at Pulumi Cloud.
    pub clock: Clock,
    /// Where `aws-login` with `oidc` gets credentials; none: it fails.
    pub sts: Option<Sts>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            sts: None,
        }
    }
}

/// A request that the stand-in got.
#[derive(Clone, Debug)]
pub struct Record {
    /// The operation, such as `open` or `read session`; empty where there is none.
    pub operation: String,
    /// Such as `POST`.
    pub method: String,
    /// Path and query as they were written.
    pub target: String,
    /// The headers as they were written; that of the token reads `token [secret]`.
    pub headers: Vec<(String, String)>,
    /// How long the body was, in bytes.
    pub body: usize,
    /// The number of the connection.
    pub connection: u64,
    /// The login that the token belongs to; empty without a good token.
    pub login: String,
    /// The status of the answer; 0 where there was none.
    pub status: u16,
}

impl Record {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl PulumiCloud {
    /// Starts it on a free port of 127.0.0.1.
    pub fn start(configuration: Configuration, surroundings: Surroundings) -> Self {
        let service = Arc::new(Service {
            clock: surroundings.clock.clone(),
            state: Mutex::new(State::new(configuration, surroundings)),
        });
        let server = {
            let service = Arc::clone(&service);
            Server::start(None, move |request| service.answer(request))
        };
        Self(Arc::new(Running { service, server }))
    }

    /// What to set `PULUMI_BACKEND_URL` to.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.server.address())
    }

    /// Puts it behind TLS under the names `api.pulumi.com`, `localhost` and 127.0.0.1. Lasts as long
    /// as the result.
    pub fn behind_tls(&self, authority: &Authority) -> BehindTls {
        let service = Arc::clone(&self.0.service);
        let tls = authority.server(|name| name == "api.pulumi.com");
        let server = Server::start(Some(tls), move |request| service.answer(request));
        BehindTls { server }
    }

    /// Answers a call within the process, by the same rules.
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

    /// How requests and answers broke the interface so far; they count no more.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.state().violations)
    }

    /// Goes wrong for the next `times` requests.
    pub fn fail(&self, fault: Fault, times: usize) {
        self.state().orders.push((None, fault, times));
    }

    /// Goes wrong for the next `times` requests of an operation, such as `open` or `read session`.
    pub fn fail_at(&self, operation: &str, fault: Fault, times: usize) {
        let at = Some(operation.to_owned());
        self.state().orders.push((at, fault, times));
    }

    /// Adds to what the `Date` header says, in seconds; nothing else changes.
    pub fn skew_date(&self, seconds: Seconds) {
        self.state().date_skew = seconds;
    }

    /// Ends every session.
    pub fn expire_sessions(&self) {
        self.state().sessions.clear();
    }

    /// How many sessions were opened so far.
    pub fn sessions_opened(&self) -> usize {
        self.state().opened
    }

    /// Takes an access token away.
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

    /// The text that the service stores for a secret of an environment.
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

    /// The text that the service has in a state for a secret of a stack.
    pub fn encrypt_for_stack(&self, stack: &str, plaintext: &str) -> String {
        let (project, name) = stack.split_once('/').unwrap_or_default();
        let id = definitions::id(configuration::ORGANIZATION, project, name);
        ciphertext::encrypt(&id, plaintext)
    }

    /// Who signs the identity tokens of logins, for those that are to trust them.
    pub fn login_issuer() -> Issuer {
        Issuer::new(LOGIN_ISSUER)
    }

    /// Who signs the identity tokens of `fn::open::oidc`.
    pub fn token_issuer() -> Issuer {
        Issuer::new(TOKEN_ISSUER)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.service.state()
    }
}

/// A test in which the interface was broken fails.
impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.service.state();
        for (_, fault, _) in &state.orders {
            if let Fault::Drip(gate) = fault {
                gate.end();
            }
        }
        let violations = std::mem::take(&mut state.violations);
        drop(state);
        if !std::thread::panicking() {
            assert!(
                violations.is_empty(),
                "against the interface of Pulumi Cloud:\n{}",
                violations.join("\n")
            );
        }
    }
}

/// TLS before the stand-in: see [`PulumiCloud::behind_tls`].
pub struct BehindTls {
    server: Server,
}

impl BehindTls {
    /// Its URL by the name that the certificate has.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.server.address().port())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where `api.pulumi.com:443` leads, for a [`Proxy`](crate::proxy::Proxy).
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
            // As Go's routers do. The SDK asks for a property in this way.
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
                Refusal::new(status, problem).into_response()
            }
            Ok(call) => {
                let acts = fault.as_ref().is_none_or(Fault::acts);
                let answer = respond(&mut state, &call, request, acts.then_some(now), &mut login);
                answer.unwrap_or_else(|| Response::new(204, "text/plain", ""))
            }
        };
        let request_id = format!("request-{}", state.records.len() + 1);
        let mut reply = match fault {
            Some(fault) => fault.spoil(answer),
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

/// Holds the request against the interface, has it answered if there is a time to do so, and holds the
/// answer against the interface.
fn respond(
    state: &mut State,
    call: &contract::Call,
    request: &Request,
    now: Option<Seconds>,
    login: &mut String,
) -> Option<Response> {
    let shown = format!("{} {}", request.method, request.path());
    let mut response = match (contract::check_request(call, request), now) {
        (Err(problem), _) => {
            let problem = format!("{shown}: {problem}");
            state.violations.push(problem.clone());
            Refusal::new(400, problem).into_response()
        }
        (Ok(()), Some(now)) => state::run(state, call, request, now, login)
            .map_or_else(Refusal::into_response, Answer::into_response),
        (Ok(()), None) => return None,
    };
    if request.method == "HEAD" {
        response.body.clear();
    }
    if let Err(problem) = contract::check_answer(call, &response) {
        let problem = format!("{shown}: the stand-in's own answer: {problem}");
        state.violations.push(problem);
    }
    Some(response)
}

fn record(request: &Request, operation: &str, login: &str, status: u16) -> Record {
    let headers = request.headers.iter().map(|(name, value)| {
        let is_token = name.eq_ignore_ascii_case("authorization");
        let secret = is_token && value.starts_with("token ");
        let value = if secret { "token [secret]" } else { value };
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
