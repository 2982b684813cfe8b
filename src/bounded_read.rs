//! Reads with a size limit.

use std::io::{self, ErrorKind, Read};

use zeroize::Zeroizing;

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
