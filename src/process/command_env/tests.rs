use super::*;
use esc::format::json;

fn environment() -> Environment {
    let text = br#"{
        "environmentVariables": {"REGION": "eu-west-1", "N": 1, "LIST": []},
        "files": {"KUBECONFIG": "token: x"},
        "aws": {"id": "AKIA", "list": [1, {"a": "b"}]}
    }"#;
    let mut environment = Environment {
        values: json::parse(text, 8).unwrap(),
    };
    let Data::Object(entries) = &mut environment.values.data else {
        panic!("an object");
    };
    entries.insert("password".to_owned(), Value::secret("hunter2"));
    for block in ["environmentVariables", "files", "aws"] {
        let Some(Data::Object(block)) = entries.get_mut(block).map(|block| &mut block.data) else {
            panic!("an object");
        };
        block.insert("SECRET".to_owned(), Value::secret("s3cr3t"));
    }
    environment
}

#[test]
fn variables_files_and_arguments_are_collected() {
    let arguments = ["-u=${aws.id}", "${password}!", "${broken", "$$1", "${aws}"];
    let arguments = arguments.map(OsString::from);
    let command_env = CommandEnv::new(&environment(), &arguments).unwrap();
    let shown = format!("{command_env:?}");
    assert!(
        shown.contains("REGION") && !shown.contains("hunter2"),
        "{shown}"
    );
    let names = |block: &[(String, Text)]| {
        let texts = block.iter();
        let texts = texts.map(|(name, text)| format!("{name}={}", text.as_str().unwrap()));
        texts.collect::<Vec<_>>()
    };
    assert_eq!(
        names(&command_env.variables),
        ["N=1", "REGION=eu-west-1", "SECRET=s3cr3t"]
    );
    assert_eq!(
        names(&command_env.files),
        ["KUBECONFIG=token: x", "SECRET=s3cr3t"]
    );
    assert_eq!(
        command_env.arguments,
        [
            "-u=AKIA",
            "hunter2!",
            "${broken",
            "$1",
            r#""SECRET"="s3cr3t","id"="AKIA","list"="\"1\",\"\\\"a\\\"=\\\"b\\\"\"""#,
        ]
    );
    let texts = |secrets: &[Text]| {
        let texts = secrets.iter().map(|text| text.as_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(
        texts(&command_env.secrets),
        ["s3cr3t", "s3cr3t", "hunter2", "hunter2", "s3cr3t"]
    );
    assert_eq!(
        texts(&command_env.environment_secrets),
        ["s3cr3t", "s3cr3t", "s3cr3t", "hunter2"]
    );
}

#[test]
fn names_and_values_that_no_process_accepts_are_rejected() {
    for (json, argument, want) in [
        (
            r#"{"environmentVariables": {"A=B": 1}}"#,
            "",
            "`A=B` is not a valid variable name",
        ),
        (
            r#"{"files": {"": 1}}"#,
            "",
            "`` is not a valid variable name",
        ),
        (
            r#"{"environmentVariables": {"A": "\u0000"}}"#,
            "",
            "the variable `A` contains a NUL byte",
        ),
        (
            r#"{"a": "\u0000"}"#,
            "${a}",
            "cannot expand argument 1: the value of `a` contains a NUL byte",
        ),
    ] {
        let environment = Environment {
            values: json::parse(json.as_bytes(), 8).unwrap(),
        };
        let error = CommandEnv::new(&environment, &[argument.into()]).unwrap_err();
        assert_eq!(error.to_string(), want);
        assert_eq!(error.kind(), Kind::Definition);
    }
}
