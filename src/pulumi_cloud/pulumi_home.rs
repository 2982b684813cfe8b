//! The directory of the Pulumi CLI: `PULUMI_CREDENTIALS_PATH`, else `PULUMI_HOME`, else `~/.pulumi`.
//!
//! This file reads `config.json`; `credentials_file.rs` reads and writes `credentials.json`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::bounded_read::{open_regular, read_bounded};
use crate::clock::Deadline;
use crate::error::{Error, Result};
use crate::file_tracker::is_not_found;
use crate::host::Host;
use esc::format::json;
use esc::{Data, Value};

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// How deep the files may nest. The CLI's own files nest four levels.
const MAX_NESTING: usize = 32;

/// The directory of the Pulumi CLI.
#[derive(Clone, Debug)]
pub struct PulumiHome<'h> {
    host: &'h Host,
    /// When to stop waiting for a file lock; `None` not to wait.
    deadline: Option<Deadline>,
}

impl<'h> PulumiHome<'h> {
    /// Refers to the directory without reading it. `deadline` limits the wait for a file lock.
    #[must_use]
    pub fn new(host: &'h Host, deadline: Deadline) -> Self {
        let deadline = Some(deadline);
        Self { host, deadline }
    }

    /// The same, without waiting for a file lock: for what a call may not need.
    #[must_use]
    pub fn without_waiting(host: &'h Host) -> Self {
        let deadline = None;
        Self { host, deadline }
    }

    /// How long to wait for a file lock.
    pub(super) fn remaining(&self) -> Duration {
        self.deadline
            .map_or(Duration::ZERO, |deadline| deadline.remaining())
    }

    /// Reads the organization that `pulumi org set-default` chose for the backend with this URL.
    pub fn default_organization(&self, backend_url: &str) -> Result<Option<String>> {
        let Some(path) = self.path("config.json") else {
            return Ok(None);
        };
        let Some(file) = open(&path)? else {
            return Ok(None);
        };
        let content = read(&file, &path)?;
        let backend = content
            .property("backends")
            .and_then(|backends| backend_entry(backends, backend_url));
        let organization = backend.and_then(|backend| backend.property("defaultOrg"));
        Ok(organization.and_then(text).map(str::to_owned))
    }

    /// The path of a file in the directory; `None` if there is no home directory.
    pub(super) fn path(&self, file: &str) -> Option<PathBuf> {
        let host = self.host;
        let directory = host
            .path_variable("PULUMI_CREDENTIALS_PATH")
            .or_else(|| host.path_variable("PULUMI_HOME"))
            .or_else(|| Some(host.home()?.join(".pulumi")))?;
        Some(directory.join(file))
    }
}

/// Opens a regular file for reading; `None` if it does not exist.
pub(super) fn open(path: &Path) -> Result<Option<File>> {
    match open_regular(path) {
        Ok((file, _)) => Ok(Some(file)),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(unreadable(path).caused_by(error)),
    }
}

/// Reads a JSON file. The error does not quote its content.
pub(super) fn read(file: &File, path: &Path) -> Result<Value> {
    parse(&read_text(file, path)?, path)
}

pub(super) fn read_text(file: &File, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    read_bounded(file, 64 * 1024, MAX_FILE_BYTES).map_err(|error| unreadable(path).caused_by(error))
}

pub(super) fn parse(text: &[u8], path: &Path) -> Result<Value> {
    json::parse(text, MAX_NESTING).map_err(|error| unreadable(path).caused_by(error))
}

pub(super) fn unreadable(path: &Path) -> Error {
    Error::configuration(format!("cannot read `{}`", path.display())).with_hint(
        "check the file's permissions and content, run `pulumi login` to recreate it, or set \
         PULUMI_ACCESS_TOKEN and PULUMI_BACKEND_URL",
    )
}

/// The entry for a backend. The CLI writes its URL with or without a trailing slash.
pub(super) fn backend_entry<'a>(section: &'a Value, backend_url: &str) -> Option<&'a Value> {
    let Data::Object(entries) = &section.data else {
        return None;
    };
    let mut entries = entries.iter();
    let (_, value) = entries.find(|(url, _)| url.trim_end_matches('/') == backend_url)?;
    Some(value)
}

/// The text of a value, unless it is empty.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
