//! A stand-in for Google Cloud that checks requests as Google does: the Security Token Service (STS), the
//! IAM Service Account Credentials API, and the Kubernetes Engine API. Each has its own server.

mod clusters;
pub mod configuration;
pub mod error;
mod impersonation;
mod token_exchange;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::rand;
use encodings::base64::encode_url;
use encodings::timestamp::{self, Seconds};

use crate::MARKER;
use crate::clock::Clock;
use crate::http::{Reply, Request, Response, Server};
use crate::tls::Authority;
use configuration::{Configuration, EMAIL};
use error::GoogleError;

/// The name of STS.
const STS: &str = "sts.googleapis.com";
/// The name of the IAM Service Account Credentials API.
const IAM_CREDENTIALS: &str = "iamcredentials.googleapis.com";
/// The name of the Kubernetes Engine API.
const CONTAINER: &str = "container.googleapis.com";

/// The stand-in. Clones share it; it stops when the last one is dropped.
#[derive(Clone)]
pub struct Gcp {
    service: Arc<Service>,
    sts: Arc<Server>,
    iam_credentials: Arc<Server>,
    container: Arc<Server>,
}

/// A received request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// `sts.googleapis.com`, `iamcredentials.googleapis.com` or `container.googleapis.com`.
    pub service: &'static str,
    /// The parameters; tokens read `[secret]`.
    pub parameters: BTreeMap<String, String>,
    /// The `Host` header.
    pub host: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// `OK`; the code of an error, such as `invalid_grant`; or `hang` or `close` without an answer.
    pub outcome: String,
}

/// How to fail a request.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Answer with this error.
    Error(GoogleError),
    /// Answer with this response.
    Answer(Response),
    /// Never answer.
    Hang,
    /// Close the connection without an answer.
    Close,
}

/// An access token.
#[derive(Clone, Debug)]
struct Issued {
    token: String,
    /// Its owner: `principal://…`, `serviceAccount:…` or `user:…`.
    member: String,
    scopes: Vec<String>,
    expires_at: Seconds,
}

struct State {
    configuration: Configuration,
    issued: Vec<Issued>,
    records: Vec<Record>,
    failure: Option<(Failure, usize)>,
}

impl State {
    /// Issues an access token, and returns it.
    fn issue(&mut self, issued: Issued) -> String {
        let mut bytes = [0; 96];
        rand::fill(&mut bytes).expect("random bytes");
        let token = format!("ya29.d.{MARKER}{}", encode_url(&bytes));
        self.issued.push(Issued {
            token: token.clone(),
            ..issued
        });
        token
    }

    /// The valid access token with this text.
    fn find(&self, token: &str, now: Seconds) -> Option<Issued> {
        let mut issued = self.issued.iter();
        let issued = issued.find(|issued| issued.token == token && now < issued.expires_at);
        issued.cloned().or_else(|| {
            let mut configured = self.configuration.access_tokens.iter();
            let configured = configured.find(|configured| configured.token == token)?;
            Some(Issued {
                token: configured.token.clone(),
                member: configured.member.clone(),
                scopes: configured.scopes.clone(),
                expires_at: Seconds::MAX,
            })
        })
    }
}

struct Service {
    clock: Clock,
    state: Mutex<State>,
}

