//! The log of a call, shown with `-v`.

use std::fmt;

/// How much is logged.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// `-v`: warnings, and each step with its result.
    Info,
    /// `-vv`: also where each setting comes from, and each request.
    Debug,
}

/// A log message.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Rendered diagnostics of several lines, to be shown as they are.
    Block(&'a str),
    /// One line.
    Line(&'a str),
}

/// Passes log messages to a sink. The library itself writes nothing. A message never holds a secret.
pub struct Log<'a> {
    level: Option<Level>,
    sink: &'a (dyn Fn(Message<'_>) + Sync),
}

impl<'a> Log<'a> {
    /// A log that passes messages up to `level` to `sink`, and none if `level` is `None`.
    pub fn new(level: Option<Level>, sink: &'a (dyn Fn(Message<'_>) + Sync)) -> Self {
        Self { level, sink }
    }

    /// A log that drops every message.
    #[must_use]
    pub fn disabled() -> Self {
        Self {
            level: None,
            sink: &|_| (),
        }
    }

    /// Whether messages of `level` are logged.
    #[must_use]
    pub fn is_enabled(&self, level: Level) -> bool {
        self.level.is_some_and(|most| level <= most)
    }

    /// Logs a step.
    pub fn info(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Info, message);
    }

    /// Logs a detail.
    pub fn debug(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Debug, message);
    }

    /// Logs warnings that are already rendered with their positions.
    pub fn warnings(&self, rendered: &str) {
        if self.is_enabled(Level::Info) && !rendered.is_empty() {
            (self.sink)(Message::Block(rendered));
        }
    }

    fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        if self.is_enabled(level) {
            (self.sink)(Message::Line(&message.to_string()));
        }
    }
}

impl fmt::Debug for Log<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Log")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
