//! The YAML tree that is edited: nodes with their bytes in the text, and aliases resolved.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use esc_yaml::{ErrorKind, Limits, NodeKind, ScalarStyle};
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::yaml_writer::is_plain_text;

/// The deepest nesting that is read, with aliases resolved.
const MAX_DEPTH: usize = 100;

/// The most nodes that are read, with aliases resolved.
const MAX_NODES: usize = 200_000;

/// A node. Two nodes are equal if they mean the same, whatever their style and position. The order of
/// keys matters.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// The bytes of the content: with quotes and brackets, without tag and anchor. An omitted value
    /// has no length.
    pub(crate) span: Range<usize>,
    /// Whether it is a list or map in brackets.
    pub(crate) flow: bool,
    tag: Option<String>,
    /// The number of nodes, including this one, with aliases resolved.
    size: usize,
    /// The levels of nesting, with aliases resolved.
    depth: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Scalar {
        text: String,
        /// Whether it is not in quotes, and may mean something else than this text.
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
    Alias(Rc<Node>),
}

/// A key of a mapping, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
}

impl Node {
    /// Creates a node that is in no text yet.
    pub(crate) fn new(value: &Json) -> Self {
        let scalar = |text: String, plain| Kind::Scalar { text, plain };
        Self::with_kind(match value {
            Json::String(text) => scalar(text.clone(), false),
            Json::Array(items) => Kind::Sequence(items.iter().map(Self::new).collect()),
            Json::Object(map) => {
                let entries = map.iter().map(|(key, value)| Entry::new(key, value));
                Kind::Mapping(entries.collect())
            }
            other => scalar(other.to_string(), true),
        })
    }

    fn with_kind(kind: Kind) -> Self {
        let mut node = Self {
            kind,
            span: 0..0,
            flow: false,
            tag: None,
            size: 1,
            depth: 1,
        };
        let mut add = |child: &Self| {
            node.size = node.size.saturating_add(child.size);
            node.depth = node.depth.max(child.depth + 1);
        };
        match &node.kind {
            Kind::Scalar { .. } => {}
            Kind::Sequence(items) => items.iter().for_each(add),
            Kind::Mapping(entries) => entries.iter().for_each(|entry| {
                add(&entry.key);
                add(&entry.value);
            }),
            Kind::Alias(target) => add(target),
        }
        node
    }

    /// The node that an alias refers to; any other node itself.
    pub(crate) fn resolved(&self) -> &Self {
        match &self.kind {
            Kind::Alias(target) => target.resolved(),
            _ => self,
        }
    }

    /// Whether it is `null`, `~`, or omitted.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.resolved().kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.resolved().kind, Kind::Mapping(_))
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.resolved().kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Whether it is the boolean `true`, as in the JSON that kubectl converts a kubeconfig to.
    pub(crate) fn is_true(&self) -> bool {
        matches!(&self.resolved().kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "true" | "True" | "TRUE"))
    }

    /// The value in JSON. Keys that are not text are left out.
    pub(crate) fn to_json(&self) -> Json {
        match &self.resolved().kind {
            Kind::Scalar { .. } if self.is_null() => Json::Null,
            Kind::Scalar { .. } if self.is_true() => Json::Bool(true),
            Kind::Scalar { text, plain: true } => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str()))
            }
            Kind::Scalar { text, .. } => Json::from(text.as_str()),
            Kind::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Kind::Mapping(entries) => entries
                .iter()
                .filter_map(|Entry { key, value }| Some((key.text()?.to_owned(), value.to_json())))
                .collect(),
            // An alias is resolved to its target.
            Kind::Alias(target) => target.to_json(),
        }
    }

    /// The entries of a mapping; none for other nodes.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.resolved().kind {
            Kind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence; none for other nodes.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.resolved().kind {
            Kind::Sequence(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.has_key(key))
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Whether it means `value`. The order of keys does not matter.
    pub(crate) fn means(&self, value: &Json) -> bool {
        let node = self.resolved();
        match (&node.kind, value) {
            (Kind::Sequence(items), Json::Array(values)) => {
                let mut pairs = items.iter().zip(values);
                items.len() == values.len() && pairs.all(|(item, value)| item.means(value))
            }
            (Kind::Mapping(entries), Json::Object(values)) => {
                let has = |(key, value): (&String, &Json)| {
                    node.get(key).is_some_and(|found| found.means(value))
                };
                entries.len() == values.len() && values.iter().all(has)
            }
            (Kind::Scalar { .. }, Json::Null) => node.is_null(),
            (Kind::Scalar { .. }, _) => *node == Self::new(value),
            _ => false,
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.resolved(), other.resolved());
        one.tag == other.tag && one.kind == other.kind
    }
}

impl Entry {
    pub(crate) fn new(key: &str, value: &Json) -> Self {
        Self {
            key: Node::new(&Json::from(key)),
            value: Node::new(value),
        }
    }

    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.key.text() == Some(key)
    }
}

/// Reads the first document; `None` if there is none.
pub(crate) fn parse(text: &str) -> Result<Option<Node>> {
    let limits = Limits {
        max_depth: MAX_DEPTH,
        max_nodes: MAX_NODES,
        ..Limits::default()
    };
    let root = esc_yaml::parse(text, &limits).map_err(|error| {
        // This message quotes the name, which may be an unquoted password.
        let is_alias = error.kind == ErrorKind::UnknownAnchor;
        let reason = is_alias.then_some("unknown anchor");
        Error::unreadable(reason.unwrap_or(&error.message), error.position.line)
    })?;
    root.map(|root| Anchors::default().resolve(root))
        .transpose()
}

/// The nodes by anchor; `None` while the anchor's own node is being read.
#[derive(Default)]
struct Anchors(HashMap<String, Option<Rc<Node>>>);

impl Anchors {
    /// Replaces the names in aliases by the nodes. The recursion is limited by [`MAX_DEPTH`].
    fn resolve(&mut self, node: esc_yaml::Node<'_>) -> Result<Node> {
        let (span, flow, line) = (node.span.clone(), node.flow, node.start().line);
        let tag = node.tag().map(str::to_owned);
        let anchor = node.anchor().map(str::to_owned);
        if let Some(anchor) = &anchor {
            self.0.insert(anchor.clone(), None);
        }
        let kind = match node.into_kind() {
            NodeKind::Scalar { value, style } => Kind::Scalar {
                text: value.to_string(),
                plain: style == ScalarStyle::Plain && !is_plain_text(&value),
            },
            NodeKind::Sequence(items) => {
                let items = items.into_iter().map(|item| self.resolve(item));
                Kind::Sequence(items.collect::<Result<_>>()?)
            }
            NodeKind::Mapping(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let (key, value) = (self.resolve(key)?, self.resolve(value)?);
                    Ok(Entry { key, value })
                });
                Kind::Mapping(entries.collect::<Result<_>>()?)
            }
            NodeKind::Alias(name) => match self.0.get(name) {
                Some(Some(target)) => Kind::Alias(Rc::clone(target)),
                _ => return Err(Error::unreadable("an anchor contains itself", line)),
            },
        };
        let node = Node {
            span,
            flow,
            tag,
            ..Node::with_kind(kind)
        };
        if node.size > MAX_NODES || node.depth > MAX_DEPTH {
            let reason = "it is too large or too deeply nested";
            return Err(Error::unreadable(reason, line));
        }
        if let Some(anchor) = anchor {
            self.0.insert(anchor, Some(Rc::new(node.clone())));
        }
        Ok(node)
    }
}

#[cfg(test)]
mod tests;
