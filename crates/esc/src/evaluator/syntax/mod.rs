//! The syntax tree of a definition: what the YAML says, and where.
//!
//! It knows lists, maps and resolved scalars, but neither interpolation nor functions. Only
//! [`reader`] uses the YAML reader.

mod reader;

use crate::text::Text;
use crate::{Number, Position};

#[cfg(test)]
pub(super) use reader::parse;
pub(super) use reader::parse_within;

/// A part of a definition. The end is the first position after it: `byte` is exact, but `line` and
/// `column` are what ESC reports. ESC adds the length of a scalar's value to the position where the
/// scalar begins, whatever its quotes and escapes, and ends a list or map with its last child, before
/// any closing bracket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) begin: Position,
    pub(super) end: Position,
}

/// The result of reading a definition's text.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The first document of the stream; `None` if there is none or the text is not valid YAML.
    pub(super) root: Option<Node>,
    /// Errors in the text. The tree holds what could be read.
    pub(super) problems: Vec<Problem>,
    /// Keys and values that were read but are not part of the tree.
    pub(super) dropped: Vec<Span>,
    /// The number of keys and values.
    pub(super) nodes: usize,
    /// Whether the text is valid YAML.
    pub(super) readable: bool,
    /// Whether the text has no bytes.
    pub(super) is_empty: bool,
}

/// An error in the text.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Problem {
    pub(super) summary: String,
    pub(super) span: Span,
    /// The path of the node with the error; `None` if the text is not valid YAML.
    pub(super) path: Option<String>,
}

/// A value as it is written.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Whether it is a scalar without quotes or tag. Only in these does ESC report positions within
    /// the text.
    pub(super) plain: bool,
}

/// The kinds of [`Node`].
#[derive(Debug)]
pub(super) enum Kind {
    /// A YAML feature that ESC does not support. A [`Problem`] says which.
    Invalid,
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<Node>),
    Object(Vec<Entry>),
}

/// An entry of a map, in the order of the text. Keys may repeat.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) value: Node,
}

/// A key of a map.
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
