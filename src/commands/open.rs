//! `open`: shows the values of an environment.

use clap::Args;

use super::output;
use crate::authenticate::open;
use crate::configuration::OpenFlags;
use crate::configuration::request::OpenRequest;
use crate::environment::PropertyPath;
use crate::environment::json::{self, Secrets};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::journal::Journal;

/// Open an environment and print its values as JSON, secrets included
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Environment to open: one in Pulumi Cloud such as acme/platform/prod or
    /// acme/platform/prod@3, or a local definition such as ./env.yaml
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,

    /// Path of the value to print, such as aws.creds [default: all values]
    #[arg(value_name = "PATH")]
    path: Option<String>,

    /// Print [secret] in place of secrets
    #[arg(long)]
    redact: bool,

    #[command(flatten)]
    flags: OpenFlags,
}

pub(super) fn run(arguments: &Arguments, host: &Host, journal: &Journal<'_>) -> Result<()> {
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
    let request = OpenRequest::read(&arguments.environment, &arguments.flags, host)?;
    let opened = open(&request, host, journal)?;
    let warnings = opened.warnings();
    if !warnings.is_empty() {
        output::block(&warnings);
    }
    let value = match &path {
        None => &opened.environment().values,
        Some(path) => opened.environment().get(path).ok_or_else(|| {
            Error::configuration(format!(
                "the environment `{}` has no `{path}`",
                request.environment
            ))
            .with_hint("leave the path out to see every value")
        })?,
    };
    let secrets = if arguments.redact {
        Secrets::Redacted
    } else {
        Secrets::Revealed
    };
    let text = json::indented(value, secrets);
    output::print(text.as_bytes())
}
