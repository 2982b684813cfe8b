//! The command `kubectl-esc`: see [`kubectl_esc`].

#![cfg_attr(all(target_os = "linux", target_env = "gnu", not(test)), no_main)]

#[cfg(all(target_os = "linux", target_env = "gnu", not(test)))]
mod start;

use kubectl_esc::commands;
use kubectl_esc::host::Host;

#[cfg(not(all(target_os = "linux", target_env = "gnu", not(test))))]
fn main() -> std::process::ExitCode {
    run().into()
}

/// Runs the command line and returns the exit code.
fn run() -> u8 {
    commands::report_panics();
    commands::run(std::env::args_os(), &Host::system())
}
