//! Diagnostics: errors and warnings with their position in a definition.

use std::sync::Arc;

use serde::Serialize;

use crate::error::Failure;

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The environment must not be used.
    Error,
    /// The environment can be used.
    Warning,
}

/// A position in a text.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In bytes from the start of the file, from 0.
    pub byte: usize,
}

/// A range of a definition.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Range {
    /// The name of the environment in [`Sources`](crate::Sources).
    pub environment: Arc<str>,
    /// The first position.
    pub begin: Position,
    /// The position after the last character.
    pub end: Position,
}

/// An error or a warning about a definition.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Whether the environment can still be used.
    pub severity: Severity,
    /// What is wrong, in one sentence. It never quotes a secret.
    pub summary: String,
    /// The position, or `None` if the text could not be read.
    pub range: Option<Range>,
    /// The property, such as `values.aws.creds`.
    pub path: Option<String>,
    /// What to do about it, in one sentence. ESC's own evaluator has no hints.
    pub hint: Option<String>,
    /// The failure of an importer, provider, rotator or decrypter that caused the diagnostic. Its causes and
    /// its hint are rendered below the message.
    pub failure: Option<Arc<dyn Failure>>,
}

impl Diagnostic {
    /// Whether the diagnostic is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What to do about it: the diagnostic's own hint, or else that of its failure.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        let of_failure = || self.failure.as_deref().and_then(Failure::hint);
        self.hint.as_deref().or_else(of_failure)
    }
}
