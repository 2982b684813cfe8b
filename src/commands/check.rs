//! `check`: says what is wrong with an environment, without opening a provider.

use clap::{Args, ValueEnum};

use super::output;
use crate::authenticate::{self, count_errors};
use crate::config::request::OpenRequest;
use crate::config::{CloudFlags, OpenFlags};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::log::Log;

pub(super) const ABOUT: &str =
    "Say what is wrong with an environment, without opening any provider";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to check: one in Pulumi Cloud such as acme/platform/prod, or a local definition
    /// such as ./env.yaml
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,

    /// Folder in which imports are looked up, as PROJECT/NAME.yaml or NAME.yaml [default: the
    /// definition's folder]
    #[arg(long, value_name = "FOLDER")]
    root: Option<std::path::PathBuf>,

    #[command(flatten)]
    cloud: CloudFlags,

    /// Text for people on standard error, or one JSON document on standard output
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

/// How the diagnostics are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Json,
    Text,
}

pub(super) fn run(arguments: &Arguments, host: &Host, log: &Log<'_>) -> Result<()> {
    let flags = OpenFlags {
        root: arguments.root.clone(),
        cloud: arguments.cloud.clone(),
        ..OpenFlags::default()
    };
    let request = OpenRequest::read(&arguments.environment, &flags, host)?;
    let (diagnostics, sources) = authenticate::check(&request, host, log)?;
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .count();
    let rendered = match arguments.format {
        Format::Json => {
            output::print(sources.render_json(&diagnostics))?;
            None
        }
        Format::Text if diagnostics.is_empty() => None,
        Format::Text => Some(sources.render(&diagnostics, output::style(host))),
    };
    if errors > 0 {
        let message = format!(
            "`{}` cannot be used: {}",
            request.environment,
            count_errors(errors)
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
