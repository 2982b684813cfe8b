//! The entry with an opened environment, which all calls share that open it with the same login, whatever
//! cluster they are for.

use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::cache::directory::MAX_OPENED_BYTES;
use crate::cache::entry::{self, EntryKind, EntrySummary, Listed, Validity, not_stored};
use crate::error::Result;
use crate::file_tracker::FileDigest;
use crate::secret::Secret;

/// An opened environment, and how long it may be shared.
#[derive(Debug)]
pub struct CachedEnvironment {
    /// How long it may be shared.
    pub validity: Validity,
    /// The environment, in the encoding of the caller.
    pub content: Secret<Vec<u8>>,
    /// The files that the environment depends on. Their paths are in the header.
    pub files: Vec<FileDigest>,
}

// Encrypted are the validity as a line of JSON, and the content.
impl Cache {
    /// Loads the opened environment. `None` if there is none, it cannot be decrypted, or one of the files
    /// that it depends on has changed.
    pub fn load_environment(&self) -> Result<Option<CachedEnvironment>> {
        self.load_file(EntryKind::Environment, |text, files| {
            let end = text.iter().position(|byte| *byte == b'\n')?;
            Some(CachedEnvironment {
                validity: serde_json::from_slice(&text[..end]).ok()?,
                content: Secret::new(text[end + 1..].to_vec()),
                files,
            })
        })
    }

    /// Stores an opened environment as [`Cache::store`] stores credentials.
    pub fn store_environment(&self, environment: &str, entry: &CachedEnvironment) -> Result<()> {
        let summary = EntrySummary::new(environment, Listed::default(), entry.validity);
        let header = entry::encode_header(Some(summary), &entry.files)?;
        let validity = serde_json::to_vec(&entry.validity).map_err(not_stored)?;
        let parts = [&validity, b"\n".as_slice(), entry.content.expose()];
        // Large enough from the start: a buffer that grows leaves copies of the secrets behind.
        let size = parts.iter().map(|part| part.len()).sum();
        if header.len() + size > MAX_OPENED_BYTES / 2 {
            return Err(not_stored("it is too large"));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(size));
        for part in parts {
            text.extend_from_slice(part);
        }
        self.store_file(EntryKind::Environment, &header, &text, &entry.files)
    }

    /// Removes the opened environment.
    pub fn remove_environment(&self) {
        self.directory
            .remove(&self.file_name(EntryKind::Environment.extension()));
    }
}
