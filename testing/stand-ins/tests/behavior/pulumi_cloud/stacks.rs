//! The exports of stacks, and their secrets.

use encodings::base64::decode_standard;
use serde_json::{Value, json};
use stand_ins::pulumi_cloud::configuration::{STRANGERS_TOKEN, TEAM_TOKEN};

use super::{Fixture, error, fixture, json};

const PATH: &str = "/api/stacks/acme/cluster/dev";

fn with_stack() -> Fixture {
    fixture(|configuration| {
        let outputs = json!({"name": "prod", "password": {"a": ["hunter2"]}});
        let changed = configuration.clone();
        *configuration = changed.stack("cluster/dev", &outputs, &["password"]).stack(
            "cluster/other",
            &json!({}),
            &[],
        );
    })
}

#[test]
fn state_is_exported_with_encrypted_secrets() {
    let fixture = with_stack();
    let export = json(&fixture.get(&format!("{PATH}/export")));
    assert_eq!(export["version"], 3);
    let resources = export["deployment"]["resources"].as_array().unwrap();
    let root = resources.last().unwrap();
    assert_eq!(root["type"], "pulumi:pulumi:Stack");
    assert_eq!(root["outputs"]["name"], "prod");
    let provider = &export["deployment"]["secrets_providers"];
    assert_eq!(provider["type"], "service");
    assert_eq!(provider["state"]["owner"], "acme");
    let ciphertext = root["outputs"]["password"]["ciphertext"].as_str().unwrap();
    let sealed = fixture
        .cloud
        .encrypt_for_stack("cluster/dev", r#"{"a":["hunter2"]}"#);
    assert_eq!(ciphertext, sealed);

    let post = |operation: &str, body: &Value| {
        fixture.post(&format!("{PATH}/{operation}"), &body.to_string())
    };
    let one = json(&post("decrypt", &json!({"ciphertext": ciphertext})));
    let all = json(&post(
        "batch-decrypt",
        &json!({"ciphertexts": [ciphertext, ciphertext]}),
    ));
    assert_eq!(one["plaintext"], all["plaintexts"][ciphertext]);
    let plaintext = decode_standard(one["plaintext"].as_str().unwrap()).unwrap();
    assert_eq!(plaintext, br#"{"a":["hunter2"]}"#);
    assert_eq!(
        fixture
            .send(TEAM_TOKEN, "GET", &format!("{PATH}/export"), "")
            .status,
        200
    );
}

#[test]
fn secrets_are_bound_to_their_stack_and_organization() {
    let fixture = with_stack();
    let other = fixture.cloud.encrypt_for_stack("cluster/other", "1");
    for (ciphertext, why) in [
        (
            other.as_str(),
            "Bad Request: invalid ciphertext: decrypting: message authentication failed",
        ),
        ("?", "Bad Request: the ciphertext is not Base64"),
    ] {
        let body = json!({"ciphertext": ciphertext}).to_string();
        let response = fixture.post(&format!("{PATH}/decrypt"), &body);
        assert_eq!(error(&response), (400, why.to_owned()));
    }
    let not_found = (404, "Not Found: stack not found".to_owned());
    let export = format!("{PATH}/export");
    let stranger = fixture.send(STRANGERS_TOKEN, "GET", &export, "");
    assert_eq!(error(&stranger), not_found);
    let unknown = fixture.get("/api/stacks/acme/cluster/unknown/export");
    assert_eq!(error(&unknown), not_found);
    let many: Vec<_> = (0..1001).map(|_| "AAAA").collect();
    let body = json!({"ciphertexts": many}).to_string();
    assert_eq!(
        fixture.post(&format!("{PATH}/batch-decrypt"), &body).status,
        413
    );
    assert_eq!(fixture.cloud.take_violations(), [""; 0]);

    for (method, target, body, problem) in [
        (
            "GET",
            "/api/stacks/acme/cluster/dev/decrypt",
            "",
            "no such method",
        ),
        (
            "POST",
            "/api/stacks/acme/cluster/dev/decrypt",
            "{}",
            "lacks `ciphertext`",
        ),
        (
            "GET",
            "/api/stacks/acme/cluster/dev/export?version=1",
            "",
            "no parameter",
        ),
        (
            "GET",
            "/api/stacks/acme/cluster/d%20v/export",
            "",
            "is not a valid stackName",
        ),
    ] {
        fixture.send(super::TOKEN, method, target, body);
        let violations = fixture.cloud.take_violations();
        assert!(
            violations.len() == 1 && violations[0].contains(problem),
            "{target}: {violations:?}"
        );
    }
}
