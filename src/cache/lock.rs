//! The lock that lets one call fetch credentials while others wait for the result (single flight). The
//! operating system releases it when the lock holder exits for any reason.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::cache::directory::CacheDir;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};

/// A lock, released when it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    mode: LockMode,
}

/// The mode of a lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LockMode {
    /// For the one call that fetches credentials.
    Exclusive,
    /// For all calls that waited and now read the result.
    Shared,
}

/// The result of trying to lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// The lock was free.
    Acquired(Lock),
    /// Another process holds the lock, until this deadline of its own if that is known. A lock holder
    /// that is past its deadline hangs.
    Held(Option<Timestamp>),
}

/// Tries to lock in exclusive mode. `until` is when this process will release the lock at the latest;
/// waiting processes read it.
pub(super) fn try_lock(directory: &CacheDir, name: &str, until: Timestamp) -> Result<LockAttempt> {
    let mut file = directory.open_lock(name)?;
    match file.try_lock() {
        Ok(()) => Ok(LockAttempt::Acquired(Lock::exclusive(file, until))),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file
                .seek(SeekFrom::Start(0))
                .and_then(|_| file.take(32).read_to_string(&mut text));
            let until = read.ok().and_then(|_| text.parse().ok());
            Ok(LockAttempt::Held(until.map(Timestamp::from_unix)))
        }
        Err(TryLockError::Error(error)) => Err(lock_error(directory, error)),
    }
}

/// Waits for the lock for at most `timeout`; `None` after that. Waiting costs nothing, and the operating
/// system wakes the waiting processes when the lock is released.
pub(super) fn wait(
    directory: &CacheDir,
    name: &str,
    mode: LockMode,
    until: Timestamp,
    timeout: Duration,
) -> Result<Option<Lock>> {
    let file = directory.open_lock(name)?;
    let (sender, receiver) = mpsc::channel();
    // Locking has no timeout, so a thread does it. If the lock comes too late, sending fails, which
    // closes the file.
    thread::Builder::new()
        .spawn(move || {
            let locked = match mode {
                LockMode::Exclusive => file.lock(),
                LockMode::Shared => file.lock_shared(),
            };
            let _ = sender.send(locked.map(|()| file));
        })
        .map_err(|error| lock_error(directory, error))?;
    let Ok(locked) = receiver.recv_timeout(timeout) else {
        return Ok(None);
    };
    let file = locked.map_err(|error| lock_error(directory, error))?;
    Ok(Some(match mode {
        LockMode::Exclusive => Lock::exclusive(file, until),
        LockMode::Shared => Lock { _file: file, mode },
    }))
}

impl Lock {
    /// The mode of the lock.
    #[must_use]
    pub fn mode(&self) -> LockMode {
        self.mode
    }

    fn exclusive(mut file: File, until: Timestamp) -> Self {
        // If this fails, other processes wait until their own deadline.
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all(until.unix().to_string().as_bytes()));
        Self {
            _file: file,
            mode: LockMode::Exclusive,
        }
    }
}

fn lock_error(directory: &CacheDir, error: io::Error) -> Error {
    let path = directory.path().display();
    let message = format!("the cache cannot lock a file in `{path}`");
    Error::new(Kind::Configuration, message).caused_by(error)
}
