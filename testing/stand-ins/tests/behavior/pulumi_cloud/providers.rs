//! Providers, context, imports and expressions of definitions.

use std::collections::BTreeMap;

use encodings::base64::decode_url;
use serde_json::{Value, json};
use stand_ins::pulumi_cloud::configuration::{Stack, TEAM_TOKEN, TOKEN};

use super::{ENVIRONMENT, Fixture, NOW, error, fixture, json, plain, session, with};
use crate::{post, web_identity};

const PATH: &str = "/api/esc/environments/acme/test/env";

fn values(fixture: &Fixture) -> Value {
    plain(&fixture.opened(PATH)["properties"])
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&decode_url(payload).unwrap()).unwrap()
}

#[test]
fn providers_return_the_values_of_pulumi_cloud() {
    let definition = "values:
  static:
    fn::open::aws-login:
      static: {accessKeyId: AKIAIOSFODNN7EXAMPLE, secretAccessKey: shh}
  stacks:
    fn::open::pulumi-stacks:
      stacks: {cluster: {stack: cluster/dev}}
  token:
    fn::open::oidc:
      audience: sts.amazonaws.com
      duration: 10m
      identityToken: {version: v2}
  same:
    fn::open::test: [1, {a: b}]
";
    let fixture = fixture(|configuration| {
        configuration.stacks.push(Stack {
            organization: "acme".to_owned(),
            stack: "cluster/dev".to_owned(),
            outputs: BTreeMap::from([
                ("name".to_owned(), json!("prod")),
                ("password".to_owned(), json!("hunter2")),
                ("nodes".to_owned(), json!([1, 2.5, null, true])),
            ]),
            secrets: vec!["password".to_owned()],
            export: None,
        });
        *configuration = configuration.clone().environment("test", "env", definition);
    });
    let opened = fixture.opened(PATH);
    let values = plain(&opened["properties"]);
    assert_eq!(
        values["static"],
        json!({"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": "shh"})
    );
    assert_eq!(
        values["stacks"]["cluster"],
        json!({"name": "prod", "password": "hunter2", "nodes": [1, 2.5, null, true]})
    );
    let outputs = &opened["properties"]["stacks"]["value"]["cluster"]["value"];
    assert_eq!(outputs["password"]["secret"], true);
    assert!(outputs["name"].get("secret").is_none());
    assert_eq!(values["same"], json!([1, {"a": "b"}]));
    assert_eq!(opened["properties"]["token"]["secret"], true);
    let claims = claims(&values["token"]);
    assert_eq!(claims["iss"], "https://api.pulumi.com/oidc/v2");
    assert_eq!(claims["aud"], "sts.amazonaws.com");
    assert_eq!(claims["exp"], NOW + 600);
    assert_eq!(claims["https://pulumi.com/current_env"], "test/env");
    assert_eq!(claims["https://pulumi.com/actor"], "alice");
    let form = web_identity(values["token"].as_str().unwrap(), &[]);
    let response = post(&fixture.sts, &form);
    assert_eq!(response.status, 200, "{}", response.text());

    let providers = json(&fixture.get("/api/esc/providers?orgName=acme"));
    assert_eq!(
        providers["providers"],
        json!([
            "aws-login",
            "azure-login",
            "gcp-login",
            "oidc",
            "pulumi-stacks",
            "schema",
            "secret-wrapper",
            "test"
        ])
    );
    let schema = json(&fixture.get("/api/esc/providers/aws-login/schema"));
    assert_eq!(
        schema["outputs"]["required"],
        json!(["accessKeyId", "secretAccessKey"])
    );
    assert_eq!(
        error(&fixture.get("/api/esc/providers/nothing/schema")).0,
        404
    );
}

