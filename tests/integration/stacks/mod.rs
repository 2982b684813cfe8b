//! `fn::open::pulumi-stacks` in local definitions, through the binary.

mod cloud;
mod folder;
mod mistakes;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::plugin::Plugin;

/// The passphrase of the states in `tests/data/pulumi_state`.
const PASSPHRASE: &str = "correct horse";

/// A definition that opens the stack `stack` as `s`.
fn definition(stack: &str) -> String {
    format!("values:\n  s:\n    fn::open::pulumi-stacks: {{stacks: {{s: {{stack: {stack}}}}}}}\n")
}

/// A call that opens a definition as JSON.
fn open_call(definition: &str) -> Plugin {
    Plugin::new()
        .file("env.yaml", definition)
        .args(["open", "env.yaml"])
}

/// A backend that the Pulumi CLI wrote.
fn fixture(backend: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/pulumi_state")
        .join(backend)
}

/// The outputs of the fixtures, as the Pulumi CLI prints them.
pub(crate) fn outputs() -> Value {
    json!({
        "asset": {
            "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
            "hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "text": "text",
        },
        "clusterName": "eks-demo",
        "kubeconfig": {
            "apiVersion": "v1",
            "clusters": [{
                "cluster": {"server": "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com"},
                "name": "eks",
            }],
            "kind": "Config",
        },
        "nested": ["hunter3"],
        "nodes": {"count": 3, "labels": ["a", "b"], "ratio": 0.5, "token": "hunter2"},
        "nothing": null,
    })
}

/// The same with the secrets redacted.
fn redacted() -> Value {
    let mut outputs = outputs();
    for secret in ["kubeconfig", "nested"] {
        outputs[secret] = json!("[secret]");
    }
    outputs["nodes"]["token"] = json!("[secret]");
    outputs
}

/// Opens [`definition`], and returns the outputs of the stack.
#[track_caller]
fn stack_of(plugin: &Plugin) -> Value {
    let output = plugin.run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (0, ""),
        "{output:#?}"
    );
    let opened: Value = serde_json::from_str(&output.stdout).unwrap();
    opened["s"]["s"].clone()
}

/// The message, causes and hint of a failed call, without the source excerpt.
#[track_caller]
fn failure(plugin: &Plugin, code: i32) -> String {
    let output = plugin.run();
    assert_eq!(output.code, code, "{output:#?}");
    assert!(!output.stderr.contains("hunter"), "{output:#?}");
    let lines = output.stderr.lines();
    let lines = lines.filter(|line| line.starts_with("kubectl-esc: ") || line.starts_with("  "));
    let lines = lines.filter(|line| !line.trim_start().starts_with(['|', '^']));
    let lines: Vec<_> = lines.map(str::trim).collect();
    lines
        .join("\n")
        .replace("kubectl-esc: cannot open the environment `env.yaml`: ", "")
}
