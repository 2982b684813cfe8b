use super::*;
use esc::format::json;

fn calls(exprs: &str) -> Vec<(String, CalledProvider)> {
    let exprs = json::parse(exprs.as_bytes(), 64).unwrap();
    find(&exprs)
        .into_iter()
        .map(|call| (call.path.to_string(), call.provider))
        .collect()
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
        let want = CalledProvider::AwsLogin { duration: want };
        assert_eq!(calls(&exprs), [("a".to_owned(), want)], "{exprs}");
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
    let paths: Vec<_> = calls(&exprs).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["a.b[1]", "c", "d", "f"]);
    assert_eq!(calls("[]"), []);
}

#[test]
fn own_login_overrides_an_imported_one() {
    let own = login(r#","duration":{"literal":"1h"}"#);
    let imported = login(r#","duration":{"literal":"12h"}"#);
    let merged = own.replacen('{', &format!(r#"{{"base":{imported},"#), 1);
    let exprs = format!(r#"{{"a":{merged}}}"#);
    let duration = Some(Duration::from_hours(1));
    assert_eq!(
        calls(&exprs),
        [("a".to_owned(), CalledProvider::AwsLogin { duration })]
    );
}
