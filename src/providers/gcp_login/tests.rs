//! The provider, as the evaluator calls it.

use serde_json::{Value as Json, json};

use super::*;
use crate::context::test_context::TestContext;
use crate::error::Kind;
use crate::http::test_server::{TestServer, http_response};

const ACCOUNT: &str = "deployer@acme.iam.gserviceaccount.com";

/// The claims are `{"sub":"alice"}`.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.aHVudGVyMi1zaWduYXR1cmU";

/// Converts JSON to a value; `{"secret": item}` becomes secret.
fn value(json: &Json) -> Value {
    Value::new(match json {
        Json::Null => Data::Null,
        Json::Bool(value) => Data::Bool(*value),
        Json::Number(number) => Data::Number(Number::from_text(number.to_string())),
        Json::String(text) => Data::String(text.as_str().into()),
        Json::Array(items) => Data::Array(items.iter().map(value).collect()),
        Json::Object(entries) => {
            if let Some(item) = entries.get("secret") {
                return Value {
                    secret: true,
                    ..value(item)
                };
            }
            let entries = entries
                .iter()
                .map(|(name, item)| (name.clone(), value(item)));
            Data::Object(entries.collect())
        }
    })
}

/// Opens the provider with these inputs.
fn open(provider: &GcpLogin<'_>, inputs: &Json) -> Result<Value> {
    let outputs = provider.open(&value(inputs));
    outputs.map_err(|failure| Error::from_failure(&*failure))
}

/// A context whose requests all go to this URL.
fn context(url: &str) -> TestContext {
    let variables = [
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", url),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", url),
        ("TOKEN", TOKEN),
    ];
    TestContext::new(&variables, Duration::from_secs(20))
}

fn provider(context: &TestContext) -> GcpLogin<'_> {
    let identity_token = IdentityTokenSettings {
        variable: Some("TOKEN".to_owned()),
        ..IdentityTokenSettings::default()
    };
    GcpLogin::new(context.get(), identity_token)
}

fn oidc() -> Json {
    json!({"project": 123_456_789_012_u64, "oidc": {
        "workloadPoolId": "github", "providerId": "actions", "serviceAccount": ACCOUNT}})
}

fn access_token() -> Json {
    json!({"project": 123_456_789_012_u64, "accessToken": {
        "accessToken": "ya29.mine", "serviceAccount": ACCOUNT}})
}

/// An answer of STS.
fn federated() -> String {
    http_response(
        200,
        "",
        r#"{"access_token":"ya29.federated","token_type":"Bearer"}"#,
    )
}

/// An answer of IAM.
fn impersonated() -> String {
    let body = r#"{"accessToken":"ya29.account","expireTime":"2023-04-28T00:30:01Z"}"#;
    http_response(200, "", body)
}

#[test]
fn schemas_are_json_and_mark_secrets() {
    let context = context("");
    let provider = provider(&context);
    let inputs: Json = serde_json::from_str(provider.input_schema()).unwrap();
    let outputs: Json = serde_json::from_str(provider.output_schema()).unwrap();
    let token = &inputs["oneOf"][1]["properties"]["accessToken"]["properties"]["accessToken"];
    assert_eq!(token["secret"], true);
    assert_eq!(outputs["properties"]["accessToken"]["secret"], true);
}

