//! Output: one document on standard output, messages for people on standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result, one_line};
use crate::host::Host;
use crate::log::Message;
use esc::Style;

/// Writes `text`, which need not be UTF-8, and a line feed to standard output.
pub(super) fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let text = text.as_ref();
    // One buffer makes one system call, so that no reader sees a partial line. It may contain a token.
    let mut line = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    line.extend_from_slice(text);
    line.push(b'\n');
    stdout()
        .write_all(&line)
        .map_err(|error| lost("to standard output", error))
}

/// Prints a value as indented JSON.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::new(Kind::Internal, "cannot encode the output").caused_by(error))?;
    print(text)
}

/// The error for output that could not be written.
pub(super) fn lost(what: &str, error: io::Error) -> Error {
    if error.kind() == ErrorKind::BrokenPipe {
        return Error::new(
            Kind::OutputClosed,
            format!("cannot write {what}: it was closed"),
        );
    }
    Error::configuration(format!("cannot write {what}"))
        .with_hint("check where the output is redirected")
        .caused_by(error)
}

/// Standard output, without a buffer.
pub(super) fn stdout() -> impl Write + Send {
    #[cfg(unix)]
    return Descriptor(rustix::stdio::stdout());
    #[cfg(not(unix))]
    io::stdout()
}

/// Standard error, without a buffer.
pub(super) fn stderr() -> impl Write + Send {
    #[cfg(unix)]
    return Descriptor(rustix::stdio::stderr());
    #[cfg(not(unix))]
    io::stderr()
}

/// A standard stream. The standard library reports success for one that is not open for writing.
#[cfg(unix)]
struct Descriptor(std::os::fd::BorrowedFd<'static>);

#[cfg(unix)]
impl Write for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a log message to standard error; a line is prefixed with the name of the program.
pub(super) fn note(message: Message<'_>) {
    match message {
        Message::Block(text) => block(text),
        Message::Line(line) => write_stderr(&format!("kubectl-esc: {}\n", one_line(line))),
    }
}

/// Writes several lines to standard error unchanged.
pub(super) fn block(text: &str) {
    write_stderr(&format!("{}\n", text.trim_end()));
}

/// Writes an error to standard error: what failed, details, causes, a hint.
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
    write_stderr(&text);
}

/// The style of diagnostics on standard error: colored on a terminal that supports colors.
pub(super) fn style(host: &Host) -> Style {
    style_for(host, io::stderr().is_terminal())
}

/// Whether text on standard output is colored.
pub(super) fn is_stdout_colored(host: &Host) -> bool {
    style_for(host, io::stdout().is_terminal()) == Style::Colored
}

/// `NO_COLOR` (no-color.org) takes precedence over `CLICOLOR_FORCE` (bixense.com/clicolors), which
/// asks for colors even in a pipe. An old Windows console prints color codes as text; newer terminals
/// set one of the variables.
fn style_for(host: &Host, is_terminal: bool) -> Style {
    let variable = |name| host.path_variable(name);
    let is_set_to = |name, value: &str| variable(name).is_some_and(|set| set.as_os_str() == value);
    let is_forced = variable("CLICOLOR_FORCE").is_some() && !is_set_to("CLICOLOR_FORCE", "0");
    let supports_color = if cfg!(windows) {
        variable("WT_SESSION").is_some() || variable("TERM").is_some()
    } else {
        true
    };
    let is_wanted =
        is_terminal && supports_color && !is_set_to("TERM", "dumb") && !is_set_to("CLICOLOR", "0");
    if variable("NO_COLOR").is_none() && (is_forced || is_wanted) {
        Style::Colored
    } else {
        Style::Plain
    }
}

/// Writes `text` with one system call, so that the lines of parallel plugins do not mix. An error
/// cannot be reported anywhere and is ignored.
fn write_stderr(text: &str) {
    let _ = stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    #[test]
    fn color_depends_on_the_terminal_and_variables() {
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
                let is_colored = style_for(&host, is_terminal) == Style::Colored;
                assert_eq!(is_colored, want, "{variables:?}, terminal: {is_terminal}");
            }
        }
    }
}
