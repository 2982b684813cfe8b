use super::*;
use esc::Value;

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => {
            Value::new(Data::Array(items.iter().map(value).collect()))
        }
        serde_json::Value::Object(entries) => Value::new(Data::Object(
            entries
                .iter()
                .map(|(name, entry)| (name.clone(), value(entry)))
                .collect(),
        )),
        _ => Value::new(Data::Null),
    }
}

fn found(json: &str, path: Option<&str>) -> Result<String, String> {
    let environment = Environment {
        values: value(&serde_json::from_str(json).unwrap()),
    };
    let path = path.map(|path| path.parse().unwrap());
    find(&environment, path.as_ref())
        .map(|found| format!("{} at {}", found.value.access_key_id, found.path))
        .map_err(|error| error.to_string())
}

#[test]
fn path_wins_over_variables_and_only_key_is_found() {
    let login = r#"{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t"}"#;
    let other = r#"{"keyId":"B","secretAccessKey":"s"}"#;
    let variables = r#"{"AWS_ACCESS_KEY_ID":"V","AWS_SECRET_ACCESS_KEY":"s"}"#;
    for (json, path, want) in [
        (
            format!(r#"{{"aws":{{"creds":{login}}}}}"#),
            None,
            Ok("A at aws.creds"),
        ),
        (format!(r#"{{"aws":[{other}]}}"#), None, Ok("B at aws[0]")),
        (
            format!(r#"{{"aws":{login},"environmentVariables":{variables}}}"#),
            None,
            Ok("V at environmentVariables"),
        ),
        (
            format!(r#"{{"aws":{login},"environmentVariables":{variables}}}"#),
            Some("aws"),
            Ok("A at aws"),
        ),
        (
            format!(r#"{{"aws":{login},"environmentVariables":{variables}}}"#),
            Some("environmentVariables"),
            Ok("V at environmentVariables"),
        ),
        (
            format!(r#"{{"a":{login},"b":{login}}}"#),
            None,
            Ok("A at a"),
        ),
        (
            format!(r#"{{"a":{login},"b":{other}}}"#),
            None,
            Err("the environment contains several AWS credentials: `a`, `b`"),
        ),
        (
            "{}".to_owned(),
            None,
            Err("the environment contains no AWS credentials"),
        ),
        (
            r#"{"a":"b"}"#.to_owned(),
            Some("a"),
            Err("`a` in the environment is not an object"),
        ),
        (
            "{}".to_owned(),
            Some("a.b"),
            Err("`a.b` in the environment does not exist"),
        ),
        (
            r#"{"a":{}}"#.to_owned(),
            Some("a"),
            Err("`a` in the environment contains no AWS credentials"),
        ),
        (
            r#"{"environmentVariables":{"AWS_ACCESS_KEY_ID":"V"}}"#.to_owned(),
            None,
            Err(
                "`environmentVariables` in the environment has `AWS_ACCESS_KEY_ID`, but no `AWS_SECRET_ACCESS_KEY`",
            ),
        ),
        (
            r#"{"a":{"accessKeyId":"A","secretAccessKey":"s\n"}}"#.to_owned(),
            None,
            Err("`a.secretAccessKey` in the environment is not a valid AWS key"),
        ),
    ] {
        let want = want.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found(&json, path), want, "{json}");
    }
}
