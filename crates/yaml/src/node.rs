use std::fmt;
use std::mem;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::content::Content;
use crate::position::{PackedPosition, Position};

/// A node of the tree.
pub struct Node<'t> {
    /// What the node is.
    pub kind: NodeKind<'t>,
    /// The tag and the anchor, if there is one.
    pub properties: Option<Box<Properties<'t>>>,
    /// Whether a sequence or mapping is in flow style: `[a]`, `{a: b}`, or the `a: b` in `[a: b]`.
    pub flow: bool,
    /// [`Self::start`], in half its size.
    pub(crate) start: PackedPosition,
    /// The bytes of the content: with quotes and brackets, without properties. A block sequence
    /// begins with its first `-`; it and a block mapping end with the content of their last child.
    /// A block scalar is its header and all lines up to the last that is not blank, without that
    /// line's break. An empty node has an empty range where its content would stand.
    pub span: Range<usize>,
}

/// The kinds of [`Node`].
pub enum NodeKind<'t> {
    /// A scalar.
    Scalar {
        /// The text that it means. Not resolved: `null`, `1` and `true` are texts too.
        value: Content<'t>,
        /// How it is written.
        style: ScalarStyle,
    },
    /// A sequence.
    Sequence(Vec<Node<'t>>),
    /// A mapping: keys and values in the order of the text. Keys may repeat.
    Mapping(Vec<(Node<'t>, Node<'t>)>),
    /// An alias: the name of an anchor that is defined before it or around it.
    Alias(&'t str),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ScalarStyle {
    /// Without quotes, or not at all.
    Plain,
    /// `'in single quotes'`
    SingleQuoted,
    /// `"in double quotes"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The properties of a node.
pub struct Properties<'t> {
    /// The tag, as yaml.v3 shows it: `!!str` for YAML's own tags, others in full. A lone `!`, which
    /// yaml.v3 does not count as a tag, is `!`.
    pub tag: Option<Zeroizing<String>>,
    /// The anchor, without `&`.
    pub anchor: Option<&'t str>,
    /// The bytes of the tag and the anchor, and what is between them.
    pub span: Range<usize>,
}

impl<'t> Node<'t> {
    /// Where yaml.v3 says that the node is: its properties, if it has any. An empty value is right
    /// after its `:` or `-`; one without either is at the next token. Wrong beyond 4 GB of text.
    #[must_use]
    pub fn start(&self) -> Position {
        self.start.unpacked()
    }

    /// The tag, as yaml.v3 shows it; `!` for a lone `!`.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.properties
            .as_ref()?
            .tag
            .as_ref()
            .map(|tag| tag.as_str())
    }

    /// The name of the anchor.
    #[must_use]
    pub fn anchor(&self) -> Option<&str> {
        self.properties.as_ref()?.anchor
    }

    /// The text of a scalar.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The items of a sequence; none for other nodes.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            NodeKind::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The keys and values of a mapping; none for other nodes.
    #[must_use]
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.kind {
            NodeKind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The value of the first entry whose key is the scalar `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().iter();
        let (_, value) = entries.find(|(name, _)| name.as_str() == Some(key))?;
        Some(value)
    }

    /// Takes the content out of the node.
    #[must_use]
    pub fn into_kind(mut self) -> NodeKind<'t> {
        mem::replace(&mut self.kind, NodeKind::Sequence(Vec::new()))
    }
}

impl Drop for Node<'_> {
    /// Drops the tree without recursion: it can be deeper than the stack allows.
    fn drop(&mut self) {
        let mut pending = Vec::new();
        move_collections(&mut self.kind, &mut pending);
        while let Some(mut kind) = pending.pop() {
            move_collections(&mut kind, &mut pending);
        }
    }
}

/// Moves what the children of a node hold to `pending`, unless they have no children.
fn move_collections<'t>(kind: &mut NodeKind<'t>, pending: &mut Vec<NodeKind<'t>>) {
    let mut take = |node: &mut Node<'t>| {
        if !node.items().is_empty() || !node.entries().is_empty() {
            pending.push(mem::replace(&mut node.kind, NodeKind::Sequence(Vec::new())));
        }
    };
    match kind {
        NodeKind::Sequence(items) => items.iter_mut().for_each(take),
        NodeKind::Mapping(entries) => entries.iter_mut().for_each(|(key, value)| {
            take(key);
            take(value);
        }),
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

impl fmt::Debug for Node<'_> {
    /// Writes the place. Neither the text, which may be secret, nor the children, which may nest deep.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column, .. } = self.start();
        write!(f, "node at {line}:{column}")
    }
}
