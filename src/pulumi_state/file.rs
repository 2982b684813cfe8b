//! Reads files of a DIY backend, and passphrases, with a size limit.

use std::io;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zeroize::Zeroizing;

use crate::bounded_read::{read_bounded, read_regular};
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
    let content = match read_regular(path, limit) {
        Ok(content) => Some(content),
        Err(error) if is_not_found(&error) => None,
        Err(error) => return Err(error),
    };
    tracker.record(path, content.as_ref().map(|content| content.as_slice()));
    Ok(content)
}

/// Decompresses gzip. More than `limit` bytes are an error.
pub(crate) fn gunzip(compressed: &[u8], limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let expected = compressed.len().saturating_mul(4);
    read_bounded(MultiGzDecoder::new(compressed), expected, limit)
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
