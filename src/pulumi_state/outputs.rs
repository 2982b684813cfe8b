//! From the outputs of a state to values.
//!
//! What JSON has no word for is an object with a signature (pulumi/pulumi,
//! `sdk/go/common/resource/sig/sig.go`, and `pkg/resource/stack/deployment.go`):
//!
//! | in the state | here |
//! | --- | --- |
//! | a secret | what it holds, as a secret |
//! | a text that is not UTF-8 | that text |
//! | the text that stands for what is not known yet | unknown |
//! | an asset, an archive, a reference to a resource, a number without digits | the object, as `pulumi stack output --json` shows it |

use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::collections::{BTreeMap, BTreeSet};

use crate::pulumi_state::state::{Malformed, NESTING};
use crate::secret::Text;
use esc::{Data, Value, format::json};

/// The name under which an object has its signature.
const SIGNATURE: &str = "4dabf18193072939515e22adb298388d";

const SECRET: &str = "1b47061264138c4ac30d75fd1eb44270";
const BYTES: &str = "803fd3297a5875dc03ca845dda5d2a98";

/// The signatures of objects that stay as they are.
const KEPT: [&str; 4] = [
    // An asset.
    "c44067f5952c0a294b673a41bacd8c17",
    // An archive.
    "0def7320c3a5731c473e5ecbe6d01bc7",
    // A reference to a resource.
    "5cf8f73096256a8f31e491e813e4eb8e",
    // A number that is infinite or none.
    "8ad145fe-0d11-4827-bfd7-1abcbf086f5c",
];

/// The text for a value that was not known when the state was written.
const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/// The ciphertexts in outputs, each once.
pub(crate) fn ciphertexts(outputs: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    collect(outputs, &mut found);
    found.into_iter().collect()
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match &value.data {
        Data::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Data::Object(entries) if signature(entries) == Some(SECRET) => {
            if let Some(ciphertext) = entries.get("ciphertext").and_then(Value::as_str)
                && !ciphertext.is_empty()
            {
                found.insert(ciphertext.to_owned());
            }
        }
        Data::Object(entries) => entries.values().for_each(|entry| collect(entry, found)),
        _ => {}
    }
}

/// Puts the plaintexts in the places of their ciphertexts, and reads all else that has a signature.
pub(crate) fn reveal(
    outputs: Value,
    plaintexts: &BTreeMap<String, Text>,
) -> Result<Value, Malformed> {
    Reader {
        plaintexts: Some(plaintexts),
    }
    .value(outputs, NESTING)
}

struct Reader<'p> {
    /// None within a secret, where further ones stand in the clear in the place of the ciphertext.
    plaintexts: Option<&'p BTreeMap<String, Text>>,
}

impl Reader<'_> {
    /// `nesting` is how many levels further texts of JSON may have.
    fn value(&self, value: Value, nesting: usize) -> Result<Value, Malformed> {
        let below = nesting.saturating_sub(1);
        let data = match value.data {
            Data::String(text) if text.as_bytes() == UNKNOWN.as_bytes() => {
                return Ok(Value::unknown());
            }
            Data::Array(items) => {
                let items = items.into_iter().map(|item| self.value(item, below));
                Data::Array(items.collect::<Result<_, _>>()?)
            }
            Data::Object(entries) => match signature(&entries) {
                Some(SECRET) => return self.secret(&entries, nesting),
                Some(BYTES) => {
                    let encoded = entries.get("value").and_then(Value::as_str);
                    let bytes = encoded.and_then(|text| BASE64_STANDARD.decode(text).ok());
                    Data::String(Text::from(bytes.ok_or_else(|| malformed("a text"))?))
                }
                Some(known) if !KEPT.contains(&known) => {
                    return Err(Malformed(
                        "an output has a kind of value that is not known".to_owned(),
                    ));
                }
                _ => {
                    let entries = entries
                        .into_iter()
                        .map(|(name, entry)| Ok((name, self.value(entry, below)?)));
                    Data::Object(entries.collect::<Result<_, _>>()?)
                }
            },
            data => data,
        };
        Ok(Value::new(data))
    }

    fn secret(
        &self,
        entries: &BTreeMap<String, Value>,
        nesting: usize,
    ) -> Result<Value, Malformed> {
        let text = |name: &str| {
            let text = entries.get(name).and_then(Value::as_text);
            text.filter(|text| !text.as_bytes().is_empty())
        };
        let plaintext = match (text("plaintext"), text("ciphertext"), self.plaintexts) {
            (Some(plaintext), None, _) => plaintext,
            (None, Some(ciphertext), None) => ciphertext,
            (None, Some(ciphertext), Some(plaintexts)) => {
                let known = ciphertext.as_str().and_then(|text| plaintexts.get(text));
                known.ok_or_else(|| malformed("a secret"))?
            }
            _ => return Err(malformed("a secret")),
        };
        let inner = json::parse(plaintext.as_bytes(), nesting)
            .map_err(|_| malformed("a decrypted secret"))?;
        let within = Reader { plaintexts: None };
        let mut value = within.value(inner, nesting)?;
        value.secret = true;
        Ok(value)
    }
}

