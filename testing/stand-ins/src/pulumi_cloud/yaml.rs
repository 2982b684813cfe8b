//! Definitions as YAML with positions, for what the service shows of a definition and for the secrets
//! in it. What a definition means is up to the evaluator.

use esc_yaml::{Limits, NodeKind, ScalarStyle};

/// Deeper definitions are not valid.
const MAX_DEPTH: usize = 200;

/// A position: line and column from 1, byte from 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) byte: usize,
}

/// A node and its position.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) begin: Place,
    pub(super) end: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A scalar, and whether it is written without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of the first entry with this key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let mut entries = self.entries().iter();
        let (_, value) = entries.find(|(name, _)| name.text() == Some(key))?;
        Some(value)
    }
}

/// Reads the first document; `None` if there is none or the text is not valid.
pub(super) fn parse(text: &str) -> Option<Node> {
    let limits = Limits {
        max_depth: MAX_DEPTH,
        ..Limits::default()
    };
    let root = esc_yaml::parse(text, &limits).ok()??;
    Some(convert(&root, text))
}

fn convert(node: &esc_yaml::Node<'_>, text: &str) -> Node {
    let kind = match &node.kind {
        NodeKind::Scalar { value, style } => {
            Kind::Scalar(value.to_string(), *style == ScalarStyle::Plain)
        }
        NodeKind::Alias(name) => Kind::Scalar((*name).to_owned(), true),
        NodeKind::Sequence(items) => {
            Kind::List(items.iter().map(|item| convert(item, text)).collect())
        }
        NodeKind::Mapping(entries) => {
            let convert = |(key, value): &_| (convert(key, text), convert(value, text));
            Kind::Map(entries.iter().map(convert).collect())
        }
    };
    let start = node.start();
    let end = node.span.end.max(start.byte);
    let content = &text[start.byte..end];
    let lines = content.matches('\n').count();
    let last_line = content.rsplit('\n').next().unwrap_or_default();
    let first_column = if lines == 0 { start.column } else { 1 };
    Node {
        kind,
        begin: Place {
            line: start.line,
            column: start.column,
            byte: start.byte,
        },
        end: Place {
            line: start.line + lines,
            column: first_column + last_line.chars().count(),
            byte: end,
        },
    }
}
