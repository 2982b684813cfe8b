//! Indicators, indentation and simple keys.

use crate::error::Error;
use crate::limits::Limits;
use crate::position::Mark;
use crate::scanner::{KeyCandidate, Level, Scanner, TokenKind};

/// The longest simple key, in characters.
const MAX_SIMPLE_KEY: usize = 1024;

impl<'t> Scanner<'t> {
    pub(super) fn fetch_stream_end(&mut self) -> Result<(), Error> {
        self.cursor.end_line();
        self.end_document_part()?;
        self.start = self.cursor.mark();
        self.push(TokenKind::StreamEnd);
        self.is_finished = true;
        Ok(())
    }

    pub(super) fn fetch_document_indicator(&mut self) -> Result<(), Error> {
        self.end_document_part()?;
        let kind = if self.cursor.peek() == b'-' {
            TokenKind::DocumentStart
        } else {
            TokenKind::DocumentEnd
        };
        self.fetch_indicator(kind, 3);
        Ok(())
    }

    /// Closes all block collections.
    pub(super) fn end_document_part(&mut self) -> Result<(), Error> {
        self.close_blocks(None, self.cursor.mark());
        self.drop_candidate()?;
        self.key_allowed = false;
        Ok(())
    }

    pub(super) fn fetch_flow_start(&mut self, kind: TokenKind<'t>) -> Result<(), Error> {
        self.save_candidate()?;
        self.key_allowed = true;
        let level = Level {
            candidate: None,
            latest: self.next_number(),
        };
        self.fetch_indicator(kind, 1);
        self.levels.push(level);
        self.check_depth(self.flow_level(), self.start)
    }

    pub(super) fn fetch_flow_end(&mut self, kind: TokenKind<'t>) -> Result<(), Error> {
        self.drop_candidate()?;
        if self.in_flow()
            && let Some(closed) = self.levels.pop()
        {
            // Without candidates between the brackets, as in `[]`, this is the opening bracket:
            // yaml.v3 does not wait for a `:` behind such a collection.
            self.stop_waiting(closed.latest);
        }
        self.key_allowed = false;
        self.fetch_indicator(kind, 1);
        Ok(())
    }

    pub(super) fn fetch_flow_entry(&mut self) -> Result<(), Error> {
        self.drop_candidate()?;
        self.key_allowed = true;
        self.fetch_indicator(TokenKind::FlowEntry, 1);
        Ok(())
    }

    pub(super) fn fetch_block_entry(&mut self) -> Result<(), Error> {
        let message = "block sequence entries are not allowed in this context";
        self.require_block(TokenKind::BlockSequenceStart, message)?;
        self.drop_candidate()?;
        self.key_allowed = true;
        let after_comment = self.comment.is_some();
        self.fetch_indicator(TokenKind::BlockEntry { after_comment }, 1);
        Ok(())
    }

    pub(super) fn fetch_key(&mut self) -> Result<(), Error> {
        let message = "mapping keys are not allowed in this context";
        self.require_block(TokenKind::BlockMappingStart, message)?;
        self.drop_candidate()?;
        self.key_allowed = !self.in_flow();
        self.fetch_indicator(TokenKind::Key, 1);
        Ok(())
    }

    pub(super) fn fetch_value(&mut self) -> Result<(), Error> {
        let level = self.flow_level();
        if let Some(candidate) = self.check_candidate(level)? {
            let KeyCandidate { token, mark, .. } = candidate;
            self.stop_waiting(token);
            self.insert(token, TokenKind::Key, mark);
            self.open_block(TokenKind::BlockMappingStart, token, mark)?;
            self.set_candidate(None);
            self.key_allowed = false;
        } else {
            let message = "mapping values are not allowed in this context";
            self.require_block(TokenKind::BlockMappingStart, message)?;
            self.key_allowed = !self.in_flow();
        }
        self.fetch_indicator(TokenKind::Value, 1);
        Ok(())
    }

    fn fetch_indicator(&mut self, kind: TokenKind<'t>, length: usize) {
        self.cursor.skip_ascii(length);
        self.push(kind);
    }

