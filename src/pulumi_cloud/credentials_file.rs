//! `credentials.json`: the logins that `pulumi login` stores.
//!
//! The CLI locks the file itself while it reads or writes it, for a few milliseconds, and writes it in
//! place. This module takes the same lock to change the file, and never during a request. Reading does
//! without: what the CLI has written in part is no JSON.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::file_lock::is_same_file;
use crate::pulumi_cloud::pulumi_home::{self, PulumiHome, backend_entry, text, unreadable};
use crate::secret::{Secret, Text};
use esc::format::{Secrets, json};
use esc::{Data, Value};

/// The time between two attempts to get the lock.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// How often to lock the file if other processes replace it. Some file systems report another identity
/// for a file that is still the same.
const MAX_ATTEMPTS: u32 = 5;

/// An access token must last at least this long to be used without a refresh.
const EXPIRY_MARGIN: Duration = Duration::from_secs(30);

/// The key that marks an encrypted credentials file.
const ENCRYPTION_MARKER: &str = "$pulumiSecureStore";

/// The state of the credentials file.
#[derive(Debug)]
pub enum CredentialsFile {
    /// It does not exist.
    Absent,
    /// It is encrypted with a key in the operating system's keychain, which only the CLI can read.
    Encrypted(PathBuf),
    /// It is readable.
    Readable(CliCredentials),
}

/// The content of the credentials file.
#[derive(Debug)]
pub struct CliCredentials {
    path: PathBuf,
    content: Value,
}

/// The CLI's login at one backend.
#[derive(Debug)]
pub struct CliAccount {
    /// The access token, which may have expired.
    pub access_token: Option<Secret<String>>,
    /// The token to get a new access token with.
    pub refresh_token: Option<Secret<String>>,
    /// When the access token expires; `None` if it does not.
    pub expires_at: Option<Timestamp>,
    /// The user name.
    pub username: Option<String>,
}

/// The credentials file, with an exclusive lock until it is dropped.
pub(super) struct LockedCredentials {
    pub(super) file: File,
    /// The path of the file itself: symbolic links are resolved.
    pub(super) path: PathBuf,
    /// The content, read under the lock.
    pub(super) text: Zeroizing<Vec<u8>>,
    pub(super) credentials: CliCredentials,
}

/// The tokens that Pulumi Cloud's token endpoint issues.
pub(super) struct IssuedTokens {
    pub(super) access_token: Secret<String>,
    /// The new refresh token; `None` if the old one remains valid.
    pub(super) refresh_token: Option<Secret<String>>,
    /// When the access token expires, counted from before the request. A token without a lifetime
    /// counts as expired.
    pub(super) expires_at: Timestamp,
}

impl PulumiHome<'_> {
    /// Reads the credentials file. Waits only while the CLI is writing it.
    pub fn credentials(&self) -> Result<CredentialsFile> {
        let Some(path) = self.path("credentials.json") else {
            return Ok(CredentialsFile::Absent);
        };
        let read = || -> Result<Option<Value>> {
            let file = pulumi_home::open(&path)?;
            file.map(|file| pulumi_home::read(&file, &path)).transpose()
        };
        let content = match read() {
            Err(_) => {
                if let Some(file) = pulumi_home::open(&path)? {
                    self.wait_for_lock(&path, || file.try_lock_shared())?;
                }
                read()?
            }
            Ok(content) => content,
        };
        let Some(content) = content else {
            return Ok(CredentialsFile::Absent);
        };
        if content.property(ENCRYPTION_MARKER).is_some() {
            return Ok(CredentialsFile::Encrypted(path));
        }
        Ok(CredentialsFile::Readable(CliCredentials { path, content }))
    }

    /// Opens the credentials file for writing and locks it. Fails if it is absent or encrypted.
    pub(super) fn lock_credentials(&self) -> Result<LockedCredentials> {
        let not_logged_in = || {
            Error::configuration("the Pulumi CLI is not logged in").with_hint("run `pulumi login`")
        };
        let shown = self.path("credentials.json").ok_or_else(not_logged_in)?;
        let mut attempts = 1..MAX_ATTEMPTS;
        loop {
            let path = shown
                .canonicalize()
                .map_err(|error| unwritable(&shown, error))?;
            let file = OpenOptions::new().read(true).write(true).open(&path);
            let file = file.map_err(|error| unwritable(&shown, error))?;
            self.wait_for_lock(&shown, || file.try_lock())?;
            // Another process may have replaced the file while this one waited for its lock.
            let is_current =
                is_same_file(&file, &path).map_err(|error| unwritable(&shown, error))?;
            if !is_current && attempts.next().is_some() {
                continue;
            }
            let text = pulumi_home::read_text(&file, &shown)?;
            let content = pulumi_home::parse(&text, &shown)?;
            if content.property(ENCRYPTION_MARKER).is_some() {
                return Err(not_logged_in());
            }
            return Ok(LockedCredentials {
                file,
                path,
                text,
                credentials: CliCredentials {
                    path: shown,
                    content,
                },
            });
        }
    }

    /// Retries `lock` until it succeeds or the deadline passes. File systems without locks are
    /// used without one.
    fn wait_for_lock(
        &self,
        path: &Path,
        lock: impl Fn() -> Result<(), TryLockError>,
    ) -> Result<()> {
        loop {
            match lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(());
                }
                Err(TryLockError::Error(error)) => return Err(unreadable(path).caused_by(error)),
                Err(TryLockError::WouldBlock) if self.remaining().is_zero() => {
                    let message = format!("another process has locked `{}`", path.display());
                    return Err(Error::new(Kind::Unavailable, message).with_hint(
                        "stop the process that holds the lock, or try again in a moment",
                    ));
                }
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(LOCK_RETRY_INTERVAL.min(self.remaining()));
                }
            }
        }
    }
}

