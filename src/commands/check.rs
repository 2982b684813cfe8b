//! `check`: validates an environment without calling its providers.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};

use clap::Args;

use super::flags::{CloudFlags, Format, OpenFlags, environment_or_variable, heading};
use super::{output, spinner};
use crate::authenticate::{self, count_errors};
use crate::config::{OpenRequest, Reference};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::opener::Checked;
use esc::Diagnostic;

pub(super) const ABOUT: &str = "Validate an environment without calling its providers";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to validate: a name in Pulumi Cloud, a definition file, or - for standard input
    ///
    /// Names are such as acme/platform/prod, files such as ./env.yaml. [env:
    /// KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<OsString>,

    /// Directory of imported definitions
    ///
    /// They are PROJECT/NAME.yaml or NAME.yaml in it. [default: the definition's directory]
    #[arg(long, value_name = "DIRECTORY")]
    root: Option<std::path::PathBuf>,

    #[command(flatten)]
    cloud: CloudFlags,

    /// Output format
    ///
    /// Diagnostics as text on standard error, or as a JSON document on standard output.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    #[arg(visible_alias = "format", help_heading = heading::OUTPUT)]
    output: Format,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let flags = OpenFlags {
        root: arguments.root.clone(),
        cloud: arguments.cloud.clone(),
        ..OpenFlags::default()
    };
    let environment = environment_or_variable(arguments.environment.as_ref(), context.host)?;
    let is_stdin = environment == "-";
    let file = is_stdin.then_some(OsStr::new("./-"));
    let mut request = flags.request(file.unwrap_or(&environment), context.host)?;
    if is_stdin {
        request.environment = Reference::Local(Reference::STDIN.into());
    }
    let context = context.with_timeout(request.timeout);
    let checked = spinner::while_opening(context, || authenticate::check(&request, context))?;
    if arguments.output == Format::Json {
        output::print(checked.sources.render_json(&checked.diagnostics))?;
        if checked.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(cannot_be_used(&request, &checked.diagnostics));
        }
        return Ok(());
    }
    report(&request, &checked, context)?;
    if checked.diagnostics.is_empty() && io::stderr().is_terminal() {
        output::block(&format!("no problems in `{}`", request.environment));
    }
    Ok(())
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
    let checked = spinner::while_opening(context, || authenticate::check(request, context))?;
    report(request, &checked, context)
}

fn cannot_be_used(request: &OpenRequest, diagnostics: &[Diagnostic]) -> Error {
    let message = format!(
        "`{}` cannot be used: {}",
        request.environment,
        count_errors(diagnostics)
    );
    Error::new(Kind::Definition, message)
}
