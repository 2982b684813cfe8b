//! Builds the tree from tokens, without recursion: the collections that are open are on a stack.

mod block;
mod directives;
mod flow;
#[cfg(test)]
mod linearity;
mod properties;

use std::collections::{HashMap, HashSet};
use std::mem;

use crate::content::Content;
use crate::error::{Error, ErrorKind};
use crate::limits::{Limits, YAML_V3_DEPTH};
use crate::node::{Node, NodeKind, Properties, ScalarStyle};
use crate::open::{Form, Open};
use crate::position::Mark;
use crate::scanner::{Scanner, Token, TokenKind};

pub(crate) struct Parser<'t> {
    scanner: Scanner<'t>,
    limits: Limits,
    /// How many nodes have been read.
    nodes: usize,
    anchors: HashSet<&'t str>,
    /// What the handles of `%TAG` directives stand for.
    tag_prefixes: HashMap<&'t str, Content<'t>>,
    open: Vec<Open<'t>>,
    root: Option<Node<'t>>,
    /// The byte where the last token ends that is written in the text.
    last_end: usize,
}

/// Where a node is expected.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Context {
    Block,
    /// A key or value of a block mapping, which may be a sequence that is not indented.
    BlockMapping,
    Flow,
}

impl<'t> Parser<'t> {
    pub(crate) fn new(text: &'t str, limits: &Limits) -> Self {
        Self {
            scanner: Scanner::new(text),
            limits: *limits,
            nodes: 0,
            anchors: HashSet::new(),
            tag_prefixes: HashMap::new(),
            open: Vec::new(),
            root: None,
            last_end: 0,
        }
    }

