//! Writing: one document to standard output, everything for people to standard error.

use std::io::{self, ErrorKind, Write};

use crate::error::{Error, Result, one_line};
use crate::journal::Note;

/// Writes a text, which may not be UTF-8, and a line feed to standard output: all of it or an
/// error. A reader that has gone away is no error.
pub(super) fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_ref())
        .and_then(|()| stdout.write_all(b"\n"));
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::configuration("cannot write to standard output")
                .with_hint("check where the output is redirected to")
                .caused_by(error))
        }
        _ => Ok(()),
    }
}

/// Writes a note to standard error; a line stands under the program's name.
pub(super) fn note(note: Note<'_>) {
    match note {
        Note::Block(text) => block(text),
        Note::Line(line) => complain(&format!("kubectl-esc: {}\n", one_line(line))),
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

/// In one write, so that the lines of parallel plugins do not mix. Where standard error cannot be
/// written to, nobody is there to be told.
fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
