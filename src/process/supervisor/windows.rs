//! Supervision on Windows. The command shares our console, so it receives Ctrl-C and Ctrl-Break directly and
//! decides what they do. Here they do nothing while the command is running.

use std::cell::{Cell, RefCell};
use std::io;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Waker};

use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::process::Exit;

/// `STATUS_CONTROL_C_EXIT`, the exit code of a process that Ctrl-C has terminated.
const INTERRUPTED: i32 = 0xC000_013A_u32.cast_signed();

/// Supervises a command.
pub(in crate::process) struct Supervisor {
    events: Receiver<Option<io::Error>>,
    sender: Sender<Option<io::Error>>,
    open_streams: usize,
    lost_output: Option<io::Error>,
    keys: InterruptKeys,
}

/// While this exists, Ctrl-C and Ctrl-Break do not terminate this process.
struct InterruptKeys {
    ctrl_c: CtrlC,
    ctrl_break: CtrlBreak,
}

impl InterruptKeys {
    fn catch() -> Result<Self> {
        let failed = |error| Error::of_system("cannot catch signals", error);
        Ok(Self {
            ctrl_c: ctrl_c().map_err(failed)?,
            ctrl_break: ctrl_break().map_err(failed)?,
        })
    }

    /// Whether one of them was pressed since the last call.
    fn is_pressed(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        self.ctrl_c.poll_recv(&mut context).is_ready()
            || self.ctrl_break.poll_recv(&mut context).is_ready()
    }
}

/// Reports the end of a stream.
pub(in crate::process) struct OpenStream(Sender<Option<io::Error>>);

impl OpenStream {
    /// Reports that the stream has ended, and why if output was lost.
    pub(in crate::process) fn close(self, lost_output: Option<io::Error>) {
        // Fails if the supervisor is gone.
        let _ = self.0.send(lost_output);
    }
}

impl Supervisor {
    /// Starts to catch Ctrl-C and Ctrl-Break: from now on they do not terminate this process.
    pub(in crate::process) fn start() -> Result<Self> {
        let (sender, events) = mpsc::channel();
        Ok(Self {
            events,
            sender,
            open_streams: 0,
            lost_output: None,
            keys: InterruptKeys::catch()?,
        })
    }

    /// If Ctrl-C or Ctrl-Break was pressed before the command was started: the exit that it would have
    /// caused.
    pub(in crate::process) fn pending_exit(&mut self) -> Option<Exit> {
        self.keys.is_pressed().then(|| exit(INTERRUPTED))
    }

    /// Counts a stream as open until it is closed.
    pub(in crate::process) fn track_stream(&mut self) -> OpenStream {
        self.open_streams += 1;
        OpenStream(self.sender.clone())
    }

    /// Why output of the command was lost.
    pub(in crate::process) fn take_lost_output(&mut self) -> Option<io::Error> {
        self.lost_output.take()
    }

    /// Waits until the command exits. Exit codes on Windows have 32 bits; those above 255 become 255.
    #[expect(clippy::unused_self, reason = "same signature as on Unix")]
    pub(in crate::process) fn wait(&mut self, child: &mut Child) -> Result<Exit> {
        let status = child.wait().map_err(|error| {
            Error::new(Kind::Internal, "cannot wait for the command").caused_by(error)
        })?;
        Ok(exit(status.code().unwrap_or_default()))
    }

    /// Waits until all streams are closed, or the deadline passes.
    pub(in crate::process) fn wait_for_streams(&mut self, deadline: Deadline) {
        while self.open_streams > 0 {
            let Ok(lost_output) = self.events.recv_timeout(deadline.remaining()) else {
                return;
            };
            self.open_streams -= 1;
            self.lost_output = self.lost_output.take().or(lost_output);
        }
    }
}

/// The exit of a command with this code.
fn exit(code: i32) -> Exit {
    Exit {
        code: u8::try_from(code).unwrap_or(u8::MAX),
        interrupted: false,
        cleanup_error: None,
        lost_output: None,
    }
}

/// Defers Ctrl-C and Ctrl-Break, so that this process first removes its lock files.
pub(crate) struct DeferredSignals {
    keys: RefCell<InterruptKeys>,
    is_pending: Cell<bool>,
}

impl DeferredSignals {
    /// Starts to defer them.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self {
            keys: RefCell::new(InterruptKeys::catch()?),
            is_pending: Cell::new(false),
        })
    }

    /// Whether one of them was pressed.
    pub(crate) fn is_pending(&self) -> bool {
        let is_pending = self.is_pending.get() || self.keys.borrow_mut().is_pressed();
        self.is_pending.set(is_pending);
        is_pending
    }

    /// Terminates this process if one of them was pressed. Later ones are not deferred.
    #[expect(clippy::disallowed_methods, reason = "exits as Ctrl-C would have done")]
    pub(crate) fn deliver(self) {
        if self.is_pending() {
            std::process::exit(INTERRUPTED);
        }
    }
}

/// Does nothing: a command is never reported as interrupted.
pub(in crate::process) fn exit_by_sigint() {}
