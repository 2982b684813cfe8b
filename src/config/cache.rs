//! Where the credential cache is, and how a call uses it.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::Host;

/// The name of the cache in a directory that other programs may use too.
const NAME: &str = "kubectl-esc";

/// How a call uses the credential cache. The default is not at all.
#[derive(Clone, Debug, Default)]
pub struct CacheRequest {
    /// The cache directory; `None` neither reads nor writes a cache.
    pub directory: Option<PathBuf>,
    /// Whether to fetch new credentials and replace the cached ones.
    pub refresh: bool,
}

impl CacheRequest {
    /// The directory of the cache: `kubectl-esc` in `parent`, which is kubectl's `~/.kube/cache` by
    /// default; `None` without a home directory.
    pub fn directory(parent: Option<&Path>, host: &Host) -> Result<Option<PathBuf>> {
        let parent = match parent {
            Some(parent) => Some(host.expand(parent)?),
            None => host.kube_directory().map(|kube| kube.join("cache")),
        };
        Ok(parent.map(|parent| parent.join(NAME)))
    }
}
