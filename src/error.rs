//! The error type of the library: what failed, its causes, a hint, and a kind that determines the exit
//! code.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

pub(crate) use esc::one_line;
#[cfg(unix)]
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The result type of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A number and a noun: "1 file", "2 files".
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The kind of an error. Each has its own exit code, because the exit code is all that client-go's metrics
/// and Pulumi show of a failed plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// The command of `run` does not exist.
    CommandNotFound,
    /// The command of `run` cannot be executed.
    CommandNotExecutable,
    /// A flag, a variable, the exec info or a local file is missing or wrong, or this machine's clock is.
    Configuration,
    /// The environment opened, but holds no usable credentials.
    Credentials,
    /// The environment's definition has errors.
    Definition,
    /// A service denied access: the login expired, or a permission is missing.
    Denied,
    /// A bug in kubectl-esc.
    Internal,
    /// The reader of standard output has closed it. Nothing is reported.
    OutputClosed,
    /// A service could not be reached in time, or this system is out of files, threads or memory.
    Unavailable,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::CommandNotFound,
        Self::CommandNotExecutable,
        Self::Configuration,
        Self::Credentials,
        Self::Definition,
        Self::Denied,
        Self::Internal,
        Self::OutputClosed,
        Self::Unavailable,
    ];

    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Configuration => 2,
            Self::Definition => 3,
            Self::Denied => 4,
            Self::Unavailable => 5,
            Self::Credentials => 6,
            Self::Internal => 70,
            // As in shells.
            Self::CommandNotExecutable => 126,
            Self::CommandNotFound => 127,
            // 128 plus the number of SIGPIPE, which ends other programs.
            Self::OutputClosed => 141,
        }
    }
}

/// An error for users: a message that says what failed, a hint that says what to do, and the causes.
///
/// `Display` prints only the message. [`StdError::source`] returns the nearest cause. No part contains
/// secrets.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    details: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// Whether the cause is that the system has run out of something.
    is_exhaustion: bool,
    rejects_login: bool,
}

const EXHAUSTION_HINT: &str =
    "close other programs, or raise the limits of this user (`ulimit -a`), and try again";

/// Whether the error, or one of its causes, is that the system has run out of files, threads or memory.
fn is_exhaustion(error: &(dyn StdError + 'static)) -> bool {
    let Some(cause) = error.downcast_ref::<io::Error>() else {
        return error.source().is_some_and(is_exhaustion);
    };
    #[cfg(unix)]
    if let Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN) = Errno::from_io_error(cause) {
        return true;
    }
    cause.kind() == io::ErrorKind::OutOfMemory || cause.source().is_some_and(is_exhaustion)
}

