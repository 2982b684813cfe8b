//! Validates every request and response of the stand-in against Pulumi Cloud's published interface.
//! `tests/upstream/pulumi-cloud-api/record.py` generates the data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use encodings::percent;
use serde::Deserialize;
use serde_json::Value;

use crate::http::{Request, Response};

static API: LazyLock<Api> = LazyLock::new(|| {
    let text = include_str!("../../../../tests/data/pulumi_cloud_api.json");
    serde_json::from_str(text).expect("the interface's description")
});

#[derive(Debug, Deserialize)]
struct Api {
    operations: Vec<Operation>,
    types: BTreeMap<String, BTreeMap<String, String>>,
}

/// An operation of the interface.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    /// The stand-in's name for it, such as `open` or `read session`.
    pub(super) name: String,
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    body: BTreeMap<String, String>,
    answers: BTreeMap<String, BTreeMap<String, String>>,
}

/// A recognized request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: &'static Operation,
    /// The names in the path, decoded.
    pub(super) path: BTreeMap<&'static str, String>,
    /// The query, decoded.
    pub(super) query: BTreeMap<String, String>,
}

impl Call {
    /// A name in the path; empty if the operation has no such parameter.
    pub(super) fn name(&self, parameter: &str) -> &str {
        self.path.get(parameter).map_or("", String::as_str)
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

/// The redirect for a GET whose path has empty segments.
pub(super) fn clean(request: &Request) -> Option<String> {
    let path = request.path();
    if request.method != "GET" || !path.contains("//") {
        return None;
    }
    let segments: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let query = match request.query() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    Some(format!("/{}{query}", segments.join("/")))
}

/// Finds the operation of a request. The error has a status and the violation: 404 or 405 if there is
/// no such operation, else 400.
pub(super) fn recognize(request: &Request) -> Result<Call, (u16, String)> {
    let method_and_path = format!("{} {}", request.method, request.path());
    let matching = |operation: &&'static Operation| {
        let names = match_path(&operation.path, request.path())?;
        Some((*operation, names))
    };
    let mut matches: Vec<_> = API
        .operations
        .iter()
        .filter_map(|operation| matching(&operation))
        .collect();
    if matches.is_empty() {
        return Err((404, format!("{method_and_path}: there is no such path")));
    }
    // `versions/tags` is not a version: the path with the fewest parameters matches.
    let fewest = matches.iter().map(|(_, names)| names.len()).min();
    matches.retain(|(_, names)| Some(names.len()) == fewest);
    let operation = matches
        .into_iter()
        .find(|(operation, _)| operation.method == request.method);
    let Some((operation, path)) = operation else {
        return Err((
            405,
            format!("{method_and_path}: the path has no such method"),
        ));
    };
    let invalid = |what: String| (400, format!("{method_and_path}: {what}"));
    for (parameter, name) in &path {
        check_name(parameter, name).map_err(invalid)?;
    }
    let mut query = BTreeMap::new();
    let pairs = percent::pairs(request.query());
    let pairs = pairs.ok_or_else(|| invalid("the query cannot be decoded".to_owned()))?;
    for (name, value) in pairs {
        let Some(kind) = operation.query.get(&name) else {
            return Err(invalid(format!("there is no parameter `{name}`")));
        };
        let is_valid = match kind.as_str() {
            "boolean" => ["true", "false"].contains(&value.as_str()),
            "integer" => value.parse::<i64>().is_ok(),
            _ => true,
        };
        if !is_valid {
            return Err(invalid(format!("`{name}` is not {kind}")));
        }
        if query.insert(name.clone(), value).is_some() {
            return Err(invalid(format!("`{name}` is given twice")));
        }
    }
    Ok(Call {
        operation,
        path,
        query,
    })
}

/// Validates the headers and the body.
pub(super) fn check_request(call: &Call, request: &Request) -> Result<(), String> {
    let operation = call.operation;
    let answer = operation.answers.get("200").into_iter().flatten();
    let mut served: Vec<_> = answer.map(|(kind, _)| kind.as_str()).collect();
    served.extend(["application/json", "application/vnd.pulumi+8", "*/*"]);
    match request.header("accept") {
        Some(accept) => {
            let is_served = |range: &str| {
                let range = range.split(';').next().unwrap_or_default().trim();
                served.contains(&range)
            };
            if !accept.split(',').any(is_served) {
                return Err(format!("`Accept: {accept}` is not supported"));
            }
        }
        // ESC's CLI sends none here.
        None if operation.name == "token" => {}
        // The documentation requires the header.
        None => return Err("there is no `Accept`".to_owned()),
    }
    if operation.body.is_empty() {
        if !request.body.is_empty() {
            return Err("there is a body where none belongs".to_owned());
        }
        return Ok(());
    }
    let kind = request
        .header("content-type")
        .ok_or("there is a body without `Content-Type`")?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let Some(shape) = operation.body.get(kind) else {
        return Err(format!("`Content-Type: {kind}` is not supported"));
    };
    match shape.as_str() {
        "text" => {
            let text = std::str::from_utf8(&request.body);
            text.map(|_| ())
                .map_err(|_| "the body is not UTF-8".to_owned())
        }
        shape => {
            let body: Value = serde_json::from_slice(&request.body)
                .map_err(|error| format!("the body is not JSON: {error}"))?;
            check(shape, &body, "body")
        }
    }
}

/// Validates a response of the stand-in.
pub(super) fn check_answer(call: &Call, response: &Response) -> Result<(), String> {
    let status = response.status.to_string();
    let documented = call.operation.answers.get(&status);
    let kind = response.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let json = || {
        let text = serde_json::from_slice::<Value>(&response.body);
        text.map_err(|error| format!("the answer is not JSON: {error}"))
    };
    match response.status {
        200..300 => {
            let Some(shapes) = documented else {
                return Err(format!("{status} is not one of its answers"));
            };
            if let Some(shape) = shapes.get(kind) {
                // For one property, the response is a value, not an environment.
                return match shape.as_str() {
                    "text" => Ok(()),
                    "EscEnvironment" if call.query.contains_key("property") => {
                        check("EscValue", &json()?, "answer")
                    }
                    shape => check(shape, &json()?, "answer"),
                };
            }
            if shapes.is_empty() {
                return Ok(());
            }
            Err(format!("{kind} is not one of its answers"))
        }
        400.. => {
            let common = [400, 401, 403, 404, 405, 409, 413, 415, 429];
            if documented.is_none() && !common.contains(&response.status) && response.status < 500 {
                return Err(format!("{status} is not one of its answers"));
            }
            if call.operation.method == "HEAD" {
                return Ok(());
            }
            let body = json()?;
            check("Error", &body, "answer")?;
            if body["code"] != response.status {
                return Err("`code` is not the status".to_owned());
            }
            Ok(())
        }
        _ => Err(format!("{status} is not one of its answers")),
    }
}

fn match_path(pattern: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut names = BTreeMap::new();
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        let segment = segments.next()?;
        match part
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            // A plus sign in a path is not a space.
            Some(name) => {
                names.insert(name, percent::decode(&segment.replace('+', "%2B"))?);
            }
            None if part == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(names)
}

/// Checks a name by the rules of the API description of ESC's SDK.
fn check_name(parameter: &str, name: &str) -> Result<(), String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let length = name.len();
    let is_valid = match parameter {
        "orgName" => {
            let has_valid_ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.ends_with(|c: char| c.is_ascii_alphanumeric());
            (3..=40).contains(&length) && has_valid_ends && name.chars().all(is_word)
        }
        "projectName" | "envName" | "stackName" => {
            let has_valid_characters = name.chars().all(|c| is_word(c) || c == '.');
            (1..=100).contains(&length) && has_valid_characters && name != "." && name != ".."
        }
        _ => !name.is_empty() && !name.contains('/') && name != "." && name != "..",
    };
    is_valid
        .then_some(())
        .ok_or_else(|| format!("`{name}` is not a valid {parameter}"))
}

