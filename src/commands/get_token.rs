//! `get-token`: the exec credential plugin.

use clap::Args;

use super::output;
use crate::authenticate::authenticate;
use crate::config::{CacheFlags, GetTokenFlags};
use crate::error::Result;
use crate::host::Host;
use crate::log::Log;

pub(super) const ABOUT: &str =
    "Print an ExecCredential for an EKS cluster, as kubectl expects it of an exec plugin";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: GetTokenFlags,

    #[command(flatten)]
    cache: CacheFlags,

    /// Print the bearer token alone
    #[arg(long)]
    token_only: bool,
}

pub(super) fn run(arguments: &Arguments, host: &Host, log: &Log<'_>) -> Result<()> {
    let credential = authenticate(&arguments.flags, &arguments.cache, host, log)?;
    if arguments.token_only {
        output::print(credential.token.expose())
    } else {
        output::print(credential.to_json()?.as_str())
    }
}
