//! The names of the environments in Pulumi Cloud, for completion.

use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::cache::seal::Purpose;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};

/// The extension of the file.
pub(super) const EXTENSION: &str = "environments";

/// Names that were listed.
#[derive(Deserialize, Serialize)]
pub struct CachedNames {
    /// When they were listed.
    pub listed_at: Timestamp,
    /// The full names.
    pub names: Vec<String>,
}

impl Cache {
    /// Loads the names. `None` if there are none, or if they cannot be decrypted.
    #[must_use]
    pub fn load_environment_names(&self) -> Option<CachedNames> {
        let mut sealed = self.directory.read(&self.file_name(EXTENSION)).ok()??;
        let content = self.seal.open(Purpose::EnvironmentNames, &mut sealed)?;
        serde_json::from_slice(content).ok()
    }

    /// Stores the names.
    pub fn store_environment_names(&self, listed_at: Timestamp, names: &[String]) -> Result<()> {
        let names = names.to_vec();
        let content = serde_json::to_vec(&CachedNames { listed_at, names }).map_err(|error| {
            Error::new(Kind::Internal, "cannot encode the names").caused_by(error)
        })?;
        let sealed = self.seal.seal(Purpose::EnvironmentNames, b"{}", &content)?;
        self.directory.remove_unfinished(&self.id);
        self.directory.write(&self.file_name(EXTENSION), &sealed)
    }
}
