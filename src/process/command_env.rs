//! What a command receives from an opened environment: variables, files and arguments, and the
//! secrets in them.

use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::secret::Text;
use esc::format::Secrets;
use esc::interpolation::{self, Part};
use esc::property_path::Accessor;
use esc::{Data, Environment, PropertyPath, Value, format::string};

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
    /// Collects what a command with these arguments receives. As in ESC, an argument with a malformed path
    /// is passed unchanged.
    ///
    /// Fails with [`Kind::Configuration`] if the environment has no value at a `${path}` (ESC makes it
    /// empty, which turns `rm -rf ${WORKDIR}/build` into `rm -rf /build`), and with [`Kind::Definition`] if
    /// a name or value cannot be passed to a process.
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

    /// Whether a command with these arguments, before expansion, receives nothing.
    pub(crate) fn is_unused_by(&self, arguments: &[OsString]) -> bool {
        let parts = |argument: &OsString| interpolation::parse(argument.to_str()?);
        let mut parts = arguments.iter().filter_map(parts).flatten();
        self.variables.is_empty()
            && self.files.is_empty()
            && !parts.any(|part| matches!(part, Part::Path(_)))
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
        let value = environment.get(&path).ok_or_else(|| unknown_path(&path))?;
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

fn unknown_path(path: &PropertyPath) -> Error {
    let path = match path.accessors() {
        // As it was written: names may have any character, as in `${HOME:-/root}`.
        [Accessor::Name(name)] => name.clone(),
        _ => path.to_string(),
    };
    Error::configuration(format!("the environment has no value at `{path}`")).with_hint(format!(
        "correct the path, or write `$${{{path}}}` to pass `${{{path}}}` on unchanged"
    ))
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
mod tests;
