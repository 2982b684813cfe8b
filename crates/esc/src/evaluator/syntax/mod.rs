//! The syntax tree of a definition: what the YAML says, and where.
//!
//! It knows lists, maps and resolved scalars, but neither interpolation nor functions. Only
//! [`reader`] uses the YAML reader.

mod reader;

use std::rc::Rc;

use crate::text::Text;
use crate::{Number, Position};

pub(super) use reader::{parse, parse_within};

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
pub(super) struct SyntaxTree {
    /// The first document of the stream; `None` if there is none or the text is not valid YAML.
    pub(super) root: Option<SyntaxNode>,
    /// Errors in the text. The tree holds what could be read.
    pub(super) errors: Vec<SyntaxError>,
    /// Keys and values that were read but are not part of the tree.
    pub(super) dropped: Vec<Span>,
    /// The number of keys and values.
    pub(super) nodes: usize,
    /// Whether the text is valid YAML.
    pub(super) is_valid: bool,
    /// Whether the text has no bytes.
    pub(super) is_empty: bool,
}

/// An error in the text.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct SyntaxError {
    pub(super) summary: String,
    pub(super) span: Span,
    /// The path of the node with the error; `None` if the text is not valid YAML.
    pub(super) path: Option<String>,
}

/// A value as it is written.
#[derive(Debug)]
pub(super) struct SyntaxNode {
    pub(super) kind: SyntaxKind,
    pub(super) span: Span,
    /// Whether it is a scalar without quotes or tag. Only in these does ESC report positions within
    /// the text.
    pub(super) is_plain: bool,
}

/// The kinds of [`SyntaxNode`].
#[derive(Debug)]
pub(super) enum SyntaxKind {
    /// A YAML feature that ESC does not support. A [`SyntaxError`] says which.
    Invalid,
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<SyntaxNode>),
    Object(Vec<SyntaxEntry>),
}

/// An entry of a map, in the order of the text. Keys may repeat.
#[derive(Debug)]
pub(super) struct SyntaxEntry {
    pub(super) key: SyntaxKey,
    pub(super) value: SyntaxNode,
}

/// A key of a map.
#[derive(Debug)]
pub(super) struct SyntaxKey {
    pub(super) name: Rc<str>,
    pub(super) span: Span,
    pub(super) is_plain: bool,
}

impl SyntaxNode {
    /// The text of a string.
    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            SyntaxKind::Text(text) => text.as_str(),
            _ => None,
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> Option<&[SyntaxEntry]> {
        match &self.kind {
            SyntaxKind::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<&[SyntaxNode]> {
        match &self.kind {
            SyntaxKind::List(items) => Some(items),
            _ => None,
        }
    }
}
