use crate::node::{Node, NodeKind, Properties};
use crate::position::Mark;

/// A sequence or mapping whose end has not been read yet.
pub(crate) struct Open {
    pub(crate) form: Form,
    /// Where the node begins: at its properties, if it has any.
    pub(crate) start: Mark,
    /// Where its content begins.
    pub(crate) content: Mark,
    pub(crate) properties: Option<Box<Properties>>,
    /// Whether nothing of its content has been read yet.
    pub(crate) is_first: bool,
    /// Whether the key was read without a key token: then it has no value.
    pub(crate) is_bare_key: bool,
    children: Children,
}

/// The grammar of a sequence or mapping.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Form {
    BlockSequence,
    /// A block sequence in line with the keys of the mapping that it is a value of.
    IndentlessSequence,
    BlockMapping,
    FlowSequence,
    /// The mapping `a: b` in `[a: b]`.
    FlowPair,
    FlowMapping,
}

enum Children {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<(Node, Node)>,
        /// The key that waits for its value.
        key: Option<Node>,
    },
}

impl Open {
    pub(crate) fn new(
        form: Form,
        start: Mark,
        content: Mark,
        properties: Option<Box<Properties>>,
    ) -> Self {
        let children = match form {
            Form::BlockSequence | Form::IndentlessSequence | Form::FlowSequence => {
                Children::Sequence(Vec::new())
            }
            Form::BlockMapping | Form::FlowPair | Form::FlowMapping => Children::Mapping {
                entries: Vec::new(),
                key: None,
            },
        };
        Self {
            form,
            start,
            content,
            properties,
            is_first: true,
            is_bare_key: false,
            children,
        }
    }

    pub(crate) fn add(&mut self, node: Node) {
        match &mut self.children {
            Children::Sequence(items) => items.push(node),
            Children::Mapping { entries, key } => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }

    pub(crate) fn expects_key(&self) -> bool {
        matches!(self.children, Children::Mapping { key: None, .. })
    }

    /// Whether a pair has its key and its value.
    pub(crate) fn has_entry(&self) -> bool {
        matches!(&self.children, Children::Mapping { entries, .. } if !entries.is_empty())
    }

    /// The node, whose content ends at the byte `end`.
    pub(crate) fn close(self, end: usize) -> Node {
        let kind = match self.children {
            Children::Sequence(items) => NodeKind::Sequence(items),
            Children::Mapping { entries, .. } => NodeKind::Mapping(entries),
        };
        Node {
            kind,
            properties: self.properties,
            flow: matches!(
                self.form,
                Form::FlowSequence | Form::FlowPair | Form::FlowMapping
            ),
            start: self.start.position(),
            span: self.content.byte..end,
        }
    }
}