    /// Opens a block collection for the token that is read, unless it is in a flow collection.
    /// Fails if the token may not be there.
    fn require_block(&mut self, kind: TokenKind<'t>, message: &'static str) -> Result<(), Error> {
        if !self.key_allowed && !self.in_flow() {
            return self.error(message);
        }
        self.open_block(kind, self.next_number(), self.start)
    }

    /// Opens a block collection if `mark` is further to the right than the innermost one, before
    /// the token of this number.
    fn open_block(&mut self, kind: TokenKind<'t>, token: usize, mark: Mark) -> Result<(), Error> {
        if self.in_flow() || self.indent().is_some_and(|indent| indent >= mark.column) {
            return Ok(());
        }
        self.indents.push(mark.column);
        self.check_depth(self.indents.len(), mark)?;
        self.insert(token, kind, mark);
        Ok(())
    }

    /// Closes the block collections that are further to the right than `column`: at `mark`, or
    /// behind the `#` of the comment that is in line with them.
    pub(super) fn close_blocks(&mut self, column: Option<usize>, mut mark: Mark) {
        while let Some(indent) = self.indent()
            && column.is_none_or(|column| indent > column)
            && !self.in_flow()
        {
            self.indents.pop();
            if let Some(comment) = self.comment
                && comment.column == indent
            {
                mark = comment;
                mark.column += 1;
                mark.byte += 1;
            }
            self.push_token(TokenKind::BlockEnd, mark, mark);
        }
    }

    fn check_depth(&self, depth: usize, mark: Mark) -> Result<(), Error> {
        if depth <= Limits::YAML_V3_DEPTH {
            return Ok(());
        }
        let message = "exceeded max depth of 10000";
        Err(Error::scanner(message, mark, self.cursor.mark()))
    }

    /// Notes that the token may begin a simple key, if one is allowed here. None is behind it.
    pub(super) fn save_candidate(&mut self) -> Result<(), Error> {
        if self.key_allowed {
            self.drop_candidate()?;
            self.key_allowed = false;
            self.set_candidate(Some(KeyCandidate {
                token: self.next_number(),
                mark: self.start,
                is_required: !self.in_flow() && self.indent() == Some(self.start.column),
            }));
        }
        Ok(())
    }

    /// Gives up the candidate of the innermost flow collection.
    pub(super) fn drop_candidate(&mut self) -> Result<(), Error> {
        match self.levels.last().and_then(|it| it.candidate) {
            Some(candidate) if candidate.is_required => return Err(self.missing_colon(&candidate)),
            Some(candidate) => self.stop_waiting(candidate.token),
            None => {}
        }
        self.set_candidate(None);
        Ok(())
    }

    /// The candidate of this flow level, unless the cursor is too far from it by now.
    pub(super) fn check_candidate(&mut self, level: usize) -> Result<Option<KeyCandidate>, Error> {
        let Some(candidate) = self.levels.get(level).and_then(|it| it.candidate) else {
            return Ok(None);
        };
        let mark = self.cursor.mark();
        let is_near = candidate.mark.line == mark.line
            && candidate.mark.column + MAX_SIMPLE_KEY >= mark.column;
        if is_near {
            return Ok(Some(candidate));
        }
        if candidate.is_required {
            return Err(self.missing_colon(&candidate));
        }
        if let Some(level) = self.levels.get_mut(level) {
            level.candidate = None;
        }
        Ok(None)
    }

    fn set_candidate(&mut self, candidate: Option<KeyCandidate>) {
        if let Some(level) = self.levels.last_mut() {
            level.latest = candidate.map_or(level.latest, |it| it.token);
            level.candidate = candidate;
        }
    }

    /// Notes that the token of this number is no key, or is known to be one.
    fn stop_waiting(&mut self, token: usize) {
        let index = token.checked_sub(self.taken);
        if let Some(token) = index.and_then(|index| self.tokens.get_mut(index)) {
            token.is_candidate = false;
        }
    }

    fn missing_colon(&self, candidate: &KeyCandidate) -> Error {
        let problem = self.cursor.mark();
        Error::scanner("could not find expected ':'", candidate.mark, problem)
    }
}
