//! Signals on Unix. The command is in our process group, so the terminal's signals reach it without
//! us: the command decides what Ctrl-C means. A signal that somebody sent to this process alone is
//! handed on. Where the command stops, so do we, for the shell watches us.

use std::process::Child;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
use signal_hook::consts::signal::{
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2,
    SIGWINCH,
};
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::process::Exit;

/// Those that would end this process before it has cleaned up.
const ENDING: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2];

/// Those that are handed on and end nothing. SIGTTIN and SIGTTOU are not among them: the kernel
/// stops the whole group with them.
const OTHERS: [i32; 3] = [SIGCONT, SIGTSTP, SIGWINCH];

/// What the command's end has to be told of.
enum Event {
    Signal { number: i32, to_us_alone: bool },
    StreamEnded,
}

/// Watches over a command.
pub(in crate::process) struct Supervisor {
    inbox: Receiver<Event>,
    events: Sender<Event>,
    handle: Handle,
    streams: usize,
    interrupted: bool,
    /// Whether the command was stopped when last looked at.
    stopped: bool,
}

/// Tells that a stream has ended when it is dropped.
pub(in crate::process) struct StreamGuard(Sender<Event>);

impl Drop for StreamGuard {
    fn drop(&mut self) {
        // Nobody waits any more where this fails.
        let _ = self.0.send(Event::StreamEnded);
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.handle.close();
    }
}

impl Supervisor {
    /// From now on signals end this process no more. A signal that this process was told to ignore,
    /// as nohup does with SIGHUP, stays ignored, here and by the command.
    pub(in crate::process) fn start() -> Result<Self> {
        let ignored = ignored_signals();
        let wanted = ENDING.iter().chain(&OTHERS).copied();
        let wanted = wanted.filter(|number| ignored & (1 << (number - 1)) == 0);
        let failed = |error: std::io::Error| {
            Error::new(Kind::Internal, "cannot watch for signals").caused_by(error)
        };
        let mut signals =
            SignalsInfo::<WithOrigin>::new(wanted.chain([SIGCHLD])).map_err(failed)?;
        let (events, inbox) = mpsc::channel();
        let handle = signals.handle();
        let sender = events.clone();
        let forward = move || {
            for origin in signals.forever() {
                let event = Event::Signal {
                    number: origin.signal,
                    to_us_alone: !is_from_terminal(&origin),
                };
                if sender.send(event).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().spawn(forward).map_err(failed)?;
        Ok(Self {
            inbox,
            events,
            handle,
            streams: 0,
            interrupted: false,
            stopped: false,
        })
    }

    /// How the command would have ended, where a signal came before its start.
    pub(in crate::process) fn pending_exit(&mut self) -> Option<Exit> {
        while let Ok(event) = self.inbox.try_recv() {
            if let Event::Signal { number, .. } = event
                && ENDING.contains(&number)
            {
                self.interrupted |= number == SIGINT;
                return Some(self.ended_by(number));
            }
        }
        None
    }

    /// One more stream to wait for.
    pub(in crate::process) fn stream(&mut self) -> StreamGuard {
        self.streams += 1;
        StreamGuard(self.events.clone())
    }

    /// Waits until the command has ended.
    pub(in crate::process) fn wait(&mut self, child: &mut Child) -> Result<Exit> {
        let pid = Pid::from_child(child);
        loop {
            if let Some(ended) = self.look(pid)? {
                return Ok(ended);
            }
            // The sender of our own keeps the channel open.
            match self.inbox.recv() {
                Ok(Event::Signal {
                    number,
                    to_us_alone,
                }) => {
                    self.interrupted |= number == SIGINT;
                    // A shell continues the whole group, and nothing tells that from a signal to us
                    // alone. One more SIGCONT may come late, and undo the next Ctrl-Z.
                    if number == SIGCONT {
                        if let Some(ended) = self.look(pid)? {
                            return Ok(ended);
                        }
                        if self.stopped {
                            hand_on(pid, number);
                        }
                    } else if to_us_alone {
                        hand_on(pid, number);
                    }
                }
                Ok(Event::StreamEnded) => self.streams -= 1,
                Err(_) => {
                    return Err(Error::new(
                        Kind::Internal,
                        "cannot watch for signals any more",
                    ));
                }
            }
        }
    }

    /// Waits until nobody writes to the command's output any more; a signal that would end this
    /// process ends the wait.
    pub(in crate::process) fn wait_for_streams(&mut self) {
        while self.streams > 0 {
            match self.inbox.recv() {
                Ok(Event::StreamEnded) => self.streams -= 1,
                Ok(Event::Signal { number, .. }) if !ENDING.contains(&number) => (),
                Ok(Event::Signal { .. }) | Err(_) => return,
            }
        }
    }

    /// Takes the changes of the command's state. Where it has stopped, this process stops too, and
    /// goes on here once somebody continues it.
    fn look(&mut self, pid: Pid) -> Result<Option<Exit>> {
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
                    leftovers: None,
                }));
            }
            if let Some(number) = status.terminating_signal() {
                return Ok(Some(self.ended_by(number)));
            }
            self.stopped = status.stopped();
            if self.stopped {
                let _ = kill_process(getpid(), Signal::STOP);
            }
        }
    }

    /// Takes what was sent before the command's end and is told of after it, until a SIGINT comes.
    fn catch_up(&mut self) {
        let end = Deadline::after(CATCH_UP);
        while !self.interrupted {
            match self.inbox.recv_timeout(end.remaining()) {
                Ok(Event::Signal { number, .. }) => self.interrupted = number == SIGINT,
                Ok(Event::StreamEnded) => self.streams -= 1,
                Err(_) => return,
            }
        }
    }

    fn ended_by(&mut self, number: i32) -> Exit {
        if number == SIGINT {
            self.catch_up();
        }
        Exit {
            code: u8::try_from(128 + number).unwrap_or(u8::MAX),
            interrupted: number == SIGINT && self.interrupted,
            leftovers: None,
        }
    }
}

/// How long a SIGINT that the terminal sent to the group may take to be told of here, once the
/// command has ended by it. The kernel had it pending before, but for another thread.
const CATCH_UP: Duration = Duration::from_millis(250);

/// A command that has just ended needs no signal.
fn hand_on(pid: Pid, number: i32) {
    if number != SIGCHLD
        && let Some(signal) = Signal::from_named_raw(number)
    {
        let _ = kill_process(pid, signal);
    }
}

/// Whether the terminal sent the signal, that is the kernel, and hence to the whole group. macOS
/// names no cause; there it has no sender.
///
/// Of a terminal that goes away only the leader of its session hears, which may be this process. So
/// SIGHUP never counts as the group's: to hear of it twice does no harm.
fn is_from_terminal(origin: &Origin) -> bool {
    match (origin.cause, origin.process) {
        _ if origin.signal == SIGHUP => false,
        (Cause::Kernel, _) | (_, None) => true,
        (Cause::Unknown, Some(process)) => process.pid == 0,
        _ => false,
    }
}

/// The signals that this process was told to ignore, signal 1 in the lowest bit. Only Linux tells
/// without `unsafe`; elsewhere none are taken to be.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}

/// Ends this process by SIGINT, as the command was ended: a shell then knows that it was not only
/// an exit code, and ends its script too.
pub(in crate::process) fn exit_by_sigint() {
    let _ = signal_hook::low_level::emulate_default_handler(SIGINT);
}
