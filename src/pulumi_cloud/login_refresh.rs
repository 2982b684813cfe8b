//! Refreshes an expired login of the CLI. A refresh token can be spent once, so of the processes that
//! find a login expired at the same time, one refreshes it, and the others use the result.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::file_lock::{Lock, LockFile, LockHolder, LockMode, LockRequest, LockWait};
use crate::private_files;
use crate::pulumi_cloud::credentials_file::{CliAccount, CredentialsFile};
use crate::pulumi_cloud::credentials_writer::{CredentialsWriter, path_beside, remove_unfinished};
use crate::pulumi_cloud::pulumi_home::PulumiHome;
use crate::pulumi_cloud::transport::Transport;
use crate::pulumi_cloud::{token_exchange, unstored_login};
use crate::secret::Secret;

/// The lock files: of the process that refreshes the login, and of the one that takes over if that one
/// hangs.
const LOCKS: [&str; 2] = ["lock", "takeover"];

/// How long to wait for the result of a process that spent the refresh token without our lock.
const RESULT_DELAY: Duration = Duration::from_secs(1);

/// The time between two attempts to read that result.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// The minimum time for storing a refreshed login.
const STORE_TIME: Duration = Duration::from_secs(1);

/// A login of the CLI that has expired.
pub(super) struct ExpiredLogin<'a> {
    pub(super) transport: &'a Transport<'a>,
    pub(super) account: CliAccount,
    /// The path of the credentials file.
    pub(super) path: &'a Path,
}

/// The right to spend the refresh token.
struct RefreshLock {
    /// `None` if no file can be locked. Then other processes may refresh the login at the same time.
    lock: Option<Lock>,
    /// A process that had the lock and hangs.
    hanging: Option<LockHolder>,
}

