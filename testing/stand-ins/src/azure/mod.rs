//! A stand-in for Microsoft Entra ID that checks requests to its token endpoint as Microsoft does, for
//! access tokens to AKS.

pub mod configuration;
pub mod error;
mod token_endpoint;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use encodings::timestamp::{self, Seconds};

use crate::clock::Clock;
use crate::http::{Reply, Request, Response, Server};
use crate::identity_token::Token;
use crate::oidc::Issuer;
use crate::tls::Authority;
use configuration::Configuration;
use error::EntraError;

/// The ID of AKS, in all clouds.
pub const AKS: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// The names of the hosts, the public cloud's first.
const HOSTS: [&str; 3] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
];

/// The stand-in. Clones share it; it stops when the last one is dropped.
#[derive(Clone)]
pub struct Azure {
    service: Arc<Service>,
    server: Arc<Server>,
}

/// A received request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The path.
    pub path: String,
    /// The parameters; identity tokens and client secrets read `[secret]`.
    pub parameters: BTreeMap<String, String>,
    /// The `Host` header.
    pub host: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// `OK`; the code of an error, such as `AADSTS700213`; a status; or `hang` or `close` without an answer.
    pub outcome: String,
}

/// How to fail a request.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Answer with this error.
    Error(EntraError),
    /// Answer with this response.
    Answer(Response),
    /// Never answer.
    Hang,
    /// Close the connection without an answer.
    Close,
}

struct State {
    configuration: Configuration,
    issued: Vec<String>,
    records: Vec<Record>,
    failure: Option<(Failure, usize)>,
}

struct Service {
    clock: Clock,
    state: Mutex<State>,
}

/// The issuer of a tenant's access tokens.
fn entra(tenant_id: &str) -> Issuer {
    Issuer::new(&format!("https://sts.windows.net/{tenant_id}/")).with_key_id("entra")
}

impl Azure {
    /// Starts the stand-in on a free port of 127.0.0.1.
    pub fn start(configuration: Configuration, clock: Clock) -> Self {
        let state = State {
            configuration,
            issued: Vec::new(),
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

    /// The value for `AZURE_AUTHORITY_HOST`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.server.address())
    }

    /// Also serves TLS under the real names of all clouds until the result is dropped. A
    /// [`Proxy`](crate::proxy::Proxy) reaches it by [`RealNames::route`].
    pub fn real_names(&self, authority: &Authority) -> RealNames {
        let service = Arc::clone(&self.service);
        let tls = authority.server(|host| HOSTS.contains(&host));
        let server = Server::start(Some(tls), move |request| service.answer(request));
        RealNames { server }
    }

    /// Answers a request within the process.
    pub fn answer(&self, request: &Request) -> Reply {
        self.service.answer(request)
    }

    /// Authenticates an access token as AKS does. Returns the name of the user: the ID of the service
    /// principal.
    pub fn authenticate(&self, token: &str) -> Result<String, String> {
        let token = Token::decode(token).ok_or("the token is malformed")?;
        let claim = |name: &str| token.claims[name].as_str().unwrap_or_default();
        let issuer = entra(claim("tid"));
        token
            .verify(&issuer.jwks())
            .map_err(|rejection| format!("the signature is invalid: {rejection:?}"))?;
        let state = self.state();
        let mut tenants = state.configuration.tenants.iter();
        let is_known = tenants.any(|tenant| tenant.id == claim("tid"));
        if !is_known || claim("iss") != issuer.url() || claim("aud") != AKS {
            return Err("the issuer or the audience is wrong".to_owned());
        }
        let expiry = token.claims["exp"].as_i64().unwrap_or_default();
        if expiry <= self.service.clock.now() {
            return Err("the token has expired".to_owned());
        }
        Ok(claim("oid").to_owned())
    }

    /// Every request so far, in order.
    pub fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }

