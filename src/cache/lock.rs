//! The lock that lets one call fetch while others wait. The operating system gives it up when its
//! holder ends, however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::cache::directory::CacheDir;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    mode: LockMode,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LockMode {
    /// By one: it fetches.
    Exclusive,
    /// By all that want to see what came of it.
    Shared,
}

/// What came of trying to lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// It is ours.
    Acquired(Lock),
    /// Somebody else holds it, who is going to be done at this time at the latest, where it is
    /// known. A holder that is still there after that is not going to be done.
    Held(Option<Timestamp>),
}

/// Tries to lock. `until` is when the holder will be done, for those who wait.
pub(super) fn try_lock(folder: &CacheDir, name: &str, until: Timestamp) -> Result<LockAttempt> {
    let mut file = folder.open_lock(name)?;
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
        Err(TryLockError::Error(error)) => Err(no_lock(folder, error)),
    }
}

/// Waits for the lock, for at most `limit`; `None` where it did not come. The operating system wakes
/// those who wait at the moment when the holder is done, and they cost nothing until then.
pub(super) fn wait(
    folder: &CacheDir,
    name: &str,
    mode: LockMode,
    until: Timestamp,
    limit: Duration,
) -> Result<Option<Lock>> {
    let file = folder.open_lock(name)?;
    let (sender, receiver) = mpsc::channel();
    // Waiting has no time limit of its own. Where it comes too late, nobody takes the file, which
    // closes it.
    let waiting = thread::Builder::new().spawn(move || {
        let locked = match mode {
            LockMode::Exclusive => file.lock(),
            LockMode::Shared => file.lock_shared(),
        };
        let _ = sender.send(locked.map(|()| file));
    });
    waiting.map_err(|error| no_lock(folder, error))?;
    match (receiver.recv_timeout(limit), mode) {
        (Ok(Ok(file)), LockMode::Exclusive) => Ok(Some(Lock::exclusive(file, until))),
        (Ok(Ok(file)), LockMode::Shared) => Ok(Some(Lock { _file: file, mode })),
        (Ok(Err(error)), _) => Err(no_lock(folder, error)),
        (Err(_), _) => Ok(None),
    }
}

impl Lock {
    /// How it is held.
    #[must_use]
    pub fn mode(&self) -> LockMode {
        self.mode
    }

    fn exclusive(mut file: File, until: Timestamp) -> Self {
        // Only a hint for others: without it they wait as long as they can.
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all(until.unix().to_string().as_bytes()));
        Self {
            _file: file,
            mode: LockMode::Exclusive,
        }
    }
}

fn no_lock(folder: &CacheDir, error: io::Error) -> Error {
    let folder = folder.path().display();
    let message = format!("the cache cannot lock a file in `{folder}`");
    Error::new(Kind::Configuration, message).caused_by(error)
}