/// The signature of an object; an empty one where it is no text.
fn signature(entries: &BTreeMap<String, Value>) -> Option<&str> {
    let signature = entries.get(SIGNATURE)?;
    Some(signature.as_str().unwrap_or_default())
}

fn malformed(what: &str) -> Malformed {
    Malformed(format!("{what} in its outputs has no form that is known"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use esc::format::Secrets;

    fn parse(text: &str) -> Value {
        json::parse(text.replace("SIG", SIGNATURE).as_bytes(), NESTING).unwrap()
    }

    fn read(text: &str) -> Result<Value, Malformed> {
        let plaintexts = [
            ("one", r#"{"a":["hunter2",1.50]}"#),
            (
                "nested",
                &format!(r#"[{{"{SIGNATURE}":"{SECRET}","ciphertext":"\"hunter3\""}}]"#),
            ),
            ("broken", "{"),
        ];
        let plaintexts = plaintexts.map(|(key, text)| (key.to_owned(), Text::from(text)));
        reveal(parse(text), &plaintexts.into())
    }

    #[test]
    fn special_values_are_read() {
        let asset = r#"{"4dabf18193072939515e22adb298388d":"c44067f5952c0a294b673a41bacd8c17","hash":"x","text":"y"}"#;
        for (text, revealed, redacted) in [
            (r#"{"a":1.0}"#.to_owned(), r#"{"a":1.0}"#, r#"{"a":1.0}"#),
            (
                format!(r#"{{"a":{{"SIG":"{SECRET}","ciphertext":"one"}}}}"#),
                r#"{"a":{"a":["hunter2",1.50]}}"#,
                r#"{"a":"[secret]"}"#,
            ),
            (
                format!(r#"[{{"SIG":"{SECRET}","ciphertext":"nested"}}]"#),
                r#"[["hunter3"]]"#,
                r#"["[secret]"]"#,
            ),
            (
                format!(r#"{{"SIG":"{SECRET}","plaintext":"null","ciphertext":""}}"#),
                "null",
                r#""[secret]""#,
            ),
            (
                format!(r#"[{{"SIG":"{BYTES}","value":"eP8="}}]"#),
                r#"["x\ufffd"]"#,
                r#"["x\ufffd"]"#,
            ),
            (
                format!(r#"["{UNKNOWN}"]"#),
                r#"["[unknown]"]"#,
                r#"["[unknown]"]"#,
            ),
            (asset.to_owned(), asset, asset),
        ] {
            let value = read(&text).unwrap();
            let shown = |secrets| json::compact(&value, secrets);
            assert_eq!(shown(Secrets::Revealed).as_str(), Some(revealed), "{text}");
            assert_eq!(shown(Secrets::Redacted).as_str(), Some(redacted), "{text}");
        }
        let bytes = read(&format!(r#"{{"SIG":"{BYTES}","value":"eP8="}}"#)).unwrap();
        assert_eq!(bytes.as_text().unwrap().as_bytes(), b"x\xff");
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let secret = "a secret in its outputs has no form that is known";
        for (text, want) in [
            (
                r#"[{"SIG":"new"}]"#.to_owned(),
                "an output has a kind of value that is not known",
            ),
            (
                r#"{"SIG":7}"#.to_owned(),
                "an output has a kind of value that is not known",
            ),
            (format!(r#"{{"SIG":"{SECRET}"}}"#), secret),
            (
                format!(r#"{{"SIG":"{SECRET}","ciphertext":"one","plaintext":"2"}}"#),
                secret,
            ),
            (
                format!(r#"{{"SIG":"{SECRET}","ciphertext":"two"}}"#),
                secret,
            ),
            (
                format!(r#"{{"SIG":"{SECRET}","ciphertext":"broken"}}"#),
                "a decrypted secret in its outputs has no form that is known",
            ),
            (
                format!(r#"{{"SIG":"{BYTES}","value":"?"}}"#),
                "a text in its outputs has no form that is known",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert_eq!(error.to_string(), want, "{text}");
        }
    }

    #[test]
    fn each_ciphertext_is_collected_once() {
        let text = format!(
            r#"{{"a":[{{"SIG":"{SECRET}","ciphertext":"one"}},1],
                "b":{{"c":{{"SIG":"{SECRET}","ciphertext":"one"}},
                      "d":{{"SIG":"{SECRET}","ciphertext":"two"}}}},
                "e":{{"SIG":"{SECRET}","plaintext":"3"}},"ciphertext":"four"}}"#
        );
        assert_eq!(ciphertexts(&parse(&text)), ["one", "two"]);
    }
}
