//! The syntax tree of a definition: what the YAML says, and where.
//!
//! It knows lists, maps and resolved scalars, but nothing of interpolation or functions. Only
//! [`yaml`] and [`places`] know the YAML parser.

mod joined;
mod places;
mod refusals;
mod repair;
mod yaml;

use crate::text::Text;
use crate::{Number, Position};

#[cfg(test)]
pub(super) use yaml::parse;
pub(super) use yaml::parse_within;

/// A stretch of one definition. The end is the first place after it: its byte truly, its line and
/// column as ESC states them. ESC adds the length of a scalar's value to the place where it begins,
/// whatever its quotes and escapes take, and does not count closing brackets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) begin: Position,
    pub(super) end: Position,
}

/// A definition's text, read.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The first document of the stream; `None` where there is none, or where it cannot be read.
    pub(super) root: Option<Node>,
    /// What is wrong with the text. The tree holds what could be read.
    pub(super) problems: Vec<Problem>,
    /// Stretches that were read and left out of the tree.
    pub(super) dropped: Vec<Span>,
    /// How many names and values were read.
    pub(super) nodes: usize,
    /// Whether the text is YAML at all.
    pub(super) readable: bool,
    /// Whether there is no text at all.
    pub(super) is_empty: bool,
}

/// One thing that is wrong with the text.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Problem {
    pub(super) summary: String,
    pub(super) span: Span,
    /// The path of what it is about.
    pub(super) path: Option<String>,
}

/// A value as it is written.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Whether it is a scalar without quotes and without a tag: then ESC states places in its text.
    pub(super) plain: bool,
}

/// The kinds of node.
#[derive(Debug)]
pub(super) enum Kind {
    /// Something that the language does not have; a problem says what.
    Invalid,
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<Node>),
    Object(Vec<Entry>),
}

/// An entry of a map, in the order of the file; names may repeat.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) value: Node,
}

/// A name in a map.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) plain: bool,
}

impl Node {
    /// The text of a string.
    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => text.as_str(),
            _ => None,
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }
}
