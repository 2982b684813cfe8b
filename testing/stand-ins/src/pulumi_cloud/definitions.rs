//! Operations on stored environments: definitions, revisions, tags, lists and secrets.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::account::Principal;
use super::ciphertext;
use super::configuration::Environment;
use super::contract::Call;
use super::evaluation::{self, EvaluationInput, Mode};
use super::providers;
use super::state::{Answer, ApiError, Outcome, State};
use crate::http::Request;
use crate::sigv4::hexadecimal;

/// The maximum body of a request to decrypt, in bytes.
const DECRYPT_LIMIT: usize = 256 * 1024;
/// The creation time of everything: the stand-in keeps no times.
const CREATED: &str = "2026-01-01T00:00:00.000Z";
/// The default number of entries in a page, small enough to exercise paging.
const PAGE: usize = 2;

/// The name of an environment in definitions, without the project `default`.
pub(super) fn display_name(project: &str, name: &str) -> String {
    if project == "default" {
        name.to_owned()
    } else {
        format!("{project}/{name}")
    }
}

/// The identifier of an environment.
pub(super) fn id(organization: &str, project: &str, name: &str) -> String {
    let names = format!("{organization}/{project}/{name}");
    let id = digest(&SHA256, names.as_bytes());
    hexadecimal(&id.as_ref()[..16])
}

/// The organization, project and name of a call.
pub(super) fn names(call: &Call) -> [&str; 3] {
    ["orgName", "projectName", "envName"].map(|parameter| call.name(parameter))
}

/// Finds an environment. Without access, it is not found.
pub(super) fn find<'a>(
    state: &'a State,
    principal: &Principal,
    names: [&str; 3],
) -> Result<&'a Environment, ApiError> {
    let mut environments = state.configuration.environments.iter();
    environments
        .find(|environment| names_of(environment) == names && principal.may_use(environment))
        .ok_or_else(|| ApiError::not_found("environment"))
}

fn find_mut<'a>(
    state: &'a mut State,
    principal: &Principal,
    names: [&str; 3],
) -> Result<&'a mut Environment, ApiError> {
    let mut environments = state.configuration.environments.iter_mut();
    environments
        .find(|environment| names_of(environment) == names && principal.may_use(environment))
        .ok_or_else(|| ApiError::not_found("environment"))
}

fn names_of(environment: &Environment) -> [&str; 3] {
    [
        &environment.organization,
        &environment.project,
        &environment.name,
    ]
}

/// The number and the text of a revision, by its number or tag; by default the latest.
pub(super) fn revision<'a>(
    environment: &'a Environment,
    version: Option<&str>,
) -> Result<(usize, &'a str), ApiError> {
    let latest = environment.revisions.len();
    let (number, what) = match version {
        None | Some("latest") => (Some(latest), "environment"),
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            (number.parse().ok(), "revision")
        }
        Some(tag) => (environment.tags.get(tag).copied(), "revision tag"),
    };
    let number = number
        .filter(|number| (1..=latest).contains(number))
        .ok_or_else(|| ApiError::not_found(what))?;
    Ok((number, &environment.revisions[number - 1]))
}

/// The `ETag` of the latest definition.
pub(super) fn etag(environment: &Environment) -> String {
    let revision = environment.revisions.len();
    let text = environment.revisions.last().map_or("", String::as_str);
    let sum = digest(&SHA256, format!("{revision}\n{text}").as_bytes());
    hexadecimal(&sum.as_ref()[..16])
}

/// Runs an operation on environments.
pub(super) fn run(
    state: &mut State,
    principal: &Principal,
    call: &Call,
    request: &Request,
) -> Outcome {
    match call.operation.name.as_str() {
        "list all environments" => {
            let organization = call.parameter("organization");
            list(state, principal, call, organization)
        }
        "list environments" => {
            let organization = call.name("orgName");
            if !principal.belongs_to(organization) {
                return Err(ApiError::not_found("organization"));
            }
            list(state, principal, call, Some(organization))
        }
        "create environment" => create(state, principal, call, request),
        "read definition" | "head definition" | "read revision" | "decrypt definition"
        | "decrypt revision" => read(state, principal, call),
        "update environment" => update(state, principal, call, request),
        "delete environment" => {
            let environment = find(state, principal, names(call))?;
            if environment.deletion_protected {
                return Err(ApiError::new(
                    409,
                    "Conflict: environment is deletion-protected",
                ));
            }
            let names = names(call);
            let environments = &mut state.configuration.environments;
            environments.retain(|other| names_of(other) != names);
            Ok(Answer::empty(200))
        }
        "metadata" => {
            let environment = find(state, principal, names(call))?;
            Ok(Answer::json(&metadata(environment).into()))
        }
        "list revisions" => {
            let environment = find(state, principal, names(call))?;
            Ok(Answer::json(&revisions(environment, call).into()))
        }
        "decrypt secrets" => secrets(state, principal, call, request, "ciphertexts"),
        "encrypt secrets" => secrets(state, principal, call, request, "plaintexts"),
        "list providers" => {
            let names = json!({"providers": providers::NAMES});
            Ok(Answer::json(&names.into()))
        }
        "provider schema" => provider_schema(call.name("providerName")),
        _ => tags(state, principal, call, request),
    }
}

