//! The provider, as the evaluator calls it.

use serde_json::{Value as Json, json};

use super::*;
use crate::aws::sts::tests::{ROLE, TOKEN, issued};
use crate::clock::Timestamp;
use crate::context::test_context::TestContext;
use crate::error::{Error, Kind};
use crate::http::test_server::{TestServer, http_response};
use esc::Number;

/// Converts JSON to a value; `{"secret": text}` becomes a secret string.
fn value(json: &Json) -> Value {
    Value::new(match json {
        Json::Null => Data::Null,
        Json::Bool(value) => Data::Bool(*value),
        Json::Number(number) => Data::Number(Number::from_text(number.to_string())),
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

/// Opens the provider with these inputs.
fn open(provider: &AwsLogin<'_>, inputs: &Json) -> Result<Value> {
    let outputs = provider.open(&value(inputs));
    outputs.map_err(|failure| Error::from_failure(&*failure))
}

fn context(variables: &[(&str, &str)]) -> TestContext {
    TestContext::new(variables, Duration::from_secs(20))
}

fn provider<'a>(context: &'a TestContext, region: Option<&str>) -> AwsLogin<'a> {
    let settings = AwsLoginSettings {
        region: region.map(str::to_owned),
        identity_token: IdentityTokenSettings {
            variable: Some("TOKEN".to_owned()),
            ..IdentityTokenSettings::default()
        },
    };
    AwsLogin::new(context.get(), settings)
}

fn oidc() -> Json {
    json!({"oidc": {"roleArn": ROLE, "sessionName": "alice"}})
}

#[test]
fn schemas_are_json_and_mark_secrets() {
    let context = context(&[]);
    let provider = provider(&context, None);
    let inputs: Json = serde_json::from_str(provider.input_schema()).unwrap();
    let outputs: Json = serde_json::from_str(provider.output_schema()).unwrap();
    let pattern = &inputs["oneOf"][0]["properties"]["oidc"]["properties"]["sessionName"]["pattern"];
    assert_eq!(pattern, r"[\w+=,.@-]*");
    for properties in [
        &outputs["properties"],
        &inputs["oneOf"][1]["properties"]["static"]["properties"],
    ] {
        for (name, secret) in [
            ("accessKeyId", Json::Null),
            ("secretAccessKey", json!(true)),
            ("sessionToken", json!(true)),
        ] {
            assert_eq!(properties[name]["type"], "string", "{name}");
            assert_eq!(properties[name]["secret"], secret, "{name}");
        }
    }
    assert_eq!(provider.renamed_output("keyId"), Some("accessKeyId"));
    assert_eq!(provider.renamed_output("accessKeyId"), None);
}

#[test]
fn static_credentials_become_secrets() {
    let context = context(&[]);
    let provider = provider(&context, None);
    for (names, inputs) in [
        (
            &["accessKeyId", "secretAccessKey", "sessionToken"][..],
            json!({"accessKeyId": "AKIA", "secretAccessKey": "key", "sessionToken": "token"}),
        ),
        (
            &["accessKeyId", "secretAccessKey"],
            json!({"accessKeyId": "AKIA", "secretAccessKey": {"secret": "key"}}),
        ),
    ] {
        let outputs = provider.open(&value(&json!({"static": inputs}))).unwrap();
        let Data::Object(entries) = &outputs.data else {
            panic!("{outputs:?}");
        };
        assert!(entries.keys().eq(names), "{outputs:?}");
        assert_eq!(
            outputs.property("accessKeyId").unwrap().as_str(),
            Some("AKIA")
        );
        assert_eq!(
            outputs.property("secretAccessKey").unwrap().as_str(),
            Some("key")
        );
        assert!(entries.values().all(|value| value.secret && !value.unknown));
        assert!(!outputs.secret);
    }
    assert_eq!(provider.keys(), []);
}

#[test]
fn login_is_exchanged_once_and_its_expiry_is_known() {
    let server = TestServer::responding([issued("AssumeRoleWithWebIdentity")]);
    let url = server.url();
    let context = context(&[("AWS_ENDPOINT_URL_STS", &url), ("TOKEN", TOKEN)]);
    let provider = provider(&context, None);
    assert_eq!(provider.keys(), []);
    // `subjectAttributes` and the spelling of the duration make no difference.
    for login in [
        oidc(),
        oidc(),
        json!({"oidc": {"roleArn": ROLE, "sessionName": "alice", "duration": "120m",
            "policyArns": [], "subjectAttributes": ["pulumi.user.login"]}}),
    ] {
        let outputs = open(&provider, &login).unwrap();
        for (name, text) in [
            ("accessKeyId", "ASIAISSUED"),
            ("secretAccessKey", "issued/secret+key"),
            ("sessionToken", "issued//token=="),
        ] {
            let output = outputs.property(name).unwrap();
            assert_eq!(output.as_str(), Some(text));
            assert!(output.secret, "{name}");
        }
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].contains("&RoleSessionName=alice"),
        "{}",
        requests[0]
    );
    assert!(
        requests[0].contains("&DurationSeconds=7200"),
        "{}",
        requests[0]
    );
    assert!(requests[0].contains(&format!("&WebIdentityToken={TOKEN}")));
    let issued = KeyExpiry {
        access_key_id: "ASIAISSUED".to_owned(),
        expiry: Expiry::At(Timestamp::from_rfc3339("2023-04-28T01:00:01Z").unwrap()),
    };
    assert_eq!(provider.keys(), [issued]);

    let other = json!({"oidc": {"roleArn": ROLE, "sessionName": "bob", "duration": "1h",
        "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}});
    open(&provider, &other).unwrap();
    let request = server.requests().pop().unwrap();
    assert!(request.contains("&DurationSeconds=3600"), "{request}");
    assert!(request.contains("&PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy"));
}

#[test]
fn hint_for_a_rejected_duration_names_the_input() {
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let body = format!(
        "<ErrorResponse><Error><Code>ValidationError</Code><Message>{text}</Message></Error>\
         </ErrorResponse>"
    );
    let server = TestServer::responding([http_response(400, "", &body)]);
    let url = server.url();
    let context = context(&[("AWS_ENDPOINT_URL_STS", &url), ("TOKEN", TOKEN)]);
    let provider = provider(&context, None);
    let error = open(&provider, &oidc()).unwrap_err();
    assert_eq!(error.kind(), Kind::Definition);
    assert!(
        error.hint().unwrap().contains("`duration: 1h`"),
        "{error:?}"
    );
    assert_eq!(
        error.causes().collect::<Vec<_>>(),
        [format!("ValidationError: {text}")]
    );
}

#[test]
fn inputs_are_validated_beyond_the_schema() {
    let arn = "`roleArn` is not the ARN of an IAM role";
    let range = "`duration` must be between 15 minutes and 12 hours";
    let session = "`sessionName` contains characters that AWS does not allow";
    let one_of = "aws-login requires either `oidc` or `static`";
    let login = |name: &str, text: Json| {
        let mut login = oidc();
        login["oidc"][name] = text;
        login
    };
    let context = context(&[("TOKEN", TOKEN)]);
    for (inputs, message) in [
        (json!({}), one_of),
        (json!("text"), one_of),
        (json!({"oidc": {}, "static": {}}), one_of),
        (json!({"oidc": {}}), "`roleArn` is missing or not a string"),
        (
            json!({"static": {}}),
            "`accessKeyId` is missing or not a string",
        ),
        (
            json!({"static": {"accessKeyId": "a", "secretAccessKey": "b", "sessionToken": null}}),
            "`sessionToken` is missing or not a string",
        ),
        (
            login("roleArn", json!("arn:aws:iam::<account-id>:role/name")),
            arn,
        ),
        (
            login("roleArn", json!("arn:aws:iam::123456789012:role/")),
            arn,
        ),
        (
            login("roleArn", json!("arn:aws:iam::123456789012:user/hunter2")),
            arn,
        ),
        (
            login("roleArn", json!("arn:aws:iam::12345678901:role/name")),
            arn,
        ),
        (
            login("roleArn", json!("arn:aws:sts::123456789012:role/name")),
            arn,
        ),
        (login("roleArn", json!("hunter2")), arn),
        (
            login("roleArn", json!(7)),
            "`roleArn` is missing or not a string",
        ),
        (login("sessionName", json!("pulumi/hunter2")), session),
        (login("duration", json!("14m59s")), range),
        (login("duration", json!("12h1s")), range),
        (login("duration", json!("")), range),
        (login("duration", json!("hunter2")), range),
        (login("duration", json!("99999999999999999999h")), range),
        (
            login("policyArns", json!("hunter2")),
            "`policyArns` must be a list of strings",
        ),
        (
            login("policyArns", json!(["a", 7])),
            "`policyArns` must be a list of strings",
        ),
    ] {
        let error = open(&provider(&context, None), &inputs).unwrap_err();
        assert_eq!(error.to_string(), message, "{inputs}");
        assert_eq!(error.kind(), Kind::Definition, "{inputs}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for duration in ["15m", "12h", "900s", "11h59m60s"] {
        let login = value(&login("duration", json!(duration)));
        assert!(
            OidcLogin::read(login.property("oidc").unwrap()).is_ok(),
            "{duration}"
        );
    }
}

#[test]
fn default_region_depends_on_the_partition() {
    for (partition, region) in [
        ("aws", Some("us-east-1")),
        ("aws-cn", Some("cn-north-1")),
        ("aws-us-gov", Some("us-gov-west-1")),
        ("aws-iso-b", Some("us-isob-east-1")),
        ("aws-other", None),
    ] {
        let role = format!("arn:{partition}:iam::123456789012:role/path/name");
        let login = value(&json!({"roleArn": role, "sessionName": "alice"}));
        let login = OidcLogin::read(&login).unwrap();
        assert_eq!(login.default_region().ok(), region, "{partition}");
    }
}

#[test]
fn sts_is_called_in_the_specified_region() {
    // The proxy rejects the call, after it has seen the host.
    let proxy = TestServer::responding(["HTTP/1.1 407 -\r\n\r\n"]);
    let address = proxy.url();
    let variables = [("TOKEN", TOKEN), ("HTTPS_PROXY", &address)];
    for (region, server) in [
        (Some("eu-west-1"), "sts.eu-west-1.amazonaws.com"),
        (None, "sts.us-east-1.amazonaws.com"),
    ] {
        let context = context(&variables);
        let provider = provider(&context, region);
        let error = open(&provider, &oidc()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(
            error.to_string(),
            format!("cannot reach AWS STS at `{server}`")
        );
        let request = proxy.requests().pop().unwrap();
        let connect = format!("CONNECT {server}:443 ");
        assert!(request.starts_with(&connect), "{request}");
    }
}

#[test]
fn secret_inputs_are_redacted() {
    let body = format!(
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>{ROLE} as alice.hunter2</Message>\
         </Error></ErrorResponse>"
    );
    let server = TestServer::responding([http_response(403, "", &body)]);
    let url = server.url();
    let context = context(&[("AWS_ENDPOINT_URL_STS", &url), ("TOKEN", TOKEN)]);
    let provider = provider(&context, None);
    let login = json!({"oidc": {"roleArn": {"secret": ROLE},
        "sessionName": {"secret": "alice.hunter2"}}});
    let error = open(&provider, &login).unwrap_err();
    let causes: Vec<_> = error.causes().collect();
    let claims = "the identity token has sub `alice`";
    assert_eq!(causes, ["AccessDenied: [secret] as [secret]", claims]);
    assert!(!format!("{error:?}").contains("kubectl"), "{error:?}");
}

#[test]
fn static_credentials_read_no_variables() {
    // Each of these is invalid, and would fail if it were read.
    let variables = [
        ("AWS_USE_FIPS_ENDPOINT", "perhaps"),
        ("AWS_CA_BUNDLE", "/nowhere"),
        ("HTTPS_PROXY", "socks5://nowhere"),
        ("TOKEN", "no token"),
    ];
    let keys = json!({"static": {"accessKeyId": "AKIA", "secretAccessKey": "key"}});
    assert!(open(&provider(&context(&variables), None), &keys).is_ok());
}

#[test]
fn failed_login_is_not_remembered() {
    let server = TestServer::responding([
        http_response(403, "", "<E><Error><Code>AccessDenied</Code></Error></E>"),
        issued("AssumeRoleWithWebIdentity"),
    ]);
    let url = server.url();
    let context = context(&[("AWS_ENDPOINT_URL_STS", &url), ("TOKEN", TOKEN)]);
    let provider = provider(&context, None);
    assert!(open(&provider, &oidc()).is_err());
    assert!(open(&provider, &oidc()).is_ok());
}
