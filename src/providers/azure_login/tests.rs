//! The provider, as the evaluator calls it.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::context::test_context::TestContext;
use crate::error::{Error, Kind};
use crate::http::test_server::{TestServer, http_response};

const CLIENT: &str = "0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e";
const TENANT: &str = "7A1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

/// The claims are `{"sub":"alice"}`.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.aHVudGVyMi1zaWduYXR1cmU";

/// Converts JSON to a value; `{"secret": text}` becomes a secret string.
fn value(json: &Json) -> Value {
    Value::new(match json {
        Json::Null => Data::Null,
        Json::Bool(value) => Data::Bool(*value),
        Json::Number(number) => Data::Number(esc::Number::from_text(number.to_string())),
        Json::String(text) => Data::String(text.as_str().into()),
        Json::Array(items) => Data::Array(items.iter().map(value).collect()),
        Json::Object(entries) => {
            if let Some(text) = entries.get("secret") {
                return Value::secret(text.as_str().unwrap());
            }
            let entries = entries
                .iter()
                .map(|(name, item)| (name.clone(), value(item)));
            Data::Object(entries.collect())
        }
    })
}

/// The inputs with these in addition.
fn inputs(more: &Json) -> Json {
    let mut inputs = json!({"clientId": CLIENT, "tenantId": TENANT});
    for (name, value) in more.as_object().unwrap() {
        inputs[name] = value.clone();
    }
    inputs
}

/// Opens the provider with these inputs.
fn open(provider: &AzureLogin<'_>, inputs: &Json) -> Result<Value> {
    let outputs = provider.open(&value(inputs));
    outputs.map_err(|failure| Error::from_failure(&*failure))
}

fn context(variables: &[(&str, &str)]) -> TestContext {
    TestContext::new(variables, Duration::from_secs(20))
}

/// The provider with the identity token in the variable `TOKEN`.
fn provider(context: &TestContext) -> AzureLogin<'_> {
    let settings = IdentityTokenSettings {
        variable: Some("TOKEN".to_owned()),
        ..IdentityTokenSettings::default()
    };
    AzureLogin::new(context.get(), settings)
}

#[test]
fn schemas_are_json_and_mark_secrets() {
    let context = context(&[]);
    let provider = provider(&context);
    let inputs: Json = serde_json::from_str(provider.input_schema()).unwrap();
    let outputs: Json = serde_json::from_str(provider.output_schema()).unwrap();
    for schema in [&inputs, &outputs] {
        assert_eq!(schema["required"], json!(["clientId", "tenantId"]));
        for (name, secret) in [
            ("clientId", Json::Null),
            ("clientSecret", json!(true)),
            ("subscriptionId", Json::Null),
            ("tenantId", Json::Null),
        ] {
            let property = &schema["properties"][name];
            assert_eq!(property["type"], "string", "{name}");
            assert_eq!(property["secret"], secret, "{name}");
        }
    }
    assert_eq!(inputs["properties"]["oidc"]["type"], "boolean");
    let token = &outputs["properties"]["oidc"]["properties"]["token"];
    assert_eq!(token, &json!({"type": "string", "secret": true}));
}

#[test]
fn outputs_are_the_inputs_and_the_identity_token() {
    let context = context(&[("TOKEN", TOKEN)]);
    for (more, names) in [
        (json!({}), &["clientId", "tenantId"][..]),
        (json!({"oidc": false}), &["clientId", "tenantId"]),
        (
            json!({"oidc": true, "subjectAttributes": ["pulumi.user.login"]}),
            &["clientId", "oidc", "tenantId"],
        ),
        (
            json!({"clientSecret": {"secret": "8Q~"}, "subscriptionId": "/subscriptions/1"}),
            &["clientId", "clientSecret", "subscriptionId", "tenantId"],
        ),
        (
            json!({"oidc": true, "clientSecret": "8Q~"}),
            &["clientId", "clientSecret", "oidc", "tenantId"],
        ),
    ] {
        let outputs = open(&provider(&context), &inputs(&more)).unwrap();
        let Data::Object(entries) = &outputs.data else {
            panic!("{outputs:?}");
        };
        assert!(entries.keys().eq(names), "{outputs:?}");
        for (name, output) in entries {
            let (output, want) = match name.as_str() {
                "clientId" => (output, CLIENT),
                "clientSecret" => (output, "8Q~"),
                "oidc" => (output.property("token").unwrap(), TOKEN),
                "subscriptionId" => (output, "/subscriptions/1"),
                _ => (output, TENANT),
            };
            assert_eq!(output.as_str(), Some(want), "{name}");
            assert!(output.secret && !output.unknown, "{name}");
        }
    }
}

