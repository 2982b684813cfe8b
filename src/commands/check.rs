//! `check`: validates an environment without calling its providers.

use clap::{Args, ValueEnum};

use super::flags::{CloudFlags, OpenFlags};
use super::output;
use crate::authenticate::{self, count_errors};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::opener::Checked;
use esc::Diagnostic;

pub(super) const ABOUT: &str = "Validate an environment without calling its providers";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to validate: a name in Pulumi Cloud such as acme/platform/prod, or a definition
    /// file such as ./env.yaml
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,

    /// Folder with the definitions that a local definition imports, as PROJECT/NAME.yaml or NAME.yaml
    /// [default: the definition's folder]
    #[arg(long, value_name = "FOLDER")]
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
    let request = flags.request(&arguments.environment, context.host)?;
    let context = context.with_timeout(request.timeout);
    let Checked {
        diagnostics,
        sources,
    } = authenticate::check(&request, context)?;
    let rendered = match arguments.format {
        Format::Json => {
            output::print(sources.render_json(&diagnostics))?;
            None
        }
        Format::Text if diagnostics.is_empty() => None,
        Format::Text => Some(sources.render(&diagnostics, output::style(context.host))),
    };
    if diagnostics.iter().any(Diagnostic::is_error) {
        let message = format!(
            "`{}` cannot be used: {}",
            request.environment,
            count_errors(&diagnostics)
        );
        let error = Error::new(Kind::Definition, message);
        return Err(match rendered {
            Some(rendered) => error.with_details(rendered),
            None => error,
        });
    }
    if let Some(rendered) = rendered {
        output::block(&rendered);
    }
    Ok(())
}
