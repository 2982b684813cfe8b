//! File locks: one process does some work while others wait for its result. The operating system
//! releases a lock when its holder exits for any reason.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::clock::{Clock, Deadline, Timestamp};
use crate::error::{Error, Result};

/// How long a new lock holder may take to write its deadline to the lock file.
const DEADLINE_DELAY: Duration = Duration::from_secs(1);

/// How long a lock holder may still clean up after its own deadline.
const GRACE_PERIOD: Duration = Duration::from_secs(2);

/// A lock, released when it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    mode: LockMode,
}

/// A file that can be locked.
pub(crate) struct LockFile {
    lock: File,
    /// The file in which waiting processes read who holds the lock, if that is another one: Windows does not
    /// let them read a locked file.
    holder: Option<File>,
}

impl LockFile {
    /// Opens a lock file. `open` opens or creates the file whose name has this suffix.
    pub(crate) fn open(open: impl Fn(&str) -> Result<File>) -> Result<Self> {
        let lock = open("")?;
        let holder = cfg!(windows).then(|| open("-holder")).transpose()?;
        Ok(Self { lock, holder })
    }

    fn holder(&mut self) -> &mut File {
        self.holder.as_mut().unwrap_or(&mut self.lock)
    }

    /// Reads who holds the lock.
    fn read_holder(&mut self) -> LockHolder {
        let mut text = String::new();
        let file = self.holder();
        let read =
            (file.seek(SeekFrom::Start(0))).and_then(|_| file.take(32).read_to_string(&mut text));
        read.map_or_else(|_| LockHolder::default(), |_| LockHolder::parse(&text))
    }
}

/// The mode of a lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LockMode {
    /// For the one process that does the work.
    Exclusive,
    /// For all processes that waited and now read the result.
    Shared,
}

/// The process that holds a lock, as far as known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LockHolder {
    /// When it will release the lock at the latest. A holder that is past this deadline hangs.
    until: Option<Timestamp>,
    process: Option<u32>,
}

/// The result of trying to lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// The lock was free.
    Acquired(Lock),
    /// Another process holds the lock.
    Held(LockHolder),
}

/// How waiting for a lock ended.
#[derive(Debug)]
pub(crate) enum LockWait {
    /// This process has the lock: an exclusive one if it did not wait.
    Acquired {
        /// The lock.
        lock: Lock,
        /// Whether another process held it before.
        has_waited: bool,
    },
    /// The holder is past its own deadline, or this process will not wait any longer.
    StillHeld(LockHolder),
}

/// A wait for a lock.
pub(crate) struct LockRequest<'a> {
    /// Opens the lock file.
    pub(crate) open: &'a dyn Fn() -> Result<LockFile>,
    /// The mode of the lock after waiting. Without waiting it is exclusive.
    pub(crate) mode: LockMode,
    /// When this process will release an exclusive lock at the latest, which other processes read.
    pub(crate) until: &'a dyn Fn() -> Timestamp,
    /// The clock that `until` uses.
    pub(crate) clock: Clock,
    /// When to stop waiting.
    pub(crate) deadline: Deadline,
    /// Called before waiting, once.
    pub(crate) on_wait: &'a dyn Fn(),
}

impl LockRequest<'_> {
    /// Locks, and waits if another process holds the lock.
    pub(crate) fn lock(&self) -> Result<LockWait> {
        let remaining_at_start = self.deadline.remaining();
        let mut has_waited = false;
        loop {
            let holder = match try_lock((self.open)()?, (self.until)())? {
                LockAttempt::Acquired(lock) => return Ok(LockWait::Acquired { lock, has_waited }),
                LockAttempt::Held(holder) => holder,
            };
            let overdue_at = holder.until.map(|until| until.plus(GRACE_PERIOD));
            let (now, remaining) = (self.clock.now(), self.deadline.remaining());
            // Right after the lock was taken, the file still holds the previous holder's deadline.
            let is_current = remaining_at_start.saturating_sub(remaining) > DEADLINE_DELAY;
            let is_overdue = is_current && overdue_at.is_some_and(|overdue_at| overdue_at < now);
            if is_overdue || remaining.is_zero() {
                return Ok(LockWait::StillHeld(holder));
            }
            if !has_waited {
                (self.on_wait)();
                has_waited = true;
            }
            let patience = overdue_at.map_or(remaining, |at| at.since(now) + DEADLINE_DELAY);
            let waited = wait((self.open)()?, self.mode, patience.min(remaining));
            if let Some(file) = waited.map_err(lock_error)? {
                let lock = Lock::new(file, self.mode, (self.until)());
                return Ok(LockWait::Acquired { lock, has_waited });
            }
        }
    }
}

/// Tries to lock in exclusive mode. `until` is when this process will release the lock at the latest;
/// waiting processes read it.
pub(crate) fn try_lock(mut file: LockFile, until: Timestamp) -> Result<LockAttempt> {
    match file.lock.try_lock() {
        Ok(()) => {
            let lock = Lock::new(file, LockMode::Exclusive, until);
            Ok(LockAttempt::Acquired(lock))
        }
        Err(TryLockError::WouldBlock) => Ok(LockAttempt::Held(file.read_holder())),
        Err(TryLockError::Error(error)) => Err(lock_error(error)),
    }
}

/// Waits for the lock for at most `timeout`; `None` after that. Waiting costs nothing, and the operating
/// system wakes the waiting processes when the lock is released.
fn wait(file: LockFile, mode: LockMode, timeout: Duration) -> io::Result<Option<LockFile>> {
    let (sender, receiver) = mpsc::channel();
    // Locking has no timeout, so a thread does it. If the lock comes too late, sending fails, which
    // closes the file.
    thread::Builder::new().spawn(move || {
        let locked = match mode {
            LockMode::Exclusive => file.lock.lock(),
            LockMode::Shared => file.lock.lock_shared(),
        };
        let _ = sender.send(locked.map(|()| file));
    })?;
    receiver.recv_timeout(timeout).ok().transpose()
}

impl Lock {
    /// The mode of the lock.
    #[must_use]
    pub fn mode(&self) -> LockMode {
        self.mode
    }

    fn new(mut file: LockFile, mode: LockMode, until: Timestamp) -> Self {
        if mode == LockMode::Exclusive {
            let text = format!("{} {}", until.unix(), std::process::id());
            let holder = file.holder();
            // If this fails, other processes wait until their own deadline.
            let _ = holder
                .set_len(0)
                .and_then(|()| holder.write_all(text.as_bytes()));
        }
        Self {
            file: file.lock,
            mode,
        }
    }
}

/// Closing the file is not enough: a process that this one is starting has a copy of it for a moment.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl LockHolder {
    /// Parses the content of a lock file.
    fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let until = words.next().and_then(|word| word.parse().ok());
        Self {
            until: until.map(Timestamp::from_unix),
            process: words.next().and_then(|word| word.parse().ok()),
        }
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(process) => write!(formatter, "process {process}"),
            None => formatter.write_str("another process"),
        }
    }
}

fn lock_error(error: io::Error) -> Error {
    Error::configuration("cannot lock a file").caused_by(error)
}

/// Whether the open file is still the one at `path`.
#[cfg(unix)]
pub(crate) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let opened = identity(file.metadata()?);
    match path.symlink_metadata() {
        Ok(current) => Ok(identity(current) == opened),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
pub(crate) fn is_same_file(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}