#[test]
fn github_issues_one_token_for_all_logins() {
    let body = json!({ "value": TOKEN }).to_string();
    let server = TestServer::responding([http_response(200, "", &body)]);
    let url = format!("{}/token?api-version=2.0", server.url());
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
    ];
    let context = context(&variables);
    let provider = AzureLogin::new(context.get(), IdentityTokenSettings::default());
    for client in [CLIENT, TENANT] {
        let inputs = inputs(&json!({"clientId": client, "oidc": true}));
        let outputs = open(&provider, &inputs).unwrap();
        let token = outputs.property("oidc").unwrap().property("token").unwrap();
        assert_eq!(token.as_str(), Some(TOKEN));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let query = "GET /token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange ";
    assert!(requests[0].starts_with(query), "{}", requests[0]);
}

#[test]
fn inputs_are_validated_beyond_the_schema() {
    let client = "`clientId` is not the ID of an application";
    let tenant = "`tenantId` is not the ID of a tenant";
    let context = context(&[("TOKEN", TOKEN)]);
    for (inputs, message) in [
        (json!({}), "`clientId` is missing or not a string"),
        (json!("text"), "`clientId` is missing or not a string"),
        (
            json!({"clientId": CLIENT}),
            "`tenantId` is missing or not a string",
        ),
        (inputs(&json!({"clientId": "hunter2"})), client),
        (inputs(&json!({"clientId": format!("{CLIENT}-0")})), client),
        (
            inputs(&json!({"clientId": CLIENT.replace('0', "g")})),
            client,
        ),
        (
            inputs(&json!({"clientId": format!("{{{CLIENT}}}")})),
            client,
        ),
        (inputs(&json!({"clientId": ""})), client),
        (inputs(&json!({"tenantId": "hunter2"})), tenant),
        (inputs(&json!({"tenantId": "hunter2."})), tenant),
        (
            inputs(&json!({"tenantId": "https://sts.windows.net/x"})),
            tenant,
        ),
        (
            inputs(&json!({"clientSecret": 7})),
            "`clientSecret` is missing or not a string",
        ),
        (
            inputs(&json!({"oidc": "true"})),
            "`oidc` must be `true` or `false`",
        ),
    ] {
        let error = open(&provider(&context), &inputs).unwrap_err();
        assert_eq!(error.to_string(), message, "{inputs}");
        assert_eq!(error.kind(), Kind::Definition, "{inputs}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for tenant in ["acme.onmicrosoft.com", "xn--acme.example", TENANT] {
        let inputs = inputs(&json!({"tenantId": tenant}));
        assert!(open(&provider(&context), &inputs).is_ok(), "{tenant}");
    }
}

#[test]
fn client_secret_reads_no_identity_token() {
    let context = context(&[("TOKEN", "no token")]);
    let inputs = inputs(&json!({"clientSecret": "8Q~"}));
    assert!(open(&provider(&context), &inputs).is_ok());
}

#[test]
fn failed_read_is_not_remembered() {
    let body = json!({ "value": TOKEN }).to_string();
    let answers = [http_response(403, "", ""), http_response(200, "", &body)];
    let server = TestServer::responding(answers);
    let url = server.url();
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
    ];
    let context = context(&variables);
    let provider = AzureLogin::new(context.get(), IdentityTokenSettings::default());
    let inputs = inputs(&json!({"oidc": true}));
    assert_eq!(open(&provider, &inputs).unwrap_err().kind(), Kind::Denied);
    assert!(open(&provider, &inputs).is_ok());
}
