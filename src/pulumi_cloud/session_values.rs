//! Reads the response with a session's values: the API's `esc.Environment`.
//!
//! Like the API's own clients, the reader ignores unknown fields, and reads a missing `value` as
//! null. Fields of the wrong type are errors.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Deadline;
use crate::opener::TokenLifetime;
use crate::pulumi_cloud::diagnostics::read_diagnostics;
use crate::pulumi_cloud::provider_calls;
use crate::pulumi_cloud::response_json;
use crate::secret::Secret;
use esc::format::json::Selection;
use esc::{Data, Diagnostic, Environment, PropertyPath, Value};

/// How deep a value may nest, so that it can be walked on a stack of ordinary size.
const MAX_VALUE_NESTING: usize = 200;

/// How deep the JSON may nest: a value takes two levels, an expression up to four.
const MAX_JSON_NESTING: usize = 1_000;

/// The minimum length of a secret to search for in other texts, in bytes.
const MIN_SECRET_BYTES: usize = 8;

/// The maximum size of all texts as `open` prints them, escaped and indented, in bytes. So printing takes
/// little memory.
const MAX_TEXT_BYTES: usize = 32 << 20;

/// How many secrets are searched for in a text between two checks of the deadline.
const SECRETS_PER_CHECK: usize = 16;

// The secret outputs of the login providers. `oidc` of azure-login is an object with a token.
const AWS_SECRETS: [&str; 3] = ["accessKeyId", "secretAccessKey", "sessionToken"];
const GCP_SECRETS: [&str; 1] = ["accessToken"];
const AZURE_SECRETS: [&str; 2] = ["clientSecret", "oidc"];

/// The part of a session that is read. Most of a session is positions and schemas.
static SESSION: Selection = Selection::Entries(&[
    ("properties", &Selection::Each(&VALUE)),
    ("exprs", &Selection::Each(&provider_calls::EXPRESSION)),
]);

static VALUE: Selection = Selection::Entries(&[
    ("value", &Selection::Each(&VALUE)),
    ("secret", &Selection::All),
    ("unknown", &Selection::All),
]);

/// The part of the response to a check that is read.
static CHECK: Selection = Selection::Entries(&[("diagnostics", &Selection::All)]);

/// The values of a session.
#[derive(Debug)]
pub(super) struct SessionValues {
    pub(super) environment: Environment,
    /// The access key IDs from aws-login, with the session duration in the definition.
    pub(super) key_durations: Vec<(String, Duration)>,
    /// The access tokens from gcp-login, with the lifetime in the definition.
    pub(super) tokens: Vec<TokenLifetime>,
    /// The path of the identity token from `fn::open::oidc`; `None` if there are several.
    pub(super) identity_token: Option<PropertyPath>,
}

