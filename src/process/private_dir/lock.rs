//! The lock of a private directory: a file that stays open in this process and in the command, which inherits
//! it. Other processes cannot lock the file until both have exited.

#[cfg(unix)]
pub(super) use unix::{create, try_lock};
#[cfg(windows)]
pub(super) use windows::{create, try_lock};

#[cfg(unix)]
mod unix {
    use std::fs::{self, File};
    use std::io::{self, ErrorKind};
    use std::path::Path;

    use rustix::io::{FdFlags, fcntl_setfd};

    use crate::file_lock::is_same_file;
    use crate::private_files;

    /// Creates and locks a file that child processes inherit. For `tempfile::Builder::make_in`, which tries
    /// another name after `AlreadyExists`.
    pub(in super::super) fn create(path: &Path) -> io::Result<File> {
        let lock = private_files::create_new(path)?;
        let take = || {
            fcntl_setfd(&lock, FdFlags::empty())?;
            lock.lock()?;
            is_same_file(&lock, path)
        };
        if take().inspect_err(|_| drop(fs::remove_file(path)))? {
            Ok(lock)
        } else {
            // Another run that cleans up has locked and removed the file first.
            Err(ErrorKind::AlreadyExists.into())
        }
    }

    /// Locks an existing file. Fails if it is in use.
    pub(in super::super) fn try_lock(path: &Path) -> io::Result<File> {
        let lock = File::open(path)?;
        lock.try_lock()?;
        if is_same_file(&lock, path)? {
            Ok(lock)
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }
}

/// A lock of `LockFileEx` ends with the process that took it. So the file is opened without sharing it, which
/// lasts until its last handle is closed, also in a child process.
#[cfg(windows)]
mod windows {
    #![expect(
        unsafe_code,
        reason = "the standard library opens no inheritable files"
    )]

    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::os::windows::io::AsRawHandle;
    use std::path::Path;

    use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
    use windows_sys::Win32::Storage::FileSystem::FILE_SHARE_DELETE;

    pub(in super::super) fn create(path: &Path) -> io::Result<File> {
        let lock = options().write(true).create_new(true).open(path)?;
        // SAFETY: the handle is open, and the flag only changes what child processes get.
        let is_inherited = unsafe {
            SetHandleInformation(
                lock.as_raw_handle(),
                HANDLE_FLAG_INHERIT,
                HANDLE_FLAG_INHERIT,
            )
        };
        if is_inherited == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(lock)
    }

    pub(in super::super) fn try_lock(path: &Path) -> io::Result<File> {
        options().read(true).open(path)
    }

    /// Others may remove the file, but not open it.
    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.share_mode(FILE_SHARE_DELETE);
        options
    }
}
