//! Supervision on Unix. The command is in our process group, so it receives the terminal's signals
//! directly and decides, for example, what Ctrl-C does. A signal that was sent to this process only is
//! forwarded. When the command stops (Ctrl-Z), this process stops too, because the shell watches it.

use std::fs::File;
use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpgrp, getpid, kill_process, waitpid};
use signal_hook::consts::signal::{
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2,
    SIGWINCH,
};
use signal_hook::flag;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::emulate_default_handler;
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::private_files;
use crate::process::Exit;
use crate::process::ignored_signals::is_ignored;

/// Signals that would terminate this process before it has removed the files.
const TERMINATING: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2];

/// Signals that are forwarded but terminate nothing. SIGTTIN and SIGTTOU are missing because the
/// kernel sends them to the whole process group.
const FORWARDED: [i32; 3] = [SIGCONT, SIGTSTP, SIGWINCH];

/// How long to wait for the SIGINT that terminated the command to arrive here too. The terminal
/// sends it to the whole group at once, but the thread that handles signals may run later.
const SIGINT_DELAY: Duration = Duration::from_millis(250);

enum Event {
    Signal {
        number: i32,
        only_to_us: bool,
    },
    /// With the reason if output was lost.
    StreamClosed(Option<io::Error>),
}

/// Supervises a command.
pub(in crate::process) struct Supervisor {
    events: Receiver<Event>,
    sender: Sender<Event>,
    signals: Handle,
    open_streams: usize,
    /// Whether this process received SIGINT.
    interrupted: bool,
    /// Whether the command was stopped at its last change of state.
    is_stopped: bool,
    lost_output: Option<io::Error>,
}

/// Reports the end of a stream.
pub(in crate::process) struct OpenStream(Sender<Event>);

impl OpenStream {
    /// Reports that the stream has ended, and why if output was lost.
    pub(in crate::process) fn close(self, lost_output: Option<io::Error>) {
        // Fails if the supervisor is gone.
        let _ = self.0.send(Event::StreamClosed(lost_output));
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.signals.close();
    }
}

impl Supervisor {
    /// Starts to catch signals: from now on they do not terminate this process. A signal that was
    /// ignored at the start, such as SIGHUP under `nohup`, stays ignored here and in the command.
    pub(in crate::process) fn start() -> Result<Self> {
        private_files::ignore_file_size_signal();
        let caught = TERMINATING.iter().chain(&FORWARDED).copied();
        let caught = caught.filter(|number| !is_ignored(*number));
        let failed = |error| Error::of_system("cannot catch signals", error);
        let mut signals =
            SignalsInfo::<WithOrigin>::new(caught.chain([SIGCHLD])).map_err(failed)?;
        let (sender, events) = mpsc::channel();
        let handle = signals.handle();
        let signal_sender = sender.clone();
        std::thread::Builder::new()
            .spawn(move || {
                for origin in signals.forever() {
                    let event = Event::Signal {
                        number: origin.signal,
                        only_to_us: !is_from_terminal(&origin),
                    };
                    if signal_sender.send(event).is_err() {
                        return;
                    }
                }
            })
            .map_err(failed)?;
        Ok(Self {
            events,
            sender,
            signals: handle,
            open_streams: 0,
            interrupted: false,
            is_stopped: false,
            lost_output: None,
        })
    }

    /// If a terminating signal arrived before the command was started: the exit that it would have
    /// caused.
    pub(in crate::process) fn pending_exit(&mut self) -> Option<Exit> {
        while let Ok(event) = self.events.try_recv() {
            if let Event::Signal { number, .. } = event
                && TERMINATING.contains(&number)
            {
                self.interrupted |= number == SIGINT;
                return Some(self.terminated_by(number));
            }
        }
        None
    }

    /// Counts a stream as open until it is closed.
    pub(in crate::process) fn track_stream(&mut self) -> OpenStream {
        self.open_streams += 1;
        OpenStream(self.sender.clone())
    }

    fn stream_closed(&mut self, lost_output: Option<io::Error>) {
        self.open_streams -= 1;
        self.lost_output = self.lost_output.take().or(lost_output);
    }

    /// Why output of the command was lost.
    pub(in crate::process) fn take_lost_output(&mut self) -> Option<io::Error> {
        self.lost_output.take()
    }

    /// Waits until the command exits, and forwards signals to it.
    pub(in crate::process) fn wait(&mut self, child: &mut Child) -> Result<Exit> {
        let pid = Pid::from_child(child);
        loop {
            if let Some(exit) = self.poll_command(pid)? {
                return Ok(exit);
            }
            match self.events.recv() {
                Ok(Event::Signal { number, only_to_us }) => {
                    self.interrupted |= number == SIGINT;
                    if number == SIGCONT {
                        // A shell continues the whole group, which looks like a signal to us only.
                        // A second SIGCONT could arrive late and undo the next Ctrl-Z, so it is
                        // only forwarded if the command is still stopped.
                        if let Some(exit) = self.poll_command(pid)? {
                            return Ok(exit);
                        }
                        if self.is_stopped {
                            forward(pid, number);
                        }
                    } else if only_to_us {
                        forward(pid, number);
                    }
                }
                Ok(Event::StreamClosed(lost)) => self.stream_closed(lost),
                // `self.sender` keeps the channel open.
                Err(_) => return Err(Error::new(Kind::Internal, "cannot receive signals")),
            }
        }
    }