/// Reads the values of a session. After the deadline, it fails. The error continues "the response", and
/// does not quote it. Recurses as deep as the values nest.
pub(super) fn read(text: &[u8], deadline: Deadline) -> Result<SessionValues, String> {
    let response = response_json::parse_selected(text, MAX_JSON_NESTING, &SESSION, deadline)?;
    let Data::Object(mut fields) = response.data else {
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
    let mut reader = ValueReader {
        text_left: MAX_TEXT_BYTES,
    };
    let values = reader.entries(properties, false, 0)?;
    let mut values = Value::new(Data::Object(values));

    let exprs = fields.remove("exprs").unwrap_or_else(Value::unknown);
    let calls = provider_calls::find(&exprs, &values);
    let mut secrets = Vec::new();
    for (output, _) in &calls.aws_logins {
        collect_secrets(output, &AWS_SECRETS, &mut secrets);
    }
    for (output, _) in &calls.gcp_logins {
        collect_secrets(output, &GCP_SECRETS, &mut secrets);
    }
    for output in &calls.azure_logins {
        collect_secrets(output, &AZURE_SECRETS, &mut secrets);
    }
    let text = |output: &Value, name: &str| output.property(name)?.as_str().map(str::to_owned);
    let keys = calls.aws_logins.into_iter();
    let key_durations = keys
        .filter_map(|(output, duration)| Some((text(output, "accessKeyId")?, duration?)))
        .collect();
    let tokens = calls
        .gcp_logins
        .into_iter()
        .filter_map(|(output, lifetime)| {
            Some(TokenLifetime {
                token: Secret::new(text(output, "accessToken")?),
                lifetime: lifetime?,
            })
        });
    let tokens = tokens.collect();
    let identity_token = calls.identity_token;
    secrets.retain(|secret| secret.expose().len() >= MIN_SECRET_BYTES);
    secrets.sort_unstable_by(|a, b| a.expose().cmp(b.expose()));
    secrets.dedup();
    mark_secrets(&mut values, &secrets, deadline)?;
    Ok(SessionValues {
        environment: Environment { values },
        key_durations,
        tokens,
        identity_token,
    })
}

/// Reads the response to a check, which has `diagnostics` in addition. `secrets` are redacted. The error
/// continues "the response". Recurses like [`read`].
pub(super) fn read_check(
    text: &[u8],
    secrets: &[&str],
    deadline: Deadline,
) -> Result<Vec<Diagnostic>, String> {
    let response = response_json::parse_selected(text, MAX_JSON_NESTING, &CHECK, deadline)?;
    Ok(read_diagnostics(&response, secrets))
}

/// Unwraps the values of a session.
struct ValueReader {
    /// How much of [`MAX_TEXT_BYTES`] remains.
    text_left: usize,
}

impl ValueReader {
    fn entries(
        &mut self,
        wrapped: BTreeMap<String, Value>,
        secret: bool,
        level: usize,
    ) -> Result<BTreeMap<String, Value>, String> {
        let wrapped = wrapped.into_iter();
        let entries = wrapped.map(|(name, value)| {
            self.spend(&name, 0)?;
            Ok((name, self.value(value, secret, level)?))
        });
        entries.collect()
    }

    /// Reads `{value, secret, unknown, trace}`. Values inside a secret list or object are secret too.
    fn value(&mut self, wrapped: Value, secret: bool, level: usize) -> Result<Value, String> {
        if level == MAX_VALUE_NESTING {
            return Err("nests values too deeply".to_owned());
        }
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
        // The detailed format takes four lines for a value, with four spaces for each level.
        self.spend("\n\n\n", level)?;
        let data = match fields.remove("value").map(|value| value.data) {
            None => Data::Null,
            Some(Data::Array(items)) => {
                let items = items.into_iter();
                let items = items.map(|item| self.value(item, secret, level + 1));
                Data::Array(items.collect::<Result<_, _>>()?)
            }
            Some(Data::Object(properties)) => {
                Data::Object(self.entries(properties, secret, level + 1)?)
            }
            Some(Data::String(text)) => {
                self.spend(text.as_str().unwrap_or_default(), level)?;
                Data::String(text)
            }
            Some(scalar) => scalar,
        };
        Ok(Value {
            data: if unknown { Data::Null } else { data },
            secret,
            unknown,
        })
    }

    /// Accounts for a text whose lines are indented.
    fn spend(&mut self, text: &str, level: usize) -> Result<(), String> {
        let bytes = text.bytes().map(|byte| match byte {
            b'\n' => 2 + 4 * level,
            // As in `\u003c`.
            ..b' ' | b'<' | b'>' | b'&' => 6,
            _ => 1,
        });
        let left = self.text_left.checked_sub(4 * level + bytes.sum::<usize>());
        self.text_left = left.ok_or_else(|| {
            format!("has more than {MAX_TEXT_BYTES} bytes of text, escaped and indented")
        })?;
        Ok(())
    }
}

/// Marks the outputs of Pulumi Cloud's login providers as secret, whatever the API says: `secrets`, texts
/// that contain one of them, and entries with the names of the outputs.
fn mark_secrets(
    value: &mut Value,
    secrets: &[Secret<String>],
    deadline: Deadline,
) -> Result<(), String> {
    match &mut value.data {
        Data::String(text) => {
            let text = text.as_str().unwrap_or_default();
            for secrets in secrets.chunks(SECRETS_PER_CHECK) {
                if deadline.is_over() {
                    return Err("could not be searched for secrets in time".to_owned());
                }
                let mut secrets = secrets.iter();
                value.secret |= secrets.any(|secret| text.contains(secret.expose()));
            }
        }
        Data::Array(items) => {
            for item in items {
                mark_secrets(item, secrets, deadline)?;
            }
        }
        Data::Object(entries) => {
            let outputs = login_outputs(entries);
            for (name, value) in entries {
                if outputs.contains(&name.as_str()) {
                    mark_secret(value);
                }
                mark_secrets(value, secrets, deadline)?;
            }
        }
        Data::Null | Data::Bool(_) | Data::Number(_) => {}
    }
    Ok(())
}

/// Adds the texts of these outputs.
fn collect_secrets(output: &Value, names: &[&str], secrets: &mut Vec<Secret<String>>) {
    for value in names.iter().filter_map(|name| output.property(name)) {
        let text = value.property("token").unwrap_or(value).as_str();
        secrets.extend(text.map(Secret::from));
    }
}

/// Marks the texts in a value.
fn mark_secret(value: &mut Value) {
    match &mut value.data {
        Data::Array(items) => items.iter_mut().for_each(mark_secret),
        Data::Object(entries) => entries.values_mut().for_each(mark_secret),
        _ => value.secret = true,
    }
}

/// The secret outputs of the login provider whose output this object looks like.
fn login_outputs(entries: &BTreeMap<String, Value>) -> &'static [&'static str] {
    let has = |names: [&str; 2]| names.into_iter().all(|name| entries.contains_key(name));
    if has(["accessKeyId", "secretAccessKey"]) {
        &AWS_SECRETS
    } else if has(["accessToken", "tokenType"]) {
        &GCP_SECRETS
    } else if has(["clientId", "tenantId"]) {
        &AZURE_SECRETS
    } else {
        &[]
    }
}

#[cfg(test)]
mod tests;
