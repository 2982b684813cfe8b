//! The one error type: what failed, what to do about it, the chain of causes, and the kind that
//! becomes the exit code.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

pub(crate) use esc::one_line;
use serde::{Deserialize, Serialize};

/// A specialised result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is. Each kind has an exit code of its own, because the exit code is all
/// that client-go's metrics and Pulumi show of a failed plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// There is no such program to run.
    CommandNotFound,
    /// The program to run may not be run.
    CommandNotExecutable,
    /// A flag, a variable, the exec info or a local file is missing or wrong.
    Configuration,
    /// The environment opened, but holds no usable credentials.
    Credentials,
    /// The environment's definition has errors.
    Definition,
    /// A service answered that this identity may not do this.
    Denied,
    /// A bug of kubectl-esc.
    Internal,
    /// A service could not be reached, or not in time.
    Unavailable,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::CommandNotFound,
        Self::CommandNotExecutable,
        Self::Configuration,
        Self::Credentials,
        Self::Definition,
        Self::Denied,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The exit code of a process that ends with this kind of failure.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Configuration => 2,
            Self::Definition => 3,
            Self::Denied => 4,
            Self::Unavailable => 5,
            Self::Credentials => 6,
            Self::Internal => 70,
            // What shells say.
            Self::CommandNotExecutable => 126,
            Self::CommandNotFound => 127,
        }
    }
}

/// A failure, made to be read: one sentence for what failed, one for what to do, causes below.
///
/// `Display` prints the sentence alone; [`StdError::source`] leads to the causes. No part of it may
/// hold a secret.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    details: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of `kind`; `message` says what failed in one sentence, lower case, no full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            details: None,
            source: None,
        }
    }

    /// [`Kind::Configuration`] with this message.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Kind::Configuration, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds one sentence that says what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a block of text of several lines that is printed as it is: rendered diagnostics.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// The same failure, told as that of the larger task: `task`, a colon, and what failed.
    #[must_use]
    pub fn within(mut self, task: impl fmt::Display) -> Self {
        self.message = format!("{task}: {}", self.message);
        self
    }

    /// What a provider reported through a diagnostic: this package's own error as it was.
    pub(crate) fn from_failure(failure: &dyn esc::Failure) -> Self {
        let error: &(dyn StdError + 'static) = failure;
        if let Some(own) = error.downcast_ref::<Self>() {
            return own.clone();
        }
        let mut converted = Self::new(Kind::Definition, failure.message());
        converted.hint = failure.hint().map(str::to_owned);
        converted
    }

    /// The sort of failure.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Rendered diagnostics.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// The causes, nearest first, each as one line.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        esc::causes(self)
    }
}

/// A failure in a form that can be kept, and told again in the same words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    exit_code: u8,
    message: String,
    hint: Option<String>,
    details: Option<String>,
    causes: Vec<String>,
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
    /// An exit code that no kind has becomes [`Kind::Internal`].
    fn from(record: Record) -> Self {
        let mut kinds = Kind::ALL.into_iter();
        let kind = kinds.find(|kind| kind.exit_code() == record.exit_code);
        let kind = kind.unwrap_or(Kind::Internal);
        let causes = record.causes.into_iter().rev();
        let source = causes.fold(None, |source, message| {
            let cause = Self {
                kind,
                message,
                hint: None,
                details: None,
                source,
            };
            Some(Arc::new(cause) as Arc<dyn StdError + Send + Sync>)
        });
        Self {
            kind,
            message: record.message,
            hint: record.hint,
            details: record.details,
            source,
        }
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

/// What a provider, an importer or a decrypter of this package reports to the evaluator.
impl esc::Failure for Error {
    fn message(&self) -> String {
        self.message.clone()
    }

    fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// An environment whose values cannot be written in the format that was asked for.
impl From<esc::Error> for Error {
    fn from(error: esc::Error) -> Self {
        Self::from_failure(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_causes_is_one_line_each() {
        let root = std::io::Error::other("line one\nline two\u{1b}[31m");
        let middle = Error::new(Kind::Unavailable, "cannot read").caused_by(root);
        let error = Error::configuration("cannot start").caused_by(middle);
        let causes: Vec<_> = error.causes().collect();
        assert_eq!(causes, ["cannot read", "line one line two [31m"]);
        assert_eq!(error.to_string(), "cannot start");
        assert_eq!(error.kind().exit_code(), 2);
    }

    #[test]
    fn a_record_tells_the_same() {
        let middle = Error::new(Kind::Unavailable, "cannot read").caused_by("no such host");
        let error = Error::new(Kind::Denied, "cannot start")
            .caused_by(middle)
            .with_hint("log in")
            .with_details("line 1\nline 2");
        let text = serde_json::to_string(&Record::from(&error)).unwrap();
        let again = Error::from(serde_json::from_str::<Record>(&text).unwrap());
        assert_eq!(Record::from(&again), Record::from(&error));
        assert_eq!(again.kind(), Kind::Denied);
        for kind in Kind::ALL {
            let record = Record::from(&Error::new(kind, ""));
            assert_eq!(Error::from(record).kind(), kind);
        }
    }
}
