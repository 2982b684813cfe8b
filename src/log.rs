//! What a call tells about its steps, for whoever asked with `-v`.

use std::fmt;

/// How much is told.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// `-v`: warnings, and each step with its outcome.
    Steps,
    /// `-vv`: also where each setting comes from.
    Details,
}

/// Something told.
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// Several lines that are to be shown as they are.
    Block(&'a str),
    /// One line.
    Line(&'a str),
}

/// Takes the notes of a call. The library writes nothing itself: it hands each note to the sink
/// that it was given. A note never holds a secret.
pub struct Journal<'a> {
    level: Option<Level>,
    sink: &'a (dyn Fn(Note<'_>) + Sync),
}

impl<'a> Journal<'a> {
    /// A journal that hands notes up to `level` to `sink`; none where `level` is `None`.
    pub fn new(level: Option<Level>, sink: &'a (dyn Fn(Note<'_>) + Sync)) -> Self {
        Self { level, sink }
    }

    /// A journal that nobody reads.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            level: None,
            sink: &|_| (),
        }
    }

    /// Whether notes of `level` are read.
    #[must_use]
    pub fn reads(&self, level: Level) -> bool {
        self.level.is_some_and(|most| level <= most)
    }

    /// Takes a note of a step.
    pub fn step(&self, note: fmt::Arguments<'_>) {
        self.take(Level::Steps, note);
    }

    /// Takes a note of warnings, rendered with their places.
    pub fn warnings(&self, rendered: &str) {
        if self.reads(Level::Steps) && !rendered.is_empty() {
            (self.sink)(Note::Block(rendered));
        }
    }

    /// Takes a note of a detail.
    pub fn detail(&self, note: fmt::Arguments<'_>) {
        self.take(Level::Details, note);
    }

    fn take(&self, level: Level, note: fmt::Arguments<'_>) {
        if self.reads(level) {
            (self.sink)(Note::Line(&note.to_string()));
        }
    }
}