impl Gcp {
    /// Starts the stand-in on free ports of 127.0.0.1.
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
        let server = |name| {
            let service = Arc::clone(&service);
            Arc::new(Server::start(None, move |request| {
                service.answer(name, request)
            }))
        };
        let (sts, iam_credentials) = (server(STS), server(IAM_CREDENTIALS));
        Self {
            container: server(CONTAINER),
            service,
            sts,
            iam_credentials,
        }
    }

    /// The value for `CLOUDSDK_API_ENDPOINT_OVERRIDES_STS`.
    pub fn sts_url(&self) -> String {
        format!("http://{}/", self.sts.address())
    }

    /// The value for `CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS`.
    pub fn iam_credentials_url(&self) -> String {
        format!("http://{}/", self.iam_credentials.address())
    }

    /// The value for `CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER`.
    pub fn container_url(&self) -> String {
        format!("http://{}/", self.container.address())
    }

    /// Also serves TLS under the real names until the result is dropped. A
    /// [`Proxy`](crate::proxy::Proxy) reaches it by [`RealNames::route`].
    pub fn real_names(&self, authority: &Authority) -> RealNames {
        let serve = |name: &'static str| {
            let service = Arc::clone(&self.service);
            let tls = authority.server(move |host| host == name);
            let server = Server::start(Some(tls), move |request| service.answer(name, request));
            (name, server)
        };
        RealNames {
            servers: [serve(STS), serve(IAM_CREDENTIALS), serve(CONTAINER)],
        }
    }

    /// Authenticates an access token as GKE does. Returns the name of the user: the e-mail address of the
    /// service account, or its numeric id if the token lacks the scope of the e-mail address.
    pub fn authenticate(&self, token: &str) -> Result<String, String> {
        let state = self.state();
        let issued = state
            .find(token, self.service.clock.now())
            .ok_or("the token is unknown or has expired")?;
        let Some(email) = issued.member.strip_prefix("serviceAccount:") else {
            return Err(format!("{} is no service account", issued.member));
        };
        if issued.scopes.iter().any(|scope| scope == EMAIL) {
            return Ok(email.to_owned());
        }
        let mut accounts = state.configuration.service_accounts.iter();
        let account = accounts.find(|account| account.email == email);
        Ok(account.ok_or("the account was deleted")?.unique_id.clone())
    }

    /// Every request so far, in order.
    pub fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }

    /// The services that were called so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        let records = self.records();
        records.into_iter().map(|record| record.service).collect()
    }

    /// Fails the next `times` requests.
    pub fn fail(&self, failure: Failure, times: usize) {
        self.state().failure = Some((failure, times));
    }

    /// Every access token, configured or issued.
    pub fn secrets(&self) -> Vec<String> {
        let state = self.state();
        let configured = state.configuration.access_tokens.iter();
        let configured = configured.map(|configured| configured.token.clone());
        let issued = state.issued.iter().map(|issued| issued.token.clone());
        configured.chain(issued).collect()
    }

    /// Revokes all tokens issued so far.
    pub fn revoke_tokens(&self) {
        self.state().issued.clear();
    }

    /// Sets [`Configuration::lifetime`] for tokens issued from now on.
    pub fn set_lifetime(&self, lifetime: Option<Seconds>) {
        self.state().configuration.lifetime = lifetime;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.service.state.lock().expect("the state")
    }
}

/// The stand-in under Google's real names: see [`Gcp::real_names`].
pub struct RealNames {
    servers: [(&'static str, Server); 3],
}

impl RealNames {
    /// The route for a [`Proxy`](crate::proxy::Proxy) from the real hosts to this stand-in.
    pub fn route(&self) -> impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static {
        let addresses = (self.servers.each_ref()).map(|(name, server)| (*name, server.address()));
        move |authority| {
            let host = authority.strip_suffix(":443")?;
            let mut addresses = addresses.iter();
            addresses
                .find(|(name, _)| *name == host)
                .map(|(_, address)| *address)
        }
    }
}

impl Service {
    fn answer(&self, name: &'static str, request: &Request) -> Reply {
        let now = self.clock.now();
        let mut state = self.state.lock().expect("the state");
        let mut parameters = match name {
            STS => token_exchange::parameters(request),
            CONTAINER => clusters::parameters(request),
            _ => impersonation::parameters(request),
        };
        let failure = match &mut state.failure {
            Some((failure, times)) if *times > 0 => {
                *times -= 1;
                Some(failure.clone())
            }
            _ => None,
        };
        let is_known = match (name, request.method.as_str()) {
            (STS, "POST") => request.target == "/v1/token",
            (IAM_CREDENTIALS, "POST") => impersonation::account(request).is_some(),
            (CONTAINER, "GET") => clusters::cluster(request).is_some(),
            _ => false,
        };
        let (reply, outcome) = match failure {
            Some(Failure::Hang) => (Reply::Hang, "hang".to_owned()),
            Some(Failure::Close) => (Reply::Close, "close".to_owned()),
            Some(Failure::Answer(response)) => {
                let status = response.status.to_string();
                (Reply::Answer(response), status)
            }
            Some(Failure::Error(error)) => (Reply::Answer(error.response()), error.code),
            None if !is_known => {
                let page = "<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n";
                let response = Response::new(404, "text/html; charset=UTF-8", page);
                (Reply::Answer(response), "404".to_owned())
            }
            None => {
                let answer = match name {
                    STS => token_exchange::exchange(&mut state, request, &parameters, now),
                    CONTAINER => clusters::get(&state, request, now),
                    _ => impersonation::generate(&mut state, request, now),
                };
                match answer {
                    Ok(body) => {
                        let kind = "application/json; charset=UTF-8";
                        let response = Response::new(200, kind, body.to_string());
                        (Reply::Answer(response), "OK".to_owned())
                    }
                    Err(error) => (Reply::Answer(error.response()), error.code),
                }
            }
        };
        if let Some(token) = parameters.get_mut("subject_token") {
            "[secret]".clone_into(token);
        }
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        state.records.push(Record {
            service: name,
            parameters,
            host: header("host"),
            user_agent: header("user-agent"),
            outcome,
        });
        dated(reply, now)
    }
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
