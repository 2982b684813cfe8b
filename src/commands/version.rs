//! `version`: prints the version of this build, its commit and target, and how glibc is linked.

use clap::Args;
use serde::Serialize;

use super::flags::{Format, heading};
use super::output;
use crate::error::Result;

pub(super) const ABOUT: &str = "Print the version, commit, target and linkage of this build";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    #[arg(help_heading = heading::OUTPUT)]
    output: Format,
}

/// The text of `--version`. On Linux with glibc, a second line says how glibc is linked: a statically
/// linked one is only updated by a new build (SECURITY.md).
#[cfg(static_glibc)]
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nglibc: linked statically, ",
    env!("KUBECTL_ESC_GLIBC")
);
#[cfg(all(target_os = "linux", target_env = "gnu", not(static_glibc)))]
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nglibc: linked dynamically, built with ",
    env!("KUBECTL_ESC_GLIBC")
);
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) const LONG: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Build {
    version: &'static str,
    commit: Option<&'static str>,
    target: &'static str,
    /// How the C library is linked.
    linkage: &'static str,
    glibc: Option<&'static str>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let commit = env!("KUBECTL_ESC_COMMIT");
    let build = Build {
        version: env!("CARGO_PKG_VERSION"),
        commit: (!commit.is_empty()).then_some(commit),
        target: env!("KUBECTL_ESC_TARGET"),
        linkage: if cfg!(any(static_glibc, target_feature = "crt-static")) {
            "static"
        } else {
            "dynamic"
        },
        glibc: option_env!("KUBECTL_ESC_GLIBC"),
    };
    match arguments.output {
        Format::Json => output::print_json(&build),
        Format::Text => output::print(format!(
            "kubectl-esc {LONG}\ncommit: {}\ntarget: {}",
            build.commit.unwrap_or("unknown"),
            build.target
        )),
    }
}
