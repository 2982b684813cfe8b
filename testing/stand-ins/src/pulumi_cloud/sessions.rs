//! Opening environments, reading what was opened, checking.

use std::time::Duration;

use aws_lc_rs::rand;
use encodings::timestamp::Seconds;
use esc::{PropertyPath, Value};
use kubectl_esc::clock::parse_duration;
use serde_json::json;

use super::account::Principal;
use super::ciphertext;
use super::configuration::Owner;
use super::contract::Call;
use super::definitions;
use super::evaluation::{self, Evaluated, Mode, Subject};
use super::expressions::Expressions;
use super::json::Json;
use super::state::{Answer, Outcome, Refusal, State};
use crate::http::Request;
use crate::sigv4::hexadecimal;

/// How long a session lasts that does not say so: what the SDK's description calls the default.
const DEFAULT_DURATION: Seconds = 3600;

/// An environment that was opened.
pub(super) struct Session {
    /// Whose it is.
    owner: Owner,
    /// Organization, project and name; the latter two are empty for a definition that is not stored.
    environment: [String; 3],
    expires_at: Seconds,
    values: Value,
    environment_json: Json,
    /// What [`Expressions`] are read from.
    definition: String,
}

/// `POST …/open` and `POST …/versions/{version}/open`.
pub(super) fn open(state: &mut State, principal: &Principal, call: &Call, now: Seconds) -> Outcome {
    let duration = duration(call)?;
    let names = definitions::names(call);
    let stored = definitions::find(state, principal, names)?;
    if stored.gated {
        // The document names no 403 for this call; it is the word for a missing permission.
        let message = "Forbidden: opening this environment needs an approved open request";
        return Err(Refusal::new(403, message));
    }
    let (_, text) = definitions::revision(stored, call.path.get("version").map(String::as_str))?;
    let text = text.to_owned();
    let [organization, project, name] = names;
    let subject = Subject {
        organization,
        stored: Some((project, name)),
        text: &text,
    };
    begin(state, principal, &subject, duration, now)
}

/// `POST …/yaml/open`.
pub(super) fn open_yaml(
    state: &mut State,
    principal: &Principal,
    call: &Call,
    request: &Request,
    now: Seconds,
) -> Outcome {
    let duration = duration(call)?;
    if call.parameter("environmentOverrides").is_some() {
        return Err(Refusal::bad_request("the stand-in has no overrides"));
    }
    let text = definition_of(principal, call, request)?;
    let subject = Subject {
        organization: call.name("orgName"),
        stored: None,
        text: &text,
    };
    begin(state, principal, &subject, duration, now)
}

fn begin(
    state: &mut State,
    principal: &Principal,
    subject: &Subject<'_>,
    duration: Seconds,
    now: Seconds,
) -> Outcome {
    let mode = Mode::Open { duration, now };
    let evaluated = evaluation::evaluate(state, principal, subject, mode);
    if evaluated.has_errors {
        return Err(Refusal::diagnostics(evaluated.diagnostics));
    }
    let environment_json = evaluated.environment();
    let Evaluated {
        values,
        diagnostics,
        ..
    } = evaluated;
    let (project, name) = subject.stored.unwrap_or_default();
    let environment = [subject.organization, project, name].map(str::to_owned);
    let session = Session {
        owner: principal.owner.clone(),
        environment,
        expires_at: now + duration,
        values,
        environment_json,
        definition: subject.text.to_owned(),
    };
    let id = random();
    state.sessions.insert(id.clone(), session);
    state.opened += 1;
    let mut body = json!({"id": id});
    if !diagnostics.is_empty() {
        body["diagnostics"] = json!(diagnostics);
    }
    Ok(Answer::json(&body.into()))
}

