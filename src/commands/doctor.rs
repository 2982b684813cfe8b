//! `doctor`: diagnoses authentication problems step by step.

use clap::Args;

use super::flags::{CacheFlags, GetTokenFlags};
use super::output;
use crate::authenticate::doctor::{self, Finding};
use crate::context::Context;
use crate::error::{Result, one_line};

pub(super) const ABOUT: &str = "Diagnose authentication problems step by step";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: GetTokenFlags,

    #[command(flatten)]
    cache: CacheFlags,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let request = arguments.flags.request(&arguments.cache, context.host)?;
    let context = context.with_timeout(request.open.timeout);
    let mut print_result = Ok(());
    let mut report = |Finding { step, detail }: Finding| {
        if print_result.is_ok() {
            print_result = output::print(format!("ok  {step}: {}", one_line(&detail)));
        }
    };
    doctor::diagnose(request, context, &mut report)?;
    print_result
}