#[test]
fn outputs_are_secret() {
    let server = TestServer::responding([federated(), impersonated()]);
    let context = context(&server.url());
    let provider = provider(&context);
    let mut own = access_token();
    own["accessToken"] = json!({"accessToken": {"secret": "ya29.mine"}});
    for (inputs, token, expiry) in [
        (oidc(), "ya29.account", Some("2023-04-28T00:30:01Z")),
        (own, "ya29.mine", None),
    ] {
        let outputs = open(&provider, &inputs).unwrap();
        let Data::Object(entries) = &outputs.data else {
            panic!("{outputs:?}");
        };
        assert!(entries.values().all(|value| value.secret && !value.unknown));
        assert!(!outputs.secret);
        let text = |name: &str| entries.get(name)?.as_str();
        assert_eq!(text("accessToken"), Some(token));
        assert_eq!(text("tokenType"), Some("Bearer"));
        assert_eq!(text("expiry"), expiry);
        let project = Data::Number(Number::from_text("123456789012"));
        assert_eq!(entries["project"].data, project);
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn login_is_exchanged_once() {
    let server = TestServer::responding([federated(), impersonated()]);
    let context = context(&server.url());
    let provider = provider(&context);
    let mut same = oidc();
    // `subjectAttributes` and the spelling of the lifetime make no difference.
    same["oidc"]["tokenLifetime"] = json!("60m");
    same["oidc"]["subjectAttributes"] = json!(["pulumi.user.login"]);
    for login in [oidc(), oidc(), same] {
        let outputs = open(&provider, &login).unwrap();
        let token = outputs.property("accessToken").unwrap();
        assert_eq!(token.as_str(), Some("ya29.account"));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].contains(&format!("&subject_token={TOKEN}")));
    assert!(requests[1].contains("authorization: Bearer ya29.federated\r\n"));
    assert!(
        requests[1].contains(r#""lifetime":"3600s""#),
        "{requests:?}"
    );
}

#[test]
fn each_login_has_a_token_of_its_own() {
    let server = TestServer::responding([impersonated()]);
    let context = context(&server.url());
    let provider = provider(&context);
    let changed = |name: &str, input: &str| {
        let mut login = access_token();
        login["accessToken"][name] = json!(input);
        login
    };
    for login in [
        access_token(),
        access_token(),
        changed("accessToken", "ya29.other"),
        changed("serviceAccount", "other@acme.iam.gserviceaccount.com"),
        changed("tokenLifetime", "30m"),
    ] {
        open(&provider, &login).unwrap();
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert!(requests[0].contains("authorization: Bearer ya29.mine\r\n"));
    assert!(requests[1].contains("authorization: Bearer ya29.other\r\n"));
    assert!(requests[2].contains("serviceAccounts/other@acme.iam"));
    assert!(
        requests[3].contains(r#""lifetime":"1800s""#),
        "{requests:?}"
    );
}

#[test]
fn inputs_are_validated_beyond_the_schema() {
    let number = "`project` is not the number of a Google Cloud project";
    let account = "`serviceAccount` is not the e-mail address of a service account";
    let lifetime = "`tokenLifetime` must be more than zero and at most 12 hours";
    let characters =
        |name: &str| format!("`{name}` contains characters that Google Cloud does not allow");
    let changed = |inputs: Json, path: &[&str], input: Json| {
        let mut inputs = inputs;
        let place = path
            .iter()
            .fold(&mut inputs, |value, name| &mut value[*name]);
        *place = input;
        (inputs, path.join("."))
    };
    let context = context("");
    let provider = provider(&context);
    let project = |input: Json| changed(oidc(), &["project"], input);
    let oidc_input = |name: &str, input: &str| changed(oidc(), &["oidc", name], json!(input));
    let token_input =
        |name: &str, input: &str| changed(access_token(), &["accessToken", name], json!(input));
    for ((inputs, path), message) in [
        (project(json!(1.5)), number),
        (project(json!(-5)), number),
        (
            oidc_input("workloadPoolId", "projects/1/hunter2"),
            &characters("workloadPoolId"),
        ),
        (oidc_input("providerId", ""), &characters("providerId")),
        (oidc_input("region", "eu/hunter2"), &characters("region")),
        (oidc_input("serviceAccount", "hunter2"), account),
        (oidc_input("serviceAccount", "hunter2@acme"), account),
        (oidc_input("serviceAccount", "a@b.example/hunter2"), account),
        (oidc_input("serviceAccount", "a@hunter2@b.example"), account),
        (oidc_input("tokenLifetime", ""), lifetime),
        (oidc_input("tokenLifetime", "0s"), lifetime),
        (oidc_input("tokenLifetime", "12h1s"), lifetime),
        (token_input("serviceAccount", ""), account),
        (token_input("tokenLifetime", "13h"), lifetime),
    ] {
        let invalid = provider.check_inputs(&value(&inputs));
        let found: Vec<_> = invalid
            .iter()
            .map(|input| (input.path.join("."), input.failure.message()))
            .collect();
        assert_eq!(found, [(path, message.to_owned())], "{inputs}");
        let error = open(&provider, &inputs).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.kind()),
            (message, Kind::Definition)
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let mut both = oidc();
    both["accessToken"] = access_token()["accessToken"].clone();
    for inputs in [both, json!({"project": 1})] {
        let error = open(&provider, &inputs).unwrap_err();
        assert_eq!(
            error.to_string(),
            "gcp-login requires either `oidc` or `accessToken`"
        );
    }
    for (name, input) in [
        ("serviceAccount", "103456789012345678901"),
        (
            "serviceAccount",
            "123456789012-compute@developer.gserviceaccount.com",
        ),
        ("tokenLifetime", "12h"),
        ("tokenLifetime", "11h59m60s"),
    ] {
        let (inputs, _) = oidc_input(name, input);
        assert!(provider.check_inputs(&value(&inputs)).is_empty(), "{input}");
    }
}

#[test]
fn secret_inputs_are_redacted() {
    let body = format!(
        r#"{{"error":{{"code":403,"message":"no {ACCOUNT} in 123456789012","status":"PERMISSION_DENIED"}}}}"#
    );
    let server = TestServer::responding([federated(), http_response(403, "", &body)]);
    let context = context(&server.url());
    let mut login = oidc();
    login["project"] = json!({"secret": 123_456_789_012_u64});
    login["oidc"]["serviceAccount"] = json!({"secret": ACCOUNT});
    let error = open(&provider(&context), &login).unwrap_err();
    let causes: Vec<_> = error.causes().collect();
    let claims = "the identity token has sub `alice`";
    assert_eq!(
        causes,
        ["PERMISSION_DENIED: no [secret] in [secret]", claims]
    );
    assert!(!format!("{error:?}").contains("deployer"), "{error:?}");
}

#[test]
fn own_access_token_reads_no_variables() {
    // Each of these is invalid, and would fail if it were read.
    let variables = [
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", "nowhere"),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "nowhere"),
        ("HTTPS_PROXY", "socks5://nowhere"),
        ("TOKEN", "no token"),
    ];
    let context = TestContext::new(&variables, Duration::from_secs(20));
    let mut login = access_token();
    login["accessToken"] = json!({"accessToken": "ya29.mine"});
    assert!(open(&provider(&context), &login).is_ok());
}

#[test]
fn failed_login_is_not_remembered() {
    let failed = r#"{"error":"invalid_grant","error_description":"no"}"#;
    let server =
        TestServer::responding([http_response(400, "", failed), federated(), impersonated()]);
    let context = context(&server.url());
    let provider = provider(&context);
    assert!(open(&provider, &oidc()).is_err());
    assert!(open(&provider, &oidc()).is_ok());
    assert_eq!(server.requests().len(), 3);
}
