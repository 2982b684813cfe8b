//! Reads files of a DIY backend, and passphrases, with a size limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zeroize::Zeroizing;

use crate::file_tracker::{FileTracker, is_not_found};

/// The maximum size of a state in bytes, compressed and uncompressed. The states of large stacks have a
/// few dozen megabytes.
pub(crate) const MAX_STATE_BYTES: usize = 64 << 20;

/// The maximum size of `meta.yaml` and of a passphrase, in bytes.
pub(crate) const MAX_SMALL_FILE_BYTES: usize = 64 << 10;

/// Reads and records a file; `None` if it does not exist. More than `limit` bytes are an error.
pub(crate) fn read(
    path: &Path,
    limit: usize,
    tracker: &FileTracker,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let content = read_content(path, limit)?;
    tracker.record(path, content.as_ref().map(|content| content.as_slice()));
    Ok(content)
}

fn read_content(path: &Path, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_not_found(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Opening a named pipe would block.
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if size > limit {
        return Err(too_large(limit));
    }
    // One byte more than needed, so that the buffer does not grow and leave a copy behind.
    read_up_to(File::open(path)?, size.saturating_add(1), limit).map(Some)
}

/// Decompresses gzip. More than `limit` bytes are an error.
pub(crate) fn gunzip(compressed: &[u8], limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let expected = compressed.len().saturating_mul(4).min(limit);
    read_up_to(MultiGzDecoder::new(compressed), expected, limit)
}

fn read_up_to(source: impl Read, expected: usize, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::with_capacity(expected));
    let limit_u64 = u64::try_from(limit).unwrap_or(u64::MAX);
    source
        .take(limit_u64.saturating_add(1))
        .read_to_end(&mut content)?;
    if content.len() > limit {
        return Err(too_large(limit));
    }
    Ok(content)
}

fn too_large(limit: usize) -> io::Error {
    let (size, unit) = if limit >= 1 << 20 {
        (limit >> 20, "MiB")
    } else {
        (limit >> 10, "KiB")
    };
    io::Error::other(format!("it is larger than {size} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_limit_applies_to_decompressed_data() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&[b' '; 5000]).unwrap();
        let compressed = encoder.finish().unwrap();
        assert!(compressed.len() < 100);
        assert_eq!(gunzip(&compressed, 5000).unwrap().len(), 5000);
        let error = gunzip(&compressed, 4096).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 4 KiB");
        assert!(gunzip(&compressed[..30], 5000).is_err());
    }
}
