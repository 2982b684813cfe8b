//! Supervision without signals: Ctrl-C terminates this process and the command alike, and the next
//! run removes the files.

use std::io;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::error::{Error, Kind, Result};
use crate::process::Exit;

/// Supervises a command.
pub(in crate::process) struct Supervisor {
    events: Receiver<io::Result<()>>,
    sender: Sender<io::Result<()>>,
    open_streams: usize,
    /// Why output of the command was lost.
    output_error: Option<io::Error>,
}

/// An open stream of the command.
pub(in crate::process) struct OpenStream(Sender<io::Result<()>>);

impl OpenStream {
    /// Reports that the stream was closed, and whether it was copied completely.
    pub(in crate::process) fn close(self, copied: io::Result<()>) {
        // Fails if the supervisor is gone.
        let _ = self.0.send(copied);
    }
}

#[expect(clippy::unnecessary_wraps, reason = "same signatures as on Unix")]
impl Supervisor {
    /// Creates a supervisor.
    pub(in crate::process) fn start() -> Result<Self> {
        let (sender, events) = mpsc::channel();
        Ok(Self {
            events,
            sender,
            open_streams: 0,
            output_error: None,
        })
    }

    /// Always `None`: no signals are caught before the command starts.
    #[expect(clippy::unused_self, reason = "same signature as on Unix")]
    pub(in crate::process) fn pending_exit(&mut self) -> Option<Exit> {
        None
    }

    /// Counts a stream as open until it is closed.
    pub(in crate::process) fn track_stream(&mut self) -> OpenStream {
        self.open_streams += 1;
        OpenStream(self.sender.clone())
    }

    /// Why output of the command was lost, if it was.
    pub(in crate::process) fn take_output_error(&mut self) -> Option<io::Error> {
        self.output_error.take()
    }

    /// Waits until the command exits. Exit codes on Windows have 32 bits; those above 255 become 255.
    #[expect(clippy::unused_self, reason = "same signature as on Unix")]
    pub(in crate::process) fn wait(&mut self, child: &mut Child) -> Result<Exit> {
        let status = child.wait().map_err(|error| {
            Error::new(Kind::Internal, "cannot wait for the command").caused_by(error)
        })?;
        Ok(Exit::with_code(status.code().unwrap_or_default()))
    }

    /// Waits until all streams are closed.
    pub(in crate::process) fn wait_for_streams(&mut self) {
        while self.open_streams > 0
            && let Ok(copied) = self.events.recv()
        {
            self.open_streams -= 1;
            self.output_error = self.output_error.take().or(copied.err());
        }
    }
}

/// Does nothing: a command is never reported as interrupted.
pub(in crate::process) fn exit_by_sigint() {}
