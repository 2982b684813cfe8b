//! Stacks in Pulumi Cloud: the requests, and the messages for error responses.

use serde_json::{Value, json};
use stand_ins::pulumi_cloud::configuration::{
    Configuration, ORGANIZATION, STRANGERS_TOKEN, Stack, TOKEN,
};
use stand_ins::pulumi_cloud::fault::Fault;

use super::{PASSPHRASE, definition, failure, fixture, open_call, outputs, stack_of};
use crate::cloud::PulumiCloudFixture;
use crate::support::plugin::Plugin;

const STACK: &str = "eks-cluster/demo";
const SECRETS: [&str; 2] = ["kubeconfig", "nested"];

/// A Pulumi Cloud with a stack that has the outputs of the fixtures, changed by `change`.
fn with_stack(change: impl FnOnce(Configuration) -> Configuration) -> PulumiCloudFixture {
    PulumiCloudFixture::with(|configuration| {
        let with_stack = configuration.clone().stack(STACK, &outputs(), &SECRETS);
        *configuration = change(with_stack);
    })
}

/// Replaces the stacks by one with this export.
fn exported(mut configuration: Configuration, export: Value) -> Configuration {
    configuration.stacks = vec![Stack {
        organization: ORGANIZATION.to_owned(),
        stack: STACK.to_owned(),
        export: Some(export),
        ..Stack::default()
    }];
    configuration
}

/// `open` of a definition, with an access token in a variable.
fn open(pulumi_cloud: &PulumiCloudFixture, definition: &str) -> Plugin {
    open_call(definition)
        .env("PULUMI_BACKEND_URL", pulumi_cloud.url())
        .env("PULUMI_ACCESS_TOKEN", TOKEN)
}

#[test]
fn stack_needs_one_export_and_one_decryption() {
    for (name, variables, calls) in [
        (
            STACK,
            &[][..],
            &[
                "default organization",
                "export stack",
                "decrypt stack secrets",
            ][..],
        ),
        (
            STACK,
            &[("PULUMI_DEFAULT_ORGANIZATION", "acme")],
            &["export stack", "decrypt stack secrets"],
        ),
        (
            "acme/eks-cluster/demo",
            &[],
            &["export stack", "decrypt stack secrets"],
        ),
    ] {
        let pulumi_cloud = with_stack(std::convert::identity);
        let mut call = open(&pulumi_cloud, &definition(name));
        for (name, value) in variables {
            call = call.env(name, value);
        }
        assert_eq!(stack_of(&call), outputs(), "{name}");
        pulumi_cloud.assert_calls(calls);
    }
    let pulumi_cloud = with_stack(std::convert::identity);
    let mut hidden = outputs();
    for secret in SECRETS {
        hidden[secret] = json!("[secret]");
    }
    let call = open(&pulumi_cloud, &definition(STACK)).args(["--redact", "--organization", "acme"]);
    assert_eq!(stack_of(&call), hidden);
}

#[test]
fn each_stack_is_read_once_and_only_if_opened() {
    let pulumi_cloud =
        with_stack(|configuration| configuration.stack("other/dev", &json!({"n": 1}), &[]));
    let definition = "values:\n  a:\n    fn::open::pulumi-stacks:\n      stacks:\n        one: {stack: \
                      eks-cluster/demo}\n        two: {stack: eks-cluster/demo}\n        three: {stack: \
                      other/dev}\n  b:\n    fn::open::pulumi-stacks:\n      stacks: {four: {stack: \
                      eks-cluster/demo}}\n  same: ${b.four.clusterName}\n";
    let call = open(&pulumi_cloud, definition).env("PULUMI_DEFAULT_ORGANIZATION", "acme");
    let output = call.run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (0, ""),
        "{output:#?}"
    );
    let opened: Value = serde_json::from_str(&output.stdout).unwrap();
    for stack in [
        &opened["a"]["one"],
        &opened["a"]["two"],
        &opened["b"]["four"],
    ] {
        assert_eq!(*stack, outputs());
    }
    assert_eq!(opened["a"]["three"], json!({"n": 1}));
    assert_eq!(opened["same"], "eks-demo");
    // The second stack has no secrets.
    pulumi_cloud.assert_calls(&["export stack", "decrypt stack secrets", "export stack"]);

    let pulumi_cloud = with_stack(std::convert::identity);
    let check = Plugin::new()
        .file("env.yaml", definition)
        .args(["check", "env.yaml"])
        .env("PULUMI_BACKEND_URL", pulumi_cloud.url());
    check.run().assert("", "", 0);
    pulumi_cloud.assert_calls(&[]);
}

