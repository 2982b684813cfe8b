//! Writing: one document to standard output, everything for people to standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use zeroize::Zeroizing;

use crate::error::{Error, Result, one_line};
use crate::host::Host;
use crate::log::Message;
use esc::Style;

/// Writes a text, which may not be UTF-8, and a line feed to standard output: all of it or an
/// error. A reader that has gone away is no error.
pub(super) fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let text = text.as_ref();
    // In one piece: one system call, and no reader that finds the line without its end. It may hold a
    // token.
    let mut line = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    line.extend_from_slice(text);
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&line).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::configuration("cannot write to standard output")
                .with_hint("check where the output is redirected to")
                .caused_by(error))
        }
        _ => Ok(()),
    }
}

/// Writes a note to standard error; a line stands under the program's name.
pub(super) fn note(message: Message<'_>) {
    match message {
        Message::Block(text) => block(text),
        Message::Line(line) => complain(&format!("kubectl-esc: {}\n", one_line(line))),
    }
}

/// Writes a block of several lines to standard error as it is.
pub(super) fn block(text: &str) {
    complain(&format!("{}\n", text.trim_end()));
}

/// Writes an error: what failed, where, why, and what to do.
pub(super) fn report(error: &Error) {
    let mut text = format!("kubectl-esc: {error}\n");
    if let Some(details) = error.details() {
        text.push_str(details.trim_end());
        text.push('\n');
    }
    for cause in error.causes() {
        text.push_str("  caused by: ");
        text.push_str(&cause);
        text.push('\n');
    }
    if let Some(hint) = error.hint() {
        text.push_str("  hint: ");
        text.push_str(hint);
        text.push('\n');
    }
    complain(&text);
}

/// How diagnostics look on standard error: coloured on a terminal that knows colours.
pub(super) fn style(host: &Host) -> Style {
    style_for(host, io::stderr().is_terminal())
}

/// `NO_COLOR` (no-color.org) comes first, then `CLICOLOR_FORCE` (bixense.com/clicolors), which asks
/// for colours in a pipe too. A console of Windows shows colours as text unless one of the variables
/// of newer terminals is there.
fn style_for(host: &Host, is_terminal: bool) -> Style {
    let variable = |name| host.path_variable(name);
    let says = |name, value: &str| variable(name).is_some_and(|it| it.as_os_str() == value);
    let is_forced = variable("CLICOLOR_FORCE").is_some() && !says("CLICOLOR_FORCE", "0");
    let knows_colours = if cfg!(windows) {
        variable("WT_SESSION").is_some() || variable("TERM").is_some()
    } else {
        true
    };
    let is_wanted = is_terminal && knows_colours && !says("TERM", "dumb") && !says("CLICOLOR", "0");
    if variable("NO_COLOR").is_none() && (is_forced || is_wanted) {
        Style::Colored
    } else {
        Style::Plain
    }
}

/// In one write, so that the lines of parallel plugins do not mix. Where standard error cannot be
/// written to, nobody is there to be told.
fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    #[test]
    fn colours_are_for_terminals_and_for_those_who_ask() {
        const TERMINAL: (&str, &str) = ("TERM", "xterm-256color");
        for (variables, on_terminal, in_pipe) in [
            (&[TERMINAL][..], true, false),
            (&[TERMINAL, ("NO_COLOR", "1")], false, false),
            (&[TERMINAL, ("NO_COLOR", "")], true, false),
            (&[TERMINAL, ("CLICOLOR", "0")], false, false),
            (&[TERMINAL, ("CLICOLOR_FORCE", "1")], true, true),
            (&[TERMINAL, ("CLICOLOR_FORCE", "0")], true, false),
            (&[("TERM", "dumb")], false, false),
            (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true, true),
            (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false, false),
            (&[], cfg!(not(windows)), false),
        ] {
            let clock = Clock::fixed(Timestamp::from_unix(0));
            let host = Host::with(variables.iter().copied(), clock);
            for (is_terminal, want) in [(true, on_terminal), (false, in_pipe)] {
                let coloured = style_for(&host, is_terminal) == Style::Colored;
                assert_eq!(coloured, want, "{variables:?}, terminal: {is_terminal}");
            }
        }
    }
}
