//! Reads the response with a session's values: the API's `esc.Environment`.
//!
//! Like the API's own clients, the reader ignores unknown fields, and reads a missing `value` as
//! null. Fields of the wrong type are errors.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::pulumi_cloud::diagnostics::read_diagnostics;
use crate::pulumi_cloud::provider_calls::{self, CalledProvider, ProviderCall};
use crate::secret::Text;
use esc::deep_stack::with_deep_stack;
use esc::{Data, Diagnostic, Environment, PropertyPath, Value, format::json};

/// How deep a value may nest, so that it can be walked on a stack of ordinary size.
const MAX_VALUE_NESTING: usize = 200;

/// How deep the JSON may nest: a value takes two levels, an expression up to four.
const MAX_JSON_NESTING: usize = 1_000;

/// The minimum length of a secret to search for in other texts, in bytes.
const MIN_SECRET_BYTES: usize = 8;

/// The values of a session.
#[derive(Debug)]
pub(super) struct SessionValues {
    pub(super) environment: Environment,
    /// The access key IDs from aws-login, with the session duration in the definition.
    pub(super) key_durations: Vec<(String, Duration)>,
    /// The paths of identity tokens from `fn::open::oidc`.
    pub(super) identity_tokens: Vec<PropertyPath>,
}

/// Reads the values of a session. The error continues "the response", and does not quote it.
pub(super) fn read(text: &[u8]) -> Result<SessionValues, String> {
    on_deep_stack(|| read_values(text))
}

/// Reads the response to a check, which has `diagnostics` in addition. The error continues "the
/// response".
pub(super) fn read_check(text: &[u8]) -> Result<Vec<Diagnostic>, String> {
    on_deep_stack(|| Ok(read_diagnostics(&parse(text)?)))
}

fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    with_deep_stack("session", work)
        .map_err(|error| format!("cannot be parsed: cannot start a thread: {error}"))?
}

fn parse(text: &[u8]) -> Result<Value, String> {
    json::parse(text, MAX_JSON_NESTING).map_err(|error| format!("is not JSON: {error}"))
}

fn read_values(text: &[u8]) -> Result<SessionValues, String> {
    let Data::Object(mut fields) = parse(text)?.data else {
        return Err("is not an object".to_owned());
    };
    let properties = match fields
        .remove("properties")
        .map(|properties| properties.data)
    {
        Some(Data::Object(properties)) => properties,
        None | Some(Data::Null) => BTreeMap::new(),
        Some(_) => return Err("has `properties` that are not an object".to_owned()),
    };
    let values = read_entries(properties, false, MAX_VALUE_NESTING)?;
    let mut values = Value::new(Data::Object(values));

    let calls = fields
        .get("exprs")
        .map(provider_calls::find)
        .unwrap_or_default();
    let mut key_durations = Vec::new();
    let mut identity_tokens = Vec::new();
    let mut secrets = Vec::new();
    for ProviderCall { path, provider } in calls {
        let Some(value) = values.get(&path) else {
            continue;
        };
        match provider {
            CalledProvider::AwsLogin { duration } => {
                for name in ["accessKeyId", "secretAccessKey", "sessionToken"] {
                    secrets.extend(value.property(name).and_then(Value::as_text).cloned());
                }
                let key = value.property("accessKeyId").and_then(Value::as_str);
                if let (Some(key), Some(duration)) = (key, duration) {
                    key_durations.push((key.to_owned(), duration));
                }
            }
            CalledProvider::Oidc => identity_tokens.push(path),
        }
    }
    secrets.retain(|secret| secret.as_bytes().len() >= MIN_SECRET_BYTES);
    let secrets: Vec<_> = secrets.iter().map(Text::as_bytes).collect();
    mark_secrets(&mut values, &secrets);
    Ok(SessionValues {
        environment: Environment { values },
        key_durations,
        identity_tokens,
    })
}

fn read_entries(
    wrapped: BTreeMap<String, Value>,
    secret: bool,
    nesting: usize,
) -> Result<BTreeMap<String, Value>, String> {
    wrapped
        .into_iter()
        .map(|(name, value)| Ok((name, read_value(value, secret, nesting)?)))
        .collect()
}

/// Reads `{value, secret, unknown, trace}`. Values inside a secret list or object are secret too.
fn read_value(wrapped: Value, secret: bool, nesting: usize) -> Result<Value, String> {
    let Some(nesting) = nesting.checked_sub(1) else {
        return Err("nests values too deeply".to_owned());
    };
    let Data::Object(mut fields) = wrapped.data else {
        return Err("has a value that is not an object".to_owned());
    };
    let mut flag = |name: &str| match fields.remove(name).map(|flag| flag.data) {
        Some(Data::Bool(flag)) => Ok(flag),
        None | Some(Data::Null) => Ok(false),
        Some(_) => Err(format!("has a value whose `{name}` is not a boolean")),
    };
    let secret = flag("secret")? || secret;
    let unknown = flag("unknown")?;
    let data = match fields.remove("value").map(|value| value.data) {
        None => Data::Null,
        Some(Data::Array(items)) => {
            let items = items.into_iter();
            let items = items.map(|item| read_value(item, secret, nesting));
            Data::Array(items.collect::<Result<_, _>>()?)
        }
        Some(Data::Object(properties)) => Data::Object(read_entries(properties, secret, nesting)?),
        Some(scalar) => scalar,
    };
    Ok(Value {
        data: if unknown { Data::Null } else { data },
        secret,
        unknown,
    })
}

/// Marks the outputs of Pulumi Cloud's aws-login as secret, whatever the API says: `secrets`, texts
/// that contain one of them, and entries with the names of the outputs.
fn mark_secrets(value: &mut Value, secrets: &[&[u8]]) {
    match &mut value.data {
        Data::String(text) => {
            let bytes = text.as_bytes();
            let contains = |secret: &&[u8]| bytes.windows(secret.len()).any(|part| part == *secret);
            value.secret |= secrets.iter().any(contains);
        }
        Data::Array(items) => items
            .iter_mut()
            .for_each(|item| mark_secrets(item, secrets)),
        Data::Object(entries) => {
            let is_login =
                entries.contains_key("accessKeyId") && entries.contains_key("secretAccessKey");
            for (name, value) in entries {
                let is_output = matches!(
                    name.as_str(),
                    "accessKeyId" | "secretAccessKey" | "sessionToken"
                );
                value.secret |= is_login && is_output;
                mark_secrets(value, secrets);
            }
        }
        Data::Null | Data::Bool(_) | Data::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
