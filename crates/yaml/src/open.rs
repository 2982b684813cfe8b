use crate::node::{Node, NodeKind, Properties};
use crate::position::Mark;

/// A sequence or mapping whose end has not been read yet.
pub(crate) struct Open<'t> {
    pub(crate) form: Form,
    /// Where its content begins.
    pub(crate) content: Mark,
    /// Whether the key was read without a key token: then it has no value.
    pub(crate) is_bare_key: bool,
    /// The key that waits for its value.
    key: Option<Node<'t>>,
    /// What has been read. Its span is empty.
    node: Node<'t>,
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

impl<'t> Open<'t> {
    /// Opens a node that begins at `start`, with its properties if it has any.
    pub(crate) fn new(
        form: Form,
        start: Mark,
        content: Mark,
        properties: Option<Box<Properties<'t>>>,
    ) -> Self {
        let kind = match form {
            Form::BlockMapping | Form::FlowPair | Form::FlowMapping => NodeKind::Mapping(vec![]),
            _ => NodeKind::Sequence(vec![]),
        };
        let node = Node {
            kind,
            properties,
            flow: matches!(
                form,
                Form::FlowSequence | Form::FlowPair | Form::FlowMapping
            ),
            start: start.packed(),
            span: content.byte..content.byte,
        };
        Self {
            form,
            content,
            is_bare_key: false,
            key: None,
            node,
        }
    }

    pub(crate) fn add(&mut self, node: Node<'t>) {
        match (&mut self.node.kind, self.key.take()) {
            (NodeKind::Sequence(items), _) => items.push(node),
            (NodeKind::Mapping(entries), Some(key)) => entries.push((key, node)),
            _ => self.key = Some(node),
        }
    }

    pub(crate) fn expects_key(&self) -> bool {
        matches!(self.node.kind, NodeKind::Mapping(_)) && self.key.is_none()
    }

    /// Whether it has no item, or no entry with key and value.
    pub(crate) fn is_empty(&self) -> bool {
        self.node.items().is_empty() && self.node.entries().is_empty()
    }

    /// The node, whose content ends at the byte `end`.
    pub(crate) fn close(mut self, end: usize) -> Node<'t> {
        self.node.span.end = end;
        // A large tree takes half the memory.
        match &mut self.node.kind {
            NodeKind::Sequence(items) => items.shrink_to_fit(),
            NodeKind::Mapping(entries) => entries.shrink_to_fit(),
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
        }
        self.node
    }
}
