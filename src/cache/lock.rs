//! The lock that lets one call fetch while others wait. The operating system gives it up when its
//! holder ends, however that ends.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};

use crate::cache::folder::Folder;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What came of trying to lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Locked(Lock),
    /// Somebody else holds it, who is going to be done at this time at the latest, where it is
    /// known. A holder that is still there after that is not going to be done.
    Held(Option<Timestamp>),
}

/// Tries to lock. `until` is when the holder will be done, for those who wait.
pub(super) fn try_lock(folder: &Folder, name: &str, until: Timestamp) -> Result<Attempt> {
    let mut file = folder.open_lock(name)?;
    match file.try_lock() {
        Ok(()) => {
            // Only a hint for others: without it they wait as long as they can.
            let _ = file
                .set_len(0)
                .and_then(|()| file.write_all(until.unix().to_string().as_bytes()));
            Ok(Attempt::Locked(Lock { _file: file }))
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file
                .seek(SeekFrom::Start(0))
                .and_then(|_| file.take(32).read_to_string(&mut text));
            let until = read.ok().and_then(|_| text.parse().ok());
            Ok(Attempt::Held(until.map(Timestamp::from_unix)))
        }
        Err(TryLockError::Error(error)) => Err(Error::new(
            Kind::Configuration,
            format!(
                "the cache cannot lock a file in `{}`",
                folder.path().display()
            ),
        )
        .caused_by(error)),
    }
}
