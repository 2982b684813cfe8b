//! States of Pulumi stacks: outputs are those that another reader finds, secrets are marked, and errors
//! quote nothing of the state. The first byte chooses the format.

#![no_main]

use esc::format::{Secrets, json};
use esc::{Text, Value};
use kubectl_esc::fuzzing::{gunzip, stack_outputs};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

/// The key of an object that stands for a value of another kind.
const SIGNATURE: &str = "4dabf18193072939515e22adb298388d";
const SECRET: &str = "1b47061264138c4ac30d75fd1eb44270";

/// Nothing but decrypted secrets contains this letter.
const LETTER: char = 'Ж';

const GUNZIP_LIMIT: usize = 1 << 20;

fuzz_target!(|input: (u8, &[u8])| {
    let (format, bytes) = input;
    let is_export = format & 1 == 1;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        if let Ok(state) = gunzip(bytes, GUNZIP_LIMIT) {
            assert!(state.len() <= GUNZIP_LIMIT);
            check(&state, is_export);
        }
        return;
    }
    check(bytes, is_export);
});

fn check(bytes: &[u8], is_export: bool) {
    let decrypt = |ciphertext: &str| {
        let plaintext = Json::from(format!("{LETTER}{ciphertext}"));
        Text::from(plaintext.to_string())
    };
    match stack_outputs(bytes, is_export, decrypt) {
        Ok(outputs) => check_outputs(bytes, is_export, &outputs),
        Err(message) => assert!(message.len() < 120 && message.is_ascii(), "{message}"),
    }
}

fn check_outputs(bytes: &[u8], is_export: bool, outputs: &Value) {
    let is_marked = String::from_utf8_lossy(bytes).contains([LETTER, '\\']);
    let redacted = json::compact(outputs, Secrets::Redacted);
    assert!(is_marked || !String::from_utf8_lossy(redacted.as_bytes()).contains(LETTER));
    // A repeated key may be rejected or be the last one.
    let Ok(state) = serde_json::from_slice::<Json>(bytes) else {
        return;
    };
    let deployment = if is_export {
        &state["deployment"]
    } else if state["checkpoint"]["latest"].is_object() {
        &state["checkpoint"]["latest"]
    } else {
        &state["latest"]
    };
    let mut resources = deployment["resources"].as_array().into_iter().flatten();
    let root = resources.find(|resource| {
        resource["type"] == "pulumi:pulumi:Stack"
            && resource["parent"].as_str().unwrap_or("").is_empty()
    });
    let wanted = root.map(|root| &root["outputs"]);
    let revealed = json::compact(outputs, Secrets::Revealed);
    let revealed: Json = serde_json::from_slice(revealed.as_bytes()).unwrap();
    match wanted {
        Some(wanted) if !wanted.is_null() => {
            assert!(is_same(&revealed, wanted), "{revealed} instead of {wanted}")
        }
        _ => assert_eq!(revealed, serde_json::json!({})),
    }
}

/// Whether outputs are those of a state. Secrets are compared as far as they are simple.
fn is_same(output: &Json, raw: &Json) -> bool {
    match (output, raw) {
        (Json::String(output), Json::String(raw)) => output == raw || output == "[unknown]",
        (Json::Array(output), Json::Array(raw)) => {
            output.len() == raw.len()
                && output
                    .iter()
                    .zip(raw)
                    .all(|(output, raw)| is_same(output, raw))
        }
        (output, Json::Object(raw)) if raw.contains_key(SIGNATURE) => {
            let ciphertext = raw.get("ciphertext").and_then(Json::as_str).unwrap_or("");
            raw[SIGNATURE] != SECRET
                || ciphertext.is_empty()
                || *output == format!("{LETTER}{ciphertext}")
        }
        (Json::Object(output), Json::Object(raw)) => {
            output.len() == raw.len()
                && raw
                    .iter()
                    .all(|(name, raw)| output.get(name).is_some_and(|output| is_same(output, raw)))
        }
        _ => output == raw,
    }
}
