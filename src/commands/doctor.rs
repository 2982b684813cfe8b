//! `doctor`: which link of the chain fails.

use clap::Args;

use super::output;
use crate::authenticate::doctor::{self, Link};
use crate::config::{CacheFlags, GetTokenFlags};
use crate::error::{Result, one_line};
use crate::host::Host;
use crate::log::Log;

pub(super) const ABOUT: &str = "Walk the chain from the environment to the cluster's question to AWS, and say which link fails";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: GetTokenFlags,

    #[command(flatten)]
    cache: CacheFlags,
}

pub(super) fn run(arguments: &Arguments, host: &Host, log: &Log<'_>) -> Result<()> {
    let mut printed = Ok(());
    let mut tell = |Link { name, found }: Link| {
        let line = format!("ok  {name}: {}", one_line(&found));
        let result = output::print(line);
        printed = std::mem::replace(&mut printed, Ok(())).and(result);
    };
    let Arguments { flags, cache } = arguments;
    doctor::diagnose(flags, cache, host, log, &mut tell)?;
    printed
}