    /// Waits until all streams of the command are closed, or the deadline passes. A signal cannot end
    /// the command any more, and must not cut its output.
    pub(in crate::process) fn wait_for_streams(&mut self, deadline: Deadline) {
        while self.open_streams > 0 {
            match self.events.recv_timeout(deadline.remaining()) {
                Ok(Event::StreamClosed(lost)) => self.stream_closed(lost),
                Ok(Event::Signal { .. }) => {}
                Err(_) => return,
            }
        }
    }

    /// Handles all changes of the command's state; `None` while it has not exited. If the command
    /// stopped, this process stops too, and returns when it is continued.
    fn poll_command(&mut self, pid: Pid) -> Result<Option<Exit>> {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        loop {
            let status = match waitpid(Some(pid), options) {
                Ok(None) => return Ok(None),
                Ok(Some((_, status))) => status,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    return Err(
                        Error::new(Kind::Internal, "cannot wait for the command").caused_by(error)
                    );
                }
            };
            if let Some(code) = status.exit_status() {
                return Ok(Some(Exit {
                    code: u8::try_from(code).unwrap_or(u8::MAX),
                    interrupted: false,
                    cleanup_error: None,
                    lost_output: None,
                }));
            }
            if let Some(number) = status.terminating_signal() {
                return Ok(Some(self.terminated_by(number)));
            }
            self.is_stopped = status.stopped();
            if self.is_stopped {
                let _ = kill_process(getpid(), Signal::STOP);
            }
        }
    }

    fn terminated_by(&mut self, number: i32) -> Exit {
        if number == SIGINT {
            self.wait_for_sigint();
        }
        Exit {
            code: u8::try_from(128 + number).unwrap_or(u8::MAX),
            interrupted: number == SIGINT && self.interrupted,
            cleanup_error: None,
            lost_output: None,
        }
    }

    /// Handles events until SIGINT has arrived, for at most [`SIGINT_DELAY`].
    fn wait_for_sigint(&mut self) {
        let deadline = Deadline::after(SIGINT_DELAY);
        while !self.interrupted {
            match self.events.recv_timeout(deadline.remaining()) {
                Ok(Event::Signal { number, .. }) => self.interrupted = number == SIGINT,
                Ok(Event::StreamClosed(lost)) => self.stream_closed(lost),
                Err(_) => return,
            }
        }
    }
}

/// Sends the signal to the command. Fails silently if the command has just exited.
fn forward(pid: Pid, number: i32) {
    if number != SIGCHLD
        && let Some(signal) = Signal::from_named_raw(number)
    {
        let _ = kill_process(pid, signal);
    }
}

/// Whether the kernel sent the signal on behalf of the terminal, and so to the whole process group.
///
/// When a terminal hangs up, only its session leader receives SIGHUP, which may be this process. So
/// SIGHUP is always forwarded; receiving it twice does no harm.
fn is_from_terminal(origin: &Origin) -> bool {
    if cfg!(target_vendor = "apple") {
        return is_key_signal(origin.signal) && is_in_foreground();
    }
    match (origin.cause, origin.process) {
        _ if origin.signal == SIGHUP => false,
        (Cause::Kernel, _) | (_, None) => true,
        (Cause::Unknown, Some(process)) => process.pid == 0,
        _ => false,
    }
}

/// Whether a terminal sends this signal for a key, or when its size changes.
fn is_key_signal(number: i32) -> bool {
    [SIGINT, SIGQUIT, SIGTSTP, SIGWINCH].contains(&number)
}

/// Whether this process is in the foreground of its terminal. On macOS, the sender of a signal does not say
/// whether it is from the terminal: it is the process that has written the key to the terminal
/// (XNU, `bsd/kern/kern_sig.c` and `bsd/kern/tty_dev.c`).
fn is_in_foreground() -> bool {
    let Ok(terminal) = File::open("/dev/tty") else {
        return false;
    };
    rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp())
}

/// Defers the signals that would terminate this process, so that it first removes its lock files.
pub(crate) struct DeferredSignals {
    /// The number of the last signal; 0 if none has arrived.
    received: Arc<AtomicUsize>,
    /// Whether signals have their default action again.
    is_over: Arc<AtomicBool>,
}

impl DeferredSignals {
    /// Starts to defer signals, except those that this process ignores.
    pub(crate) fn start() -> Result<Self> {
        private_files::ignore_file_size_signal();
        let signals = Self {
            received: Arc::default(),
            is_over: Arc::default(),
        };
        for number in [SIGHUP, SIGINT, SIGTERM] {
            if !is_ignored(number) {
                let value = usize::try_from(number).unwrap_or_default();
                flag::register_conditional_default(number, signals.is_over.clone())
                    .and_then(|_| flag::register_usize(number, signals.received.clone(), value))
                    .map_err(|error| Error::of_system("cannot catch signals", error))?;
            }
        }
        Ok(signals)
    }

    /// Whether a signal has arrived.
    pub(crate) fn is_pending(&self) -> bool {
        self.received.load(Ordering::SeqCst) != 0
    }

    /// Terminates this process if a signal has arrived. Later signals are not deferred.
    pub(crate) fn deliver(self) {
        self.is_over.store(true, Ordering::SeqCst);
        let received = i32::try_from(self.received.load(Ordering::SeqCst)).unwrap_or_default();
        if received != 0 {
            let _ = emulate_default_handler(received);
        }
    }
}

/// Terminates this process by SIGINT. A shell distinguishes this from an exit code, and stops its
/// script.
pub(in crate::process) fn exit_by_sigint() {
    let _ = emulate_default_handler(SIGINT);
}
