//! A stand-in for Amazon EKS that serves `DescribeCluster` and verifies the signatures of requests.

use std::sync::{Arc, Mutex};

use encodings::timestamp;
use serde_json::json;

use crate::clock::Clock;
use crate::http::{Reply, Request, Response, Server};
use crate::sigv4::Signed;

/// The maximum difference between a signature's time and the clock, in seconds.
const TOLERANCE: i64 = 5 * 60;

/// The cluster, and who may describe it.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The accepted credentials: access key id, secret key, session token.
    pub credentials: (String, String, Option<String>),
    /// The region of the cluster.
    pub region: String,
    /// The cluster's name.
    pub name: String,
    /// Its status, such as `ACTIVE`.
    pub status: String,
    /// Its API server's URL.
    pub endpoint: String,
    /// Its certificate authority, PEM in Base64.
    pub authority_data: String,
    /// A status and a code with which to fail every authenticated request.
    pub error: Option<(u16, &'static str)>,
}

/// The stand-in, which stops when it is dropped.
pub struct Eks {
    server: Server,
    outcomes: Arc<Mutex<Vec<String>>>,
}

impl Eks {
    /// Starts it on a free port of 127.0.0.1.
    pub fn start(configuration: Configuration, clock: Clock) -> Self {
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&outcomes);
        let server = Server::start(None, move |request| {
            let (status, body) = match answer(&configuration, &clock, request) {
                Ok(body) => (200, body),
                Err((status, code)) => {
                    let message = format!("the stand-in answers {code}");
                    (status, json!({"__type": code, "message": message}))
                }
            };
            let line = format!("{} {} {status}", request.method, request.target);
            log.lock().expect("the log").push(line);
            let mut response = Response::new(status, "application/json", body.to_string());
            let date = ("Date".to_owned(), timestamp::http_date(clock.now()));
            response.headers.push(date);
            if let Some(code) = body["__type"].as_str() {
                let header = ("x-amzn-ErrorType".to_owned(), code.to_owned());
                response.headers.push(header);
            }
            Reply::Answer(response)
        });
        Self { server, outcomes }
    }

    /// The value for `AWS_ENDPOINT_URL_EKS`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Every request so far: method, target, status.
    pub fn log(&self) -> Vec<String> {
        self.outcomes.lock().expect("the log").clone()
    }
}

fn answer(
    configuration: &Configuration,
    clock: &Clock,
    request: &Request,
) -> Result<serde_json::Value, (u16, &'static str)> {
    let (key_id, secret, token) = &configuration.credentials;
    let signed = Signed::read(request).map_err(|_| (403, "IncompleteSignatureException"))?;
    let skew = (signed.signed_at - clock.now()).abs();
    if signed.service != "eks" || signed.region != configuration.region || skew > TOLERANCE {
        return Err((403, "InvalidSignatureException"));
    }
    if signed.access_key_id != *key_id || signed.session_token != *token {
        return Err((403, "UnrecognizedClientException"));
    }
    signed
        .verify(request, secret)
        .map_err(|_| (403, "InvalidSignatureException"))?;
    if let Some(error) = configuration.error {
        return Err(error);
    }
    match (
        request.method.as_str(),
        request.target.strip_prefix("/clusters/"),
    ) {
        ("GET", Some(name)) if name == configuration.name => Ok(json!({"cluster": {
            "arn": format!("arn:aws:eks:{}:123456789012:cluster/{name}", configuration.region),
            "certificateAuthority": {"data": configuration.authority_data},
            "createdAt": 1_700_000_000.5,
            "endpoint": configuration.endpoint,
            "name": name,
            "status": configuration.status,
            "version": "1.33",
        }})),
        ("GET", Some(_)) => Err((404, "ResourceNotFoundException")),
        _ => Err((400, "InvalidRequestException")),
    }
}
