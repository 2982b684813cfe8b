//! What a command gets of an opened environment: variables, files, arguments, and which secrets are
//! in them.

use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::secret::Text;
use esc::format::Secrets;
use esc::interpolation::{self, Part};
use esc::{Data, Environment, Value, format::string};

/// What a command gets of an environment. `Debug` shows names alone.
pub struct HandOver {
    /// Variables, by name and value, sorted.
    pub variables: Vec<(String, Text)>,
    /// Files: the variable that is to hold the path, and the content. They win over variables of the
    /// same name, as in ESC.
    pub files: Vec<(String, Text)>,
    /// The arguments, with each `${path}` replaced.
    pub arguments: Vec<OsString>,
    /// The secrets among the variables, the files and the replaced paths.
    pub secrets: Vec<Text>,
    /// Every secret text of the environment. Those that are part of something handed over are
    /// secrets there too, such as a token in a kubeconfig.
    pub all_secrets: Vec<Text>,
}

impl fmt::Debug for HandOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |block: &[(String, Text)]| -> Vec<String> {
            block.iter().map(|(name, _)| name.clone()).collect()
        };
        formatter
            .debug_struct("HandOver")
            .field("variables", &names(&self.variables))
            .field("files", &names(&self.files))
            .finish_non_exhaustive()
    }
}

impl HandOver {
    /// Reads the environment for a command with these arguments. A `${path}` that leads to nothing
    /// becomes empty; an argument with a path that cannot be read stays as it is. So it is in ESC.
    pub fn of(environment: &Environment, arguments: &[OsString]) -> Result<Self> {
        let mut secrets = Vec::new();
        let mut named = Vec::new();
        for entries in [environment.variables(), environment.files()] {
            let mut block = Vec::new();
            for entry in entries {
                check_name(entry.name)?;
                if entry.secret {
                    secrets.push(entry.text.clone());
                }
                block.push((entry.name.to_owned(), entry.text));
            }
            named.push(block);
        }
        let arguments = arguments.iter().enumerate();
        let arguments = arguments
            .map(|(position, argument)| {
                interpolate(argument, environment, &mut secrets).map_err(|error| {
                    error.within(format_args!("cannot write argument {}", position + 1))
                })
            })
            .collect::<Result<_>>()?;
        let mut all_secrets = Vec::new();
        collect_secrets(&environment.values, false, &mut all_secrets);
        let files = named.pop().unwrap_or_default();
        let variables = named.pop().unwrap_or_default();
        for (name, value) in &variables {
            if value.as_bytes().contains(&0) {
                let message = format!("no variable can hold the value of `{name}`");
                return Err(Error::new(Kind::Definition, message)
                    .with_hint("it has a NUL byte: put it under `files`, or encode it"));
            }
        }
        Ok(Self {
            variables,
            files,
            arguments,
            secrets,
            all_secrets,
        })
    }

    /// The texts that the command gets to see, arguments left out: their secrets are in
    /// [`HandOver::secrets`] already.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let all = self.variables.iter().chain(&self.files);
        all.map(|(_, text)| text)
    }
}

fn check_name(name: &str) -> Result<()> {
    if !name.is_empty() && !name.contains(['=', '\0']) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Definition,
        format!("`{}` is no name for a variable", name.escape_default()),
    )
    .with_hint("rename it under `environmentVariables` or `files`"))
}

fn interpolate(
    argument: &OsStr,
    environment: &Environment,
    secrets: &mut Vec<Text>,
) -> Result<OsString> {
    let parts = argument.to_str().and_then(interpolation::parse);
    let Some(parts) = parts else {
        return Ok(argument.to_owned());
    };
    let mut replaced = OsString::new();
    for part in parts {
        let path = match part {
            Part::Text(text) => {
                replaced.push(text);
                continue;
            }
            Part::Path(path) => path,
        };
        let Some(value) = environment.get(&path) else {
            continue;
        };
        let text = string::plain(value, Secrets::Revealed).map_err(|problem| {
            Error::new(Kind::Definition, format!("`{path}` cannot be written")).caused_by(problem)
        })?;
        if text.as_bytes().contains(&0) {
            return Err(Error::new(
                Kind::Definition,
                format!("no argument can hold the value of `{path}`"),
            )
            .with_hint("it has a NUL byte: hand it on as a file"));
        }
        replaced.push(text.to_os_string().ok_or_else(|| {
            Error::new(
                Kind::Definition,
                format!("the value of `{path}` is not UTF-8"),
            )
        })?);
        if value.secret {
            secrets.push(text);
        }
        // An argument may also be a list or a map with secrets in it.
        collect_secrets(value, value.secret, secrets);
    }
    Ok(replaced)
}

/// Collects the secret strings in `value`. Numbers and truth values are left out: they stand for
/// themselves alone, as variables do.
fn collect_secrets(value: &Value, secret: bool, into: &mut Vec<Text>) {
    let secret = secret || value.secret;
    match &value.data {
        Data::String(text) if secret && !value.unknown => into.push(text.clone()),
        Data::Array(items) => {
            for item in items {
                collect_secrets(item, secret, into);
            }
        }
        Data::Object(entries) => {
            for value in entries.values() {
                collect_secrets(value, secret, into);
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
    fn variables_files_and_arguments_are_handed_over() {
        let arguments = [
            "-u=${aws.id}",
            "${password}!",
            "${no.such}",
            "${broken",
            "$$1",
            "${aws}",
        ];
        let arguments = arguments.map(OsString::from);
        let given = HandOver::of(&environment(), &arguments).unwrap();
        let shown = format!("{given:?}");
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
            names(&given.variables),
            ["N=1", "REGION=eu-west-1", "SECRET=s3cr3t"]
        );
        assert_eq!(
            names(&given.files),
            ["KUBECONFIG=token: x", "SECRET=s3cr3t"]
        );
        assert_eq!(
            given.arguments,
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
            texts(&given.secrets),
            ["s3cr3t", "s3cr3t", "hunter2", "hunter2", "s3cr3t"]
        );
        assert_eq!(
            texts(&given.all_secrets),
            ["s3cr3t", "s3cr3t", "s3cr3t", "hunter2"]
        );
    }

    #[test]
    fn what_no_process_can_take_is_refused() {
        for (json, argument, want) in [
            (
                r#"{"environmentVariables": {"A=B": 1}}"#,
                "",
                "`A=B` is no name for a variable",
            ),
            (r#"{"files": {"": 1}}"#, "", "`` is no name for a variable"),
            (
                r#"{"environmentVariables": {"A": "\u0000"}}"#,
                "",
                "no variable can hold the value of `A`",
            ),
            (
                r#"{"a": "\u0000"}"#,
                "${a}",
                "cannot write argument 1: no argument can hold the value of `a`",
            ),
        ] {
            let environment = Environment {
                values: json::parse(json.as_bytes(), 8).unwrap(),
            };
            let error = HandOver::of(&environment, &[argument.into()]).unwrap_err();
            assert_eq!(error.to_string(), want);
            assert_eq!(error.kind(), Kind::Definition);
        }
    }
}
