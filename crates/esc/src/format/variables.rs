//! An environment's `environmentVariables` as dotenv or shell lines.
//!
//! The output equals that of `esc open`, except that `shell` quotes for a POSIX shell. `files` are left
//! out: their paths exist only while a command runs.

use crate::error::Error;
use crate::format::{Secrets, string};
use crate::text::{REDACTED, Text};
use crate::{Environment, EnvironmentEntry, TextBuilder};

/// Writes lines of `NAME="value"` in Go's quotes, sorted by name. No newline at the end.
///
/// Fails on a name that a dotenv line cannot hold.
pub fn dotenv(environment: &Environment, secrets: Secrets) -> Result<Text, Error> {
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    lines(environment, |line, variable| {
        check_name(variable.name, "dotenv", is_allowed)?;
        line.push_str(variable.name);
        line.push(b"=");
        string::quote(displayed(&variable, secrets).as_bytes(), line);
        Ok(())
    })
}

/// Writes lines of `export NAME='value'`, sorted by name, which a POSIX shell reads back byte for byte.
/// No newline at the end.
///
/// Fails on a name that is not valid in a shell, and on a value with a NUL byte, which no shell can hold.
pub fn shell(environment: &Environment, secrets: Secrets) -> Result<Text, Error> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    lines(environment, |line, variable| {
        check_name(variable.name, "shell", is_allowed)?;
        let value = displayed(&variable, secrets);
        if value.as_bytes().contains(&0) {
            let message = format!("no shell can hold the value of `{}`", variable.name);
            let hint = "it has a NUL byte: encode it, for example with fn::toBase64";
            return Err(Error::new(message).with_hint(hint));
        }
        line.push_str("export ");
        line.push_str(variable.name);
        line.push(b"='");
        for (index, part) in value.as_bytes().split(|byte| *byte == b'\'').enumerate() {
            if index > 0 {
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
    write_line: impl Fn(&mut TextBuilder, EnvironmentEntry<'_>) -> Result<(), Error>,
) -> Result<Text, Error> {
    let mut text = TextBuilder::default();
    for (index, variable) in environment.variables().into_iter().enumerate() {
        if index > 0 {
            text.push(b"\n");
        }
        write_line(&mut text, variable)?;
    }
    Ok(text.finish())
}

fn displayed(variable: &EnvironmentEntry<'_>, secrets: Secrets) -> Text {
    if variable.secret && secrets == Secrets::Redacted {
        Text::from(REDACTED)
    } else {
        variable.text.clone()
    }
}

fn check_name(name: &str, format: &str, is_allowed: impl Fn(char) -> bool) -> Result<(), Error> {
    let starts_valid = name.starts_with(|c: char| c == '_' || (is_allowed(c) && !c.is_numeric()));
    if starts_valid && name.chars().all(is_allowed) {
        return Ok(());
    }
    let message = format!("`{name}` in `environmentVariables` is not a valid name for `{format}`");
    let hint = "rename it, or use `-o json`; `kubectl-esc run` accepts any name";
    Err(Error::new(message).with_hint(hint))
}

#[cfg(test)]
mod tests;
