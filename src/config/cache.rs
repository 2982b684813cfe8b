//! Where credentials are kept between calls, if at all.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::path::PathBuf;

use clap::Args;

use crate::error::{Error, Result};
use crate::host::Host;

/// The folder below the home directory, beside those of other plugins.
const FOLDER: [&str; 3] = [".kube", "cache", "kubectl-esc"];

/// Where the cache is.
#[derive(Args, Clone, Debug, Default)]
pub struct CacheFolderFlags {
    /// Folder of the cache [variable: KUBECTL_ESC_CACHE_DIR] [default: ~/.kube/cache/kubectl-esc]
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,
}

/// How the cache is used.
#[derive(Args, Clone, Debug, Default)]
pub struct CacheFlags {
    /// Neither use nor keep cached credentials [variable: KUBECTL_ESC_NO_CACHE]
    #[arg(long)]
    pub no_cache: bool,

    /// Fetch new credentials, and keep them in place of the cached ones
    #[arg(long, conflicts_with = "no_cache")]
    pub refresh: bool,

    /// Where it is.
    #[command(flatten)]
    pub folder: CacheFolderFlags,
}

/// What the flags and variables say of the cache.
#[derive(Clone, Debug)]
pub struct CacheRequest {
    /// Its folder; `None` where it is not to be used, or where there is no home directory.
    pub folder: Option<PathBuf>,
    /// Whether what is in it is to be replaced.
    pub refresh: bool,
}

impl CacheRequest {
    /// Reads them.
    pub fn read(flags: &CacheFlags, host: &Host) -> Result<Self> {
        let is_off = flags.no_cache || is_switched_off(host)?;
        Ok(Self {
            folder: if is_off {
                None
            } else {
                folder(&flags.folder, host)?
            },
            refresh: flags.refresh,
        })
    }
}

/// The folder of the cache; `None` where there is no home directory.
pub fn folder(flags: &CacheFolderFlags, host: &Host) -> Result<Option<PathBuf>> {
    let named = flags.cache_dir.clone();
    match named.or_else(|| host.path_variable("KUBECTL_ESC_CACHE_DIR")) {
        Some(named) => host.expand(&named).map(Some),
        None => Ok(host.home().map(|mut path| {
            path.extend(FOLDER);
            path
        })),
    }
}

fn is_switched_off(host: &Host) -> Result<bool> {
    const NAME: &str = "KUBECTL_ESC_NO_CACHE";
    match host.variable(NAME)?.as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(_) => Err(Error::configuration(format!(
            "the variable `{NAME}` is neither `true` nor `false`"
        ))
        .with_hint(format!("set `{NAME}` to `true` or `false`, or unset it"))),
    }
}
