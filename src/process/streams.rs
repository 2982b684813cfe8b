//! The output streams of a command: inherited, or redacted in a pipe.

use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::process::redaction::{Patterns, Redactor};

/// Where redacted output is written.
pub(crate) type Sink = Box<dyn Write + Send>;

/// The two output streams of a command.
#[derive(Default)]
pub(crate) enum Streams {
    /// The command inherits the streams of this process.
    #[default]
    Inherited,
    /// The command writes to pipes, and their content is redacted.
    Redacted {
        /// What to redact.
        patterns: Patterns,
        /// The destination of standard output; `None` if it is inherited.
        stdout: Option<Sink>,
        /// The destination of standard error; `None` if it is inherited.
        stderr: Option<Sink>,
        /// Whether standard error is the same file as standard output. Then both share one pipe to
        /// `stdout`, which keeps the order of what the command writes.
        joined: bool,
    },
}

impl Streams {
    /// Connects the command's output to pipes, which the caller has to copy while the command runs.
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
        let mut pipes = Vec::new();
        if let Some(sink) = stdout {
            let (pipe, writer) = RedactingPipe::new(&patterns, sink)?;
            pipes.push(pipe);
            if joined {
                let stderr = writer.try_clone().map_err(pipe_error)?;
                command.stderr(Stdio::from(stderr));
            }
            command.stdout(Stdio::from(writer));
        }
        if let Some(sink) = stderr.filter(|_| !joined) {
            let (pipe, writer) = RedactingPipe::new(&patterns, sink)?;
            pipes.push(pipe);
            command.stderr(Stdio::from(writer));
        }
        Ok(pipes)
    }
}

fn pipe_error(error: io::Error) -> Error {
    Error::of_system("cannot create a pipe", error)
}

/// Copies one stream of the command to its sink and redacts it.
pub(super) struct RedactingPipe {
    reader: PipeReader,
    redactor: Redactor,
    sink: Sink,
}

impl RedactingPipe {
    fn new(patterns: &Patterns, sink: Sink) -> Result<(Self, io::PipeWriter)> {
        let (reader, writer) = io::pipe().map_err(pipe_error)?;
        let redactor = Redactor::new(patterns.clone());
        let pipe = Self {
            reader,
            redactor,
            sink,
        };
        Ok((pipe, writer))
    }

    /// Copies until every writer has closed the pipe, or the sink fails. Dropping the reader then
    /// makes the command's next write fail, as it would without the pipe.
    pub(super) fn copy(mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let mut redacted = Vec::new();
        loop {
            redacted.clear();
            let length = match self.reader.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                length => length?,
            };
            if length == 0 {
                self.redactor.finish(&mut redacted);
            } else {
                self.redactor.push(&buffer[..length], &mut redacted);
            }
            self.sink.write_all(&redacted)?;
            self.sink.flush()?;
            if length == 0 {
                return Ok(());
            }
        }
    }
}
