//! What a command receives from an opened environment: variables, files and arguments, and the
//! secrets in them.

use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::secret::Text;
use esc::format::Secrets;
use esc::interpolation::{self, Part};
use esc::{Data, Environment, Value, format::string};

/// What a command receives from an environment. `Debug` shows only names.
pub(crate) struct CommandEnv {
    /// Variables as name and value, sorted by name.
    pub variables: Vec<(String, Text)>,
    /// Files: the variable that holds the path, and the content. A file overrides a variable of the
    /// same name, as in ESC.
    pub files: Vec<(String, Text)>,
    /// The arguments, with each `${path}` replaced by its value.
    pub arguments: Vec<OsString>,
    /// The secrets among the variables, the files and the replaced paths.
    pub secrets: Vec<Text>,
    /// All secret strings of the environment. One that is contained in a variable or a file, such as
    /// a token in a kubeconfig, has to be redacted too.
    pub environment_secrets: Vec<Text>,
}

impl fmt::Debug for CommandEnv {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |entries: &[(String, Text)]| -> Vec<String> {
            entries.iter().map(|(name, _)| name.clone()).collect()
        };
        formatter
            .debug_struct("CommandEnv")
            .field("variables", &names(&self.variables))
            .field("files", &names(&self.files))
            .finish_non_exhaustive()
    }
}

impl CommandEnv {
    /// Collects what a command with these arguments receives. As in ESC, a `${path}` that does not
    /// exist becomes empty, and an argument with a malformed path is passed unchanged.
    ///
    /// Fails with [`Kind::Definition`] if a name or value cannot be passed to a process.
    pub(crate) fn new(environment: &Environment, arguments: &[OsString]) -> Result<Self> {
        let mut secrets = Vec::new();
        let mut variables = Vec::new();
        for entry in environment.variables() {
            check_name(entry.name)?;
            if entry.text.as_bytes().contains(&0) {
                let message = format!("the variable `{}` contains a NUL byte", entry.name);
                return Err(Error::new(Kind::Definition, message)
                    .with_hint("move it to `files`, or encode it"));
            }
            if entry.secret {
                secrets.push(entry.text.clone());
            }
            variables.push((entry.name.to_owned(), entry.text));
        }
        let mut files = Vec::new();
        for entry in environment.files() {
            check_name(entry.name)?;
            if entry.secret {
                secrets.push(entry.text.clone());
            }
            files.push((entry.name.to_owned(), entry.text));
        }
        let mut expanded = Vec::new();
        for (index, argument) in arguments.iter().enumerate() {
            let argument = expand(argument, environment, &mut secrets).map_err(|error| {
                error.within(format_args!("cannot expand argument {}", index + 1))
            })?;
            expanded.push(argument);
        }
        let mut environment_secrets = Vec::new();
        collect_secrets(&environment.values, false, &mut environment_secrets);
        Ok(Self {
            variables,
            files,
            arguments: expanded,
            secrets,
            environment_secrets,
        })
    }

    /// The values of the variables and the contents of the files.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Text> {
        let entries = self.variables.iter().chain(&self.files);
        entries.map(|(_, text)| text)
    }
}

fn check_name(name: &str) -> Result<()> {
    if !name.is_empty() && !name.contains(['=', '\0']) {
        return Ok(());
    }
    let message = format!("`{}` is not a valid variable name", name.escape_default());
    Err(Error::new(Kind::Definition, message)
        .with_hint("rename it under `environmentVariables` or `files`"))
}

/// Replaces each `${path}` in an argument, and adds the secrets among the values to `secrets`.
fn expand(
    argument: &OsStr,
    environment: &Environment,
    secrets: &mut Vec<Text>,
) -> Result<OsString> {
    let Some(parts) = argument.to_str().and_then(interpolation::parse) else {
        return Ok(argument.to_owned());
    };
    let mut expanded = OsString::new();
    for part in parts {
        let path = match part {
            Part::Text(text) => {
                expanded.push(text);
                continue;
            }
            Part::Path(path) => path,
        };
        let Some(value) = environment.get(&path) else {
            continue;
        };
        let text = string::plain(value, Secrets::Revealed).map_err(|cause| {
            let message = format!("cannot convert `{path}` to text");
            Error::new(Kind::Definition, message).caused_by(cause)
        })?;
        if text.as_bytes().contains(&0) {
            let message = format!("the value of `{path}` contains a NUL byte");
            return Err(Error::new(Kind::Definition, message)
                .with_hint("pass it to the command under `files`"));
        }
        expanded.push(text.to_os_string().ok_or_else(|| {
            let message = format!("the value of `{path}` is not valid UTF-8");
            Error::new(Kind::Definition, message)
        })?);
        if value.secret {
            secrets.push(text);
        }
        // The value may be a list or a map that contains secrets.
        collect_secrets(value, value.secret, secrets);
    }
    Ok(expanded)
}

/// Adds the secret strings in `value` to `secrets`; `secret` says whether an enclosing value is
/// secret. Numbers and booleans are skipped: they are only redacted as whole variables.
fn collect_secrets(value: &Value, secret: bool, secrets: &mut Vec<Text>) {
    let secret = secret || value.secret;
    match &value.data {
        Data::String(text) if secret && !value.unknown => secrets.push(text.clone()),
        Data::Array(items) => {
            for item in items {
                collect_secrets(item, secret, secrets);
            }
        }
        Data::Object(entries) => {
            for value in entries.values() {
                collect_secrets(value, secret, secrets);
            }
        }
        _ => (),
    }
}

#[cfg(test)]
mod tests {
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
            let Some(Data::Object(block)) = entries.get_mut(block).map(|block| &mut block.data)
            else {
                panic!("an object");
            };
            block.insert("SECRET".to_owned(), Value::secret("s3cr3t"));
        }
        environment
    }

    #[test]
    fn variables_files_and_arguments_are_collected() {
        let arguments = [
            "-u=${aws.id}",
            "${password}!",
            "${no.such}",
            "${broken",
            "$$1",
            "${aws}",
        ];
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
                "",
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
}
