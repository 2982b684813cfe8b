//! Supervision without signals: Ctrl-C terminates this process and the command alike, and the next
//! run removes the files.

use std::process::Child;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::error::{Error, Kind, Result};
use crate::process::Exit;

/// Supervises a command.
pub(in crate::process) struct Supervisor {
    events: Receiver<()>,
    sender: Sender<()>,
    open_streams: usize,
}

/// Reports the end of a stream when it is dropped.
pub(in crate::process) struct StreamGuard(Sender<()>);

impl Drop for StreamGuard {
    fn drop(&mut self) {
        // Fails if the supervisor is gone.
        let _ = self.0.send(());
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
        })
    }

    /// Always `None`: no signals are caught before the command starts.
    #[expect(clippy::unused_self, reason = "same signature as on Unix")]
    pub(in crate::process) fn pending_exit(&mut self) -> Option<Exit> {
        None
    }

    /// Counts a stream as open until the guard is dropped.
    pub(in crate::process) fn track_stream(&mut self) -> StreamGuard {
        self.open_streams += 1;
        StreamGuard(self.sender.clone())
    }

    /// Waits until the command exits. Exit codes on Windows have 32 bits; those above 255 become 255.
    #[expect(clippy::unused_self, reason = "same signature as on Unix")]
    pub(in crate::process) fn wait(&mut self, child: &mut Child) -> Result<Exit> {
        let status = child.wait().map_err(|error| {
            Error::new(Kind::Internal, "cannot wait for the command").caused_by(error)
        })?;
        let code = status.code().unwrap_or_default();
        Ok(Exit {
            code: u8::try_from(code).unwrap_or(u8::MAX),
            interrupted: false,
            cleanup_error: None,
        })
    }

    /// Waits until all streams are closed.
    pub(in crate::process) fn wait_for_streams(&mut self) {
        while self.open_streams > 0 && self.events.recv().is_ok() {
            self.open_streams -= 1;
        }
    }
}

/// Does nothing: a command is never reported as interrupted.
pub(in crate::process) fn exit_by_sigint() {}