/// `GET …/open/{session}`, the whole or one property.
pub(super) fn read(state: &mut State, principal: &Principal, call: &Call, now: Seconds) -> Outcome {
    let session = state
        .sessions
        .get(call.name("openSessionID"))
        .filter(|session| {
            let is_own = session.owner == principal.owner;
            is_own && session.environment == definitions::names(call) && now < session.expires_at
        })
        .ok_or_else(|| Refusal::not_found("open session"))?;
    let Some(property) = call.parameter("property") else {
        return Ok(Answer::json(&session.environment_json));
    };
    let path: PropertyPath = property
        .parse()
        .map_err(|_| Refusal::bad_request("invalid property path"))?;
    let value = session.values.get(&path);
    let value = value.ok_or_else(|| Refusal::not_found("path"))?;
    let [organization, project, name] = session.environment.each_ref().map(String::as_str);
    let subject = Subject {
        organization,
        stored: (!name.is_empty()).then_some((project, name)),
        text: &session.definition,
    };
    let shown = subject.name();
    let expressions = Expressions::read(&shown, "", &session.definition);
    let place = |path: &PropertyPath| expressions.place(path);
    Ok(Answer::json(&evaluation::value_json(value, &path, &place)))
}

/// `POST …/check`, of what is stored or of the body.
pub(super) fn check(
    state: &State,
    principal: &Principal,
    call: &Call,
    request: &Request,
) -> Outcome {
    let show_secrets = call.parameter("showSecrets") == Some("true");
    let mode = Mode::Check { show_secrets };
    let names @ [organization, project, name] = definitions::names(call);
    let text;
    let subject = if call.operation.name == "check yaml" {
        let given = definition_of(principal, call, request)?;
        text = if show_secrets {
            given
        } else {
            ciphertext::blank(&given)
        };
        Subject {
            organization,
            stored: None,
            text: &text,
        }
    } else {
        let stored = definitions::find(state, principal, names)?;
        let version = call.path.get("version").map(String::as_str);
        Subject {
            organization,
            stored: Some((project, name)),
            text: definitions::revision(stored, version)?.1,
        }
    };
    let evaluated = evaluation::evaluate(state, principal, &subject, mode);
    if evaluated.has_errors {
        return Err(Refusal::diagnostics(evaluated.diagnostics));
    }
    Ok(Answer::json(&evaluated.check()))
}

/// `POST …/open/request`: asks for the approval that a gated environment needs.
pub(super) fn request(state: &mut State, principal: &Principal, call: &Call) -> Outcome {
    let names @ [_, project, name] = definitions::names(call);
    let stored = definitions::find(state, principal, names)?;
    if !stored.gated {
        let message = "unable to create open request, please check whether opens are gated";
        return Err(Refusal::bad_request(message));
    }
    let body = json!({"changeRequests": [{
        "projectName": project,
        "environmentName": name,
        "changeRequestId": random(),
        "latestRevisionNumber": stored.revisions.len(),
        "etag": definitions::etag(stored),
    }]});
    Ok(Answer::json(&body.into()))
}

/// The definition in the body of a call for an organization.
fn definition_of(principal: &Principal, call: &Call, request: &Request) -> Result<String, Refusal> {
    if !principal.belongs_to(call.name("orgName")) {
        return Err(Refusal::not_found("organization"));
    }
    let text = std::str::from_utf8(&request.body);
    let text = text.map_err(|_| Refusal::bad_request("the definition is no UTF-8"))?;
    Ok(text.to_owned())
}

/// `duration`, in Go's form, in whole seconds.
fn duration(call: &Call) -> Result<Seconds, Refusal> {
    let Some(text) = call.parameter("duration") else {
        return Ok(DEFAULT_DURATION);
    };
    let parsed = parse_duration(text).filter(|duration| *duration > Duration::ZERO);
    let parsed = parsed.ok_or_else(|| Refusal::bad_request("invalid duration"))?;
    Seconds::try_from(parsed.as_secs()).map_err(|_| Refusal::bad_request("invalid duration"))
}

/// A random identifier.
pub(super) fn random() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    hexadecimal(&bytes)
}