/// Checks a value at a path against a type, in the notation of the data.
fn check(kind: &str, value: &Value, at: &str) -> Result<(), String> {
    let mismatch = || Err(format!("{at} is not {kind}"));
    if let Some(inner) = strip(kind, '[', ']') {
        let Some(items) = value.as_array() else {
            return mismatch();
        };
        for (index, item) in items.iter().enumerate() {
            check(inner, item, &format!("{at}[{index}]"))?;
        }
        return Ok(());
    }
    if let Some(inner) = strip(kind, '{', '}') {
        let Some(entries) = value.as_object() else {
            return mismatch();
        };
        for (name, entry) in entries {
            check(inner, entry, &format!("{at}.{name}"))?;
        }
        return Ok(());
    }
    let is_valid = match kind {
        "any" => true,
        "text" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "instant" => value.as_str().is_some_and(is_instant),
        "schema" => return check_schema(value, at),
        // Any JSON, but the items of a list or object are values.
        "content" => match value {
            Value::Array(_) => return check("[EscValue]", value, at),
            Value::Object(_) => return check("{EscValue}", value, at),
            _ => true,
        },
        _ => match API.types.get(kind) {
            Some(fields) => return check_fields(kind, fields, value, at),
            None => value.as_str().is_some_and(|word| {
                assert!(kind.contains('|'), "`{kind}` is not a type of the data");
                kind.split('|').any(|choice| choice == word)
            }),
        },
    };
    if is_valid { Ok(()) } else { mismatch() }
}

