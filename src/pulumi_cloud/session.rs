//! What an open session holds: the API's `esc.Environment`, read into ours.
//!
//! The reader is tolerant, as the API's own clients are: what it does not know it leaves, an absent
//! `value` is null, an absent `trace` is no trace. It is strict in what matters: a value that cannot
//! be told apart from another is an error.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::pulumi_cloud::failure::read_diagnostics;
use crate::pulumi_cloud::provider_calls::{self, Call};
use crate::secret::Text;
use esc::{Data, Diagnostic, Environment, PropertyPath, Value, format::json};

/// How deep a value may nest. Whoever gets the value walks it on an ordinary stack.
const VALUE_NESTING: usize = 200;

/// How deep the JSON may nest: a value takes two levels of it, an expression up to four.
const JSON_NESTING: usize = 1_000;

/// The stack of the thread that reads: deep JSON takes a deep stack. What is never touched costs
/// nothing.
const STACK_BYTES: usize = 64 << 20;

/// The shortest text that is looked for in other texts, in bytes.
const SHORTEST_SECRET: usize = 8;

/// An open environment.
#[derive(Debug)]
pub(super) struct Session {
    /// Its values.
    pub(super) environment: Environment,
    /// The access key ids that aws-login gave, with the duration that its call in the definition
    /// has.
    pub(super) key_durations: Vec<(String, Duration)>,
    /// Where identity tokens stand that `fn::open::oidc` gave.
    pub(super) identity_tokens: Vec<PropertyPath>,
}

/// Reads a session. The error continues "the answer …" and quotes nothing.
pub(super) fn read(text: &[u8]) -> Result<Session, String> {
    on_a_deep_stack(|| read_here(text))
}

/// Reads the diagnostics of the answer to a check, which is a session's with `diagnostics`.
pub(super) fn diagnostics(text: &[u8]) -> Result<Vec<Diagnostic>, String> {
    on_a_deep_stack(|| {
        let json = parse(text)?;
        let diagnostics = json.property("diagnostics").map(read_diagnostics);
        Ok(diagnostics.unwrap_or_default())
    })
}

fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("session".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(format!("cannot be read: no thread: {error}")),
        }
    })
}

fn parse(text: &[u8]) -> Result<Value, String> {
    json::parse(text, JSON_NESTING).map_err(|error| format!("is not JSON: {error}"))
}

fn read_here(text: &[u8]) -> Result<Session, String> {
    let Data::Object(mut parts) = parse(text)?.data else {
        return Err("is not an object".to_owned());
    };
    let properties = match parts.remove("properties").map(|properties| properties.data) {
        Some(Data::Object(properties)) => properties,
        None | Some(Data::Null) => BTreeMap::new(),
        Some(_) => return Err("has `properties` that are not an object".to_owned()),
    };
    let mut values = Value::new(Data::Object(entries(properties, false, VALUE_NESTING)?));

    let calls = parts
        .get("exprs")
        .map(provider_calls::find)
        .unwrap_or_default();
    let mut key_durations = Vec::new();
    let mut identity_tokens = Vec::new();
    let mut secrets = Vec::new();
    for Call { path, kind } in calls {
        let Some(value) = values.get(&path) else {
            continue;
        };
        match kind {
            provider_calls::Kind::AwsLogin { duration } => {
                for name in ["accessKeyId", "secretAccessKey", "sessionToken"] {
                    secrets.extend(value.property(name).and_then(Value::as_text).cloned());
                }
                let key = value.property("accessKeyId").and_then(Value::as_str);
                if let (Some(key), Some(duration)) = (key, duration) {
                    key_durations.push((key.to_owned(), duration));
                }
            }
            provider_calls::Kind::Oidc => identity_tokens.push(path),
        }
    }
    secrets.retain(|secret| secret.as_bytes().len() >= SHORTEST_SECRET);
    let secrets: Vec<_> = secrets.iter().map(Text::as_bytes).collect();
    hide(&mut values, &secrets);
    Ok(Session {
        environment: Environment { values },
        key_durations,
        identity_tokens,
    })
}

fn entries(
    wrapped: BTreeMap<String, Value>,
    secret: bool,
    nesting: usize,
) -> Result<BTreeMap<String, Value>, String> {
    wrapped
        .into_iter()
        .map(|(name, value)| Ok((name, unwrap(value, secret, nesting)?)))
        .collect()
}

/// Reads `{value, secret, unknown, trace}`. What stands in a secret list or object is secret too.
fn unwrap(wrapped: Value, secret: bool, nesting: usize) -> Result<Value, String> {
    let Some(nesting) = nesting.checked_sub(1) else {
        return Err("nests values too deep".to_owned());
    };
    let Data::Object(mut fields) = wrapped.data else {
        return Err("has a value that is not wrapped".to_owned());
    };
    let mut flag = |name: &str| match fields.remove(name).map(|flag| flag.data) {
        Some(Data::Bool(flag)) => Ok(flag),
        None | Some(Data::Null) => Ok(false),
        Some(_) => Err(format!(
            "has a value whose `{name}` is neither true nor false"
        )),
    };
    let secret = flag("secret")? || secret;
    let unknown = flag("unknown")?;
    let data = match fields.remove("value").map(|value| value.data) {
        None => Data::Null,
        Some(Data::Array(items)) => {
            let items = items.into_iter();
            let items = items.map(|item| unwrap(item, secret, nesting));
            Data::Array(items.collect::<Result<_, _>>()?)
        }
        Some(Data::Object(properties)) => Data::Object(entries(properties, secret, nesting)?),
        Some(scalar) => scalar,
    };
    Ok(Value {
        data: if unknown { Data::Null } else { data },
        secret,
        unknown,
    })
}

