//! Failures of the host's side of an evaluation, and the error of this crate's own operations.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A failure of an importer, a provider, a rotator or a decrypter.
///
/// Its message becomes the summary of a diagnostic at the place of the call; its causes and its hint
/// are shown below. The host gets its own type back by downcasting [`Diagnostic::failure`] as
/// `&dyn std::error::Error`.
///
/// [`Diagnostic::failure`]: crate::Diagnostic::failure
pub trait Failure: StdError + Send + Sync + 'static {
    /// What failed, in one sentence. The default is the `Display` form.
    fn message(&self) -> String {
        self.to_string()
    }

    /// What to do about it, in one sentence.
    fn hint(&self) -> Option<&str> {
        None
    }
}

/// What importers, providers, rotators and decrypters return.
pub type HostResult<T> = Result<T, Box<dyn Failure>>;

impl<F: Failure> From<F> for Box<dyn Failure> {
    fn from(failure: F) -> Self {
        Box::<F>::new(failure)
    }
}

/// A [`Failure`] for hosts without an error type of their own, and the error of this crate's
/// operations: what failed, the cause, and a hint.
#[derive(Clone, Debug)]
pub struct Error {
    message: String,
    hint: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with this message: one sentence, lower case, no full stop.
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

    /// Adds one sentence that says what to do.
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

/// The causes of an error, nearest first, each as one line.
pub fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = String> + 'a {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(one_line(&cause.to_string()))
    })
}

/// Folds line breaks and other control characters into single spaces, so that text from elsewhere
/// can neither break the shape of a message nor control a terminal.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
    {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}
