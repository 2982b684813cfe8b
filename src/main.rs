//! The command `kubectl-esc`: see [`kubectl_esc`].

mod closed_stdout;

use std::process::ExitCode;

use kubectl_esc::commands;
use kubectl_esc::host::Host;

fn main() -> ExitCode {
    commands::report_panics();
    if closed_stdout::was_closed() {
        return commands::reject_closed_stdout().into();
    }
    commands::run(std::env::args_os(), &Host::system()).into()
}
