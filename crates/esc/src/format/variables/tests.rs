use super::*;
use crate::format::json;
use crate::{Data, Value};

fn environment(variables: &str) -> Environment {
    let mut values = json::parse(variables.as_bytes(), 8).unwrap();
    if let Data::Object(entries) = &mut values.data {
        entries.insert("PASSWORD".to_owned(), Value::secret("it's $HOME"));
    }
    let values = [("environmentVariables".to_owned(), values)];
    Environment {
        values: Value::new(Data::Object(values.into())),
    }
}

fn text(result: Result<Text, Error>) -> String {
    match result {
        Ok(text) => text.as_str().unwrap().to_owned(),
        Err(error) => error.to_string(),
    }
}

const VARIABLES: &str = r#"{"A": 1.50, "B": "a\"b\\\n`c`", "C": null, "D": [1], "E": true}"#;

#[test]
fn dotenv_uses_go_quotes() {
    let environment = environment(VARIABLES);
    assert_eq!(
        text(dotenv(&environment, Secrets::Revealed)),
        "A=\"1.50\"\nB=\"a\\\"b\\\\\\n`c`\"\nC=\"\"\nE=\"true\"\nPASSWORD=\"it's $HOME\""
    );
    assert!(text(dotenv(&environment, Secrets::Redacted)).ends_with("PASSWORD=\"[secret]\""));
}

#[test]
fn shell_uses_shell_quotes() {
    let environment = environment(VARIABLES);
    assert_eq!(
        text(shell(&environment, Secrets::Revealed)),
        "export A='1.50'\nexport B='a\"b\\\n`c`'\nexport C=''\nexport E='true'\n\
         export PASSWORD='it'\\''s $HOME'"
    );
    assert!(text(shell(&environment, Secrets::Redacted)).ends_with("PASSWORD='[secret]'"));
}

#[test]
fn unsafe_names_are_rejected() {
    for (name, for_dotenv, for_shell) in [
        ("FOO", true, true),
        ("_foo1", true, true),
        ("my-var.x", true, false),
        ("é", true, false),
        ("1A", false, false),
        ("", false, false),
        ("A B", false, false),
        ("A=B", false, false),
        ("A;id", false, false),
        ("A\\nB", false, false),
        ("$(id)", false, false),
    ] {
        let environment = environment(&format!("{{\"{name}\": 1}}"));
        let dotenv = dotenv(&environment, Secrets::Revealed);
        assert_eq!(dotenv.is_ok(), for_dotenv, "{name}");
        let shell = shell(&environment, Secrets::Revealed);
        assert_eq!(shell.is_ok(), for_shell, "{name}");
    }
}

#[test]
fn shell_rejects_a_nul_byte() {
    let environment = environment(r#"{"A": "x\u0000y"}"#);
    assert_eq!(
        text(shell(&environment, Secrets::Revealed)),
        "no shell can hold the value of `A`"
    );
    assert!(text(dotenv(&environment, Secrets::Revealed)).starts_with(r#"A="x\x00y""#));
}
