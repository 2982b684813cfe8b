//! Valid and invalid values and responses.

use serde_json::json;

use super::*;

#[test]
fn values_of_another_type_are_violations() {
    let position = json!({"line": 1, "column": 1, "byte": 0});
    let range = json!({"begin": position, "end": position});
    let esc_value = |content: Value| json!({"value": content, "trace": {"def": range}});
    for (kind, value, problem) in [
        ("text", json!("a"), None),
        ("text", json!(1), Some("x is not text")),
        ("integer", json!(1), None),
        ("integer", json!(1.5), Some("x is not integer")),
        ("instant", json!("2026-01-01T00:00:00.000Z"), None),
        ("instant", json!("yesterday"), Some("x is not instant")),
        ("[text]", json!(["a", 1]), Some("x[1] is not text")),
        ("[text]", json!({}), Some("x is not [text]")),
        ("{integer}", json!({"a": true}), Some("x.a is not integer")),
        ("warning|error", json!("error"), None),
        (
            "warning|error",
            json!("hint"),
            Some("x is not warning|error"),
        ),
        ("EscPos", position.clone(), None),
        (
            "EscPos",
            json!({"line": 1, "column": 1}),
            Some("x lacks `byte` of EscPos"),
        ),
        (
            "DecryptEnvironmentSecretsResponse",
            json!({"plaintexts": [], "more": 1}),
            Some("x has `more`, which is not a field of DecryptEnvironmentSecretsResponse"),
        ),
        (
            "EscValue",
            esc_value(json!([esc_value(json!(1)), esc_value(Value::Null)])),
            None,
        ),
        (
            "EscValue",
            esc_value(json!([1])),
            Some("x.value[0] is not EscValue"),
        ),
        (
            "EscValue",
            esc_value(json!({"value": esc_value(json!({"a": "plain"}))})),
            Some("x.value.value.value.a is not EscValue"),
        ),
        ("schema", json!(false), None),
        (
            "schema",
            json!({"properties": {"a": true}, "required": ["a"]}),
            None,
        ),
        ("schema", json!("string"), Some("x is not schema")),
        (
            "schema",
            json!({"items": {"type": 1}}),
            Some("x.items.type is not text"),
        ),
        (
            "schema",
            json!({"kind": "a"}),
            Some("x.kind is not a keyword of a schema"),
        ),
    ] {
        let problem = problem.map_or(Ok(()), |problem| Err(problem.to_owned()));
        assert_eq!(check(kind, &value, "x"), problem, "{kind}: {value}");
    }
}

#[test]
fn responses_outside_the_interface_are_violations() {
    let request = Request {
        method: "GET".to_owned(),
        target: "/api/esc/providers".to_owned(),
        ..Request::default()
    };
    let call = recognize(&request).unwrap();
    for (status, kind, body, problem) in [
        (200, "application/json", r#"{"providers": []}"#, None),
        (
            200,
            "application/json",
            "{}",
            Some("answer lacks `providers` of ListProvidersResponse"),
        ),
        (
            200,
            "text/html",
            "{}",
            Some("text/html is not one of its answers"),
        ),
        (204, "", "", Some("204 is not one of its answers")),
        (301, "", "", Some("301 is not one of its answers")),
        (
            404,
            "application/json",
            r#"{"code": 404, "message": ""}"#,
            None,
        ),
        (
            404,
            "application/json",
            r#"{"code": 400, "message": ""}"#,
            Some("`code` is not the status"),
        ),
        (
            418,
            "application/json",
            "{}",
            Some("418 is not one of its answers"),
        ),
        (
            500,
            "application/json",
            r#"{"code": 500}"#,
            Some("answer lacks `message` of Error"),
        ),
    ] {
        let problem = problem.map_or(Ok(()), |problem| Err(problem.to_owned()));
        let response = Response::new(status, kind, body);
        assert_eq!(check_answer(&call, &response), problem, "{status} {body}");
    }
}
