//! Pulumi Cloud's interface as its published description has it: every request and answer of the
//! stand-in is held against it. `tests/upstream/pulumi-cloud-api/record.py` tells how the data came about.

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

/// A call that the interface has.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    /// What the stand-in calls it, such as `open` or `read session`.
    pub(super) name: String,
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    body: BTreeMap<String, String>,
    answers: BTreeMap<String, BTreeMap<String, String>>,
}

/// A call that was recognized.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Which one.
    pub(super) operation: &'static Operation,
    /// The names in the path, decoded.
    pub(super) path: BTreeMap<&'static str, String>,
    /// The query, decoded.
    pub(super) query: BTreeMap<String, String>,
}

impl Call {
    /// A name in the path; empty where the operation has none of this kind.
    pub(super) fn name(&self, parameter: &str) -> &str {
        self.path.get(parameter).map_or("", String::as_str)
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

/// Where a request for a path with empty parts belongs.
pub(super) fn clean(request: &Request) -> Option<String> {
    let path = request.path();
    if request.method != "GET" || !path.contains("//") {
        return None;
    }
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let query = match request.query() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    Some(format!("/{}{query}", parts.join("/")))
}

/// Finds the operation for a request. The error says how the request breaks the interface, and is
/// 404 or 405 where there is no such operation, else 400.
pub(super) fn recognize(request: &Request) -> Result<Call, (u16, String)> {
    let shown = format!("{} {}", request.method, request.path());
    let matching = |operation: &&'static Operation| {
        let names = match_path(&operation.path, request.path())?;
        Some((*operation, names))
    };
    let mut found: Vec<_> = API.operations.iter().filter_map(|o| matching(&o)).collect();
    if found.is_empty() {
        return Err((404, format!("{shown}: there is no such path")));
    }
    // `versions/tags` is no version: the path with fewer names is meant.
    let fewest = found.iter().map(|(_, names)| names.len()).min();
    found.retain(|(_, names)| Some(names.len()) == fewest);
    let wanted = found
        .into_iter()
        .find(|(operation, _)| operation.method == request.method);
    let Some((operation, path)) = wanted else {
        return Err((405, format!("{shown}: the path has no such method")));
    };
    let invalid = |what: String| (400, format!("{shown}: {what}"));
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
        let fits = match kind.as_str() {
            "boolean" => ["true", "false"].contains(&value.as_str()),
            "integer" => value.parse::<i64>().is_ok(),
            _ => true,
        };
        if !fits {
            return Err(invalid(format!("`{name}` is no {kind}")));
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

/// Checks headers and body.
pub(super) fn check_request(call: &Call, request: &Request) -> Result<(), String> {
    let operation = call.operation;
    let answer = operation.answers.get("200").into_iter().flatten();
    let mut given: Vec<_> = answer.map(|(kind, _)| kind.as_str()).collect();
    given.extend(["application/json", "application/vnd.pulumi+8", "*/*"]);
    match request.header("accept") {
        Some(accept) => {
            let accepted = |one: &str| {
                let one = one.split(';').next().unwrap_or_default().trim();
                given.contains(&one)
            };
            if !accept.split(',').any(accepted) {
                return Err(format!("`Accept: {accept}` is none that is served"));
            }
        }
        // The original CLI sends none here.
        None if operation.name == "token" => {}
        // The documentation asks every client to say what it takes.
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
        return Err(format!("`Content-Type: {kind}` is none that is read"));
    };
    match shape.as_str() {
        "text" => {
            let text = std::str::from_utf8(&request.body);
            text.map(|_| ())
                .map_err(|_| "the body is no UTF-8".to_owned())
        }
        shape => {
            let body: Value = serde_json::from_slice(&request.body)
                .map_err(|error| format!("the body is no JSON: {error}"))?;
            check(shape, &body, "body")
        }
    }
}

/// Checks an answer of the stand-in itself.
pub(super) fn check_answer(call: &Call, response: &Response) -> Result<(), String> {
    let status = response.status.to_string();
    let documented = call.operation.answers.get(&status);
    let kind = response.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let json = || {
        let text = serde_json::from_slice::<Value>(&response.body);
        text.map_err(|error| format!("the answer is no JSON: {error}"))
    };
    match response.status {
        200..300 => {
            let Some(shapes) = documented else {
                return Err(format!("{status} is none of its answers"));
            };
            if let Some(shape) = shapes.get(kind) {
                // One property of a session is a value, not an environment.
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
            Err(format!("{kind} is none of its answers"))
        }
        400.. => {
            let common = [400, 401, 403, 404, 405, 409, 413, 415, 429];
            if documented.is_none() && !common.contains(&response.status) && response.status < 500 {
                return Err(format!("{status} is none of its answers"));
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
        _ => Err(format!("{status} is none of its answers")),
    }
}

fn match_path(pattern: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut names = BTreeMap::new();
    let mut given = path.split('/');
    for part in pattern.split('/') {
        let segment = given.next()?;
        match part
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            // In a path a plus sign is itself.
            Some(name) => {
                let name_given = percent::decode(&segment.replace('+', "%2B"))?;
                names.insert(name, name_given);
            }
            None if part == segment => {}
            None => return None,
        }
    }
    given.next().is_none().then_some(names)
}

/// The rules of names, as the SDK's interface description has them.
fn check_name(parameter: &str, name: &str) -> Result<(), String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let length = name.len();
    let fits = match parameter {
        "orgName" => {
            let ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.ends_with(|c: char| c.is_ascii_alphanumeric());
            (3..=40).contains(&length) && ends && name.chars().all(is_word)
        }
        "projectName" | "envName" | "stackName" => {
            let rest = name.chars().all(|c| is_word(c) || c == '.');
            (1..=100).contains(&length) && rest && name != "." && name != ".."
        }
        _ => !name.is_empty() && !name.contains('/') && name != "." && name != "..",
    };
    fits.then_some(())
        .ok_or_else(|| format!("`{name}` is no {parameter}"))
}

/// Checks a value against a type, in the notation of the data.
fn check(kind: &str, value: &Value, at: &str) -> Result<(), String> {
    let wrong = || Err(format!("{at} is no {kind}"));
    if let Some(inner) = strip(kind, '[', ']') {
        let Some(items) = value.as_array() else {
            return wrong();
        };
        for (index, item) in items.iter().enumerate() {
            check(inner, item, &format!("{at}[{index}]"))?;
        }
        return Ok(());
    }
    if let Some(inner) = strip(kind, '{', '}') {
        let Some(entries) = value.as_object() else {
            return wrong();
        };
        for (name, entry) in entries {
            check(inner, entry, &format!("{at}.{name}"))?;
        }
        return Ok(());
    }
    let fits = match kind {
        "any" => true,
        "text" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "instant" => value.as_str().is_some_and(is_instant),
        "schema" => return check_schema(value, at),
        // Anything; but what a list or an object holds, it holds as values.
        "content" => match value {
            Value::Array(_) => return check("[EscValue]", value, at),
            Value::Object(_) => return check("{EscValue}", value, at),
            _ => true,
        },
        _ => match API.types.get(kind) {
            Some(fields) => return check_fields(kind, fields, value, at),
            None => value.as_str().is_some_and(|word| {
                assert!(kind.contains('|'), "`{kind}` is no type of the data");
                kind.split('|').any(|one| one == word)
            }),
        },
    };
    if fits {
        return Ok(());
    }
    wrong()
}

fn check_fields(
    kind: &str,
    fields: &BTreeMap<String, String>,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let Some(entries) = value.as_object() else {
        return Err(format!("{at} is no {kind}"));
    };
    for name in entries.keys() {
        if !fields.contains_key(name) && !fields.contains_key(&format!("{name}?")) {
            return Err(format!("{at} has `{name}`, which {kind} has not"));
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

/// A schema is true, false, or an object of keywords.
fn check_schema(value: &Value, at: &str) -> Result<(), String> {
    let Some(entries) = value.as_object() else {
        let fits = value.is_boolean();
        return fits
            .then_some(())
            .ok_or_else(|| format!("{at} is no schema"));
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
            _ => return Err(format!("{at} is no keyword of a schema")),
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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_another_type_are_violations() {
        let place = json!({"line": 1, "column": 1, "byte": 0});
        let range = json!({"begin": place, "end": place});
        let value = |content: Value| json!({"value": content, "trace": {"def": range}});
        for (kind, given, problem) in [
            ("text", json!("a"), None),
            ("text", json!(1), Some("x is no text")),
            ("integer", json!(1), None),
            ("integer", json!(1.5), Some("x is no integer")),
            ("instant", json!("2026-01-01T00:00:00.000Z"), None),
            ("instant", json!("yesterday"), Some("x is no instant")),
            ("[text]", json!(["a", 1]), Some("x[1] is no text")),
            ("[text]", json!({}), Some("x is no [text]")),
            ("{integer}", json!({"a": true}), Some("x.a is no integer")),
            ("warning|error", json!("error"), None),
            (
                "warning|error",
                json!("hint"),
                Some("x is no warning|error"),
            ),
            ("EscPos", place.clone(), None),
            (
                "EscPos",
                json!({"line": 1, "column": 1}),
                Some("x lacks `byte` of EscPos"),
            ),
            (
                "DecryptEnvironmentSecretsResponse",
                json!({"plaintexts": [], "more": 1}),
                Some("x has `more`, which DecryptEnvironmentSecretsResponse has not"),
            ),
            (
                "EscValue",
                value(json!([value(json!(1)), value(Value::Null)])),
                None,
            ),
            (
                "EscValue",
                value(json!([1])),
                Some("x.value[0] is no EscValue"),
            ),
            (
                "EscValue",
                value(json!({"value": value(json!({"a": "plain"}))})),
                Some("x.value.value.value.a is no EscValue"),
            ),
            ("schema", json!(false), None),
            (
                "schema",
                json!({"properties": {"a": true}, "required": ["a"]}),
                None,
            ),
            ("schema", json!("string"), Some("x is no schema")),
            (
                "schema",
                json!({"items": {"type": 1}}),
                Some("x.items.type is no text"),
            ),
            (
                "schema",
                json!({"kind": "a"}),
                Some("x.kind is no keyword of a schema"),
            ),
        ] {
            let problem = problem.map_or(Ok(()), |problem| Err(problem.to_owned()));
            assert_eq!(check(kind, &given, "x"), problem, "{kind}: {given}");
        }
    }

    #[test]
    fn responses_outside_the_interface_are_violations() {
        let request = Request {
            method: "GET".to_owned(),
            target: "/api/esc/providers".to_owned(),
            ..Request::default()
        };
        let call = recognize(&request).unwrap();
        for (status, kind, body, problem) in [
            (200, "application/json", r#"{"providers": []}"#, None),
            (
                200,
                "application/json",
                "{}",
                Some("answer lacks `providers` of ListProvidersResponse"),
            ),
            (
                200,
                "text/html",
                "{}",
                Some("text/html is none of its answers"),
            ),
            (204, "", "", Some("204 is none of its answers")),
            (301, "", "", Some("301 is none of its answers")),
            (
                404,
                "application/json",
                r#"{"code": 404, "message": ""}"#,
                None,
            ),
            (
                404,
                "application/json",
                r#"{"code": 400, "message": ""}"#,
                Some("`code` is not the status"),
            ),
            (
                418,
                "application/json",
                "{}",
                Some("418 is none of its answers"),
            ),
            (
                500,
                "application/json",
                r#"{"code": 500}"#,
                Some("answer lacks `message` of Error"),
            ),
        ] {
            let problem = problem.map_or(Ok(()), |problem| Err(problem.to_owned()));
            let response = Response::new(status, kind, body);
            assert_eq!(check_answer(&call, &response), problem, "{status} {body}");
        }
    }
}
