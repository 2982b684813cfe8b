use super::*;
use esc::deep_stack::with_deep_stack;
use esc::format::{Secrets, json::compact};

fn read(text: &[u8]) -> Result<SessionValues, String> {
    let deadline = Deadline::after(Duration::from_mins(1));
    with_deep_stack("session", || super::read(text, deadline)).unwrap()
}

fn shown(session: &SessionValues, secrets: Secrets) -> String {
    let text = compact(&session.environment.values, secrets);
    text.as_str().unwrap().to_owned()
}

#[test]
fn values_are_read_with_all_digits() {
    for (text, redacted, revealed) in [
        ("{}", "{}", "{}"),
        (r#"{"properties":null,"new":[1]}"#, "{}", "{}"),
        (
            r#"{"properties":{"n":{"value":12345678901234567890.50,"trace":{}},"z":{"trace":{}},
                "b":{"value":true},"l":{"value":[{"value":"x"},{"value":null}]},
                "u":{"unknown":true,"value":"y"}}}"#,
            r#"{"b":true,"l":["x",null],"n":12345678901234567890.50,"u":"[unknown]","z":null}"#,
            r#"{"b":true,"l":["x",null],"n":12345678901234567890.50,"u":"[unknown]","z":null}"#,
        ),
        (
            r#"{"properties":{"o":{"secret":true,"value":{"a":{"value":[{"value":"hunter2"}]}}},
                "s":{"secret":true,"value":"hunter3"}}}"#,
            r#"{"o":"[secret]","s":"[secret]"}"#,
            r#"{"o":{"a":["hunter2"]},"s":"hunter3"}"#,
        ),
    ] {
        let session = read(text.as_bytes()).unwrap();
        assert_eq!(shown(&session, Secrets::Redacted), redacted);
        assert_eq!(shown(&session, Secrets::Revealed), revealed);
        assert!(!format!("{session:?}").contains("hunter"), "{session:?}");
    }
    let nested = r#"{"properties":{"o":{"secret":true,"value":{"a":{"value":"hunter2"}}}}}"#;
    let session = read(nested.as_bytes()).unwrap();
    let inner = session.environment.get(&"o.a".parse().unwrap()).unwrap();
    assert!(inner.secret);
}

#[test]
fn invalid_session_is_rejected_without_quoting_it() {
    let deep = |depth: usize| {
        let (open, close) = (r#"{"value":{"a":"#.repeat(depth), "}}".repeat(depth));
        format!(r#"{{"properties":{{"a":{open}{{"value":1}}{close}}}}}"#)
    };
    assert!(read(deep(MAX_VALUE_NESTING - 1).as_bytes()).is_ok());
    for (text, problem) in [
        (
            "hunter2",
            "is not JSON: invalid character looking for beginning of value at byte 0",
        ),
        ("[]", "is not an object"),
        ("", "is not JSON: unexpected end of JSON input at byte 0"),
        (
            r#"{"properties":"hunter2"}"#,
            "has `properties` that are not an object",
        ),
        (
            r#"{"properties":{"a":"hunter2"}}"#,
            "has a value that is not an object",
        ),
        (
            r#"{"properties":{"a":{"value":"hunter2","secret":"yes"}}}"#,
            "has a value whose `secret` is not a boolean",
        ),
        (&deep(MAX_VALUE_NESTING), "nests values too deeply"),
        (
            &"[".repeat(1_000_000),
            "is not JSON: lists and objects nest too deep at byte 1000",
        ),
    ] {
        assert_eq!(read(text.as_bytes()).unwrap_err(), problem);
    }
}

#[test]
fn outputs_of_logins_to_other_clouds_are_secret_and_lifetimes_are_read() {
    let text = r#"{"properties":{
        "gcp":{"value":{"accessToken":{"value":"ya29.hunter2"},"tokenType":{"value":"Bearer"},
            "project":{"value":1}}},
        "azure":{"value":{"clientId":{"value":"a"},"tenantId":{"value":"b"},
            "oidc":{"value":{"token":{"value":"eyJ.hunter2"}}}}},
        "secret":{"value":{"clientId":{"value":"a"},"tenantId":{"value":"b"},
            "clientSecret":{"value":"8Q~hunter2"}}},
        "copies":{"value":[{"value":"Bearer ya29.hunter2"},{"value":"eyJ.hunter2"},
            {"value":"8Q~hunter2"}]}},
        "exprs":{
            "gcp":{"builtin":{"name":"fn::open::gcp-login","arg":{"object":{"oidc":{"object":{
                "tokenLifetime":{"literal":"30m"}}}}}}},
            "azure":{"builtin":{"name":"fn::open::azure-login","arg":{"object":{}}}},
            "secret":{"builtin":{"name":"fn::open::azure-login","arg":{"object":{}}}}}}"#;
    let session = read(text.as_bytes()).unwrap();
    assert_eq!(
        shown(&session, Secrets::Redacted),
        concat!(
            r#"{"azure":{"clientId":"a","oidc":{"token":"[secret]"},"tenantId":"b"},"#,
            r#""copies":["[secret]","[secret]","[secret]"],"#,
            r#""gcp":{"accessToken":"[secret]","project":1,"tokenType":"Bearer"},"#,
            r#""secret":{"clientId":"a","clientSecret":"[secret]","tenantId":"b"}}"#
        )
    );
    let [token] = session.tokens.as_slice() else {
        panic!("{session:?}");
    };
    assert_eq!(token.token, Secret::from("ya29.hunter2"));
    assert_eq!(token.lifetime, Duration::from_mins(30));
    assert!(!format!("{session:?}").contains("hunter2"));
}

#[test]
fn aws_login_outputs_are_secret_whatever_the_api_says() {
    let text = r#"{"properties":{
        "aws":{"value":{"login":{"value":{"accessKeyId":{"value":"ASIAEXAMPLE1"},
            "secretAccessKey":{"value":"hunter2-hunter2"},"region":{"value":"eu-west-1"}}}}},
        "copy":{"value":"key=ASIAEXAMPLE1"},"other":{"value":"ASIAEXAMPLE2"}},
        "exprs":{"aws":{"object":{"login":{"builtin":{"name":"fn::open::aws-login",
            "arg":{"object":{"oidc":{"object":{"duration":{"literal":"1h"}}}}}}}}}}}"#;
    let session = read(text.as_bytes()).unwrap();
    assert_eq!(
        shown(&session, Secrets::Redacted),
        concat!(
            r#"{"aws":{"login":{"accessKeyId":"[secret]","region":"eu-west-1","#,
            r#""secretAccessKey":"[secret]"}},"copy":"[secret]","other":"ASIAEXAMPLE2"}"#
        )
    );
    assert_eq!(
        session.key_durations,
        [("ASIAEXAMPLE1".to_owned(), Duration::from_hours(1))]
    );
}