fn check_fields(
    kind: &str,
    fields: &BTreeMap<String, String>,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let Some(entries) = value.as_object() else {
        return Err(format!("{at} is not {kind}"));
    };
    for name in entries.keys() {
        if !fields.contains_key(name) && !fields.contains_key(&format!("{name}?")) {
            return Err(format!("{at} has `{name}`, which is not a field of {kind}"));
        }
    }
    for (field, kind_of_field) in fields {
        let (name, required) = match field.strip_suffix('?') {
            Some(name) => (name, false),
            None => (field.as_str(), true),
        };
        match entries.get(name) {
            Some(entry) => check(kind_of_field, entry, &format!("{at}.{name}"))?,
            None if required => return Err(format!("{at} lacks `{name}` of {kind}")),
            None => {}
        }
    }
    Ok(())
}

/// Checks a schema: true, false, or an object of keywords.
fn check_schema(value: &Value, at: &str) -> Result<(), String> {
    let Some(entries) = value.as_object() else {
        return value
            .is_boolean()
            .then_some(())
            .ok_or_else(|| format!("{at} is not schema"));
    };
    for (keyword, entry) in entries {
        let at = format!("{at}.{keyword}");
        match keyword.as_str() {
            "$defs" | "properties" => check("{schema}", entry, &at)?,
            "anyOf" | "oneOf" | "prefixItems" => check("[schema]", entry, &at)?,
            "items" | "additionalProperties" => check("schema", entry, &at)?,
            "required" => check("[text]", entry, &at)?,
            "dependentRequired" => check("{[text]}", entry, &at)?,
            "type" | "$ref" | "pattern" | "title" | "description" => check("text", entry, &at)?,
            "secret" | "rotateOnly" | "deprecated" | "uniqueItems" => check("boolean", entry, &at)?,
            "const" | "default" | "enum" | "examples" => {}
            _ if entry.is_number() => {}
            _ => return Err(format!("{at} is not a keyword of a schema")),
        }
    }
    Ok(())
}

fn strip(kind: &str, open: char, close: char) -> Option<&str> {
    kind.strip_prefix(open)?.strip_suffix(close)
}

fn is_instant(text: &str) -> bool {
    kubectl_esc::clock::Timestamp::from_rfc3339(text).is_some()
}

#[cfg(test)]
mod tests;
