//! `get-token`: the exec credential plugin.

use clap::Args;

use super::flags::{CacheFlags, GetTokenFlags, heading};
use super::output;
use crate::authenticate::authenticate;
use crate::config::Request;
use crate::context::Context;
use crate::error::Result;
use crate::host::Host;

pub(super) const ABOUT: &str =
    "Print an ExecCredential for an EKS cluster, as kubectl expects from an exec plugin";

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
    let request = arguments.request(context.host)?;
    let context = context.with_timeout(request.open.timeout);
    let credential = authenticate(request, context)?;
    if arguments.token_only {
        output::print(credential.token.expose())
    } else {
        output::print(credential.to_json()?.as_str())
    }
}
