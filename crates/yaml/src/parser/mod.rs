//! Builds the tree from tokens, without recursion: the collections that are open are on a stack.

mod block;
mod directives;
mod flow;
#[cfg(test)]
mod linearity;
mod properties;

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::node::{Node, NodeKind, Properties, ScalarStyle};
use crate::open::{Form, Open};
use crate::position::{Mark, Position};
use crate::scanner::{Scanner, Token, TokenKind};

pub(crate) struct Parser<'t> {
    scanner: Scanner<'t>,
    limits: Limits,
    /// How many nodes have been read.
    nodes: usize,
    anchors: HashSet<&'t str>,
    /// What the handles of `%TAG` directives stand for.
    tag_prefixes: HashMap<&'t str, Zeroizing<String>>,
    open: Vec<Open>,
    root: Option<Node>,
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
    pub(crate) fn document(&mut self) -> Result<Option<Node>, Error> {
        if matches!(self.peek()?.kind, TokenKind::StreamEnd) {
            return Ok(None);
        }
        let is_explicit = self.document_start()?;
        let token = self.peek()?;
        let is_empty = is_explicit && token.kind.is_between_documents();
        if is_empty {
            let mark = token.start;
            self.empty(mark)?;
        } else {
            self.node(Context::Block)?;
        }
        while let Some(open) = self.open.last() {
            match open.form {
                Form::BlockSequence => self.block_sequence(),
                Form::IndentlessSequence => self.indentless_sequence(),
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

    fn peek(&mut self) -> Result<&Token<'t>, Error> {
        self.scanner.peek()
    }

    fn take(&mut self) -> Result<Token<'t>, Error> {
        let token = self.scanner.next()?;
        if let TokenKind::Scalar { content_end, .. } = token.kind {
            self.last_end = content_end;
        } else if token.end.byte > token.start.byte {
            self.last_end = token.end.byte;
        }
        Ok(token)
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
            _ if properties.is_some() => return self.add_empty(start, properties),
            _ => {
                let message = "did not find expected node content";
                return Err(Error::parser(message, start, mark));
            }
        };
        if form != Form::IndentlessSequence {
            self.take()?;
        }
        self.open(Open::new(form, start, mark, properties))
    }

    fn alias(&mut self, name: &'t str) -> Result<(), Error> {
        let token = self.take()?;
        if !self.anchors.contains(name) {
            return Err(Error::unknown_anchor(name, token.start));
        }
        self.add(Node {
            kind: NodeKind::Alias(Zeroizing::new(name.to_owned())),
            properties: None,
            flow: false,
            start: token.start.position(),
            span: token.start.byte..token.end.byte,
        })
    }

    fn scalar(&mut self, start: Mark, properties: Option<Box<Properties>>) -> Result<(), Error> {
        let token = self.take()?;
        let TokenKind::Scalar { value, style, .. } = token.kind else {
            return Ok(());
        };
        let limit = self.limits.max_key_bytes;
        if self.expects_key() && value.len() > limit {
            let message = format!("a key is longer than {limit} bytes");
            return Err(Error::limit(
                ErrorKind::KeyTooLong,
                message,
                token.start.position(),
            ));
        }
        self.add(Node {
            kind: NodeKind::Scalar { value, style },
            properties,
            flow: false,
            start: start.position(),
            span: token.start.byte..self.last_end,
        })
    }

    /// Adds a scalar that is not written.
    fn empty(&mut self, mark: Mark) -> Result<(), Error> {
        self.add_empty(mark, None)
    }

    fn add_empty(&mut self, start: Mark, properties: Option<Box<Properties>>) -> Result<(), Error> {
        let kind = NodeKind::Scalar {
            value: Zeroizing::default(),
            style: ScalarStyle::Plain,
        };
        self.add(Node {
            kind,
            properties,
            flow: false,
            start: start.position(),
            span: self.last_end..self.last_end,
        })
    }

    fn add(&mut self, node: Node) -> Result<(), Error> {
        self.count(node.start)?;
        self.attach(node);
        Ok(())
    }

    /// Whether the innermost collection is a mapping that waits for a key.
    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(Open::expects_key)
    }

    fn attach(&mut self, node: Node) {
        match self.open.last_mut() {
            Some(open) => open.add(node),
            None => self.root = Some(node),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), Error> {
        let limit = self.limits.max_depth;
        if limit < Limits::YAML_V3_DEPTH && self.open.len() >= limit {
            let message = format!("exceeded max depth of {limit}");
            return Err(Error::limit(
                ErrorKind::TooDeep,
                message,
                open.start.position(),
            ));
        }
        self.count(open.start.position())?;
        self.open.push(open);
        Ok(())
    }

    /// Closes the innermost collection.
    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            let node = open.close(self.last_end);
            self.attach(node);
        }
    }

    fn count(&mut self, position: Position) -> Result<(), Error> {
        let limit = self.limits.max_nodes;
        if self.nodes >= limit {
            let message = format!("exceeded max number of nodes of {limit}");
            return Err(Error::limit(ErrorKind::TooManyNodes, message, position));
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