    /// Reads the first document.
    pub(crate) fn document(&mut self) -> Result<Option<Node<'t>>, Error> {
        if matches!(self.peek()?.kind, TokenKind::StreamEnd) {
            return Ok(None);
        }
        let is_explicit = self.document_start()?;
        let kind = &self.peek()?.kind;
        let ends = matches!(kind, TokenKind::DocumentEnd | TokenKind::StreamEnd);
        if is_explicit && (ends || kind.begins_document()) {
            self.empty_here()?;
        } else {
            self.node(Context::Block)?;
        }
        while let Some(open) = self.open.last() {
            match open.form {
                Form::BlockSequence => self.block_sequence(true),
                Form::IndentlessSequence => self.block_sequence(false),
                Form::BlockMapping => self.block_mapping(),
                Form::FlowSequence => self.flow_sequence(),
                Form::FlowPair => self.flow_pair(),
                Form::FlowMapping => self.flow_mapping(),
            }?;
        }
        // yaml.v3 looks for the end of the document, and reports errors that it finds there.
        self.peek()?;
        Ok(self.root.take())
    }

    fn peek(&mut self) -> Result<&mut Token<'t>, Error> {
        self.scanner.peek()
    }

    /// Drops the next token. Returns where it begins and ends.
    fn skip(&mut self) -> Result<(Mark, Mark), Error> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if let TokenKind::Scalar { content_end, .. } = token.kind {
            self.last_end = content_end;
        } else if end.byte > start.byte {
            self.last_end = end.byte;
        }
        self.scanner.skip();
        Ok((start, end))
    }

    /// Reads a node, or the beginning of one that has children.
    fn node(&mut self, context: Context) -> Result<(), Error> {
        if let TokenKind::Alias(name) = self.peek()?.kind {
            return self.alias(name);
        }
        let (start, properties) = self.properties()?;
        let is_block = context != Context::Flow;
        let token = self.peek()?;
        let mark = token.start;
        let form = match &token.kind {
            TokenKind::Scalar { .. } => return self.scalar(start, properties),
            TokenKind::BlockEntry { .. } if context == Context::BlockMapping => {
                Form::IndentlessSequence
            }
            TokenKind::BlockSequenceStart if is_block => Form::BlockSequence,
            TokenKind::BlockMappingStart if is_block => Form::BlockMapping,
            TokenKind::FlowSequenceStart => Form::FlowSequence,
            TokenKind::FlowMappingStart => Form::FlowMapping,
            _ if properties.is_some() => return self.empty(start, properties),
            _ => {
                let message = "did not find expected node content";
                return Err(Error::parser(message, start, mark));
            }
        };
        if form != Form::IndentlessSequence {
            self.skip()?;
        }
        self.open(form, start, mark, properties)
    }

    fn alias(&mut self, name: &'t str) -> Result<(), Error> {
        let (start, _) = self.skip()?;
        if !self.anchors.contains(name) {
            return Err(Error::unknown_anchor(name, start));
        }
        self.add(NodeKind::Alias(name), start, None, start.byte)
    }

    fn scalar(
        &mut self,
        start: Mark,
        properties: Option<Box<Properties<'t>>>,
    ) -> Result<(), Error> {
        let TokenKind::Scalar { value, style, .. } = &mut self.peek()?.kind else {
            return Ok(());
        };
        let (value, style) = (mem::take(value), *style);
        let (content, _) = self.skip()?;
        let limit = self.limits.max_key_bytes;
        if self.expects_key() && value.len() > limit {
            let message = format!("a key is longer than {limit} bytes");
            return Err(Error::limit(ErrorKind::KeyTooLong, message, content));
        }
        let kind = NodeKind::Scalar { value, style };
        self.add(kind, start, properties, content.byte)
    }

    /// Adds a scalar that is not written, at the next token.
    fn empty_here(&mut self) -> Result<(), Error> {
        let start = self.peek()?.start;
        self.empty(start, None)
    }

    /// Adds a scalar that is not written.
    fn empty(&mut self, start: Mark, properties: Option<Box<Properties<'t>>>) -> Result<(), Error> {
        let kind = NodeKind::Scalar {
            value: Content::default(),
            style: ScalarStyle::Plain,
        };
        self.add(kind, start, properties, self.last_end)
    }

    /// Adds a node without children, whose content reaches from the byte `content` to the last token.
    fn add(
        &mut self,
        kind: NodeKind<'t>,
        start: Mark,
        properties: Option<Box<Properties<'t>>>,
        content: usize,
    ) -> Result<(), Error> {
        self.count(start)?;
        self.attach(Node {
            kind,
            properties,
            flow: false,
            start: start.packed(),
            span: content..self.last_end,
        });
        Ok(())
    }

    /// Whether the innermost collection is a mapping that waits for a key.
    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(Open::expects_key)
    }

    fn attach(&mut self, node: Node<'t>) {
        match self.open.last_mut() {
            Some(open) => open.add(node),
            None => self.root = Some(node),
        }
    }

    fn open(
        &mut self,
        form: Form,
        start: Mark,
        content: Mark,
        properties: Option<Box<Properties<'t>>>,
    ) -> Result<(), Error> {
        let limit = self.limits.max_depth;
        if limit < YAML_V3_DEPTH && self.open.len() >= limit {
            let message = format!("exceeded max depth of {limit}");
            return Err(Error::limit(ErrorKind::TooDeep, message, start));
        }
        self.count(start)?;
        self.open.push(Open::new(form, start, content, properties));
        Ok(())
    }

    /// Takes the token that ends the innermost collection.
    fn take_end(&mut self) -> Result<(), Error> {
        self.skip()?;
        self.close();
        Ok(())
    }

    /// Closes the innermost collection.
    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            let node = open.close(self.last_end);
            self.attach(node);
        }
    }

    fn count(&mut self, start: Mark) -> Result<(), Error> {
        let limit = self.limits.max_nodes;
        if self.nodes >= limit {
            let message = format!("exceeded max number of nodes of {limit}");
            return Err(Error::limit(ErrorKind::TooManyNodes, message, start));
        }
        self.nodes += 1;
        Ok(())
    }

    /// An error in the innermost collection.
    fn error(&mut self, message: &'static str) -> Result<(), Error> {
        let context = self.open.last().map_or(Mark::default(), |it| it.content);
        let problem = self.peek()?.start;
        Err(Error::parser(message, context, problem))
    }
}
