//! `open`: shows the values of an environment.

use clap::{Args, ValueEnum};

use super::flags::OpenFlags;
use super::output;
use crate::authenticate::open;
use crate::config::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::log::Message;
use esc::format::yaml;
use esc::format::{Secrets, json};
use esc::{Environment, PropertyPath, Value, format::string, format::variables};

pub(super) const ABOUT: &str = "Open an environment and print its values, secrets included";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to open: one in Pulumi Cloud such as acme/platform/prod or
    /// acme/platform/prod@3, or a local definition such as ./env.yaml
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,

    /// Path of the value to print, such as aws.creds [default: all values]
    #[arg(value_name = "PATH")]
    path: Option<String>,

    /// How to print the values: dotenv and shell print environmentVariables, as lines of NAME="…"
    /// and export NAME='…'
    #[arg(short, long, value_enum, default_value_t = Format::Json, value_name = "FORMAT")]
    format: Format,

    /// Print [secret] in place of secrets
    #[arg(long)]
    redact: bool,

    #[command(flatten)]
    flags: OpenFlags,
}

/// The formats of ESC's own `open`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Json,
    Yaml,
    String,
    Dotenv,
    Shell,
    Detailed,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let path = arguments
        .path
        .as_deref()
        .map(str::parse::<PropertyPath>)
        .transpose();
    let path = path.map_err(|problem| {
        Error::configuration("the second argument is not a property path")
            .caused_by(problem)
            .with_hint("write a path such as aws.creds")
    })?;
    if path.is_some() && matches!(arguments.format, Format::Dotenv | Format::Shell) {
        return Err(Error::configuration(
            "`--format dotenv` and `--format shell` take no property path",
        )
        .with_hint("leave the path out, or use `--format string` for a single value"));
    }
    let request = arguments
        .flags
        .request(&arguments.environment, context.host)?;
    let opened = open(&request, context.with_timeout(request.timeout))?;
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
    let text = match arguments.format {
        Format::Dotenv => variables::dotenv(environment, secrets)?,
        Format::Shell => variables::shell(environment, secrets)?,
        Format::Json => json::indented(value(&request, environment, path.as_ref())?, secrets),
        Format::Yaml => {
            let value = value(&request, environment, path.as_ref())?.with_placeholders(secrets);
            yaml::text(&value, yaml::OPEN_INDENT)
        }
        Format::Detailed => json::detailed(value(&request, environment, path.as_ref())?, secrets),
        Format::String => {
            let value = value(&request, environment, path.as_ref())?;
            string::plain(value, secrets).map_err(|problem| {
                Error::new(Kind::Definition, "cannot print the value as a string")
                    .caused_by(problem)
                    .with_hint("use `--format json`")
            })?
        }
    };
    if matches!(arguments.format, Format::Dotenv | Format::Shell) {
        for file in environment.files() {
            output::note(Message::Line(&format!(
                "`{}` is left out: it is a file, and `open` writes none; `kubectl-esc run` does",
                file.name
            )));
        }
        if environment.variables().is_empty() {
            return Ok(());
        }
    }
    // YAML has its line break, and ESC adds none to a string that ends with one.
    let bytes = text.as_bytes();
    let text = match arguments.format {
        Format::String | Format::Yaml => bytes.strip_suffix(b"\n").unwrap_or(bytes),
        _ => bytes,
    };
    output::print(text)
}

/// The value at the path; all values without one.
fn value<'a>(
    request: &OpenRequest,
    environment: &'a Environment,
    path: Option<&PropertyPath>,
) -> Result<&'a Value> {
    let Some(path) = path else {
        return Ok(&environment.values);
    };
    environment.get(path).ok_or_else(|| {
        Error::configuration(format!(
            "the environment `{}` has no `{path}`",
            request.environment
        ))
        .with_hint("leave the path out to see every value")
    })
}
