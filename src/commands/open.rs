//! `open`: prints the values of an environment.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::flags::{OpenFlags, environment_or_variable, heading};
use super::{output, spinner};
use crate::authenticate::open;
use crate::config::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::log::Message;
use esc::format::{Secrets, json, string, variables, yaml};
use esc::{Environment, PropertyPath, Value};

pub(super) const ABOUT: &str = "Open an environment and print its values, including secrets";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to open: a name in Pulumi Cloud or a definition file
    ///
    /// Names are such as acme/platform/prod or acme/platform/prod@3, files such as ./env.yaml. [env:
    /// KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<OsString>,

    /// Property path of the value to print, such as aws.creds
    ///
    /// [default: all values]
    #[arg(value_name = "PATH")]
    path: Option<String>,

    /// Output format
    ///
    /// dotenv and shell print environmentVariables, as lines of NAME="…" or export NAME='…'.
    #[arg(short, long, value_enum, default_value_t = Format::Json, value_name = "FORMAT")]
    #[arg(visible_alias = "format", visible_short_alias = 'f', help_heading = heading::OUTPUT)]
    output: Format,

    /// Print [secret] instead of secret values
    #[arg(long, help_heading = heading::OUTPUT)]
    redact: bool,

    #[command(flatten)]
    flags: OpenFlags,
}

/// The formats of `esc env open`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Json,
    Yaml,
    String,
    Dotenv,
    Shell,
    Detailed,
}

impl Format {
    /// Whether the format prints only environment variables.
    fn prints_variables(self) -> bool {
        matches!(self, Self::Dotenv | Self::Shell)
    }
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let path = parse_path(arguments)?;
    let environment = environment_or_variable(arguments.environment.as_ref(), context.host)?;
    let request = arguments.flags.request(&environment, context.host)?;
    let context = context.with_timeout(request.timeout);
    let opened = spinner::while_opening(context, || open(&request, context))?;
    let warnings = opened.warnings();
    if !warnings.is_empty() {
        output::block(&warnings);
    }
    let secrets = if arguments.redact {
        Secrets::Redacted
    } else {
        Secrets::Revealed
    };
    let environment = opened.environment();
    if arguments.output.prints_variables() {
        return print_variables(environment, arguments.output, secrets);
    }
    let value = find_value(&request, environment, path.as_ref())?;
    print_value(value, arguments.output, secrets)
}

fn parse_path(arguments: &Arguments) -> Result<Option<PropertyPath>> {
    let Some(path) = &arguments.path else {
        return Ok(None);
    };
    let path = path.parse().map_err(|problem| {
        Error::configuration("the second argument is not a property path")
            .caused_by(problem)
            .with_hint("pass a path such as aws.creds")
    })?;
    if arguments.output.prints_variables() {
        return Err(Error::configuration(
            "`-o dotenv` and `-o shell` cannot be used with a property path",
        )
        .with_hint("omit the path, or use `-o string` for a single value"));
    }
    Ok(Some(path))
}

/// Prints `environmentVariables`. Files are reported, because `open` does not write them.
fn print_variables(environment: &Environment, format: Format, secrets: Secrets) -> Result<()> {
    let text = match format {
        Format::Shell => variables::shell(environment, secrets)?,
        _ => variables::dotenv(environment, secrets)?,
    };
    for file in environment.files() {
        output::note(Message::Line(&format!(
            "skipped `{}`, which is a file; `kubectl-esc run` creates it",
            file.name
        )));
    }
    if environment.variables().is_empty() {
        return Ok(());
    }
    output::print(text.as_bytes())
}

fn print_value(value: &Value, format: Format, secrets: Secrets) -> Result<()> {
    let text = match format {
        Format::Detailed => json::detailed(value, secrets),
        Format::Yaml => yaml::text(&value.with_placeholders(secrets), yaml::OPEN_INDENT),
        Format::String => string::plain(value, secrets).map_err(|problem| {
            Error::new(Kind::Definition, "cannot print the value as a string")
                .caused_by(problem)
                .with_hint("use `-o json`")
        })?,
        Format::Json | Format::Dotenv | Format::Shell => json::indented(value, secrets),
    };
    let bytes = text.as_bytes();
    // YAML ends with a line feed, and ESC adds none to a string that ends with one.
    output::print(match format {
        Format::String | Format::Yaml => bytes.strip_suffix(b"\n").unwrap_or(bytes),
        _ => bytes,
    })
}

/// The value at the path, or all values if there is no path.
fn find_value<'a>(
    request: &OpenRequest,
    environment: &'a Environment,
    path: Option<&PropertyPath>,
) -> Result<&'a Value> {
    let Some(path) = path else {
        return Ok(&environment.values);
    };
    environment.get(path).ok_or_else(|| {
        let environment = &request.environment;
        Error::configuration(format!(
            "environment `{environment}` has no value at `{path}`"
        ))
        .with_hint("omit the path to see all values")
    })
}
