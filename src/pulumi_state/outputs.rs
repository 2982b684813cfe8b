//! Converts the raw outputs in a state to values.
//!
//! Values that JSON cannot represent are objects with a signature (pulumi/pulumi,
//! `sdk/go/common/resource/sig/sig.go`, and `pkg/resource/stack/deployment.go`):
//!
//! | in the state | value |
//! | --- | --- |
//! | secret | its plaintext, marked as secret |
//! | string that is not UTF-8 | the string |
//! | placeholder for an unknown value | unknown |
//! | asset, archive, resource reference, infinite number or NaN | the object, as in `pulumi stack output --json` |

use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::collections::{BTreeMap, BTreeSet};

use crate::pulumi_state::state::{MAX_OUTPUT_BYTES, MAX_OUTPUT_VALUES, MalformedState, NESTING};
use crate::secret::Text;
use esc::format::json::{self, Selection};
use esc::{Data, Value};

/// The property that contains the signature of an object.
const SIGNATURE: &str = "4dabf18193072939515e22adb298388d";

const SECRET: &str = "1b47061264138c4ac30d75fd1eb44270";
const BYTES: &str = "803fd3297a5875dc03ca845dda5d2a98";

/// The signatures of objects that are returned unchanged.
const UNCHANGED: [&str; 4] = [
    // Asset.
    "c44067f5952c0a294b673a41bacd8c17",
    // Archive.
    "0def7320c3a5731c473e5ecbe6d01bc7",
    // Resource reference.
    "5cf8f73096256a8f31e491e813e4eb8e",
    // Infinite number or NaN.
    "8ad145fe-0d11-4827-bfd7-1abcbf086f5c",
];

/// The placeholder for a value that was unknown when the state was written.
const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/// The distinct ciphertexts in raw outputs, sorted.
pub(crate) fn ciphertexts(outputs: &Value) -> Vec<String> {
    let mut ciphertexts = BTreeSet::new();
    collect(outputs, &mut ciphertexts);
    ciphertexts.into_iter().collect()
}

fn collect(value: &Value, ciphertexts: &mut BTreeSet<String>) {
    match &value.data {
        Data::Array(items) => items.iter().for_each(|item| collect(item, ciphertexts)),
        Data::Object(entries) if signature(entries) == Some(SECRET) => {
            if let Some(ciphertext) = entries.get("ciphertext").and_then(Value::as_str)
                && !ciphertext.is_empty()
            {
                ciphertexts.insert(ciphertext.to_owned());
            }
        }
        Data::Object(entries) => entries
            .values()
            .for_each(|entry| collect(entry, ciphertexts)),
        _ => {}
    }
}

/// Converts raw outputs, with the plaintexts of the ciphertexts in them.
pub(crate) fn convert(
    outputs: Value,
    plaintexts: &BTreeMap<String, Text>,
) -> Result<Value, MalformedState> {
    let mut converter = Converter {
        plaintexts,
        bytes_left: MAX_OUTPUT_BYTES,
        values_left: MAX_OUTPUT_VALUES,
    };
    converter.value(outputs, false, NESTING)
}

struct Converter<'p> {
    /// The plaintexts by ciphertext.
    plaintexts: &'p BTreeMap<String, Text>,
    /// How much more JSON the secrets may have: each may be in many places.
    bytes_left: usize,
    values_left: usize,
}

impl Converter<'_> {
    /// Converts a value. Within a secret, nested secrets have their plaintext in the property
    /// `ciphertext`. `nesting` is the nesting limit for the plaintexts of secrets, which are JSON.
    fn value(
        &mut self,
        value: Value,
        is_in_secret: bool,
        nesting: usize,
    ) -> Result<Value, MalformedState> {
        let below = nesting.saturating_sub(1);
        let data = match value.data {
            Data::String(text) if text.as_bytes() == UNKNOWN.as_bytes() => {
                return Ok(Value::unknown());
            }
            Data::Array(items) => {
                let items = items.into_iter();
                let items = items.map(|item| self.value(item, is_in_secret, below));
                Data::Array(items.collect::<Result<_, _>>()?)
            }
            Data::Object(entries) => match signature(&entries) {
                Some(SECRET) => return self.secret(&entries, is_in_secret, nesting),
                Some(BYTES) => {
                    let encoded = entries.get("value").and_then(Value::as_str);
                    let bytes = encoded.and_then(|text| BASE64_STANDARD.decode(text).ok());
                    Data::String(Text::from(bytes.ok_or_else(|| unsupported("a string"))?))
                }
                Some(known) if !UNCHANGED.contains(&known) => {
                    return Err(MalformedState(
                        "an output has an unsupported kind of value".to_owned(),
                    ));
                }
                _ => {
                    let entries = entries
                        .into_iter()
                        .map(|(name, entry)| Ok((name, self.value(entry, is_in_secret, below)?)));
                    Data::Object(entries.collect::<Result<_, _>>()?)
                }
            },
            data => data,
        };
        Ok(Value::new(data))
    }

    fn secret(
        &mut self,
        entries: &BTreeMap<String, Value>,
        is_in_secret: bool,
        nesting: usize,
    ) -> Result<Value, MalformedState> {
        let text = |name: &str| {
            let text = entries.get(name).and_then(Value::as_text);
            text.filter(|text| !text.as_bytes().is_empty())
        };
        let plaintext = match (text("plaintext"), text("ciphertext")) {
            (Some(plaintext), None) => plaintext,
            (None, Some(plaintext)) if is_in_secret => plaintext,
            (None, Some(ciphertext)) => {
                let plaintexts = self.plaintexts;
                let plaintext = ciphertext.as_str().and_then(|text| plaintexts.get(text));
                plaintext.ok_or_else(|| unsupported("a secret"))?
            }
            _ => return Err(unsupported("a secret")),
        };
        let value = self.parse(plaintext.as_bytes(), nesting)?;
        let mut value = self.value(value, true, nesting)?;
        value.secret = true;
        Ok(value)
    }

    /// Parses the plaintext of a secret.
    fn parse(&mut self, plaintext: &[u8], nesting: usize) -> Result<Value, MalformedState> {
        let too_large = || {
            let limit = MAX_OUTPUT_BYTES >> 20;
            MalformedState(format!("its secrets are larger than {limit} MiB"))
        };
        let bytes_left = self.bytes_left.checked_sub(plaintext.len());
        self.bytes_left = bytes_left.ok_or_else(too_large)?;
        let mut values_left = Some(self.values_left);
        let value = json::parse_selected(plaintext, nesting, &Selection::All, |_| {
            values_left = values_left.and_then(|left| left.checked_sub(1));
            values_left.is_some()
        });
        self.values_left = values_left.ok_or_else(|| {
            MalformedState(format!(
                "its secrets have more than {MAX_OUTPUT_VALUES} values"
            ))
        })?;
        value.map_err(|_| unsupported("a decrypted secret"))
    }
}

/// The signature of an object; empty if it is not a string.
fn signature(entries: &BTreeMap<String, Value>) -> Option<&str> {
    let signature = entries.get(SIGNATURE)?;
    Some(signature.as_str().unwrap_or_default())
}

fn unsupported(what: &str) -> MalformedState {
    MalformedState(format!("{what} in its outputs has an unsupported format"))
}

#[cfg(test)]
mod tests;
