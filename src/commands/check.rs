//! `check`: says what is wrong with an environment, without opening a provider.

use clap::Args;

use super::output;
use crate::authenticate::{self, count_errors};
use crate::configuration::request::OpenRequest;
use crate::configuration::{CloudFlags, OpenFlags};
use crate::environment::Style;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::journal::Journal;

/// Say what is wrong with an environment, without opening any provider
#[derive(Args, Debug)]
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
}

pub(super) fn run(arguments: &Arguments, host: &Host, journal: &Journal<'_>) -> Result<()> {
    let flags = OpenFlags {
        root: arguments.root.clone(),
        cloud: arguments.cloud.clone(),
        ..OpenFlags::default()
    };
    let request = OpenRequest::read(&arguments.environment, &flags, host)?;
    let (diagnostics, sources) = authenticate::check(&request, host, journal)?;
    let rendered = sources.render(&diagnostics, Style::Plain);
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .count();
    if errors > 0 {
        let message = format!(
            "`{}` cannot be used: {}",
            request.environment,
            count_errors(errors)
        );
        return Err(Error::new(Kind::Definition, message).with_details(rendered));
    }
    if !diagnostics.is_empty() {
        output::block(&rendered);
    }
    Ok(())
}
