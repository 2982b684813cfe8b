//! An opened environment as text for other programs: dotenv, shell, and the detailed JSON.
//!
//! The text is that of ESC's command line, but for the quotes of `shell`, which are a shell's, and
//! for `files`, which have no path here: nothing is written to disk.

use crate::error::Error;
use crate::format::json::Secrets;
use crate::text::{REDACTED, Text};
use crate::{Entry, Environment, TextBuilder, format::string};

/// `environmentVariables` as lines of `NAME="value"`, in Go's quotes as ESC writes them, sorted by
/// name. No newline at the end.
///
/// A name that would change the meaning of its line is an error of the definition.
pub fn dotenv(environment: &Environment, secrets: Secrets) -> Result<Text, Error> {
    lines(environment, |line, entry| {
        check_name(entry.name, "dotenv", |c| {
            c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
        })?;
        line.push_str(entry.name);
        line.push(b"=");
        string::quote(shown(&entry, secrets).as_bytes(), line);
        Ok(())
    })
}

/// `environmentVariables` as lines of `export NAME='value'`, sorted by name, which a POSIX shell
/// reads back byte for byte. No newline at the end.
///
/// A name that is none to a shell, and a value with a NUL, which no shell can hold, are errors of the
/// definition.
pub fn shell(environment: &Environment, secrets: Secrets) -> Result<Text, Error> {
    lines(environment, |line, entry| {
        check_name(entry.name, "shell", |c| {
            c.is_ascii_alphanumeric() || c == '_'
        })?;
        let value = shown(&entry, secrets);
        if value.as_bytes().contains(&0) {
            let message = format!("no shell can hold the value of `{}`", entry.name);
            return Err(
                Error::new(message).with_hint("it has a NUL byte: encode it, as with fn::toBase64")
            );
        }
        line.push_str("export ");
        line.push_str(entry.name);
        line.push(b"='");
        for (position, part) in value.as_bytes().split(|byte| *byte == b'\'').enumerate() {
            if position > 0 {
                line.push(br"'\''");
            }
            line.push(part);
        }
        line.push(b"'");
        Ok(())
    })
}

fn lines(
    environment: &Environment,
    write: impl Fn(&mut TextBuilder, Entry<'_>) -> Result<(), Error>,
) -> Result<Text, Error> {
    let mut text = TextBuilder::default();
    for (position, entry) in environment.variable_entries().into_iter().enumerate() {
        if position > 0 {
            text.push(b"\n");
        }
        write(&mut text, entry)?;
    }
    Ok(text.finish())
}

fn shown(entry: &Entry<'_>, secrets: Secrets) -> Text {
    if entry.secret && secrets == Secrets::Redacted {
        Text::from(REDACTED)
    } else {
        entry.text.clone()
    }
}

fn check_name(name: &str, format: &str, allowed: impl Fn(char) -> bool) -> Result<(), Error> {
    let starts_well = name.starts_with(|c: char| c == '_' || (allowed(c) && !c.is_numeric()));
    if starts_well && name.chars().all(allowed) {
        return Ok(());
    }
    let message =
        format!("`environmentVariables` has a name that `{format}` cannot hold: `{name}`");
    Err(Error::new(message)
        .with_hint("rename it, or use `--format json`; `kubectl-esc run` hands on any name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Data, Value, format::json};

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
    fn dotenv_has_the_quotes_of_go() {
        let environment = environment(VARIABLES);
        assert_eq!(
            text(dotenv(&environment, Secrets::Revealed)),
            "A=\"1.50\"\nB=\"a\\\"b\\\\\\n`c`\"\nC=\"\"\nE=\"true\"\nPASSWORD=\"it's $HOME\""
        );
        assert!(text(dotenv(&environment, Secrets::Redacted)).ends_with("PASSWORD=\"[secret]\""));
    }

    #[test]
    fn shell_has_the_quotes_of_a_shell() {
        let environment = environment(VARIABLES);
        assert_eq!(
            text(shell(&environment, Secrets::Revealed)),
            "export A='1.50'\nexport B='a\"b\\\n`c`'\nexport C=''\nexport E='true'\n\
             export PASSWORD='it'\\''s $HOME'"
        );
        assert!(text(shell(&environment, Secrets::Redacted)).ends_with("PASSWORD='[secret]'"));
    }

    #[test]
    fn names_that_would_do_harm_are_refused() {
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
    fn a_shell_is_not_given_a_nul() {
        let environment = environment(r#"{"A": "x\u0000y"}"#);
        assert_eq!(
            text(shell(&environment, Secrets::Revealed)),
            "no shell can hold the value of `A`"
        );
        assert!(text(dotenv(&environment, Secrets::Revealed)).starts_with(r#"A="x\x00y""#));
    }
}
