//! The providers that an opened environment's definition calls, as far as its expressions tell.
//!
//! aws-login gives no expiry (pulumi/esc issue 356), but its call in the definition has the
//! duration of the session, which the API hands out with the values (`exprs`).

use std::time::Duration;

use crate::clock::parse_duration;
use esc::property_path::Accessor;
use esc::{Data, PropertyPath, Value};

/// The duration of a session that does not say so: the default in the schema of aws-login.
const DEFAULT_DURATION: Duration = Duration::from_hours(2);

/// A call whose result is the value at `path`.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Call {
    pub(super) path: PropertyPath,
    pub(super) kind: Kind,
}

/// The providers that matter here.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// `aws-login`.
    AwsLogin {
        /// How long the session lasts; `None` where it does not, or where the definition has no
        /// literal there.
        duration: Option<Duration>,
    },
    /// `oidc`.
    Oidc,
}

/// The calls in `exprs`, in the order of the names.
pub(super) fn find(exprs: &Value) -> Vec<Call> {
    let mut calls = Vec::new();
    if let Data::Object(entries) = &exprs.data {
        for (name, expression) in entries {
            let path = PropertyPath::from_iter([Accessor::Name(name.clone())]);
            walk(expression, &path, &mut calls);
        }
    }
    calls
}

/// Looks at an expression, and at the one that it was merged with: what an import gave.
fn walk(expression: &Value, path: &PropertyPath, calls: &mut Vec<Call>) {
    if let Some(call) = expression.property("builtin") {
        if let Some(kind) = kind(call) {
            calls.push(Call {
                path: path.clone(),
                kind,
            });
        } else if call.property("name").and_then(Value::as_str) == Some("fn::final")
            && let Some(argument) = call.property("arg")
        {
            walk(argument, path, calls);
        }
    }
    if let Some(Data::Object(entries)) = expression.property("object").map(|it| &it.data) {
        for (name, entry) in entries {
            walk(entry, &path.join(Accessor::Name(name.clone())), calls);
        }
    }
    if let Some(Data::Array(items)) = expression.property("list").map(|it| &it.data) {
        for (index, item) in items.iter().enumerate() {
            walk(item, &path.join(Accessor::Index(index)), calls);
        }
    }
    // A login of one's own replaces the keys of an imported one: the nearest call counts.
    if let Some(base) = expression.property("base")
        && !calls.iter().any(|call| call.path == *path)
    {
        walk(base, path, calls);
    }
}

/// Which provider a call opens: `fn::open::NAME` with its inputs or with the long form's argument,
/// or `fn::open` with `{provider, inputs}`.
fn kind(call: &Value) -> Option<Kind> {
    let name = call.property("name")?.as_str()?;
    let argument = call.property("arg")?;
    let long = |name: &str| argument.property("object")?.property(name);
    let (provider, inputs) = match name.strip_prefix("fn::open") {
        Some("") => (literal(long("provider")?)?, long("inputs")?),
        Some(provider) => (
            provider.strip_prefix("::")?,
            match (long("provider"), long("inputs")) {
                (Some(_), Some(inputs)) => inputs,
                _ => argument,
            },
        ),
        None => return None,
    };
    match provider {
        "aws-login" => Some(Kind::AwsLogin {
            duration: duration(inputs),
        }),
        "oidc" => Some(Kind::Oidc),
        _ => None,
    }
}

fn duration(inputs: &Value) -> Option<Duration> {
    let login = inputs.property("object")?.property("oidc")?;
    match login.property("object")?.property("duration") {
        None => Some(DEFAULT_DURATION),
        Some(duration) => parse_duration(literal(duration)?),
    }
}

fn literal(expression: &Value) -> Option<&str> {
    expression.property("literal")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use esc::format::json;

    fn found(exprs: &str) -> Vec<(String, Kind)> {
        let exprs = json::parse(exprs.as_bytes(), 64).unwrap();
        let calls = find(&exprs).into_iter();
        calls
            .map(|call| (call.path.to_string(), call.kind))
            .collect()
    }

    fn login(duration: &str) -> String {
        format!(
            r#"{{"builtin":{{"name":"fn::open::aws-login","arg":{{"object":{{"oidc":{{"object":{{
                "roleArn":{{"literal":"x"}}{duration}}}}}}}}}}}}}"#
        )
    }

    #[test]
    fn durations_are_read_where_they_are_literal() {
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
            let want = Kind::AwsLogin { duration: want };
            assert_eq!(found(&exprs), [("a".to_owned(), want)], "{exprs}");
        }
    }

    #[test]
    fn calls_are_found_wherever_their_result_stands() {
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
        let paths: Vec<_> = found(&exprs).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["a.b[1]", "c", "d", "f"]);
        assert_eq!(found("[]"), []);
    }

    #[test]
    fn an_own_login_counts_before_an_imported_one() {
        let own = login(r#","duration":{"literal":"1h"}"#);
        let imported = login(r#","duration":{"literal":"12h"}"#);
        let merged = own.replacen('{', &format!(r#"{{"base":{imported},"#), 1);
        let exprs = format!(r#"{{"a":{merged}}}"#);
        let duration = Some(Duration::from_hours(1));
        assert_eq!(
            found(&exprs),
            [("a".to_owned(), Kind::AwsLogin { duration })]
        );
    }
}
