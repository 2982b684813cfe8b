//! What `pulumi login` leaves on this machine: `credentials.json` and `config.json` in the folder
//! that `PULUMI_CREDENTIALS_PATH` or `PULUMI_HOME` names, else in `~/.pulumi`.
//!
//! The CLI locks `credentials.json` itself while it reads or writes it, and writes it in place with
//! mode 0600; so does this module. Whatever it does not know in the file stays.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::{Deadline, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::secret::{Secret, Text};
use esc::format::json::{self, Secrets};
use esc::{Data, Value};

/// In bytes. A larger file is none of Pulumi's.
const LARGEST_FILE: usize = 1024 * 1024;

/// How deep the files may nest. The CLI's own nest four levels.
const NESTING: usize = 32;

/// How long to wait between two attempts at a lock.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The key by which an encrypted credentials file is known.
const ENVELOPE: &str = "$pulumiSecureStore";

/// The folder of the Pulumi CLI.
#[derive(Clone, Debug)]
pub struct PulumiHome<'h> {
    host: &'h Host,
    deadline: Deadline,
}

/// The credentials file, in whatever state it is.
#[derive(Debug)]
pub enum CredentialsFile {
    /// There is none.
    Absent,
    /// It is encrypted with a key that the operating system keeps for the CLI.
    Encrypted(PathBuf),
    /// It can be read.
    Readable(Credentials),
}

/// A credentials file's content.
#[derive(Debug)]
pub struct Credentials {
    path: PathBuf,
    content: Value,
}

/// A login at one backend.
#[derive(Debug)]
pub struct StoredAccount {
    /// The access token, which may have expired.
    pub access_token: Option<Secret<String>>,
    /// What gets a new access token.
    pub refresh_token: Option<Secret<String>>,
    /// When the access token expires, where it does.
    pub expires_at: Option<Timestamp>,
    /// Whose login it is.
    pub username: Option<String>,
}

/// What a refresh gave.
pub struct Refreshed {
    /// The new access token.
    pub access_token: Secret<String>,
    /// The new refresh token; the old one stays good where there is none.
    pub refresh_token: Option<Secret<String>>,
    /// When the access token expires.
    pub expires_at: Timestamp,
}

/// The credentials file, locked against everybody else until it is dropped.
pub struct LockedCredentials {
    file: File,
    credentials: Credentials,
}

impl<'h> PulumiHome<'h> {
    /// The folder on this machine. Nothing is read yet. `deadline` ends the wait for a lock.
    #[must_use]
    pub fn new(host: &'h Host, deadline: Deadline) -> Self {
        Self { host, deadline }
    }

    /// Reads the credentials file.
    pub fn credentials(&self) -> Result<CredentialsFile> {
        let Some(path) = self.path("credentials.json") else {
            return Ok(CredentialsFile::Absent);
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_not_found(&error) => return Ok(CredentialsFile::Absent),
            Err(error) => return Err(unreadable(&path).caused_by(error)),
        };
        self.wait_for(&path, || file.try_lock_shared())?;
        let content = read(&mut file, &path)?;
        if content.property(ENVELOPE).is_some() {
            return Ok(CredentialsFile::Encrypted(path));
        }
        Ok(CredentialsFile::Readable(Credentials { path, content }))
    }

    /// Opens the credentials file for writing, and locks it. An encrypted or absent one is an error:
    /// there is nothing to change in it.
    pub fn lock_credentials(&self) -> Result<LockedCredentials> {
        let absent = || {
            Error::configuration("there is no login of the Pulumi CLI")
                .with_hint("run `pulumi login`")
        };
        let path = self.path("credentials.json").ok_or_else(absent)?;
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let mut file = opened.map_err(|error| {
            let path = path.display();
            Error::configuration(format!("cannot write to `{path}`"))
                .with_hint(
                    "the login in it has to be renewed and stored: make the file writable, or set \
                     PULUMI_ACCESS_TOKEN",
                )
                .caused_by(error)
        })?;
        self.wait_for(&path, || file.try_lock())?;
        let content = read(&mut file, &path)?;
        if content.property(ENVELOPE).is_some() {
            return Err(absent());
        }
        let credentials = Credentials { path, content };
        Ok(LockedCredentials { file, credentials })
    }

    /// The organisation that `pulumi org set-default` chose for a backend.
    pub fn default_organization(&self, backend: &str) -> Result<Option<String>> {
        let Some(path) = self.path("config.json") else {
            return Ok(None);
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(unreadable(&path).caused_by(error)),
        };
        let content = read(&mut file, &path)?;
        let backend = content
            .property("backends")
            .and_then(|backends| entry(backends, backend));
        let organization = backend.and_then(|backend| backend.property("defaultOrg"));
        Ok(organization.and_then(text).map(str::to_owned))
    }

    fn path(&self, file: &str) -> Option<PathBuf> {
        let host = self.host;
        let folder = host
            .path_variable("PULUMI_CREDENTIALS_PATH")
            .or_else(|| host.path_variable("PULUMI_HOME"))
            .or_else(|| Some(host.home()?.join(".pulumi")))?;
        Some(folder.join(file))
    }

