//! Where the credential cache is, and how a call uses it.

use std::path::PathBuf;

use crate::host::Host;

/// The cache directory below the home directory, beside those of kubectl and of other plugins.
const DEFAULT_DIRECTORY: [&str; 3] = [".kube", "cache", "kubectl-esc"];

/// How a call uses the credential cache. The default is not at all.
#[derive(Clone, Debug, Default)]
pub struct CacheRequest {
    /// The cache directory; `None` neither reads nor writes a cache.
    pub directory: Option<PathBuf>,
    /// Whether to fetch new credentials and replace the cached ones.
    pub refresh: bool,
}

impl CacheRequest {
    /// The default directory, `~/.kube/cache/kubectl-esc`; `None` without a home directory.
    #[must_use]
    pub fn default_directory(host: &Host) -> Option<PathBuf> {
        let mut directory = host.home()?;
        directory.extend(DEFAULT_DIRECTORY);
        Some(directory)
    }
}
