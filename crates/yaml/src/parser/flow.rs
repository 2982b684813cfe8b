use crate::error::Error;
use crate::open::{Form, Open};
use crate::parser::{Context, Parser};
use crate::scanner::TokenKind;

impl Parser<'_> {
    /// Reads the next item of a flow sequence, or its end.
    pub(super) fn flow_sequence(&mut self) -> Result<(), Error> {
        if matches!(self.peek()?.kind, TokenKind::FlowSequenceEnd) {
            return self.take_end();
        }
        self.separator("did not find expected ',' or ']'")?;
        match self.peek()?.kind {
            TokenKind::FlowSequenceEnd => Ok(()),
            TokenKind::Key => {
                let (start, _) = self.skip()?;
                self.open(Form::FlowPair, start, start, None)
            }
            _ => self.node(Context::Flow),
        }
    }

    /// Reads the key or the value of a pair in a flow sequence, or closes it.
    pub(super) fn flow_pair(&mut self) -> Result<(), Error> {
        if self.open.last().is_some_and(|open| !open.is_empty()) {
            self.close();
            return Ok(());
        }
        if !self.expects_key() {
            return self.flow_value();
        }
        match self.peek()?.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                // yaml.v3 drops the token, whichever it is, and so rejects such a pair.
                let (_, mark) = self.skip()?;
                self.empty(mark, None)
            }
            _ => self.node(Context::Flow),
        }
    }

    /// Reads the next key or value of a flow mapping, or its end.
    pub(super) fn flow_mapping(&mut self) -> Result<(), Error> {
        if !self.expects_key() {
            return match self.open.last() {
                Some(open) if open.is_bare_key => self.empty_here(),
                _ => self.flow_value(),
            };
        }
        if matches!(self.peek()?.kind, TokenKind::FlowMappingEnd) {
            return self.take_end();
        }
        self.separator("did not find expected ',' or '}'")?;
        let is_bare_key = match self.peek()?.kind {
            TokenKind::FlowMappingEnd => return Ok(()),
            TokenKind::Key => {
                self.skip()?;
                false
            }
            _ => true,
        };
        if let Some(open) = self.open.last_mut() {
            open.is_bare_key = is_bare_key;
        }
        match self.peek()?.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd if !is_bare_key => {
                self.empty_here()
            }
            _ => self.node(Context::Flow),
        }
    }

    /// Reads a value, which is empty without a `:`.
    fn flow_value(&mut self) -> Result<(), Error> {
        if !matches!(self.peek()?.kind, TokenKind::Value) {
            return self.empty_here();
        }
        let (colon, _) = self.skip()?;
        let is_pair = self.open.last().is_some_and(|it| it.form == Form::FlowPair);
        match (&self.peek()?.kind, is_pair) {
            (TokenKind::FlowEntry | TokenKind::FlowSequenceEnd, true) => self.empty(colon, None),
            (TokenKind::FlowEntry | TokenKind::FlowMappingEnd, false) => self.empty_here(),
            _ => self.node(Context::Flow),
        }
    }

    /// Takes the comma between two items.
    fn separator(&mut self, message: &'static str) -> Result<(), Error> {
        if self.open.last().is_none_or(Open::is_empty) {
            return Ok(());
        }
        if !matches!(self.peek()?.kind, TokenKind::FlowEntry) {
            return self.error(message);
        }
        self.skip()?;
        Ok(())
    }
}
