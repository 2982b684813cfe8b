//! A spinner on standard error while a command waits for an environment.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::context::Context;
use crate::host::Host;
use crate::log::Level;

/// Most calls are faster, and show no spinner.
const DELAY: Duration = Duration::from_secs(1);

const FRAME: Duration = Duration::from_millis(100);

/// Does `work`. If this takes longer than a second and standard error is a terminal, shows a spinner,
/// which has disappeared when this function returns.
pub(super) fn while_opening<T>(context: Context<'_>, work: impl FnOnce() -> T) -> T {
    // The log shows the progress already.
    let has_log = context.log.is_enabled(Level::Info);
    if has_log || !can_spin(context.host, io::stderr().is_terminal()) {
        return work();
    }
    let (done, is_done) = mpsc::channel();
    thread::scope(|scope| {
        // Without a thread, there is no spinner.
        let _ = thread::Builder::new().spawn_scoped(scope, move || spin(&is_done));
        let result = work();
        drop::<mpsc::Sender<()>>(done);
        result
    })
}

/// Spins until the sender is dropped.
fn spin(is_done: &Receiver<()>) {
    let is_waiting = |time| is_done.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    if !is_waiting(DELAY) {
        return;
    }
    let spinner = ProgressBar::new_spinner().with_message("opening the environment");
    spinner.tick();
    while is_waiting(FRAME) {
        spinner.tick();
    }
    spinner.finish_and_clear();
}

fn can_spin(host: &Host, is_terminal: bool) -> bool {
    let terminal = host.path_variable("TERM");
    is_terminal && terminal.is_none_or(|terminal| terminal.as_os_str() != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    #[test]
    fn only_a_terminal_that_moves_its_cursor_has_a_spinner() {
        for (terminal, is_terminal, want) in [
            (Some("xterm"), true, true),
            (None, true, true),
            (Some("dumb"), true, false),
            (Some("xterm"), false, false),
        ] {
            let variables = terminal.map(|terminal| ("TERM", terminal));
            let host = Host::with(variables, Clock::fixed(Timestamp::from_unix(0)));
            assert_eq!(can_spin(&host, is_terminal), want, "{terminal:?}");
        }
    }
}