/// A revision of a definition; empty for a HEAD, whose response has no body.
fn read(state: &State, principal: &Principal, call: &Call) -> Outcome {
    let environment = find(state, principal, names(call))?;
    let version = call.path.get("version").map(String::as_str);
    let (number, text) = revision(environment, version)?;
    let [organization, project, name] = names_of(environment);
    let text = match call.operation.name.as_str() {
        "head definition" => String::new(),
        "decrypt definition" | "decrypt revision" => text.to_owned(),
        _ => ciphertext::conceal(&id(organization, project, name), text),
    };
    Ok(Answer::yaml(text)
        .header("ETag", etag(environment))
        .header("Pulumi-ESC-Revision", number.to_string()))
}

fn list(state: &State, principal: &Principal, call: &Call, organization: Option<&str>) -> Outcome {
    let visible: Vec<_> = state
        .configuration
        .environments
        .iter()
        .filter(|environment| {
            let is_listed = organization.is_none_or(|only| only == environment.organization);
            is_listed && principal.may_use(environment)
        })
        .collect();
    let start = match call.parameter("continuationToken") {
        None | Some("") => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| ApiError::bad_request("invalid continuation token"))?,
    };
    let page = match call.parameter("maxResults") {
        Some(maximum) => maximum
            .parse::<usize>()
            .map_err(|_| ApiError::bad_request("invalid query parameter"))?,
        None => PAGE,
    };
    let entries: Vec<_> = visible
        .iter()
        .skip(start)
        .take(page)
        .map(|environment| entry(environment))
        .collect();
    let end = start + entries.len();
    let mut body = json!({"environments": entries});
    if end < visible.len() {
        body["nextToken"] = json!(end.to_string());
    }
    Ok(Answer::json(&body.into()))
}

fn entry(environment: &Environment) -> Value {
    let [organization, project, name] = names_of(environment);
    json!({
        "id": id(organization, project, name),
        "organization": organization,
        "project": project,
        "name": name,
        "created": CREATED,
        "modified": CREATED,
        "ownedBy": owner(environment),
        "referrerMetadata": {
            "environmentReferrerCount": 0,
            "insightsAccountReferrerCount": 0,
            "stackReferrerCount": 0,
        },
        "settings": {"deletionProtected": environment.deletion_protected},
        "tags": {},
    })
}

fn owner(environment: &Environment) -> Value {
    let login = &environment.organization;
    json!({"githubLogin": login, "name": login, "avatarUrl": ""})
}

fn create(state: &mut State, principal: &Principal, call: &Call, request: &Request) -> Outcome {
    let organization = call.name("orgName");
    if !principal.belongs_to(organization) {
        return Err(ApiError::not_found("organization"));
    }
    let body = body(request);
    let [project, name] = ["project", "name"].map(|field| body[field].as_str().unwrap_or_default());
    let names = [organization, project, name];
    let environments = &mut state.configuration.environments;
    if environments.iter().any(|other| names_of(other) == names) {
        return Err(ApiError::new(409, "Conflict: environment already exists"));
    }
    environments.push(Environment {
        organization: organization.to_owned(),
        project: project.to_owned(),
        name: name.to_owned(),
        revisions: vec![String::new()],
        ..Environment::default()
    });
    Ok(Answer::empty(200))
}

fn update(state: &mut State, principal: &Principal, call: &Call, request: &Request) -> Outcome {
    let names @ [organization, project, name] = names(call);
    let environment = find(state, principal, names)?;
    if let Some(expected) = request.header("etag")
        && !expected.is_empty()
        && expected != etag(environment)
    {
        let message = "Conflict: the environment has changed since it was read";
        return Err(ApiError::new(409, message));
    }
    let text = String::from_utf8_lossy(&request.body);
    let text = ciphertext::reveal(&id(organization, project, name), &text)
        .map_err(|why| ApiError::bad_request(&format!("invalid ciphertext: {why}")))?;
    let input = EvaluationInput {
        organization,
        stored: Some((project, name)),
        text: &text,
    };
    let mode = Mode::Check { show_secrets: true };
    let checked = evaluation::evaluate(state, principal, &input, mode);
    if checked.has_errors {
        return Err(ApiError::diagnostics(checked.diagnostics));
    }
    let environment = find_mut(state, principal, names)?;
    environment.revisions.push(text);
    let body = json!({"diagnostics": checked.diagnostics});
    Ok(Answer::json(&body.into())
        .header("ETag", etag(environment))
        .header(
            "Pulumi-ESC-Revision",
            environment.revisions.len().to_string(),
        ))
}

fn metadata(environment: &Environment) -> Value {
    let [organization, project, name] = names_of(environment);
    let mut metadata = json!({
        "id": id(organization, project, name),
        "ownedBy": owner(environment),
    });
    if environment.gated {
        metadata["gatedActions"] = json!(["open"]);
        metadata["openRequestNeeded"] = json!(true);
    }
    metadata
}

