//! Hostile states of stacks in Pulumi Cloud.

use encodings::base64::encode_standard_padded;
use stand_ins::http::Response;
use stand_ins::pulumi_cloud::fault::Fault;

use super::pulumi_cloud::{LONG_TIMEOUT, MAX_MEMORY, unexpected_outcome};
use super::run_with_little_memory;
use crate::cloud::PulumiCloudFixture;

/// A definition that opens a stack.
const STACK: &str = "values: {s: {fn::open::pulumi-stacks: {stacks: {s: {stack: acme/p/demo}}}}}";

/// An export of the stack with outputs that start and end like this, and other resources.
fn export(outputs: &str, resources: &str) -> String {
    format!(
        "{{\"version\":3,\"deployment\":{{\"secrets_providers\":{{\"type\":\"service\"}},\"resources\":[\
         {resources}{{\"urn\":\"u\",\"type\":\"pulumi:pulumi:Stack\",\"outputs\":{{{outputs}}}}}]}}}}"
    )
}

/// A secret in a state.
fn secret(ciphertext: &str) -> String {
    let [key, secret] = [
        "4dabf18193072939515e22adb298388d",
        "1b47061264138c4ac30d75fd1eb44270",
    ];
    format!("{{\"{key}\":\"{secret}\",\"ciphertext\":\"{ciphertext}\"}}")
}

/// A stack's export, the plaintext of its ciphertext, and the outcome.
type StackRow = (
    &'static str,
    fn() -> String,
    &'static str,
    (i32, &'static str),
);

const STACKS: &[StackRow] = &[
    (
        "many resources",
        || export("", &"{},".repeat(4_000_000)),
        "",
        (0, ""),
    ),
    (
        "other structure",
        || {
            format!(
                "{{\"version\":3,\"deployment\":\"x\",\"a\":[{}0]}}",
                "0,".repeat(6_000_000)
            )
        },
        "",
        (2, "it is not the state of a stack"),
    ),
    (
        "many outputs",
        || export(&format!("\"a\":[{}0]", "{},".repeat(6_000_000)), ""),
        "",
        (2, "its outputs are larger than 16 MiB"),
    ),
    (
        "many small outputs",
        || export(&format!("\"a\":[{}0]", "{},".repeat(1_000_000)), ""),
        "",
        (2, "its outputs have more than 50000 values"),
    ),
    (
        "as many outputs as allowed",
        || {
            let objects = "{\"a\":{\"b\":{}}},".repeat(49_000 / 3);
            export(
                &format!("\"a\":[{objects}0],\"b\":\"{}\"", "x".repeat(15 << 20)),
                "",
            )
        },
        "",
        (0, ""),
    ),
    (
        "a secret in many places",
        || {
            export(
                &format!("\"a\":[{}0]", format!("{},", secret("YQ==")).repeat(10_000)),
                "",
            )
        },
        "[1,2,3,4,5,6,7,8,9]",
        (2, "its secrets have more than 50000 values"),
    ),
    (
        "a large secret in several places",
        || export(&format!("\"a\":[{0},{0},{0}]", secret("YQ==")), ""),
        "large",
        (2, "its secrets are larger than 16 MiB"),
    ),
];

#[test]
fn hostile_stacks_take_little_memory() {
    let mut failures = Vec::new();
    for (name, export, plaintext, outcome) in STACKS {
        println!("{name}");
        let pulumi_cloud = PulumiCloudFixture::new();
        let plaintext = match *plaintext {
            "large" => format!("\"{}\"", "x".repeat(7 << 20)),
            small => small.to_owned(),
        };
        let plaintext = encode_standard_padded(plaintext.as_bytes());
        let decrypted = format!("{{\"plaintexts\":{{\"YQ==\":\"{plaintext}\"}}}}");
        for (operation, body) in [
            ("export stack", export()),
            ("decrypt stack secrets", decrypted),
        ] {
            let response = Response::new(200, "application/json", body);
            pulumi_cloud
                .stand_in
                .fail_at(operation, Fault::Answer(response), 9);
        }
        let plugin = pulumi_cloud.plugin().file("env.yaml", STACK);
        let plugin = plugin.args(["open", "env.yaml", "--timeout", LONG_TIMEOUT]);
        let output = run_with_little_memory(&plugin, MAX_MEMORY);
        failures.extend(unexpected_outcome(name, &output, *outcome));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
