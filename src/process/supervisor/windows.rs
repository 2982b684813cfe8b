//! Where there are no signals: Ctrl-C ends this process and the command alike, and the next run
//! removes the files.

use std::process::Child;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::error::{Error, Kind, Result};
use crate::process::Exit;

/// Watches over a command.
pub(in crate::process) struct Supervisor {
    inbox: Receiver<()>,
    events: Sender<()>,
    streams: usize,
}

/// Tells that a stream has ended when it is dropped.
pub(in crate::process) struct StreamGuard(Sender<()>);

impl Drop for StreamGuard {
    fn drop(&mut self) {
        // Nobody waits any more where this fails.
        let _ = self.0.send(());
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
impl Supervisor {
    /// There is nothing to watch for.
    pub(in crate::process) fn start() -> Result<Self> {
        let (events, inbox) = mpsc::channel();
        Ok(Self {
            inbox,
            events,
            streams: 0,
        })
    }

    /// Nothing ends a command before its start.
    #[expect(clippy::unused_self, reason = "the same shape as on Unix")]
    pub(in crate::process) fn pending_exit(&mut self) -> Option<Exit> {
        None
    }

    /// One more stream to wait for.
    pub(in crate::process) fn stream(&mut self) -> StreamGuard {
        self.streams += 1;
        StreamGuard(self.events.clone())
    }

    /// Waits until the command has ended. An exit code of Windows has 32 bits; what does not fit is
    /// 255.
    #[expect(clippy::unused_self, reason = "the same shape as on Unix")]
    pub(in crate::process) fn wait(&mut self, child: &mut Child) -> Result<Exit> {
        let status = child.wait().map_err(|error| {
            Error::new(Kind::Internal, "cannot wait for the command").caused_by(error)
        })?;
        let code = status.code().unwrap_or_default();
        Ok(Exit {
            code: u8::try_from(code).unwrap_or(u8::MAX),
            interrupted: false,
            leftovers: None,
        })
    }

    /// Waits until nobody writes to the command's output any more.
    pub(in crate::process) fn wait_for_streams(&mut self) {
        while self.streams > 0 && self.inbox.recv().is_ok() {
            self.streams -= 1;
        }
    }
}

/// Nothing interrupts a command but the end of this process.
pub(in crate::process) fn exit_by_sigint() {}
