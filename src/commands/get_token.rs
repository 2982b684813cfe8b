//! `get-token`: the exec credential plugin.

use clap::Args;

use super::flags::{CacheFlags, GetTokenFlags, heading};
use super::output;
use crate::authenticate::authenticate;
use crate::cache::{self, CacheDir, LastFailure};
use crate::config::Request;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::Host;

pub(super) const ABOUT: &str =
    "Print an ExecCredential for a cluster, as kubectl expects from an exec plugin";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: GetTokenFlags,

    #[command(flatten)]
    cache: CacheFlags,

    /// Print only the bearer token
    #[arg(long, help_heading = heading::OUTPUT)]
    token_only: bool,
}

impl Arguments {
    pub(super) fn request(&self, host: &Host) -> Result<Request> {
        self.flags.request(&self.cache, host)
    }
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    print_token(arguments, context).inspect_err(|error| {
        if error.kind() != Kind::OutputClosed {
            record_failure(arguments, error, context);
        }
    })
}

/// Records the failure for `doctor`, because many clients do not show it.
fn record_failure(arguments: &Arguments, error: &Error, context: Context<'_>) {
    let host = context.host;
    let Ok(Some(directory)) = arguments.cache.request(host).map(|cache| cache.directory) else {
        return;
    };
    let environment = arguments.flags.environment(host);
    let failure = LastFailure {
        at: context.now(),
        exit_code: error.kind().exit_code(),
        environment: environment.map(|name| name.to_string_lossy().into_owned()),
    };
    if let Err(problem) = cache::store_last_failure(&CacheDir::new(directory), &failure) {
        let log = context.log;
        log.info(format_args!("cannot record the failure: {problem}"));
    }
}

fn print_token(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let request = arguments.request(context.host)?;
    let context = context.with_timeout(request.open.timeout);
    let credential = authenticate(request, context)?;
    if arguments.token_only {
        output::print(credential.token.expose())
    } else {
        output::print(credential.to_json()?.as_str())
    }
}