impl Error {
    /// Creates an error. The message is one sentence that starts in lower case and has no full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            details: None,
            source: None,
            is_exhaustion: false,
            rejects_login: false,
        }
    }

    /// Creates an error of [`Kind::Configuration`].
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Kind::Configuration, message)
    }

    /// Adds the cause. If the system has run out of files, threads or memory, the error becomes one of
    /// [`Kind::Unavailable`], with a hint for that.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        self.is_exhaustion = is_exhaustion(&*source);
        self.source = Some(Arc::from(source));
        if self.is_exhaustion {
            self.into_exhaustion()
        } else {
            self
        }
    }

    /// The same error as one of a system that has run out of something, with the hint for that.
    fn into_exhaustion(self) -> Self {
        Self {
            kind: Kind::Unavailable,
            hint: Some(EXHAUSTION_HINT.to_owned()),
            is_exhaustion: true,
            ..self
        }
    }

    /// An error for a service of the system without which nothing works, such as threads or signals.
    pub(crate) fn of_system(message: impl Into<String>, error: io::Error) -> Self {
        Self::new(Kind::Unavailable, message)
            .caused_by(error)
            .into_exhaustion()
    }

    /// Adds a hint: one sentence that says what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        if !self.is_exhaustion {
            self.hint = Some(hint.into());
        }
        self
    }

    /// Marks the error as one of a service that rejected a login as expired or invalid: another one may be
    /// accepted.
    #[must_use]
    pub(crate) fn rejecting_login(self, rejects_login: bool) -> Self {
        Self {
            rejects_login,
            ..self
        }
    }

    /// Adds text of several lines that is printed unchanged: rendered diagnostics.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Prepends the task that failed and a colon to the message.
    #[must_use]
    pub fn within(mut self, task: impl fmt::Display) -> Self {
        self.message = format!("{task}: {}", self.message);
        self
    }

    /// Converts what a provider reported to the evaluator. An error of this type is returned unchanged.
    pub(crate) fn from_failure(failure: &dyn esc::Failure) -> Self {
        let error: &(dyn StdError + 'static) = failure;
        if let Some(error) = error.downcast_ref::<Self>() {
            return error.clone();
        }
        let mut converted = Self::new(Kind::Definition, failure.message());
        converted.hint = failure.hint().map(str::to_owned);
        if let Some(cause) = failure.source() {
            converted = converted.caused_by(cause.to_string());
        }
        if is_exhaustion(error) {
            converted.into_exhaustion()
        } else {
            converted
        }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a service rejected a login as expired or invalid.
    pub(crate) fn rejects_login(&self) -> bool {
        self.rejects_login
    }

    /// The hint: what to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The rendered diagnostics.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// The messages of the causes, nearest first, each on one line.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        esc::causes(self)
    }
}

/// An error in a form that can be stored. It has the same texts when it is converted back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    exit_code: u8,
    message: String,
    hint: Option<String>,
    details: Option<String>,
    causes: Vec<String>,
}

impl Record {
    /// The exit code of the error's kind.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl From<&Error> for Record {
    fn from(error: &Error) -> Self {
        Self {
            exit_code: error.kind.exit_code(),
            message: error.message.clone(),
            hint: error.hint.clone(),
            details: error.details.clone(),
            causes: error.causes().collect(),
        }
    }
}

impl From<Record> for Error {
    /// An unknown exit code becomes [`Kind::Internal`].
    fn from(record: Record) -> Self {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.exit_code() == record.exit_code)
            .unwrap_or(Kind::Internal);
        let mut error = Self::new(kind, record.message);
        error.hint = record.hint;
        error.details = record.details;
        for message in record.causes.into_iter().rev() {
            let mut cause = Self::new(kind, message);
            cause.source = error.source.take();
            error.source = Some(Arc::new(cause));
        }
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&one_line(&self.message))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// Lets providers, importers and decrypters report this error to the evaluator.
impl esc::Failure for Error {
    fn message(&self) -> String {
        self.message.clone()
    }

    fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Converts the error of a value that cannot be written in the requested format.
impl From<esc::Error> for Error {
    fn from(error: esc::Error) -> Self {
        Self::from_failure(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_one_line() {
        let root = io::Error::other("line one\nline two\u{1b}[31m");
        let middle = Error::new(Kind::Unavailable, "cannot read").caused_by(root);
        let error = Error::configuration("cannot start").caused_by(middle);
        let causes: Vec<_> = error.causes().collect();
        assert_eq!(causes, ["cannot read", "line one line two [31m"]);
        assert_eq!(error.to_string(), "cannot start");
        assert_eq!(error.kind().exit_code(), 2);
    }

    #[test]
    fn record_keeps_all_texts() {
        let middle = Error::new(Kind::Unavailable, "cannot read").caused_by("no such host");
        let error = Error::new(Kind::Denied, "cannot start")
            .caused_by(middle)
            .with_hint("log in")
            .with_details("line 1\nline 2");
        let text = serde_json::to_string(&Record::from(&error)).unwrap();
        let restored = Error::from(serde_json::from_str::<Record>(&text).unwrap());
        assert_eq!(Record::from(&restored), Record::from(&error));
        assert_eq!(restored.kind(), Kind::Denied);
        for kind in Kind::ALL {
            let record = Record::from(&Error::new(kind, ""));
            assert_eq!(Error::from(record).kind(), kind);
        }
    }
}
