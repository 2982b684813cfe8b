//! Reads with a size limit: of any source, of regular files, and of pipes with a deadline.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use zeroize::Zeroizing;

use crate::clock::{Deadline, format_duration};
use crate::error::{Error, Kind};

/// The first buffer for a file of unknown size, in bytes.
const PIPE_BUFFER_BYTES: usize = 256 * 1024;

/// Reads all of `source`. More than `limit` bytes are an error of the kind `FileTooLarge`. `expected`
/// is the size of the first buffer: a buffer that grows leaves copies of secrets in memory.
pub(crate) fn read_bounded(
    source: impl Read,
    expected: usize,
    limit: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    // One byte more, to detect the end without growing.
    let mut content = Zeroizing::new(Vec::with_capacity(expected.min(limit) + 1));
    source.take(limit as u64 + 1).read_to_end(&mut content)?;
    if content.len() <= limit {
        return Ok(content);
    }
    let (size, unit) = if limit >= 1 << 20 {
        (limit >> 20, "MiB")
    } else {
        (limit >> 10, "KiB")
    };
    let message = format!("it is larger than {size} {unit}");
    Err(io::Error::new(ErrorKind::FileTooLarge, message))
}

/// Opens a regular file. Anything else is an error of the kind `InvalidInput`, and is not opened: that
/// would let the writer of a named pipe start, and end before the pipe is read.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        let message = "it is not a regular file";
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    let mut options = File::options();
    // If a pipe has replaced the file in the meantime, this does not wait for its writer.
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    Ok((options.read(true).open(path)?, metadata))
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn read_regular(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let (file, metadata) = open_regular(path)?;
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    read_bounded(file, size, limit)
}

/// Reads at most `limit` bytes of a regular file, or of a pipe or device until the deadline. After that
/// the error has the kind `TimedOut`.
pub(crate) fn read_until(
    path: &Path,
    limit: usize,
    deadline: Deadline,
) -> io::Result<Zeroizing<Vec<u8>>> {
    match read_regular(path, limit) {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {}
        content => return content,
    }
    let path = path.to_owned();
    read_source_until(move || File::open(path), limit, deadline)
}

/// Like [`read_until`], for standard input.
pub(crate) fn read_stdin_until(limit: usize, deadline: Deadline) -> io::Result<Zeroizing<Vec<u8>>> {
    read_source_until(|| Ok(io::stdin()), limit, deadline)
}

fn read_source_until<R: Read>(
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
    limit: usize,
    deadline: Deadline,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    // Opening and reading have no timeout, so a thread does both. It ends with the process.
    thread::Builder::new().spawn(move || {
        let content = open().and_then(|source| read_bounded(source, PIPE_BUFFER_BYTES, limit));
        let _ = sender.send(content);
    })?;
    receiver
        .recv_timeout(deadline.remaining())
        .unwrap_or_else(|_| {
            let allowed = format_duration(deadline.allowed());
            let message = format!("its writer did not finish within {allowed}");
            Err(io::Error::new(ErrorKind::TimedOut, message))
        })
}

/// The error if a file cannot be read, or its writer did not finish in time. `hint` is for the former.
pub(crate) fn unreadable(message: String, hint: &str, error: io::Error) -> Error {
    let (kind, hint) = match error.kind() {
        ErrorKind::TimedOut => {
            let hint = "check the command that writes to it, or increase `--timeout`";
            (Kind::Unavailable, hint)
        }
        _ => (Kind::Configuration, hint),
    };
    Error::new(kind, message).with_hint(hint).caused_by(error)
}
