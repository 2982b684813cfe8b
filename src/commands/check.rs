//! `check`: validates an environment without calling its providers.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::flags::{CloudFlags, OpenFlags, environment_or_variable};
use super::output;
use crate::authenticate::{self, count_errors};
use crate::config::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::opener::Checked;
use esc::Diagnostic;

pub(super) const ABOUT: &str = "Validate an environment without calling its providers";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to validate: a name in Pulumi Cloud such as acme/platform/prod, or a definition
    /// file such as ./env.yaml [env: KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<OsString>,

    /// Directory with the definitions that a local definition imports, as PROJECT/NAME.yaml or NAME.yaml
    /// [default: the definition's directory]
    #[arg(long, value_name = "DIRECTORY")]
    root: Option<std::path::PathBuf>,

    #[command(flatten)]
    cloud: CloudFlags,

    /// Print diagnostics as text to standard error, or as a JSON document to standard output
    #[arg(
        short = 'o',
        long,
        visible_alias = "output",
        value_name = "FORMAT",
        value_enum,
        default_value_t = Format::Text
    )]
    format: Format,
}

/// The format of the diagnostics.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Json,
    Text,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let flags = OpenFlags {
        root: arguments.root.clone(),
        cloud: arguments.cloud.clone(),
        ..OpenFlags::default()
    };
    let environment = environment_or_variable(arguments.environment.as_ref(), context.host)?;
    let request = flags.request(&environment, context.host)?;
    let context = context.with_timeout(request.timeout);
    let checked = authenticate::check(&request, context)?;
    if arguments.format == Format::Json {
        output::print(checked.sources.render_json(&checked.diagnostics))?;
        if checked.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(cannot_be_used(&request, &checked.diagnostics));
        }
        return Ok(());
    }
    report(&request, &checked, context)
}

/// Prints warnings, or returns an error with all diagnostics.
fn report(request: &OpenRequest, checked: &Checked, context: Context<'_>) -> Result<()> {
    let Checked {
        diagnostics,
        sources,
    } = checked;
    if diagnostics.is_empty() {
        return Ok(());
    }
    let rendered = sources.render(diagnostics, output::style(context.host));
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(cannot_be_used(request, diagnostics).with_details(rendered));
    }
    output::block(&rendered);
    Ok(())
}

/// Fails if the environment does not exist or is invalid.
pub(super) fn require_valid(request: &OpenRequest, context: Context<'_>) -> Result<()> {
    report(request, &authenticate::check(request, context)?, context)
}

fn cannot_be_used(request: &OpenRequest, diagnostics: &[Diagnostic]) -> Error {
    let message = format!(
        "`{}` cannot be used: {}",
        request.environment,
        count_errors(diagnostics)
    );
    Error::new(Kind::Definition, message)
}
