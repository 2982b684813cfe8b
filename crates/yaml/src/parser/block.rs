use crate::error::Error;
use crate::parser::{Context, Parser};
use crate::scanner::TokenKind;

impl Parser<'_> {
    /// Reads the next item of a block sequence, or its end. A sequence that is not indented ends
    /// before whatever is no item.
    pub(super) fn block_sequence(&mut self, is_indented: bool) -> Result<(), Error> {
        let after_comment = match self.peek()?.kind {
            TokenKind::BlockEntry { after_comment } => after_comment,
            _ if !is_indented => {
                self.close();
                return Ok(());
            }
            TokenKind::BlockEnd => return self.take_end(),
            _ => return self.error("did not find expected '-' indicator"),
        };
        let (_, mark) = self.skip()?;
        // yaml.v3 looks here whether the comment belongs to a nested sequence. If that fails, it
        // goes on behind the error, and reports it unless it finds another one in the item.
        let error = after_comment.then(|| self.peek().err()).flatten();
        match self.peek()?.kind {
            TokenKind::BlockEntry { .. } | TokenKind::BlockEnd => self.empty(mark, None)?,
            TokenKind::Key | TokenKind::Value if !is_indented => self.empty(mark, None)?,
            _ => self.node(Context::Block)?,
        }
        error.map_or(Ok(()), Err)
    }

    /// Reads the next key or value of a block mapping, or its end.
    pub(super) fn block_mapping(&mut self) -> Result<(), Error> {
        let expects_key = self.expects_key();
        let (_, mark) = match (&self.peek()?.kind, expects_key) {
            (TokenKind::Key, true) | (TokenKind::Value, false) => self.skip()?,
            (TokenKind::BlockEnd, true) => return self.take_end(),
            (_, true) => return self.error("did not find expected key"),
            (_, false) => return self.empty_here(),
        };
        match self.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => self.empty(mark, None),
            _ => self.node(Context::BlockMapping),
        }
    }
}
