use std::borrow::Cow;
use std::fmt;

use crate::position::{Mark, Position};

/// Why a text was rejected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    /// The kind of error.
    pub kind: ErrorKind,
    /// What is wrong, in yaml.v3's words for syntax errors. Quotes nothing from the text but the
    /// name of an unknown anchor.
    pub message: Cow<'static, str>,
    /// The line that yaml.v3 names, which may be off by one or be where the enclosing node begins.
    pub line: Option<usize>,
    /// Where the problem was found.
    pub position: Position,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// yaml.v3 rejects the text too.
    Syntax,
    /// An alias names an anchor that is not defined before it. The message quotes the name, which may
    /// be an unquoted secret that begins with `*`.
    UnknownAnchor,
    /// Nesting exceeds [`Limits::max_depth`](crate::Limits::max_depth).
    TooDeep,
    /// The text holds more nodes than [`Limits::max_nodes`](crate::Limits::max_nodes).
    TooManyNodes,
    /// A key is longer than [`Limits::max_key_bytes`](crate::Limits::max_key_bytes).
    KeyTooLong,
}

impl Error {
    /// An error of the scanner while it reads the construct that begins at `context`.
    pub(crate) fn scanner(message: &'static str, context: Mark, problem: Mark) -> Self {
        let line = named_line(context, problem).map(|line| line + 1);
        Self::syntax(message, line, problem)
    }

    /// An error of the parser in the construct that begins at `context`.
    pub(crate) fn parser(message: &'static str, context: Mark, problem: Mark) -> Self {
        Self::syntax(message, named_line(context, problem), problem)
    }

    /// An error that yaml.v3 reports without a line.
    pub(crate) fn unplaced(message: impl Into<Cow<'static, str>>, problem: Mark) -> Self {
        Self::syntax(message, None, problem)
    }

    /// yaml.v3 names no line for it.
    pub(crate) fn unknown_anchor(name: &str, problem: Mark) -> Self {
        let message = format!("unknown anchor '{name}' referenced");
        Self {
            kind: ErrorKind::UnknownAnchor,
            ..Self::unplaced(message, problem)
        }
    }

    pub(crate) fn limit(kind: ErrorKind, message: String, position: Position) -> Self {
        Self {
            kind,
            message: message.into(),
            line: Some(position.line),
            position,
        }
    }

    /// Moves a position at the end of `text` to the last line. yaml.v3 has it on the next line, even
    /// if the text does not end with a line break.
    pub(crate) fn within(mut self, text: &str) -> Self {
        const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
        let last_line = text.rsplit(BREAKS).next().unwrap_or_default();
        let last_line = last_line.trim_start_matches('\u{feff}');
        let Position { line, column, byte } = &mut self.position;
        if *byte == text.len() && *column == 1 && !last_line.is_empty() {
            *line -= 1;
            *column += last_line.chars().count();
        }
        self
    }

    fn syntax(message: impl Into<Cow<'static, str>>, line: Option<usize>, problem: Mark) -> Self {
        Self {
            kind: ErrorKind::Syntax,
            message: message.into(),
            line,
            position: problem.position(),
        }
    }
}

/// yaml.v3 takes line 0 for a mark that is not set.
fn named_line(context: Mark, problem: Mark) -> Option<usize> {
    [context.line, problem.line]
        .into_iter()
        .find(|line| *line != 0)
}

impl fmt::Display for Error {
    /// Writes the text of yaml.v3's error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "yaml: line {line}: {}", self.message),
            None => write!(f, "yaml: {}", self.message),
        }
    }
}

impl std::error::Error for Error {}
