//! What is wrong with a definition, and where.

use std::sync::Arc;

use crate::error::Failure;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The environment cannot be used.
    Error,
    /// The environment can be used.
    Warning,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In bytes from the start of the file, from 0.
    pub byte: usize,
}

/// A stretch of a definition. The end is the first place after it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Range {
    /// The name of the environment whose definition it is: the key into the sources.
    pub environment: Arc<str>,
    /// The start.
    pub begin: Position,
    /// The first place after the end.
    pub end: Position,
}

/// One thing that is wrong with a definition.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// Where; `None` where the text could not be read at all.
    pub range: Option<Range>,
    /// The property, such as `values.aws.creds`.
    pub path: Option<String>,
    /// The failure behind it, where a provider could not do its work: its kind and its hint are the
    /// ones that the user needs.
    pub failure: Option<Arc<dyn Failure>>,
}

impl Diagnostic {
    /// Whether the environment cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