#[test]
fn login_for_environments_is_used_for_stacks() {
    let pulumi_cloud = with_stack(std::convert::identity);
    let url = pulumi_cloud.url();
    let credentials = json!({"current": url, "accounts": {url.as_str(): {"accessToken": TOKEN}}});
    let call = open_call(&definition(STACK))
        .file("home/.pulumi/credentials.json", credentials.to_string());
    assert_eq!(stack_of(&call), outputs());

    let none = open_call(&definition(STACK)).env("PULUMI_BACKEND_URL", &url);
    let message = failure(&none, 4);
    assert!(
        message.starts_with("not logged in to Pulumi Cloud at `127.0.0.1`"),
        "{message}"
    );
}

#[test]
fn server_without_batch_decryption_is_called_for_each_secret() {
    for status in [404, 405] {
        let pulumi_cloud = with_stack(std::convert::identity);
        let absent = Fault::error(status, "Not Found", &[]);
        pulumi_cloud
            .stand_in
            .fail_at("decrypt stack secrets", absent, 1);
        let call = open(&pulumi_cloud, &definition("acme/eks-cluster/demo"));
        assert_eq!(stack_of(&call), outputs());
        pulumi_cloud.assert_calls(&[
            "export stack",
            "decrypt stack secrets",
            "decrypt stack secret",
            "decrypt stack secret",
        ]);
    }
}