    /// Tries to lock until it works. A file system without locks is taken as it is.
    fn wait_for(&self, path: &Path, lock: impl Fn() -> Result<(), TryLockError>) -> Result<()> {
        loop {
            match lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(());
                }
                Err(TryLockError::Error(error)) => return Err(unreadable(path).caused_by(error)),
                Err(TryLockError::WouldBlock) if self.deadline.remaining().is_zero() => {
                    let path = path.display();
                    return Err(Error::new(
                        Kind::Unavailable,
                        format!("another process holds `{path}` locked"),
                    )
                    .with_hint("end the process that holds it, or try again in a moment"));
                }
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(LOCK_PAUSE.min(self.deadline.remaining()));
                }
            }
        }
    }
}

impl Credentials {
    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The URL of the backend that `pulumi login` was last run for.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.content.property("current").and_then(text)
    }

    /// The login at a backend.
    #[must_use]
    pub fn account(&self, backend: &str) -> Option<StoredAccount> {
        let stored = |section: &str| entry(self.content.property(section)?, backend);
        let account = stored("accounts");
        let field = |name: &str| account?.property(name).and_then(text);
        let access_token = field("accessToken").or_else(|| stored("accessTokens").and_then(text));
        let expiry = account.and_then(|it| it.property("tokenInformation")?.property("expiresAt"));
        let account = StoredAccount {
            access_token: access_token.map(Secret::from),
            refresh_token: field("refreshToken").map(Secret::from),
            expires_at: expiry.and_then(instant),
            username: field("username").map(str::to_owned),
        };
        (account.access_token.is_some() || account.refresh_token.is_some()).then_some(account)
    }
}

impl LockedCredentials {
    /// What the file holds, read under the lock.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Writes the new tokens of a backend's account into the file.
    pub fn store(mut self, backend: &str, refreshed: &Refreshed) -> Result<()> {
        let token = || Value::secret(refreshed.access_token.expose().as_str());
        let mut content = entries_of(Some(self.credentials.content.clone()));

        let mut accounts = entries_of(content.remove("accounts"));
        let key = known_key(&accounts, backend);
        let mut account = entries_of(accounts.remove(&key));
        let mut information = entries_of(account.remove("tokenInformation"));
        let expiry = Value::from(refreshed.expires_at.to_string().as_str());
        information.insert("expiresAt".to_owned(), expiry);
        account.insert("tokenInformation".to_owned(), object(information));
        account.insert("accessToken".to_owned(), token());
        if let Some(refresh_token) = &refreshed.refresh_token {
            let refresh_token = Value::secret(refresh_token.expose().as_str());
            account.insert("refreshToken".to_owned(), refresh_token);
        }
        accounts.insert(key, object(account));
        content.insert("accounts".to_owned(), object(accounts));

        let mut tokens = entries_of(content.remove("accessTokens"));
        let key = known_key(&tokens, backend);
        tokens.insert(key, token());
        content.insert("accessTokens".to_owned(), object(tokens));
        let text = json::indented(&object(content), Secrets::Revealed);
        self.write(&text).map_err(|error| {
            let path = self.credentials.path.display();
            Error::configuration(format!("cannot write the renewed login to `{path}`"))
                .with_hint("run `pulumi login` once the file can be written")
                .caused_by(error)
        })
    }

    /// Writes over the file and then cuts it, so that it is at no time empty.
    fn write(&mut self, text: &Text) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            self.file
                .set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text.as_bytes())?;
        self.file
            .set_len(u64::try_from(text.as_bytes().len()).unwrap_or(u64::MAX))?;
        self.file.sync_all()
    }
}

/// The entry of a backend, with or without a slash at the end of its URL.
fn entry<'a>(section: &'a Value, backend: &str) -> Option<&'a Value> {
    let Data::Object(entries) = &section.data else {
        return None;
    };
    let mut entries = entries.iter();
    let (_, value) = entries.find(|(url, _)| url.trim_end_matches('/') == backend)?;
    Some(value)
}

/// The URL as the section has it.
fn known_key(section: &BTreeMap<String, Value>, backend: &str) -> String {
    let known = section
        .keys()
        .find(|url| url.trim_end_matches('/') == backend);
    known.map_or_else(|| backend.to_owned(), Clone::clone)
}

/// The entries of an object; none where there is none.
fn entries_of(value: Option<Value>) -> BTreeMap<String, Value> {
    match value.map(|value| value.data) {
        Some(Data::Object(entries)) => entries,
        _ => BTreeMap::new(),
    }
}

fn object(entries: BTreeMap<String, Value>) -> Value {
    Value::new(Data::Object(entries))
}

/// A text that is not empty.
fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// An instant as RFC 3339 or in seconds since 1970. Go's zero time, and all before 1970, is none.
fn instant(value: &Value) -> Option<Timestamp> {
    let instant = match &value.data {
        Data::Number(number) => Timestamp::from_unix(number.as_str().parse().ok()?),
        _ => Timestamp::from_rfc3339(value.as_str()?)?,
    };
    (instant.unix() > 0).then_some(instant)
}

fn read(file: &mut File, path: &Path) -> Result<Value> {
    let mut content = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let longest = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX);
    file.take(longest.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| unreadable(path).caused_by(error))?;
    if content.len() > LARGEST_FILE {
        return Err(unreadable(path).caused_by("the file is too large"));
    }
    json::parse(&content, NESTING).map_err(|error| unreadable(path).caused_by(error))
}

fn unreadable(path: &Path) -> Error {
    Error::configuration(format!("cannot read `{}`", path.display())).with_hint(
        "check the file's permissions and content, run `pulumi login` to make it anew, or set \
         PULUMI_ACCESS_TOKEN and PULUMI_BACKEND_URL",
    )
}

fn is_not_found(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests;
