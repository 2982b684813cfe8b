//! `doctor`: diagnoses authentication problems step by step.

mod kubeconfig_entry;
mod rendering;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::flags::{CacheDirectoryFlags, CacheFlags, GetTokenFlags};
use crate::authenticate::doctor::{self, Report, Step};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use kubeconfig_entry::KubeconfigEntry;

pub(super) const ABOUT: &str = "Diagnose authentication problems step by step";

/// The details are in `docs/doctor.md`.
#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Context of the kubeconfig to diagnose; with ENVIRONMENT, the context whose API server to ask
    /// [default: the current context, without ENVIRONMENT]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Kubeconfig file to read [default: the files in KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    flags: GetTokenFlags,

    #[command(flatten)]
    cache: CacheDirectoryFlags,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Prints the report and returns the exit code: that of the first step that failed.
pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<u8> {
    let steps = if arguments.is_about_environment(context.host) {
        diagnose_environment(arguments, context)?
    } else {
        diagnose_context(arguments, context)?
    };
    match arguments.output {
        Format::Text => rendering::print_text(&steps, context.host)?,
        Format::Json => rendering::print_json(&steps)?,
    }
    let codes = steps.iter().map(|step| step.exit_code);
    Ok(codes.into_iter().find(|code| *code != 0).unwrap_or(0))
}

impl Arguments {
    fn cache(&self) -> CacheFlags {
        CacheFlags {
            directory: self.cache.clone(),
            ..CacheFlags::default()
        }
    }

    /// Whether to diagnose an environment with these flags, and not a context of the kubeconfig. The
    /// variable counts only if nothing names the kubeconfig.
    fn is_about_environment(&self, host: &Host) -> bool {
        let names_kubeconfig = self.context.is_some() || self.kubeconfig.is_some();
        self.flags.environment.is_some()
            || (!names_kubeconfig && self.flags.environment(host).is_some())
    }
}

/// Diagnoses the call that this command line describes.
fn diagnose_environment(arguments: &Arguments, context: Context<'_>) -> Result<Vec<Step>> {
    let request = arguments.flags.request(&arguments.cache(), context.host)?;
    let context = context.with_timeout(request.open.timeout);
    let mut report = Report::default();
    let mut cluster = None;
    if arguments.context.is_some() || arguments.kubeconfig.is_some() {
        match kubeconfig_entry::cluster(arguments, context) {
            Ok((name, found)) => {
                let detail = format!(
                    "context `{name}` has the cluster `{}`; the arguments of this command replace \
                     those of its user",
                    found.name
                );
                report.add(Step::ok(kubeconfig_entry::STEP, detail));
                cluster = Some(found);
            }
            Err(error) => report.add(Step::failed(kubeconfig_entry::STEP, &error)),
        }
    } else {
        let reason = "not read: an environment was specified, and no context";
        report.add(Step::skipped(kubeconfig_entry::STEP, reason));
    }
    doctor::diagnose(request, cluster.as_ref(), context, &mut report);
    Ok(report.into_steps())
}

/// Diagnoses the call that a client makes for a context of the kubeconfig.
fn diagnose_context(arguments: &Arguments, context: Context<'_>) -> Result<Vec<Step>> {
    reject_settings(&arguments.flags, context.host)?;
    let timeout = arguments.flags.open.cloud.timeout(context.host)?;
    let cache = arguments.cache().request(context.host)?;
    let mut report = Report::default();
    let KubeconfigEntry { step, call } = kubeconfig_entry::examine(arguments, context);
    report.add(step);
    let Some(mut call) = call else {
        report.add(doctor::examine_cache(&cache, context));
        return Ok(report.into_steps());
    };
    if let Some(timeout) = timeout {
        call.request.open.timeout = timeout;
    }
    if arguments.cache.cache_dir.is_some() {
        call.request.cache = cache;
    }
    let context = Context {
        host: &call.host,
        ..context.with_timeout(call.request.open.timeout)
    };
    doctor::diagnose(call.request, Some(&call.cluster), context, &mut report);
    Ok(report.into_steps())
}

/// Rejects flags of `get-token` that would be ignored: the kubeconfig has its own.
fn reject_settings(flags: &GetTokenFlags, host: &Host) -> Result<()> {
    let mut flags = flags.clone();
    flags.open.cloud.timeout = None;
    let arguments = flags.to_arguments(host)?;
    match arguments.get(1) {
        None => Ok(()),
        Some(flag) => {
            let flag = flag.split('=').next().unwrap_or_default();
            let message = format!("`{flag}` requires ENVIRONMENT");
            Err(Error::configuration(message).with_hint(
                "without ENVIRONMENT, the arguments come from the user in the kubeconfig: change \
                 them there, or pass ENVIRONMENT",
            ))
        }
    }
}
