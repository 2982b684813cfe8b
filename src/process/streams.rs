//! The output of a command: inherited, or through a pipe that redacts it.

use std::fmt;
use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::process::{Command, Stdio};

use crate::error::{Error, Kind, Result};
use crate::process::redaction::{Patterns, Redactor};

/// Where redacted output goes.
pub type Sink = Box<dyn Write + Send>;

/// The two output streams of a command.
#[derive(Default)]
pub enum Streams {
    /// The command writes where this process does.
    #[default]
    Inherited,
    /// What it writes is redacted on its way.
    Redacted {
        /// What must not show.
        patterns: Patterns,
        /// Where standard output goes; `None` leaves it alone.
        stdout: Option<Sink>,
        /// Where standard error goes; `None` leaves it alone.
        stderr: Option<Sink>,
        /// Whether standard error is the same file as standard output. Both then go through one
        /// pipe to the first sink, so that what the command writes stays in order.
        joined: bool,
    },
}

impl fmt::Debug for Streams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Inherited => "Inherited",
            Self::Redacted { .. } => "Redacted",
        })
    }
}

impl Streams {
    /// Sets the command's output up; what comes back has to run while the command does.
    pub(super) fn attach(self, command: &mut Command) -> Result<Vec<RedactingPipe>> {
        let Self::Redacted {
            patterns,
            stdout,
            stderr,
            joined,
        } = self
        else {
            return Ok(Vec::new());
        };
        let no_pipe =
            |error: io::Error| Error::new(Kind::Internal, "cannot make a pipe").caused_by(error);
        let mut pumps = Vec::new();
        let mut pump = |sink| {
            let (source, writer) = io::pipe().map_err(no_pipe)?;
            let redactor = Redactor::new(patterns.clone());
            pumps.push(RedactingPipe {
                source,
                redactor,
                sink,
            });
            Ok::<_, Error>(writer)
        };
        if let Some(sink) = stdout {
            let writer = pump(sink)?;
            if joined {
                let other = writer.try_clone().map_err(no_pipe)?;
                command.stderr(Stdio::from(other));
            }
            command.stdout(Stdio::from(writer));
        }
        if let Some(sink) = stderr.filter(|_| !joined) {
            command.stderr(Stdio::from(pump(sink)?));
        }
        Ok(pumps)
    }
}

/// Carries one stream from the command to its sink.
pub(super) struct RedactingPipe {
    source: PipeReader,
    redactor: Redactor,
    sink: Sink,
}

impl RedactingPipe {
    /// Runs until every writer has gone, or nobody reads any more: then the next write fails for the
    /// command as it would without us.
    pub(super) fn run(mut self) {
        let mut buffer = vec![0; 64 << 10];
        let mut redacted = Vec::new();
        loop {
            redacted.clear();
            let ended = match self.source.read(&mut buffer) {
                Ok(0) => {
                    self.redactor.finish(&mut redacted);
                    true
                }
                Ok(length) => {
                    self.redactor.push(&buffer[..length], &mut redacted);
                    false
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => true,
            };
            let written = self.sink.write_all(&redacted);
            if ended || written.and_then(|()| self.sink.flush()).is_err() {
                return;
            }
        }
    }
}
