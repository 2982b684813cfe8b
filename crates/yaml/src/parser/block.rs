use crate::error::Error;
use crate::parser::{Context, Parser};
use crate::scanner::TokenKind;

impl Parser<'_> {
    /// Reads the next item of a block sequence, or its end.
    pub(super) fn block_sequence(&mut self) -> Result<(), Error> {
        match self.peek()?.kind {
            TokenKind::BlockEntry => {
                let mark = self.take()?.end;
                match self.peek()?.kind {
                    TokenKind::BlockEntry | TokenKind::BlockEnd => self.empty(mark),
                    _ => self.node(Context::Block),
                }
            }
            TokenKind::BlockEnd => self.block_end(),
            _ => self.error("did not find expected '-' indicator"),
        }
    }

    /// Reads the next item of a sequence that is not indented. What cannot be one ends it.
    pub(super) fn indentless_sequence(&mut self) -> Result<(), Error> {
        if !matches!(self.peek()?.kind, TokenKind::BlockEntry) {
            self.close();
            return Ok(());
        }
        let mark = self.take()?.end;
        match self.peek()?.kind {
            TokenKind::BlockEntry
            | TokenKind::Key
            | TokenKind::Value
            | TokenKind::BlockEnd => self.empty(mark),
            _ => self.node(Context::Block),
        }
    }

    /// Reads the next key or value of a block mapping, or its end.
    pub(super) fn block_mapping(&mut self) -> Result<(), Error> {
        let expects_key = self.expects_key();
        let token = self.peek()?;
        let mark = match (&token.kind, expects_key) {
            (TokenKind::Key, true) | (TokenKind::Value, false) => self.take()?.end,
            (TokenKind::BlockEnd, true) => return self.block_end(),
            (_, true) => return self.error("did not find expected key"),
            (_, false) => {
                let mark = token.start;
                return self.empty(mark);
            }
        };
        match self.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => self.empty(mark),
            _ => self.node(Context::BlockMapping),
        }
    }

    fn block_end(&mut self) -> Result<(), Error> {
        self.take()?;
        self.close();
        Ok(())
    }
}