#[test]
fn logins_to_other_clouds_return_the_values_of_pulumi_cloud() {
    let definition = "values:
  gcp:
    fn::open::gcp-login:
      project: 123
      oidc: {workloadPoolId: a, providerId: b, serviceAccount: deploy@acme, tokenLifetime: 30m}
  static:
    fn::open::gcp-login: {project: 123, accessToken: {accessToken: ya29.x}}
  azure:
    fn::open::azure-login: {clientId: a, tenantId: b, oidc: true}
  secret:
    fn::open::azure-login: {clientId: a, tenantId: b, subscriptionId: c, clientSecret: shh}
";
    let fixture = with(definition);
    let opened = fixture.opened(PATH);
    let values = plain(&opened["properties"]);
    let expiry = encodings::timestamp::rfc3339(NOW + 1_800);
    assert_eq!(values["gcp"]["expiry"], json!(expiry));
    assert_eq!(values["gcp"]["tokenType"], "Bearer");
    let token = values["gcp"]["accessToken"].as_str().unwrap();
    let identity = json!(token.strip_prefix("ya29.").unwrap());
    assert_eq!(claims(&identity)["sub"], "deploy@acme");
    let user = fixture.cloud.authenticate_gke(token);
    assert_eq!(user.as_deref(), Ok("deploy@acme"));
    fixture.clock.advance(1_800);
    assert!(fixture.cloud.authenticate_gke(token).is_err());
    let azure = values["azure"]["oidc"]["token"].as_str().unwrap();
    for foreign in [azure, &format!("ya29.{azure}")] {
        assert!(fixture.cloud.authenticate_gke(foreign).is_err());
    }
    assert_eq!(
        values["static"],
        json!({"project": 123, "accessToken": "ya29.x", "tokenType": "Bearer"})
    );
    let token = &values["azure"]["oidc"]["token"];
    assert_eq!(claims(token)["aud"], "azure:acme");
    assert_eq!(
        claims(token)["sub"],
        "pulumi:environments:org:acme:env:test/env"
    );
    assert_eq!(
        values["secret"],
        json!({"clientId": "a", "tenantId": "b", "subscriptionId": "c", "clientSecret": "shh"})
    );
    let secret = |login: &str, output: &str| {
        opened["properties"][login]["value"][output]["secret"] == json!(true)
    };
    assert!(secret("gcp", "accessToken") && secret("secret", "clientSecret"));
    assert!(!secret("azure", "clientId"));
}

#[test]
fn failures_of_providers_are_diagnostics() {
    for (definition, summary) in [
        (
            "values:\n  a: {fn::open::nothing: {}}\n",
            "unknown provider \"nothing\"",
        ),
        (
            "values:\n  a: {fn::open::pulumi-stacks: {stacks: {x: {stack: a/b}}}}\n",
            "stack \"a/b\" not found",
        ),
        (
            "values:\n  a:\n    fn::open::aws-login:\n      oidc:\n        roleArn: \
             arn:aws:iam::123456789012:role/unknown\n        sessionName: abc\n",
            "unable to assume the role: operation error STS: AssumeRoleWithWebIdentity, https \
             response error StatusCode: 403, api error AccessDenied: Not authorized to perform \
             sts:AssumeRoleWithWebIdentity",
        ),
    ] {
        let fixture = with(definition);
        let response = fixture.post(&format!("{PATH}/open"), "");
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(body["diagnostics"][0]["summary"], summary);
        // A check does not open providers.
        if !summary.starts_with("unknown provider") {
            let checked = json(&fixture.post(&format!("{PATH}/check"), ""));
            assert_eq!(checked["properties"]["a"]["unknown"], true, "{checked}");
        }
    }
}

#[test]
fn evaluation_context_is_that_of_the_caller() {
    let definition =
        "values:\n  all: ${context.pulumi}\n  name: ${context.currentEnvironment.name}\n";
    let fixture = with(definition);
    let id = |token: &str, target: &str| session(&fixture.send(token, "POST", target, ""));
    let open = format!("{PATH}/open");
    let read = |token: &str, id: &str| {
        let response = fixture.send(token, "GET", &format!("{open}/{id}"), "");
        plain(&json(&response)["properties"])
    };
    let user = read(TOKEN, &id(TOKEN, &open));
    assert_eq!(user["name"], "test/env");
    assert_eq!(user["all"]["user"]["login"], "alice");
    assert_eq!(user["all"]["openDuration"], "1h0m0s");
    let team = read(TEAM_TOKEN, &id(TEAM_TOKEN, &format!("{open}?duration=90s")));
    assert_eq!(
        team["all"]["token"],
        json!({"type": "team", "name": "pipelines", "team": "platform"})
    );
    assert_eq!(team["all"]["openDuration"], "1m30s");
}