    /// Fails the next `times` requests.
    pub fn fail(&self, failure: Failure, times: usize) {
        self.state().failure = Some((failure, times));
    }

    /// Every client secret, and every access token issued so far.
    pub fn secrets(&self) -> Vec<String> {
        let state = self.state();
        let tenants = state.configuration.tenants.iter();
        let applications = tenants.flat_map(|tenant| &tenant.applications);
        let secrets = applications.flat_map(|application| &application.client_secrets);
        let secrets = secrets.map(|secret| &secret.value);
        secrets.chain(&state.issued).cloned().collect()
    }

    /// Sets [`Configuration::lifetime`] for tokens issued from now on.
    pub fn set_lifetime(&self, lifetime: Option<Seconds>) {
        self.state().configuration.lifetime = lifetime;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.service.state.lock().expect("the state")
    }
}

/// The stand-in under Microsoft's real names: see [`Azure::real_names`].
pub struct RealNames {
    server: Server,
}

impl RealNames {
    /// The route for a [`Proxy`](crate::proxy::Proxy) from the real hosts to this stand-in.
    pub fn route(&self) -> impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static {
        let address = self.server.address();
        move |authority| {
            let host = authority.strip_suffix(":443")?;
            HOSTS.contains(&host).then_some(address)
        }
    }
}

impl Service {
    fn answer(&self, request: &Request) -> Reply {
        let now = self.clock.now();
        let mut state = self.state.lock().expect("the state");
        let mut parameters = token_endpoint::parameters(request);
        let failure = match &mut state.failure {
            Some((failure, times)) if *times > 0 => {
                *times -= 1;
                Some(failure.clone())
            }
            _ => None,
        };
        let (reply, outcome) = match failure {
            Some(Failure::Hang) => (Reply::Hang, "hang".to_owned()),
            Some(Failure::Close) => (Reply::Close, "close".to_owned()),
            Some(Failure::Answer(response)) => answered(response),
            Some(Failure::Error(error)) => failed(&error, now),
            None => respond(&mut state, request, &parameters, now),
        };
        for name in ["client_assertion", "client_secret"] {
            if let Some(secret) = parameters.get_mut(name) {
                "[secret]".clone_into(secret);
            }
        }
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        state.records.push(Record {
            path: request.path().to_owned(),
            parameters,
            host: header("host"),
            user_agent: header("user-agent"),
            outcome,
        });
        dated(reply, now)
    }
}

/// Answers a request, and returns its outcome.
fn respond(
    state: &mut State,
    request: &Request,
    parameters: &BTreeMap<String, String>,
    now: Seconds,
) -> (Reply, String) {
    if token_endpoint::tenant_name(request).is_none() {
        return answered(Response::new(404, "text/html", ""));
    }
    if request.method != "POST" {
        let text = "The endpoint only accepts POST requests.";
        return failed(&EntraError::request(900_561, text), now);
    }
    match token_endpoint::issue(&state.configuration, request, parameters, now) {
        Ok(body) => {
            let token = body["access_token"].as_str().unwrap_or_default();
            state.issued.push(token.to_owned());
            let kind = "application/json; charset=utf-8";
            let response = Response::new(200, kind, body.to_string());
            (Reply::Answer(response), "OK".to_owned())
        }
        Err(error) => failed(&error, now),
    }
}

fn answered(response: Response) -> (Reply, String) {
    let status = response.status.to_string();
    (Reply::Answer(response), status)
}

fn failed(error: &EntraError, now: Seconds) -> (Reply, String) {
    let outcome = format!("AADSTS{}", error.code);
    (Reply::Answer(error.response(now)), outcome)
}

/// The reply with the header `Date`.
fn dated(reply: Reply, now: Seconds) -> Reply {
    match reply {
        Reply::Answer(mut response) => {
            let date = ("Date".to_owned(), timestamp::http_date(now));
            response.headers.push(date);
            Reply::Answer(response)
        }
        other => other,
    }
}
