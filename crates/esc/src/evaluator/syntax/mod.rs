//! The syntax of a definition: its YAML nodes, what they mean to ESC, and where they are.
//!
//! It knows lists, maps and scalars, but neither interpolation nor functions.

mod hints;
mod reader;

use std::ops::Range;

use esc_yaml::{Node, NodeKind, ScalarStyle};

use crate::yaml_scalar::{self, Scalar};
use crate::{Position, base64};

pub(super) use reader::{SyntaxTree, parse, parse_within};

/// A part of a definition. The end is the first position after it: `byte` is exact, but `line` and
/// `column` are what ESC reports. ESC adds the length of a scalar's value to the position where the
/// scalar begins, whatever its quotes and escapes, and ends a list or map with its last child, before
/// any closing bracket.
///
/// It is stored for each expression and each step of a reference, so in half the size of two positions:
/// definitions are shorter than 4 GB.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span {
    begin: [u32; 3],
    end: [u32; 3],
}

impl Span {
    pub(super) fn new(begin: Position, end: Position) -> Self {
        let pack = |Position { line, column, byte }| {
            [line, column, byte].map(|number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        let (begin, end) = (pack(begin), pack(end));
        Self { begin, end }
    }

    pub(super) fn begin(self) -> Position {
        let [line, column, byte] = self.begin.map(|number| number as usize);
        Position { line, column, byte }
    }

    pub(super) fn end(self) -> Position {
        let [line, column, byte] = self.end.map(|number| number as usize);
        Position { line, column, byte }
    }

    pub(super) fn bytes(self) -> Range<usize> {
        self.begin().byte..self.end().byte
    }
}

/// Where a node is.
pub(super) fn span(node: &Node<'_>) -> Span {
    let begin = position(node.start());
    let last_item = node.items().last();
    let last_child = last_item.or_else(|| Some(&node.entries().last()?.1));
    let end = match (&node.kind, last_child) {
        (_, Some(last)) => span(last).end(),
        (NodeKind::Scalar { value, style }, _) => {
            let (lines, length) = match (style, tag(node)) {
                (ScalarStyle::Literal, None) => {
                    let last_line = value.rsplit('\n').next().unwrap_or_default();
                    (value.matches('\n').count(), last_line.len())
                }
                (ScalarStyle::Plain, Some(tag)) => (0, tag.len() + " ".len() + value.len()),
                _ => (0, value.len()),
            };
            Position {
                line: begin.line + lines,
                column: begin.column + length,
                byte: node.span.end.max(begin.byte),
            }
        }
        // ESC counts the name without its `*`.
        (NodeKind::Alias(name), _) => Position {
            line: begin.line,
            column: begin.column + name.len(),
            byte: node.span.end,
        },
        // An empty list or map ends after its opening bracket, but ESC does not count that column.
        (NodeKind::Sequence(_) | NodeKind::Mapping(_), None) => Position {
            byte: node.span.start + 1,
            ..begin
        },
    };
    Span::new(begin, end)
}

fn position(position: esc_yaml::Position) -> Position {
    let esc_yaml::Position { line, column, byte } = position;
    Position { line, column, byte }
}

/// The tag of a node. yaml.v3 ignores a lone `!`.
fn tag<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    node.tag().filter(|tag| *tag != "!")
}

/// Whether a node is a scalar without quotes or tag. Only in these does ESC report positions within
/// the text.
pub(super) fn is_plain(node: &Node<'_>) -> bool {
    let is_unquoted =
        matches!(&node.kind, NodeKind::Scalar { style, .. } if *style == ScalarStyle::Plain);
    is_unquoted && tag(node).is_none()
}

/// Whether a node is a string.
pub(super) fn is_text(node: &Node<'_>) -> bool {
    resolve(node) == Some(Scalar::Text)
}

/// The name that a key is. Keys that are not strings make a definition invalid.
pub(super) fn name<'n>(key: &'n Node<'_>) -> &'n str {
    key.as_str().unwrap_or_default()
}

/// Resolves a scalar. Returns `None` for other nodes. A scalar that is not what its tag says is a
/// text.
pub(super) fn resolve(node: &Node<'_>) -> Option<Scalar> {
    let value = node.as_str()?;
    Some(match tag(node) {
        Some(tag) => resolve_tagged(value, tag).unwrap_or(Scalar::Text),
        None if is_plain(node) => yaml_scalar::resolve(value),
        None => Scalar::Text,
    })
}

/// Resolves a scalar with a tag. One of YAML's own tags requires a value of its type; others mean
/// nothing to ESC. Returns `None` for a value of another type.
fn resolve_tagged(value: &str, tag: &str) -> Option<Scalar> {
    let found = yaml_scalar::tag_of(value);
    let (matches, scalar) = match tag {
        "!!float" if found == "!!int" => {
            let exceeds_i64 = value.parse::<u64>().is_ok() && value.parse::<i64>().is_err();
            (
                !exceeds_i64,
                yaml_scalar::as_float(yaml_scalar::resolve(value)),
            )
        }
        "!!null" | "!!bool" | "!!int" | "!!float" => (found == tag, yaml_scalar::resolve(value)),
        "!!binary" => (base64::decode(value.as_bytes()).is_ok(), Scalar::Text),
        "!!timestamp" => {
            let is_timestamp = found == "!!str" && yaml_scalar::is_timestamp(value);
            (is_timestamp, Scalar::Text)
        }
        _ => (true, Scalar::Text),
    };
    matches.then_some(scalar)
}