impl CliCredentials {
    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The URL of the current backend: the one of the last `pulumi login`.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.content.property("current").and_then(text)
    }

    /// The login at the backend with this URL.
    #[must_use]
    pub fn account(&self, backend_url: &str) -> Option<CliAccount> {
        let stored = |section: &str| backend_entry(self.content.property(section)?, backend_url);
        let account = stored("accounts");
        let field = |name: &str| account?.property(name).and_then(text);
        let access_token = field("accessToken").or_else(|| stored("accessTokens").and_then(text));
        let expiry =
            account.and_then(|account| account.property("tokenInformation")?.property("expiresAt"));
        let account = CliAccount {
            access_token: access_token.map(Secret::from),
            refresh_token: field("refreshToken").map(Secret::from),
            expires_at: expiry.and_then(read_expiry),
            username: field("username").map(str::to_owned),
        };
        (account.access_token.is_some() || account.refresh_token.is_some()).then_some(account)
    }
}

impl CliAccount {
    /// The access token, if it lasts long enough for a call.
    pub(super) fn valid_access_token(&self, now: Timestamp) -> Option<&Secret<String>> {
        let needed_until = now.plus(EXPIRY_MARGIN);
        let is_valid = self.expires_at.is_none_or(|expiry| expiry > needed_until);
        self.access_token.as_ref().filter(|_| is_valid)
    }
}

impl CliCredentials {
    /// The text of the file with refreshed tokens in the account of a backend.
    pub(super) fn with_tokens(&self, backend_url: &str, refreshed: &IssuedTokens) -> Text {
        let access_token = || Value::secret(refreshed.access_token.expose().as_str());
        let mut content = into_entries(Some(self.content.clone()));

        let mut accounts = into_entries(content.remove("accounts"));
        let key = existing_key(&accounts, backend_url);
        let mut account = into_entries(accounts.remove(&key));
        let mut information = into_entries(account.remove("tokenInformation"));
        let expiry = Value::from(refreshed.expires_at.to_string().as_str());
        information.insert("expiresAt".to_owned(), expiry);
        account.insert("tokenInformation".to_owned(), object(information));
        account.insert("accessToken".to_owned(), access_token());
        if let Some(refresh_token) = &refreshed.refresh_token {
            let refresh_token = Value::secret(refresh_token.expose().as_str());
            account.insert("refreshToken".to_owned(), refresh_token);
        }
        accounts.insert(key, object(account));
        content.insert("accounts".to_owned(), object(accounts));

        let mut tokens = into_entries(content.remove("accessTokens"));
        let key = existing_key(&tokens, backend_url);
        tokens.insert(key, access_token());
        content.insert("accessTokens".to_owned(), object(tokens));
        json::indented(&object(content), Secrets::Revealed)
    }
}

/// The error if a refreshed login cannot be stored.
pub(super) fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::configuration(format!("cannot write to `{}`", path.display()))
        .with_hint(
            "make the file writable and free disk space, so that the expired login can be refreshed, or \
             set PULUMI_ACCESS_TOKEN",
        )
        .caused_by(error)
}

/// The key that the section uses for a backend: its URL, possibly with a trailing slash.
fn existing_key(section: &BTreeMap<String, Value>, backend_url: &str) -> String {
    let existing = section
        .keys()
        .find(|url| url.trim_end_matches('/') == backend_url);
    existing.map_or_else(|| backend_url.to_owned(), Clone::clone)
}

/// The entries of an object; empty for anything else.
fn into_entries(value: Option<Value>) -> BTreeMap<String, Value> {
    match value.map(|value| value.data) {
        Some(Data::Object(entries)) => entries,
        _ => BTreeMap::new(),
    }
}

fn object(entries: BTreeMap<String, Value>) -> Value {
    Value::new(Data::Object(entries))
}

/// Reads an expiry in RFC 3339 or in seconds since 1970. Go's zero time, and anything before 1970,
/// means no expiry.
fn read_expiry(value: &Value) -> Option<Timestamp> {
    let expiry = match &value.data {
        Data::Number(number) => Timestamp::from_unix(number.as_str().parse().ok()?),
        _ => Timestamp::from_rfc3339(value.as_str()?)?,
    };
    (expiry.unix() > 0).then_some(expiry)
}

#[cfg(test)]
mod tests;