/// Marks as secret what Pulumi Cloud's aws-login gave, whatever its flags say: its outputs, texts
/// that hold one of them, and whatever is named like them.
fn hide(value: &mut Value, secrets: &[&[u8]]) {
    match &mut value.data {
        Data::String(text) => {
            let bytes = text.as_bytes();
            let holds = |secret: &&[u8]| bytes.windows(secret.len()).any(|part| part == *secret);
            value.secret |= secrets.iter().any(holds);
        }
        Data::Array(items) => items.iter_mut().for_each(|item| hide(item, secrets)),
        Data::Object(entries) => {
            let is_login =
                entries.contains_key("accessKeyId") && entries.contains_key("secretAccessKey");
            for (name, value) in entries {
                let is_output = matches!(
                    name.as_str(),
                    "accessKeyId" | "secretAccessKey" | "sessionToken"
                );
                value.secret |= is_login && is_output;
                hide(value, secrets);
            }
        }
        Data::Null | Data::Bool(_) | Data::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esc::format::{Secrets, json::compact};

    fn shown(session: &Session, secrets: Secrets) -> String {
        let text = compact(&session.environment.values, secrets);
        text.as_str().unwrap().to_owned()
    }

    #[test]
    fn values_are_unwrapped_and_keep_their_digits() {
        for (text, redacted, revealed) in [
            ("{}", "{}", "{}"),
            (r#"{"properties":null,"new":[1]}"#, "{}", "{}"),
            (
                r#"{"properties":{"n":{"value":12345678901234567890.50,"trace":{}},"z":{"trace":{}},
                    "b":{"value":true},"l":{"value":[{"value":"x"},{"value":null}]},
                    "u":{"unknown":true,"value":"y"}}}"#,
                r#"{"b":true,"l":["x",null],"n":12345678901234567890.50,"u":"[unknown]","z":null}"#,
                r#"{"b":true,"l":["x",null],"n":12345678901234567890.50,"u":"[unknown]","z":null}"#,
            ),
            (
                r#"{"properties":{"o":{"secret":true,"value":{"a":{"value":[{"value":"hunter2"}]}}},
                    "s":{"secret":true,"value":"hunter3"}}}"#,
                r#"{"o":"[secret]","s":"[secret]"}"#,
                r#"{"o":{"a":["hunter2"]},"s":"hunter3"}"#,
            ),
        ] {
            let session = read(text.as_bytes()).unwrap();
            assert_eq!(shown(&session, Secrets::Redacted), redacted);
            assert_eq!(shown(&session, Secrets::Revealed), revealed);
            assert!(!format!("{session:?}").contains("hunter"), "{session:?}");
        }
        let nested = r#"{"properties":{"o":{"secret":true,"value":{"a":{"value":"hunter2"}}}}}"#;
        let session = read(nested.as_bytes()).unwrap();
        let inner = session.environment.get(&"o.a".parse().unwrap()).unwrap();
        assert!(inner.secret);
    }

    #[test]
    fn what_is_no_session_is_refused_without_being_quoted() {
        let deep = |depth: usize| {
            let (open, close) = (r#"{"value":{"a":"#.repeat(depth), "}}".repeat(depth));
            format!(r#"{{"properties":{{"a":{open}{{"value":1}}{close}}}}}"#)
        };
        assert!(read(deep(VALUE_NESTING - 1).as_bytes()).is_ok());
        for (text, problem) in [
            (
                "hunter2",
                "is not JSON: invalid character looking for beginning of value at byte 0",
            ),
            ("[]", "is not an object"),
            ("", "is not JSON: unexpected end of JSON input at byte 0"),
            (
                r#"{"properties":"hunter2"}"#,
                "has `properties` that are not an object",
            ),
            (
                r#"{"properties":{"a":"hunter2"}}"#,
                "has a value that is not wrapped",
            ),
            (
                r#"{"properties":{"a":{"value":"hunter2","secret":"yes"}}}"#,
                "has a value whose `secret` is neither true nor false",
            ),
            (&deep(VALUE_NESTING), "nests values too deep"),
            (
                &"[".repeat(1_000_000),
                "is not JSON: lists and objects nest too deep at byte 1000",
            ),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err(), problem);
        }
    }

    #[test]
    fn what_aws_login_gave_is_secret_whatever_its_flags_say() {
        let text = r#"{"properties":{
            "aws":{"value":{"login":{"value":{"accessKeyId":{"value":"ASIAEXAMPLE1"},
                "secretAccessKey":{"value":"hunter2-hunter2"},"region":{"value":"eu-west-1"}}}}},
            "copy":{"value":"key=ASIAEXAMPLE1"},"other":{"value":"ASIAEXAMPLE2"}},
            "exprs":{"aws":{"object":{"login":{"builtin":{"name":"fn::open::aws-login",
                "arg":{"object":{"oidc":{"object":{"duration":{"literal":"1h"}}}}}}}}}}}"#;
        let session = read(text.as_bytes()).unwrap();
        assert_eq!(
            shown(&session, Secrets::Redacted),
            concat!(
                r#"{"aws":{"login":{"accessKeyId":"[secret]","region":"eu-west-1","#,
                r#""secretAccessKey":"[secret]"}},"copy":"[secret]","other":"ASIAEXAMPLE2"}"#
            )
        );
        assert_eq!(
            session.key_durations,
            [("ASIAEXAMPLE1".to_owned(), Duration::from_hours(1))]
        );
    }
}
