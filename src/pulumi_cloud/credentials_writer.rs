//! Stores a refreshed login without ever losing another one in the credentials file.
//!
//! A refresh token can be spent once, so everything that can fail is tried before: the file is locked,
//! and the space for its new content is reserved. The new content then replaces the file atomically.
//! Where that is not possible, the file is overwritten: in a folder that is not writable, if the file is
//! a mount point of its own, or if a new file would have another owner.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::private_files;
use crate::pulumi_cloud::credentials_file::{IssuedTokens, LockedCredentials, unwritable};
use crate::pulumi_cloud::pulumi_home::PulumiHome;
use crate::secret::Secret;

/// The extension of the file that is to replace the credentials file.
const UNFINISHED: &str = "new";

/// How often the replacement is written if other processes change the file at the same time. Then the
/// file is overwritten, under its lock.
const MAX_ATTEMPTS: u32 = 3;

/// How much longer the file may become.
const GROWTH: usize = 4 * 1024;

/// A credentials file that can be written.
pub(super) struct CredentialsWriter {
    path: PathBuf,
    /// The file that is to replace it; `None` if it has to be overwritten.
    replacement: Option<NamedTempFile>,
}

impl CredentialsWriter {
    /// Reserves what storing a login needs.
    pub(super) fn prepare(home: &PulumiHome<'_>) -> Result<Self> {
        let mut locked = home.lock_credentials()?;
        let replacement = match locked.reserve_replacement() {
            Ok(replacement) => Some(replacement),
            Err(error) => {
                let reserved = locked.reserve_in_place();
                reserved.map_err(|_| unwritable(locked.credentials.path(), error))?;
                None
            }
        };
        Ok(Self {
            path: locked.path,
            replacement,
        })
    }

    /// Stores refreshed tokens in the account of a backend. If that no longer has the refresh token
    /// that was spent, the user has logged in again or logged out, which takes precedence.
    pub(super) fn store(
        mut self,
        home: &PulumiHome<'_>,
        backend_url: &str,
        spent: &Secret<String>,
        refreshed: &IssuedTokens,
    ) -> Result<()> {
        let mut replaced_text = None;
        let mut attempts = 0..MAX_ATTEMPTS;
        loop {
            let mut locked = match home.lock_credentials() {
                Err(_) if !self.path.exists() => return Ok(()),
                locked => locked?,
            };
            let account = locked.credentials.account(backend_url);
            if account.and_then(|account| account.refresh_token).as_ref() != Some(spent) {
                return Ok(());
            }
            let text = locked.credentials.with_tokens(backend_url, refreshed);
            let replacement = self.replacement.take_if(|_| attempts.next().is_some());
            let Some(mut replacement) = replacement else {
                let written = locked.overwrite(text.as_bytes());
                return written.map_err(|error| unwritable(locked.credentials.path(), error));
            };
            if replaced_text.as_ref() == Some(&locked.text) {
                if replace(replacement, &locked.path).is_ok() {
                    return Ok(());
                }
                continue;
            }
            // A process that opens the file now, and waits for its lock, would write to the file that
            // is replaced. So the lock is not held while the replacement is written.
            replaced_text = Some(locked.text);
            drop(locked.file);
            if write(&mut replacement, text.as_bytes()).is_ok() {
                self.replacement = Some(replacement);
            }
        }
    }
}

impl LockedCredentials {
    /// Creates a file beside this one with the same owner and mode, and with space for the new content.
    fn reserve_replacement(&self) -> io::Result<NamedTempFile> {
        let (folder, prefix) = folder_and_prefix(&self.path)?;
        let file = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(&format!(".{UNFINISHED}"))
            .make_in(folder, private_files::create_new)?;
        copy_access(&self.file, file.as_file())?;
        file.as_file()
            .write_all(&vec![b' '; self.text.len() + GROWTH])?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Extends the file with spaces, which mean nothing in JSON.
    fn reserve_in_place(&mut self) -> io::Result<()> {
        let needed = self.text.trim_ascii_end().len() + GROWTH;
        let missing = needed.saturating_sub(self.text.len());
        let reserved = self
            .file
            .seek(SeekFrom::End(0))
            .and_then(|_| self.file.write_all(&vec![b' '; missing]))
            .and_then(|()| self.file.sync_all());
        if reserved.is_err() {
            let _ = self.file.set_len(self.text.len() as u64);
        }
        reserved
    }

    /// Overwrites the file, and restores it if that fails. The old content is overwritten with spaces, so
    /// that the file is valid before it is truncated.
    fn overwrite(&mut self, text: &[u8]) -> io::Result<()> {
        let mut padded = Zeroizing::new(vec![b' '; text.len().max(self.text.len())]);
        padded[..text.len()].copy_from_slice(text);
        let mut write = |text: &[u8]| {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(text)?;
            self.file.sync_all()
        };
        if let Err(error) = write(&padded) {
            let _ = write(&self.text);
            let _ = self.file.set_len(self.text.len() as u64);
            return Err(error);
        }
        let _ = self.file.set_len(text.len() as u64);
        Ok(())
    }
}

/// Writes the new content.
fn write(file: &mut NamedTempFile, text: &[u8]) -> io::Result<()> {
    file.as_file_mut().seek(SeekFrom::Start(0))?;
    file.as_file_mut().write_all(text)?;
    file.as_file().set_len(text.len() as u64)?;
    file.as_file().sync_all()
}

/// Replaces the file at `path`.
fn replace(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path)?;
    // So that the new file is also found after a crash.
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Removes the files that killed processes left behind, where possible. A process that still needs its
/// file overwrites the credentials file instead.
pub(super) fn remove_unfinished(credentials: &Path) {
    let remove = || -> io::Result<()> {
        let path = credentials.canonicalize()?;
        let (folder, prefix) = folder_and_prefix(&path)?;
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let is_unfinished =
                |name: &str| name.starts_with(&prefix) && name.ends_with(UNFINISHED);
            if name.to_str().is_some_and(is_unfinished) {
                fs::remove_file(folder.join(name))?;
            }
        }
        Ok(())
    };
    let _ = remove();
}

/// The path of a file of ours beside the credentials file.
pub(super) fn path_beside(credentials: &Path, extension: &str) -> io::Result<PathBuf> {
    let path = credentials.canonicalize()?;
    let (folder, prefix) = folder_and_prefix(&path)?;
    Ok(folder.join(format!("{prefix}{extension}")))
}

/// The folder of the credentials file, and the prefix of our files in it.
fn folder_and_prefix(path: &Path) -> io::Result<(&Path, String)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let found = path.parent().zip(name);
    let (folder, name) = found.ok_or(io::ErrorKind::InvalidFilename)?;
    Ok((folder, format!("{name}.kubectl-esc.")))
}

/// Gives a new file the owner and the mode of another one.
fn copy_access(from: &File, to: &File) -> io::Result<()> {
    let metadata = from.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let owner = |metadata: &fs::Metadata| (metadata.uid(), metadata.gid());
        if owner(&metadata) != owner(&to.metadata()?) {
            fchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
        }
    }
    to.set_permissions(metadata.permissions())
}
