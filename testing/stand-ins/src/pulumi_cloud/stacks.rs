//! The exports of stacks, and their secrets.

use encodings::base64::{decode_standard, encode_standard_padded};
use serde_json::{Map, Value, json};

use super::account::Principal;
use super::configuration::Stack;
use super::contract::Call;
use super::definitions::body;
use super::state::{Answer, ApiError, Outcome, State};
use super::{ciphertext, definitions};
use crate::http::Request;

/// The signature of a secret in a state.
const SIGNATURE: [&str; 2] = [
    "4dabf18193072939515e22adb298388d",
    "1b47061264138c4ac30d75fd1eb44270",
];
/// The maximum number of ciphertexts in a batch: what Pulumi's CLI sends at once.
const MAXIMUM_BATCH: usize = 1_000;

/// Runs an operation on a stack.
pub(super) fn run(state: &State, principal: &Principal, call: &Call, request: &Request) -> Outcome {
    let [organization, project, name] =
        ["orgName", "projectName", "stackName"].map(|parameter| call.name(parameter));
    let path = format!("{project}/{name}");
    let mut stacks = state.configuration.stacks.iter();
    let stack = stacks
        .find(|stack| stack.organization == organization && stack.stack == path)
        .filter(|_| principal.belongs_to(organization))
        .ok_or_else(|| ApiError::not_found("stack"))?;
    let id = definitions::id(organization, project, name);
    let decrypt = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        if decode_standard(text).is_none() {
            return Err(ApiError::bad_request("the ciphertext is not Base64"));
        }
        let plaintext = ciphertext::decrypt(&id, text)
            .map_err(|why| ApiError::bad_request(&format!("invalid ciphertext: {why}")))?;
        Ok(encode_standard_padded(plaintext.as_bytes()))
    };
    let body = body(request);
    let answer = match call.operation.name.as_str() {
        "export stack" => stack.export.clone().unwrap_or_else(|| export(stack, &id)),
        "decrypt stack secret" => json!({"plaintext": decrypt(&body["ciphertext"])?}),
        _ => {
            let ciphertexts = body["ciphertexts"].as_array().cloned().unwrap_or_default();
            if ciphertexts.len() > MAXIMUM_BATCH {
                return Err(ApiError::new(413, "Request Content Too Large"));
            }
            let plaintexts = ciphertexts.iter().map(|text| {
                let name = text.as_str().unwrap_or_default().to_owned();
                Ok((name, Value::from(decrypt(text)?)))
            });
            let plaintexts: Map<_, _> = plaintexts.collect::<Result<_, ApiError>>()?;
            json!({"plaintexts": plaintexts})
        }
    };
    Ok(Answer::json(&answer.into()))
}

/// An export with the outputs of a stack.
fn export(stack: &Stack, id: &str) -> Value {
    let (project, name) = stack.stack.split_once('/').unwrap_or_default();
    let outputs = stack.outputs.iter().map(|(output, value)| {
        let value = if stack.secrets.contains(output) {
            let ciphertext = ciphertext::encrypt(id, &value.to_string());
            json!({SIGNATURE[0]: SIGNATURE[1], "ciphertext": ciphertext})
        } else {
            value.clone()
        };
        (output.clone(), value)
    });
    let outputs: Map<_, _> = outputs.collect();
    let urn = |kind: &str, name: &str| format!("urn:pulumi:{name}::{project}::{kind}::{name}");
    let root = "pulumi:pulumi:Stack";
    json!({
        "version": 3,
        "deployment": {
            "manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""},
            "secrets_providers": {
                "type": "service",
                "state": {
                    "url": "https://api.pulumi.com",
                    "owner": stack.organization,
                    "project": project,
                    "stack": name,
                },
            },
            "resources": [
                {
                    "urn": urn("random:index/randomId:RandomId", "first"),
                    "custom": true,
                    "type": "random:index/randomId:RandomId",
                    "outputs": {
                        "b64": {SIGNATURE[0]: SIGNATURE[1], "ciphertext": "bm90IGFza2VkIGZvcg=="},
                    },
                },
                {"urn": urn(root, name), "custom": false, "type": root, "outputs": outputs},
            ],
        },
    })
}