/// The revisions, newest first.
fn revisions(environment: &Environment, call: &Call) -> Value {
    let number = |name: &str| call.parameter(name).and_then(|text| text.parse().ok());
    let before: usize = number("before").unwrap_or(usize::MAX);
    let count: usize = number("count").unwrap_or(usize::MAX);
    let latest = environment.revisions.len();
    let numbers = (1..=latest).rev().filter(|number| *number < before);
    let revisions = numbers.take(count).map(|number| {
        let tags = environment.tags.iter();
        let tags = tags.filter(|(_, tagged)| **tagged == number);
        let mut tags: Vec<_> = tags.map(|(tag, _)| tag.as_str()).collect();
        if number == latest {
            tags.push("latest");
        }
        json!({"number": number, "created": CREATED, "tags": tags})
    });
    revisions.collect()
}

fn tags(state: &mut State, principal: &Principal, call: &Call, request: &Request) -> Outcome {
    let environment = find_mut(state, principal, names(call))?;
    let tag_json = |name: &str, revision: usize| json!({"name": name, "revision": revision, "created": CREATED, "modified": CREATED});
    let not_found = || ApiError::not_found("revision tag");
    let tag = call.name("tagName");
    let latest = environment.revisions.len();
    let body = body(request);
    let revision = || {
        let number = body["revision"].as_u64();
        let number = number.map_or(Ok(latest), usize::try_from).unwrap_or(0);
        Some(number)
            .filter(|number| (1..=latest).contains(number))
            .ok_or_else(|| ApiError::not_found("revision"))
    };
    match call.operation.name.as_str() {
        "list revision tags" => {
            let after = call.parameter("after").unwrap_or_default();
            let count = call.parameter("count").and_then(|text| text.parse().ok());
            let mut all = environment.tags.clone();
            all.insert("latest".to_owned(), latest);
            let tags = all.iter().filter(|(name, _)| name.as_str() > after);
            let tags = tags.take(count.unwrap_or(usize::MAX));
            let tags: Vec<_> = tags.map(|(name, number)| tag_json(name, *number)).collect();
            let body = json!({"tags": tags, "nextToken": ""});
            Ok(Answer::json(&body.into()))
        }
        "read revision tag" if tag == "latest" => Ok(Answer::json(&tag_json(tag, latest).into())),
        "read revision tag" => {
            let number = environment.tags.get(tag).ok_or_else(not_found)?;
            Ok(Answer::json(&tag_json(tag, *number).into()))
        }
        "create revision tag" => {
            let name = body["name"].as_str().unwrap_or_default().to_owned();
            if name == "latest" || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(ApiError::bad_request("invalid revision tag"));
            }
            let number = revision()?;
            if environment.tags.contains_key(&name) {
                return Err(ApiError::new(409, "Conflict: revision tag already exists"));
            }
            environment.tags.insert(name, number);
            Ok(Answer::empty(204))
        }
        "update revision tag" => {
            let number = revision()?;
            *environment.tags.get_mut(tag).ok_or_else(not_found)? = number;
            Ok(Answer::empty(204))
        }
        "delete revision tag" => {
            environment.tags.remove(tag).ok_or_else(not_found)?;
            Ok(Answer::empty(204))
        }
        other => Err(ApiError::new(
            501,
            format!("the stand-in does not support `{other}`"),
        )),
    }
}

/// `decrypt-secrets` and `encrypt-secrets`: the body has the list `field`.
fn secrets(
    state: &State,
    principal: &Principal,
    call: &Call,
    request: &Request,
    field: &str,
) -> Outcome {
    let names @ [organization, project, name] = names(call);
    find(state, principal, names)?;
    if request.body.len() > DECRYPT_LIMIT {
        return Err(ApiError::new(413, "Request Content Too Large"));
    }
    let id = id(organization, project, name);
    let body = body(request);
    let texts = body[field].as_array().into_iter().flatten();
    let texts = texts.filter_map(Value::as_str);
    let answer = if field == "plaintexts" {
        let sealed: Vec<_> = texts.map(|text| ciphertext::encrypt(&id, text)).collect();
        json!({"ciphertexts": sealed})
    } else {
        let opened: Result<Vec<_>, _> = texts.map(|text| ciphertext::decrypt(&id, text)).collect();
        let opened =
            opened.map_err(|why| ApiError::bad_request(&format!("invalid ciphertext: {why}")))?;
        json!({"plaintexts": opened})
    };
    Ok(Answer::json(&answer.into()))
}

fn provider_schema(name: &str) -> Outcome {
    if !providers::NAMES.contains(&name) {
        return Err(ApiError::not_found("provider"));
    }
    let (inputs, outputs) = providers::schemas(name);
    let description = format!("The provider {name} of the stand-in.");
    let body = json!({
        "name": name,
        "description": description,
        "inputs": inputs,
        "outputs": outputs,
    });
    Ok(Answer::json(&body.into()))
}

/// The body, which is JSON if the operation has one: the contract has checked it.
pub(super) fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}