impl ExpiredLogin<'_> {
    /// Gets a new access token, and stores the refreshed login. If that fails, the login remains usable
    /// in this process.
    pub(super) fn refresh(&self) -> Result<Secret<String>> {
        if self.account.refresh_token.is_none() {
            return Err(self.expired());
        }
        private_files::ignore_file_size_signal();
        let (context, backend) = (self.transport.context, &self.transport.backend);
        let deadline = context.deadline;
        let lock = self.lock()?;
        let home = PulumiHome::new(context.host, deadline.within(deadline.remaining() / 2));
        let account = stored_account(&home, &backend.url)?.ok_or_else(|| self.expired())?;
        if let Some(token) = account.valid_access_token(context.now()) {
            return Ok(token.clone());
        }
        let refresh_token = account.refresh_token.ok_or_else(|| self.expired())?;
        if lock.lock.is_some() {
            remove_unfinished(self.path);
        }
        let writer = CredentialsWriter::prepare(&home)?;
        context
            .log
            .info(format_args!("refreshing {}", self.describe()));
        let transport = Transport {
            context: context.with_deadline(with_reserve(deadline)),
            backend: backend.clone(),
        };
        let refreshed = token_exchange::refresh(&transport, &refresh_token, &self.describe());
        let refreshed = match refreshed {
            Err(error) if error.kind() == Kind::Denied => return self.other_result(&lock, error),
            refreshed => refreshed?,
        };
        let time = STORE_TIME.max(deadline.remaining() / 2);
        let home = PulumiHome::new(context.host, Deadline::after(time));
        let stored = writer.store(&home, &backend.url, &refresh_token, &refreshed);
        if let Err(problem) = stored {
            let token = &refreshed.access_token;
            let problem = unstored_login::keep(self.path, &backend.url, token, &problem);
            context.log.info(format_args!("{problem}"));
        }
        Ok(refreshed.access_token)
    }

    /// Waits until this process may refresh the login. Another process that refreshes it may take until
    /// its own deadline: a second use of the refresh token could revoke the login.
    fn lock(&self) -> Result<RefreshLock> {
        let context = self.transport.context;
        let deadline = with_reserve(context.deadline);
        let mut result = RefreshLock {
            lock: None,
            hanging: None,
        };
        for extension in LOCKS {
            let request = LockRequest {
                open: &|| {
                    LockFile::open(|suffix| open_lock(self.path, &format!("{extension}{suffix}")))
                },
                mode: LockMode::Exclusive,
                until: &|| context.now().plus(context.deadline.remaining()),
                clock: context.host.clock(),
                deadline,
                on_wait: &|| {
                    context.log.info(format_args!(
                        "waiting for another process to refresh {}",
                        self.describe()
                    ));
                },
            };
            match request.lock() {
                Ok(LockWait::Acquired { lock, .. }) => {
                    result.lock = Some(lock);
                    return Ok(result);
                }
                Ok(LockWait::StillHeld(holder)) if deadline.remaining().is_zero() => {
                    let message =
                        format!("{holder} has not finished refreshing {}", self.describe());
                    return Err(Error::new(Kind::Unavailable, message)
                        .with_hint("try again, or end that process if it hangs"));
                }
                Ok(LockWait::StillHeld(holder)) => result.hanging = Some(holder),
                Err(problem) => {
                    let cause = problem.causes().next().unwrap_or_default();
                    context.log.info(format_args!("{problem}: {cause}"));
                    return Ok(result);
                }
            }
        }
        Ok(result)
    }

    /// The refresh token was rejected. Another program may have refreshed the login: the Pulumi CLI, or
    /// a process that cannot use our lock.
    fn other_result(&self, lock: &RefreshLock, error: Error) -> Result<Secret<String>> {
        let context = self.transport.context;
        let is_alone = lock.lock.is_some() && lock.hanging.is_none();
        let limit = if is_alone {
            Duration::ZERO
        } else {
            RESULT_DELAY
        };
        let deadline = context.deadline.within(limit);
        let home = PulumiHome::new(context.host, deadline);
        loop {
            let account = stored_account(&home, &self.transport.backend.url);
            if let Ok(Some(account)) = account
                && let Some(token) = account.valid_access_token(context.now())
            {
                return Ok(token.clone());
            }
            if deadline.remaining().is_zero() {
                return Err(match lock.hanging {
                    Some(holder) => error.with_hint(format!(
                        "run `pulumi login`; {holder}, which hangs, may have spent the refresh token"
                    )),
                    None => error,
                });
            }
            thread::sleep(RETRY_INTERVAL);
        }
    }

    fn expired(&self) -> Error {
        Error::new(Kind::Denied, format!("{} has expired", self.describe()))
            .with_hint("run `pulumi login`, or set PULUMI_ACCESS_TOKEN")
    }

    fn describe(&self) -> String {
        let backend = self.transport.backend.host();
        match &self.account.username {
            Some(username) => format!("the login of `{username}` at `{backend}`"),
            None => format!("the login at `{backend}`"),
        }
    }
}

/// The login in the credentials file.
fn stored_account(home: &PulumiHome<'_>, backend_url: &str) -> Result<Option<CliAccount>> {
    Ok(match home.credentials()? {
        CredentialsFile::Readable(credentials) => credentials.account(backend_url),
        CredentialsFile::Absent | CredentialsFile::Encrypted(_) => None,
    })
}

/// Opens or creates a lock file beside the credentials file. Its content will be replaced, so a file that
/// also has another name is not used.
fn open_lock(credentials: &Path, extension: &str) -> Result<File> {
    let open = || -> io::Result<File> {
        let path = path_beside(credentials, extension)?;
        let mut options = private_files::open_options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() && private_files::has_one_name(&metadata) {
            Ok(file)
        } else {
            Err(io::Error::other("it is not a file of its own"))
        }
    };
    open().map_err(|error| {
        Error::configuration("cannot lock the Pulumi login for its refresh").caused_by(error)
    })
}

/// The deadline, less some time for what is to be done after a step.
fn with_reserve(deadline: Deadline) -> Deadline {
    let remaining = deadline.remaining();
    deadline.within(remaining.saturating_sub(STORE_TIME.min(remaining / 4)))
}