#[test]
fn passphrase_secrets_are_decrypted_locally() {
    let path = fixture("projects").join(".pulumi/stacks/eks-cluster/demo.json");
    let state: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let export = json!({"version": 3, "deployment": state["checkpoint"]["latest"]});
    let pulumi_cloud = with_stack(|configuration| exported(configuration, export));
    let call = open(&pulumi_cloud, &definition("acme/eks-cluster/demo"))
        .env("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE);
    assert_eq!(stack_of(&call), outputs());
    pulumi_cloud.assert_calls(&["export stack"]);
}

#[test]
fn stack_without_deployment_has_no_outputs() {
    for export in [
        json!({}),
        json!({"version": 3, "deployment": {"manifest": {}}}),
    ] {
        let pulumi_cloud = with_stack(|configuration| exported(configuration, export));
        assert_eq!(
            stack_of(&open(&pulumi_cloud, &definition(STACK))),
            json!({})
        );
    }
}

#[test]
fn many_secrets_are_decrypted_in_batches() {
    let numbers: serde_json::Map<_, _> = (0..1500)
        .map(|number| (format!("n{number}"), json!(number)))
        .collect();
    let names: Vec<_> = numbers.keys().cloned().collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let numbers = Value::Object(numbers.clone());
    let pulumi_cloud =
        with_stack(|configuration| configuration.stack("many/demo", &numbers, &names));
    assert_eq!(
        stack_of(&open(&pulumi_cloud, &definition("acme/many/demo"))),
        numbers
    );
    pulumi_cloud.assert_calls(&[
        "export stack",
        "decrypt stack secrets",
        "decrypt stack secrets",
    ]);
}

#[test]
fn denials_have_a_hint() {
    let variable = "the variable `PULUMI_ACCESS_TOKEN`";
    let alice = format!("the user `alice` (access token from {variable})");
    let error = |status, message: &str| Fault::error(status, message, &[]);
    let forbidden = format!(
        "{alice} is not allowed to read the stack `acme/eks-cluster/demo`\ncaused by: Forbidden\nhint: ask \
                 an administrator of `acme` for permission to read it"
    );
    for (fault, at, stack, code, expected) in [
        (
            None,
            "",
            "acme/eks-cluster/staging",
            4,
            format!(
                "the stack `acme/eks-cluster/staging` does not exist, or {alice} has no access to it\ncaused \
                 by: Not Found: stack not found\nhint: check the name, or ask for access; `pulumi stack \
                 ls --all` lists what you can access"
            ),
        ),
        (
            None,
            "",
            "other/eks-cluster/demo",
            4,
            format!(
                "the stack `other/eks-cluster/demo` does not exist, or {alice} has no access to it\ncaused by: \
                 Not Found: stack not found\nhint: check the organization: `alice` is a member of \
                 `alice`, `acme`, not of `other`"
            ),
        ),
        (
            Some(error(401, "Unauthorized")),
            "export stack",
            STACK,
            4,
            format!(
                "`127.0.0.1` rejected the access token from {variable}\ncaused by: \
                 Unauthorized\nhint: set PULUMI_ACCESS_TOKEN to a token that is valid for this backend"
            ),
        ),
        (
            Some(error(403, "Forbidden")),
            "export stack",
            STACK,
            4,
            forbidden.clone(),
        ),
        (
            Some(error(403, "Forbidden")),
            "decrypt stack secrets",
            STACK,
            4,
            forbidden.clone(),
        ),
        (
            Some(Fault::Html),
            "export stack",
            STACK,
            5,
            "the response from `127.0.0.1` did not come from Pulumi Cloud\ncaused by: it is not \
             JSON\nhint: check PULUMI_BACKEND_URL; a proxy or a login page may be answering instead"
                .to_owned(),
        ),
        (
            Some(Fault::Truncated),
            "decrypt stack secrets",
            STACK,
            5,
            "the response from `127.0.0.1` did not come from Pulumi Cloud".to_owned(),
        ),
        (
            Some(error(400, "Bad Request: no")),
            "decrypt stack secrets",
            STACK,
            2,
            "`127.0.0.1` rejected the request (HTTP status 400)\ncaused by: Bad Request: no"
                .to_owned(),
        ),
        (
            Some(error(500, "no")),
            "decrypt stack secrets",
            STACK,
            5,
            "`127.0.0.1` failed (HTTP status 500, request ID request-".to_owned(),
        ),
    ] {
        let pulumi_cloud = with_stack(std::convert::identity);
        if let Some(fault) = fault {
            // No request is made more than four times.
            pulumi_cloud.stand_in.fail_at(at, fault, 4);
        }
        let message = failure(&open(&pulumi_cloud, &definition(stack)), code);
        assert!(
            message.starts_with(&expected),
            "expected:\n{expected}\nactual:\n{message}"
        );
    }
    let pulumi_cloud = with_stack(std::convert::identity);
    let call = open(&pulumi_cloud, &definition("acme/eks-cluster/demo"))
        .env("PULUMI_ACCESS_TOKEN", STRANGERS_TOKEN);
    let message = failure(&call, 4);
    assert!(message.contains("the user `mallory`"), "{message}");
    assert!(message.contains("not of `acme`"), "{message}");
}

#[test]
fn idempotent_calls_are_retried() {
    let pulumi_cloud = with_stack(std::convert::identity);
    for operation in ["export stack", "decrypt stack secrets"] {
        pulumi_cloud
            .stand_in
            .fail_at(operation, Fault::internal(), 1);
    }
    let call = open(&pulumi_cloud, &definition("acme/eks-cluster/demo"))
        .args(["-v", "-v"])
        .env("KUBECTL_ESC_TIMEOUT", "40s");
    let output = call.run();
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(
        pulumi_cloud.stand_in.operations(),
        [
            "export stack",
            "export stack",
            "decrypt stack secrets",
            "decrypt stack secrets"
        ]
    );
    // The steps are logged, without secrets.
    assert!(
        output.stderr.contains("reading the state of a stack"),
        "{}",
        output.stderr
    );
    for secret in [TOKEN, "hunter", "0123456789ABCDEF"] {
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
}

#[test]
fn cloud_kms_secrets_are_an_error_with_a_hint() {
    let export = json!({"version": 3, "deployment": {
        "secrets_providers": {"type": "cloud", "state": {"url": "gcpkms://hunter2"}},
        "resources": [{"type": "pulumi:pulumi:Stack", "urn": "x", "outputs": {"a": {
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            "ciphertext": "AAAA"
        }}}],
    }});
    let pulumi_cloud = with_stack(|configuration| exported(configuration, export));
    let message = failure(&open(&pulumi_cloud, &definition(STACK)), 2);
    assert!(
        message.starts_with(
            "the secrets of the stack `eks-cluster/demo` are encrypted with a key in `gcpkms`, which"
        ),
        "{message}"
    );
    let state = json!({"version": 3, "deployment": {"resources": {}}});
    let pulumi_cloud = with_stack(|configuration| exported(configuration, state));
    let message = failure(&open(&pulumi_cloud, &definition(STACK)), 2);
    assert!(
        message.starts_with(
            "cannot read the state of the stack `eks-cluster/demo`\ncaused by: it is not the state \
             of a stack: unexpected structure at line 1, column"
        ),
        "{message}"
    );
}
