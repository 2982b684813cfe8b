//! What the cache stores of an opened environment, and how long calls may share it.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::authenticate::credentials::SHORTEST_SESSION;
use crate::authenticate::environment::OpenedEnvironment;
use crate::aws::find_credentials;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::environment_search::Entries;
use crate::file_tracker::FileDigest;
use crate::gcp::find_access_token;
use crate::identity_token;
use crate::opener::{KeyExpiry, Opening, TokenLifetime};
use crate::secret::Secret;
use esc::format::{Secrets, json};
use esc::{Data, Environment, PropertyPath, Sources, Value};

/// How long an environment is shared at most.
const MAX_LIFETIME: Duration = Duration::from_hours(1);

/// How deep the JSON of the values may nest: two levels for a value.
const MAX_JSON_NESTING: usize = 256;

/// What is known about the values. It is the first line of the encoding; the values follow.
#[derive(Deserialize, Serialize)]
struct Knowledge {
    keys: Vec<KeyExpiry>,
    tokens: Vec<StoredToken>,
    identity_token: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct StoredToken {
    #[serde(serialize_with = "expose")]
    token: Secret<String>,
    lifetime: Duration,
}

fn expose<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.expose().serialize(serializer)
}

/// Encodes an environment that was opened without errors; `None` if it would not be decoded as it was, because
/// a text is not UTF-8 or values nest very deeply.
pub(super) fn encode(opening: &Opening) -> Option<Secret<Vec<u8>>> {
    let tokens = opening.tokens.iter().map(|token| StoredToken {
        token: token.token.clone(),
        lifetime: token.lifetime,
    });
    let knowledge = Knowledge {
        keys: opening.keys.clone(),
        tokens: tokens.collect(),
        identity_token: opening.identity_token.as_ref().map(PropertyPath::to_string),
    };
    let values = json::detailed(&opening.environment.values, Secrets::Revealed);
    // Large enough from the start: the tokens are among the values.
    let capacity = 2 * values.as_bytes().len() + 4_096;
    let mut text = Zeroizing::new(Vec::with_capacity(capacity));
    serde_json::to_writer(&mut *text, &knowledge).ok()?;
    text.push(b'\n');
    text.extend_from_slice(values.as_bytes());
    let decoded = decode(&text, Vec::new())?;
    let is_same = decoded.environment.values == opening.environment.values
        && decoded.identity_token == opening.identity_token;
    is_same.then(|| Secret::new(std::mem::take(&mut *text)))
}

/// Decodes an environment that depends on `files`; `None` if it has another format.
pub(super) fn decode(text: &[u8], files: Vec<FileDigest>) -> Option<Opening> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let Knowledge {
        keys,
        tokens,
        identity_token,
    } = serde_json::from_slice(&text[..end]).ok()?;
    let tokens = tokens.into_iter().map(|stored| TokenLifetime {
        token: stored.token,
        lifetime: stored.lifetime,
    });
    let identity_token = identity_token.map(|path| path.parse()).transpose().ok()?;
    let values = json::parse(&text[end + 1..], MAX_JSON_NESTING).ok()?;
    Some(Opening {
        environment: Environment {
            values: unwrapped(values)?,
        },
        diagnostics: Vec::new(),
        sources: Sources::default(),
        keys,
        tokens: tokens.collect(),
        identity_token,
        files,
    })
}

/// The value of `{value, secret, unknown}`, ESC's detailed format.
fn unwrapped(wrapped: Value) -> Option<Value> {
    let Data::Object(mut members) = wrapped.data else {
        return None;
    };
    let data = match members.remove("value").map(|value| value.data) {
        None => Data::Null,
        Some(Data::Array(items)) => {
            Data::Array(items.into_iter().map(unwrapped).collect::<Option<_>>()?)
        }
        Some(Data::Object(entries)) => {
            let entries = entries.into_iter();
            let entries = entries.map(|(name, value)| Some((name, unwrapped(value)?)));
            Data::Object(entries.collect::<Option<_>>()?)
        }
        Some(scalar) => scalar,
    };
    Some(Value {
        data,
        secret: members.contains_key("secret"),
        unknown: members.contains_key("unknown"),
    })
}

impl OpenedEnvironment {
    /// When calls must no longer share the environment: before the first login in it expires, and after an hour
    /// at the latest. On AWS's clock, as far as it is known.
    pub(super) fn first_expiry(&self, context: Context<'_>) -> Timestamp {
        let opened_at = self.started_at_aws(context);
        let mut first = opened_at.plus(MAX_LIFETIME);
        self.visit_expiries(&self.environment().values, context, &mut |expiry| {
            // What had expired already cannot be what calls use.
            if expiry > opened_at {
                first = first.min(expiry);
            }
        });
        first
    }

    fn visit_expiries(
        &self,
        value: &Value,
        context: Context<'_>,
        visit: &mut dyn FnMut(Timestamp),
    ) {
        match &value.data {
            Data::Array(items) => {
                for item in items {
                    self.visit_expiries(item, context, visit);
                }
            }
            Data::Object(entries) => {
                self.login_expiries(entries, context).for_each(&mut *visit);
                for entry in entries.values() {
                    self.visit_expiries(entry, context, visit);
                }
            }
            // The header of a JSON Web Token starts with `{"`.
            Data::String(text) => {
                let token = text.as_str().filter(|text| text.starts_with("eyJ"));
                let expiry = token.and_then(|token| identity_token::expiry(&Secret::from(token)));
                expiry.into_iter().for_each(visit);
            }
            _ => {}
        }
    }

    /// The expiry of each login that these entries look like. An unknown one is that of the shortest session.
    fn login_expiries<'e>(
        &'e self,
        entries: &'e Entries,
        context: Context<'e>,
    ) -> impl Iterator<Item = Timestamp> + 'e {
        let assumed = self.started_at_aws(context).plus(SHORTEST_SESSION);
        let keys = find_credentials::access_key_ids(entries);
        let keys = keys.map(move |id| self.known_expiry(id, context).unwrap_or(assumed));
        let token = find_access_token::is_login(entries).then(|| {
            let token = find_access_token::read(entries, &PropertyPath::default()).ok()??;
            let expiry = token.expires_at.or_else(|| self.stated_expiry(&token))?;
            Some(expiry.shifted(context.http.aws_clock_offset()))
        });
        keys.chain(token.map(|expiry| expiry.unwrap_or(assumed)))
    }
}

#[cfg(test)]
mod tests;
