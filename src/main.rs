//! The command `kubectl-esc`: see [`kubectl_esc`].

use std::process::ExitCode;

use kubectl_esc::commands;
use kubectl_esc::host::Host;

fn main() -> ExitCode {
    commands::report_panics();
    commands::run(std::env::args_os(), &Host::system()).into()
}
