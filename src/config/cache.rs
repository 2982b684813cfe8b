//! Where the credential cache is, and how a call uses it.

use std::path::PathBuf;

use crate::host::Host;

/// The cache folder below the home directory, beside those of kubectl and of other plugins.
const DEFAULT_FOLDER: [&str; 3] = [".kube", "cache", "kubectl-esc"];

/// How a call uses the credential cache. The default is not at all.
#[derive(Clone, Debug, Default)]
pub struct CacheRequest {
    /// The cache folder; `None` neither reads nor writes a cache.
    pub folder: Option<PathBuf>,
    /// Whether to fetch new credentials and replace the cached ones.
    pub refresh: bool,
}

impl CacheRequest {
    /// The default folder, `~/.kube/cache/kubectl-esc`; `None` without a home directory.
    #[must_use]
    pub fn default_folder(host: &Host) -> Option<PathBuf> {
        let mut folder = host.home()?;
        folder.extend(DEFAULT_FOLDER);
        Some(folder)
    }
}