#[test]
fn environments_import_each_other() {
    let definition = "imports:\n- platform/prod@1\n- base\nvalues:\n  own: ${revision} ${from}\n";
    let fixture = fixture(|configuration| {
        let configured = configuration.clone().environment("test", "env", definition);
        let base = "values:\n  from: ${context.currentEnvironment.name}\n";
        *configuration = configured.environment("default", "base", base);
    });
    assert_eq!(values(&fixture)["own"], "one base");
    let missing = with("imports:\n- platform/nothing\n");
    let response = missing.post(&format!("{PATH}/open"), "");
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let summary = "environment \"platform/nothing\" not found";
    assert_eq!(body["diagnostics"][0]["summary"], summary, "{body}");
}

#[test]
fn definitions_are_opened_and_checked_without_being_stored() {
    let fixture = fixture(|_| ());
    let organization = "/api/esc/environments/acme";
    let definition =
        "imports:\n- platform/prod\nvalues:\n  own: ${revision}\n  secret:\n    fn::secret: shh\n";
    let id = session(&fixture.post(
        &format!("{organization}/yaml/open?duration=1h0m0s"),
        definition,
    ));
    let read = json(&fixture.get(&format!("{organization}/yaml/open/{id}")));
    assert_eq!(plain(&read["properties"])["own"], "three");
    let own = fixture.get(&format!("{organization}/yaml/open/{id}?property=own"));
    assert_eq!(json(&own)["value"], "three");
    assert_eq!(
        error(&fixture.get(&format!("{ENVIRONMENT}/open/{id}"))).0,
        404
    );

    let check = format!("{organization}/yaml/check");
    let hidden = json(&fixture.post(&format!("{check}?showSecrets=false"), definition));
    let secret = &hidden["properties"]["secret"];
    assert_eq!(
        (&secret["secret"], &secret["unknown"], &secret["value"]),
        (&json!(true), &json!(true), &Value::Null)
    );
    assert_eq!(
        hidden["environmentFunctionSummary"]["funcCounts"],
        json!({"fn::secret": 1})
    );
    let shown = json(&fixture.post(&format!("{check}?showSecrets=true"), definition));
    assert_eq!(shown["properties"]["secret"]["value"], "shh");
    assert_eq!(fixture.post(&check, "values: [\n").status, 400);

    // A check without secrets does not decrypt.
    let sealed = fixture.cloud.encrypt("acme", "any", "other", "shh");
    let sealed = format!("values:\n  a:\n    fn::secret: {{ciphertext: {sealed}}}\n  b: ${{a}}\n");
    let hidden = json(&fixture.post(&check, &sealed));
    let secret = &hidden["properties"]["b"];
    assert_eq!(
        (&secret["secret"], &secret["unknown"]),
        (&json!(true), &json!(true))
    );

    // Identity tokens need a stored environment.
    let token = "values:\n  a:\n    fn::open::oidc: {audience: x, identityToken: {version: v2}}\n";
    let response = fixture.post(&format!("{organization}/yaml/open"), token);
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let summary = "identity tokens are for stored environments only";
    assert_eq!(body["diagnostics"][0]["summary"], summary);
}

#[test]
fn expressions_describe_how_values_were_written() {
    let definition = "values:\n  number: 12345678901234567890\n  text: a ${number} $$ b\n  \
                      same: ${list[0].x}\n  list: [{x: true}]\n  none: null\n";
    let fixture = with(definition);
    let opened = fixture.opened_text(PATH);
    // Numbers keep their digits.
    assert!(
        opened.contains("\"value\":12345678901234567890"),
        "{opened}"
    );
    assert!(
        opened.contains("\"literal\":12345678901234567890"),
        "{opened}"
    );
    let opened: Value = serde_json::from_str(&opened).unwrap();
    let exprs = &opened["exprs"];
    let text = &exprs["text"]["interpolate"];
    assert_eq!(
        (&text[0]["text"], &text[1]["text"]),
        (&json!("a "), &json!(" $ b"))
    );
    assert_eq!(text[0]["value"][0]["key"], "number");
    let symbol = &exprs["same"]["symbol"];
    assert_eq!(
        (&symbol[0]["key"], &symbol[1]["index"], &symbol[2]["key"]),
        (&json!("list"), &json!(0), &json!("x"))
    );
    assert_eq!(exprs["list"]["list"][0]["object"]["x"]["literal"], true);
    assert!(exprs["none"].get("literal").is_none());
    let trace = &opened["properties"]["list"]["value"][0]["value"]["x"]["trace"]["def"];
    assert_eq!(trace, &exprs["list"]["list"][0]["object"]["x"]["range"]);
    assert_eq!(
        opened["schema"]["properties"]["number"],
        json!({"type": "number"})
    );
}
