use crate::error::Error;
use crate::parser::{Context, Parser};
use crate::scanner::TokenKind;

impl Parser<'_> {
    /// Reads the next item of a block sequence, or its end.
    pub(super) fn block_sequence(&mut self) -> Result<(), Error> {
        match self.peek()?.kind {
            TokenKind::BlockEntry { after_comment } => self.block_item(after_comment, |kind| {
                matches!(kind, TokenKind::BlockEntry { .. } | TokenKind::BlockEnd)
            }),
            TokenKind::BlockEnd => self.take_end(),
            _ => self.error("did not find expected '-' indicator"),
        }
    }

    /// Reads the next item of a sequence that is not indented. What cannot be one ends it.
    pub(super) fn indentless_sequence(&mut self) -> Result<(), Error> {
        let TokenKind::BlockEntry { after_comment } = self.peek()?.kind else {
            self.close();
            return Ok(());
        };
        self.block_item(after_comment, |kind| {
            let is_key = matches!(kind, TokenKind::Key | TokenKind::Value);
            is_key || matches!(kind, TokenKind::BlockEntry { .. } | TokenKind::BlockEnd)
        })
    }

    /// Reads an item, which is empty if a token follows that `ends` it.
    fn block_item(
        &mut self,
        after_comment: bool,
        ends: impl Fn(&TokenKind<'_>) -> bool,
    ) -> Result<(), Error> {
        let mark = self.take()?.end;
        // yaml.v3 looks here whether the comment belongs to a nested sequence. If that fails, it
        // goes on behind the error, and reports it unless it finds another one in the item.
        let error = after_comment.then(|| self.peek().err()).flatten();
        if ends(&self.peek()?.kind) {
            self.empty(mark, None)?;
        } else {
            self.node(Context::Block)?;
        }
        error.map_or(Ok(()), Err)
    }

    /// Reads the next key or value of a block mapping, or its end.
    pub(super) fn block_mapping(&mut self) -> Result<(), Error> {
        let expects_key = self.expects_key();
        let token = self.peek()?;
        let mark = match (&token.kind, expects_key) {
            (TokenKind::Key, true) | (TokenKind::Value, false) => self.take()?.end,
            (TokenKind::BlockEnd, true) => return self.take_end(),
            (_, true) => return self.error("did not find expected key"),
            (_, false) => {
                let mark = token.start;
                return self.empty(mark, None);
            }
        };
        match self.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => self.empty(mark, None),
            _ => self.node(Context::BlockMapping),
        }
    }
}
