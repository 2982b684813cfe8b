//! Opens environments, reads open sessions, and checks definitions.

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
use super::evaluation::{self, Evaluated, EvaluationInput, Mode};
use super::expressions::Expressions;
use super::json::Json;
use super::state::{Answer, ApiError, Outcome, State};
use crate::http::Request;
use crate::sigv4::hexadecimal;

/// The default lifetime of a session, in seconds, from the API description of ESC's SDK.
const DEFAULT_DURATION: Seconds = 3600;

/// An open environment.
pub(super) struct Session {
    owner: Owner,
    /// Organization, project and name. Project and name are empty for a definition that is not stored.
    environment: [String; 3],
    expires_at: Seconds,
    values: Value,
    environment_json: Json,
    /// The source of [`Expressions`].
    definition: String,
}

/// `POST …/open` and `POST …/versions/{version}/open`.
pub(super) fn open(state: &mut State, principal: &Principal, call: &Call, now: Seconds) -> Outcome {
    let duration = duration(call)?;
    let names = definitions::names(call);
    let stored = definitions::find(state, principal, names)?;
    if stored.gated {
        // The API description has no 403 for this operation; 403 is the status of other missing
        // permissions.
        let message = "Forbidden: opening this environment needs an approved open request";
        return Err(ApiError::new(403, message));
    }
    let (_, text) = definitions::revision(stored, call.path.get("version").map(String::as_str))?;
    let text = text.to_owned();
    let [organization, project, name] = names;
    let input = EvaluationInput {
        organization,
        stored: Some((project, name)),
        text: &text,
    };
    begin(state, principal, &input, duration, now)
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
        return Err(ApiError::bad_request(
            "the stand-in does not support overrides",
        ));
    }
    let text = definition_of(principal, call, request)?;
    let input = EvaluationInput {
        organization: call.name("orgName"),
        stored: None,
        text: &text,
    };
    begin(state, principal, &input, duration, now)
}

fn begin(
    state: &mut State,
    principal: &Principal,
    input: &EvaluationInput<'_>,
    duration: Seconds,
    now: Seconds,
) -> Outcome {
    let mode = Mode::Open { duration, now };
    let evaluated = evaluation::evaluate(state, principal, input, mode);
    if evaluated.has_errors {
        return Err(ApiError::diagnostics(evaluated.diagnostics));
    }
    let environment_json = evaluated.environment();
    let Evaluated {
        values,
        diagnostics,
        ..
    } = evaluated;
    let (project, name) = input.stored.unwrap_or_default();
    let environment = [input.organization, project, name].map(str::to_owned);
    let session = Session {
        owner: principal.owner.clone(),
        environment,
        expires_at: now + duration,
        values,
        environment_json,
        definition: input.text.to_owned(),
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

/// `GET …/open/{session}`, with all values or one property.
pub(super) fn read(state: &mut State, principal: &Principal, call: &Call, now: Seconds) -> Outcome {
    let session = state
        .sessions
        .get(call.name("openSessionID"))
        .filter(|session| {
            let is_owner = session.owner == principal.owner;
            is_owner && session.environment == definitions::names(call) && now < session.expires_at
        })
        .ok_or_else(|| ApiError::not_found("open session"))?;
    let Some(property) = call.parameter("property") else {
        return Ok(Answer::json(&session.environment_json));
    };
    let path: PropertyPath = property
        .parse()
        .map_err(|_| ApiError::bad_request("invalid property path"))?;
    let value = session.values.get(&path);
    let value = value.ok_or_else(|| ApiError::not_found("path"))?;
    let [organization, project, name] = session.environment.each_ref().map(String::as_str);
    let input = EvaluationInput {
        organization,
        stored: (!name.is_empty()).then_some((project, name)),
        text: &session.definition,
    };
    let display_name = input.name();
    let expressions = Expressions::read(&display_name, "", &session.definition);
    let range_of = |path: &PropertyPath| expressions.range_of(path);
    let body = evaluation::value_json(value, &path, &range_of);
    Ok(Answer::json(&body))
}

/// `POST …/check`, for a stored definition or the one in the body.
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
    let input = if call.operation.name == "check yaml" {
        let definition = definition_of(principal, call, request)?;
        text = if show_secrets {
            definition
        } else {
            ciphertext::blank(&definition)
        };
        EvaluationInput {
            organization,
            stored: None,
            text: &text,
        }
    } else {
        let stored = definitions::find(state, principal, names)?;
        let version = call.path.get("version").map(String::as_str);
        EvaluationInput {
            organization,
            stored: Some((project, name)),
            text: definitions::revision(stored, version)?.1,
        }
    };
    let evaluated = evaluation::evaluate(state, principal, &input, mode);
    if evaluated.has_errors {
        return Err(ApiError::diagnostics(evaluated.diagnostics));
    }
    Ok(Answer::json(&evaluated.check()))
}

/// `POST …/open/request`: requests the approval that a gated environment needs.
pub(super) fn request(state: &mut State, principal: &Principal, call: &Call) -> Outcome {
    let names @ [_, project, name] = definitions::names(call);
    let stored = definitions::find(state, principal, names)?;
    if !stored.gated {
        let message = "unable to create open request, please check whether opens are gated";
        return Err(ApiError::bad_request(message));
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

/// The definition in the body of a request.
fn definition_of(
    principal: &Principal,
    call: &Call,
    request: &Request,
) -> Result<String, ApiError> {
    if !principal.belongs_to(call.name("orgName")) {
        return Err(ApiError::not_found("organization"));
    }
    let text = std::str::from_utf8(&request.body);
    let text = text.map_err(|_| ApiError::bad_request("the definition is not UTF-8"))?;
    Ok(text.to_owned())
}

/// The query parameter `duration`, in Go's notation, in whole seconds.
fn duration(call: &Call) -> Result<Seconds, ApiError> {
    let Some(text) = call.parameter("duration") else {
        return Ok(DEFAULT_DURATION);
    };
    let parsed = parse_duration(text).filter(|duration| *duration > Duration::ZERO);
    let parsed = parsed.ok_or_else(|| ApiError::bad_request("invalid duration"))?;
    Seconds::try_from(parsed.as_secs()).map_err(|_| ApiError::bad_request("invalid duration"))
}

/// A random identifier, with the [`MARKER`](crate::MARKER) of secrets.
pub(super) fn random() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    hexadecimal(&bytes) + crate::MARKER
}
