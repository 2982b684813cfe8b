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
                let start = self.take()?.start;
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
        let expects_key = self.expects_key();
        let is_key_missing = matches!(
            self.peek()?.kind,
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd
        );
        match (expects_key, is_key_missing) {
            (true, false) => self.node(Context::Flow),
            (true, true) => {
                // yaml.v3 drops the token, whichever it is, and so rejects such a pair.
                let mark = self.take()?.end;
                self.empty(mark, None)
            }
            (false, _) => self.flow_value(),
        }
    }

    /// Reads the next key or value of a flow mapping, or its end.
    pub(super) fn flow_mapping(&mut self) -> Result<(), Error> {
        if !self.expects_key() {
            let is_bare = self.open.last().is_some_and(|it| it.is_bare_key);
            if is_bare {
                let mark = self.peek()?.start;
                return self.empty(mark, None);
            }
            return self.flow_value();
        }
        if matches!(self.peek()?.kind, TokenKind::FlowMappingEnd) {
            return self.take_end();
        }
        self.separator("did not find expected ',' or '}'")?;
        let is_bare_key = match self.peek()?.kind {
            TokenKind::FlowMappingEnd => return Ok(()),
            TokenKind::Key => {
                self.take()?;
                false
            }
            _ => true,
        };
        if let Some(open) = self.open.last_mut() {
            open.is_bare_key = is_bare_key;
        }
        let token = self.peek()?;
        match token.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd if !is_bare_key => {
                let mark = token.start;
                self.empty(mark, None)
            }
            _ => self.node(Context::Flow),
        }
    }

    /// Reads a value, which is empty without a `:`.
    fn flow_value(&mut self) -> Result<(), Error> {
        let token = self.peek()?;
        let indicator = token.start;
        if !matches!(token.kind, TokenKind::Value) {
            return self.empty(indicator, None);
        }
        self.take()?;
        let is_pair = self.open.last().is_some_and(|it| it.form == Form::FlowPair);
        let token = self.peek()?;
        let next = token.start;
        match (&token.kind, is_pair) {
            (TokenKind::FlowEntry | TokenKind::FlowSequenceEnd, true) => {
                self.empty(indicator, None)
            }
            (TokenKind::FlowEntry | TokenKind::FlowMappingEnd, false) => self.empty(next, None),
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
        self.take()?;
        Ok(())
    }
}
