//! Failures of the host's importers, providers, rotators and decrypters, and this crate's own error type.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A failure of an importer, a provider, a rotator or a decrypter.
///
/// Its message becomes the summary of a diagnostic at the position of the call; its causes and its hint are
/// rendered below. The host can downcast [`Diagnostic::failure`] as `&dyn std::error::Error` to get its own
/// type back.
///
/// [`Diagnostic::failure`]: crate::Diagnostic::failure
pub trait Failure: StdError + Send + Sync + 'static {
    /// What failed, in one sentence. The default is the `Display` form.
    fn message(&self) -> String {
        self.to_string()
    }

    /// What the user can do about it, in one sentence.
    fn hint(&self) -> Option<&str> {
        None
    }
}

/// The result of importers, providers, rotators and decrypters.
pub type HostResult<T> = Result<T, Box<dyn Failure>>;

impl<F: Failure> From<F> for Box<dyn Failure> {
    fn from(failure: F) -> Self {
        Box::<F>::new(failure)
    }
}

/// A message with an optional cause and hint: the error of this crate's operations, and a [`Failure`] for
/// hosts without their own error type.
#[derive(Clone, Debug)]
pub struct Error {
    message: String,
    hint: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error. The message is one sentence in lower case without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds a hint: one sentence that says what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&one_line(&self.message))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

impl Failure for Error {
    fn message(&self) -> String {
        self.message.clone()
    }

    fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Iterates over the causes of an error, the nearest first, each as one line.
pub fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = String> + 'a {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(one_line(&cause.to_string()))
    })
}

/// Replaces line breaks and other control characters by single spaces, so that untrusted text can neither
/// break the layout of a message nor control a terminal.
#[must_use]
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = String::with_capacity(text.len());
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
