//! The state of the stand-in, and the dispatch of operations.

use std::collections::HashMap;

use encodings::timestamp::Seconds;
use serde_json::{Value, json};

use super::configuration::{Configuration, Owner};
use super::contract::Call;
use super::fault::Fault;
use super::json::Json;
use super::sessions::Session;
use super::{Dependencies, Record};
use super::{account, definitions, oauth, sessions, stacks};
use crate::http::{Request, Response};

/// The state of the stand-in.
pub(super) struct State {
    pub(super) configuration: Configuration,
    pub(super) dependencies: Dependencies,
    pub(super) sessions: HashMap<String, Session>,
    /// The number of sessions opened so far.
    pub(super) opened: usize,
    /// The valid refresh tokens.
    pub(super) refresh_tokens: HashMap<String, Owner>,
    pub(super) records: Vec<Record>,
    pub(super) violations: Vec<String>,
    /// An operation (all if there is none), its fault, and how often to apply it.
    pub(super) faults: Vec<(Option<String>, Fault, usize)>,
    pub(super) date_skew: Seconds,
}

impl State {
    pub(super) fn new(configuration: Configuration, dependencies: Dependencies) -> Self {
        Self {
            configuration,
            dependencies,
            sessions: HashMap::new(),
            opened: 0,
            refresh_tokens: HashMap::new(),
            records: Vec::new(),
            violations: Vec::new(),
            faults: Vec::new(),
            date_skew: 0,
        }
    }

    pub(super) fn next_fault(&mut self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.iter_mut();
        let (_, fault, times) = faults.find(|(only, _, times)| {
            let applies = only.as_ref().is_none_or(|only| only == operation);
            applies && *times > 0
        })?;
        *times -= 1;
        Some(fault.clone())
    }
}

/// A successful response.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    pub(super) fn json(body: &Json) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    pub(super) fn yaml(body: String) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "application/x-yaml".to_owned())],
            body,
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn into_response(self) -> Response {
        Response {
            status: self.status,
            headers: self.headers,
            body: self.body.into_bytes(),
        }
    }
}

/// An error response in the documented form.
#[derive(Debug)]
pub(super) struct ApiError {
    status: u16,
    message: String,
    diagnostics: Vec<Value>,
}

impl ApiError {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn unauthorized() -> Self {
        let message = "Unauthorized: No credentials provided or are invalid.";
        Self::new(401, message)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(404, format!("Not Found: {what} not found"))
    }

    pub(super) fn bad_request(why: &str) -> Self {
        Self::new(400, format!("Bad Request: {why}"))
    }

    /// The error for a definition with errors.
    pub(super) fn diagnostics(diagnostics: Vec<Value>) -> Self {
        Self {
            diagnostics,
            ..Self::bad_request("the environment has errors")
        }
    }

    pub(super) fn into_response(self) -> Response {
        let mut body = json!({"code": self.status, "message": self.message});
        if !self.diagnostics.is_empty() {
            body["diagnostics"] = Value::Array(self.diagnostics);
        }
        Response::new(self.status, "application/json", body.to_string())
    }
}

/// The result of an operation.
pub(super) type Outcome = Result<Answer, ApiError>;

/// Runs an operation.
pub(super) fn run(
    state: &mut State,
    call: &Call,
    request: &Request,
    now: Seconds,
    login: &mut String,
) -> Outcome {
    let operation = call.operation.name.as_str();
    if operation == "token" {
        return oauth::token(state, request, now);
    }
    let principal = account::authenticate(state, request, now)?;
    principal.login.clone_into(login);
    match operation {
        "current user" => Ok(account::current_user(&principal)),
        "default organization" => account::default_organization(state, &principal),
        "open" | "open revision" => sessions::open(state, &principal, call, now),
        "open yaml" => sessions::open_yaml(state, &principal, call, request, now),
        "read session" | "read yaml session" => sessions::read(state, &principal, call, now),
        "check" | "check revision" | "check yaml" => {
            sessions::check(state, &principal, call, request)
        }
        "export stack" | "decrypt stack secret" | "decrypt stack secrets" => {
            stacks::run(state, &principal, call, request)
        }
        "request open" => sessions::request(state, &principal, call),
        _ => definitions::run(state, &principal, call, request),
    }
}
