use super::*;
use esc::format::json;

/// The text of each output of aws-login with its session duration, and the path of the identity token.
fn calls(exprs: &str, values: &str) -> (Vec<(String, Option<Duration>)>, Option<String>) {
    let parse = |text: &str| json::parse(text.as_bytes(), 64).unwrap();
    let (exprs, values) = (parse(exprs), parse(values));
    let calls = find(&exprs, &values);
    let logins = calls.aws_logins.into_iter();
    let logins = logins.map(|(output, duration)| (output.as_str().unwrap().to_owned(), duration));
    let identity_token = calls.identity_token.map(|path| path.to_string());
    (logins.collect(), identity_token)
}

fn login(duration: &str) -> String {
    format!(
        r#"{{"builtin":{{"name":"fn::open::aws-login","arg":{{"object":{{"oidc":{{"object":{{
            "roleArn":{{"literal":"x"}}{duration}}}}}}}}}}}}}"#
    )
}

#[test]
fn literal_durations_are_read() {
    let hours = |hours| Some(Duration::from_hours(hours));
    let static_keys = r#"{"builtin":{"name":"fn::open::aws-login",
        "arg":{"object":{"static":{"object":{}}}}}}"#;
    let long = |name: &str| {
        format!(
            r#"{{"builtin":{{"name":"{name}","arg":{{"object":{{
                "provider":{{"literal":"aws-login"}},"inputs":{{"object":{{
                "oidc":{{"object":{{"duration":{{"literal":"3h"}}}}}}}}}}}}}}}}}}"#
        )
    };
    for (expression, want) in [
        (login(r#","duration":{"literal":"1h"}"#), hours(1)),
        (login(""), hours(2)),
        (login(r#","duration":{"symbol":[{"key":"x"}]}"#), None),
        (login(r#","duration":{"literal":"soon"}"#), None),
        (login(r#","duration":{"literal":7}"#), None),
        (static_keys.to_owned(), None),
        (long("fn::open"), hours(3)),
        (long("fn::open::aws-login"), hours(3)),
    ] {
        let exprs = format!(r#"{{"a":{expression}}}"#);
        let (logins, _) = calls(&exprs, r#"{"a":"x"}"#);
        assert_eq!(logins, [("x".to_owned(), want)], "{exprs}");
    }
}

#[test]
fn lifetimes_of_access_tokens_are_read() {
    let minutes = |minutes| Some(Duration::from_mins(minutes));
    let account = r#""serviceAccount":{"literal":"a"}"#;
    let lifetime = r#""tokenLifetime":{"literal":"20m"}"#;
    let symbol = r#""tokenLifetime":{"symbol":[{"key":"x"}]}"#;
    for (login, inputs, want) in [
        ("oidc", account.to_owned(), minutes(60)),
        ("oidc", format!("{account},{lifetime}"), minutes(20)),
        ("oidc", format!("{account},{symbol}"), None),
        ("accessToken", account.to_owned(), minutes(60)),
        ("accessToken", lifetime.to_owned(), minutes(20)),
        ("accessToken", String::new(), None),
        ("other", lifetime.to_owned(), None),
    ] {
        let exprs = format!(
            r#"{{"a":{{"builtin":{{"name":"fn::open::gcp-login","arg":{{"object":{{
                "{login}":{{"object":{{{inputs}}}}}}}}}}}}}}}"#
        );
        let parse = |text: &str| json::parse(text.as_bytes(), 64).unwrap();
        let (exprs, values) = (parse(&exprs), parse(r#"{"a":"x"}"#));
        let [(_, found)] = find(&exprs, &values).gcp_logins[..] else {
            panic!("{exprs:?}");
        };
        assert_eq!(found, want, "{login} {inputs}");
    }
}

#[test]
fn calls_are_found_at_any_depth() {
    let login = login("");
    let exprs = format!(
        r#"{{"a":{{"object":{{"b":{{"list":[{{"literal":1}},{login}]}}}}}},
            "c":{{"object":{{}},"base":{login}}},
            "d":{{"builtin":{{"name":"fn::final","arg":{login}}}}},
            "e":{{"builtin":{{"name":"fn::toJSON","arg":{login}}}}},
            "f":{{"builtin":{{"name":"fn::open::oidc","arg":{{"object":{{}}}}}}}},
            "g":{{"builtin":{{"name":"fn::open::other","arg":{{}}}}}},
            "h":{{"literal":"x"}},"i":7}}"#
    );
    let values = r#"{"a":{"b":["-","a.b[1]"]},"c":"c","d":"d","e":"e","f":"f","g":"g"}"#;
    let (logins, identity_token) = calls(&exprs, values);
    let outputs: Vec<_> = logins.into_iter().map(|(output, _)| output).collect();
    assert_eq!(outputs, ["a.b[1]", "c", "d"]);
    assert_eq!(identity_token.as_deref(), Some("f"));
    assert_eq!(calls("[]", values), (Vec::new(), None));
    assert_eq!(
        calls(&exprs, r#"{"a":{"b":[]},"i":"i"}"#),
        (Vec::new(), None)
    );
}

#[test]
fn only_identity_token_is_found_wherever_it_is_overridden() {
    let oidc = r#"{"builtin":{"name":"fn::open::oidc","arg":{"object":{}}}}"#;
    let own = format!(r#"{{"a":{{"object":{{"b":{oidc}}},"base":{{"object":{{"b":{oidc}}}}}}}}}"#);
    let several = format!(r#"{{"a":{{"object":{{"b":{oidc},"c":{oidc}}}}}}}"#);
    for (exprs, want) in [(own, Some("a.b")), (several, None)] {
        let (_, identity_token) = calls(&exprs, r#"{"a":{"b":"x","c":"y"}}"#);
        assert_eq!(identity_token.as_deref(), want, "{exprs}");
    }
}

#[test]
fn own_login_overrides_an_imported_one() {
    let own = login(r#","duration":{"literal":"1h"}"#);
    let imported = login(r#","duration":{"literal":"12h"}"#);
    let merged = own.replacen('{', &format!(r#"{{"base":{imported},"#), 1);
    let exprs = format!(r#"{{"a":{merged}}}"#);
    let (logins, _) = calls(&exprs, r#"{"a":"x"}"#);
    assert_eq!(logins, [("x".to_owned(), Some(Duration::from_hours(1)))]);
}
