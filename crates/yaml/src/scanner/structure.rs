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
        self.push(TokenKind::StreamEnd, self.cursor.mark());
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
        if !self.in_flow() {
            for _ in 0..self.indents.len() {
                self.push_block_end(self.cursor.mark());
            }
            self.indents.clear();
        }
        self.drop_candidate()?;
        self.key_allowed = false;
        Ok(())
    }

    pub(super) fn fetch_flow_start(&mut self, kind: TokenKind<'t>) -> Result<(), Error> {
        self.save_candidate()?;
        let start = self.cursor.mark();
        let opener = self.next_number();
        self.fetch_indicator(kind, 1);
        self.levels.push(Level {
            opener,
            ..Level::default()
        });
        self.key_allowed = true;
        self.check_depth(self.flow_level(), start)
    }

    pub(super) fn fetch_flow_end(&mut self, kind: TokenKind<'t>) -> Result<(), Error> {
        self.drop_candidate()?;
        if self.in_flow()
            && let Some(closed) = self.levels.pop()
            && let Some(outer) = self.levels.last_mut().and_then(|it| it.candidate.as_mut())
        {
            // yaml.v3 does not wait for `:` after a collection without candidates, such as `[]`.
            outer.is_awaited &= closed.had_candidate || outer.token != closed.opener;
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
        if !self.in_flow() {
            self.check_allowed("block sequence entries are not allowed in this context")?;
            self.open_block(TokenKind::BlockSequenceStart, None, self.cursor.mark())?;
        }
        self.drop_candidate()?;
        self.key_allowed = true;
        self.fetch_indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    pub(super) fn fetch_key(&mut self) -> Result<(), Error> {
        if !self.in_flow() {
            self.check_allowed("mapping keys are not allowed in this context")?;
            self.open_block(TokenKind::BlockMappingStart, None, self.cursor.mark())?;
        }
        self.drop_candidate()?;
        self.key_allowed = !self.in_flow();
        self.fetch_indicator(TokenKind::Key, 1);
        Ok(())
    }

    pub(super) fn fetch_value(&mut self) -> Result<(), Error> {
        let level = self.flow_level();
        if let Some(candidate) = self.check_candidate(level)? {
            let KeyCandidate { token, mark, .. } = candidate;
            self.insert(token, TokenKind::Key, mark);
            self.open_block(TokenKind::BlockMappingStart, Some(token), mark)?;
            self.set_candidate(None);
            self.key_allowed = false;
        } else {
            if !self.in_flow() {
                self.check_allowed("mapping values are not allowed in this context")?;
                self.open_block(TokenKind::BlockMappingStart, None, self.cursor.mark())?;
            }
            self.key_allowed = !self.in_flow();
        }
        self.fetch_indicator(TokenKind::Value, 1);
        Ok(())
    }

    fn fetch_indicator(&mut self, kind: TokenKind<'t>, length: usize) {
        let start = self.cursor.mark();
        self.cursor.skip_ascii(length);
        self.push(kind, start);
    }

    fn check_allowed(&self, message: &'static str) -> Result<(), Error> {
        if self.key_allowed {
            return Ok(());
        }
        let mark = self.cursor.mark();
        Err(Error::scanner(message, mark, mark))
    }

    /// Opens a block collection if `mark` is further to the right than the innermost one, before
    /// the token of this number.
    fn open_block(
        &mut self,
        kind: TokenKind<'t>,
        token: Option<usize>,
        mark: Mark,
    ) -> Result<(), Error> {
        if self.in_flow() || self.indent().is_some_and(|indent| indent >= mark.column) {
            return Ok(());
        }
        self.indents.push(mark.column);
        self.check_depth(self.indents.len(), mark)?;
        self.insert(token.unwrap_or(self.next_number()), kind, mark);
        Ok(())
    }

    /// Closes the block collections that are further to the right than `column`.
    pub(super) fn close_blocks(&mut self, column: usize, before: Mark) {
        while !self.in_flow() && self.indent().is_some_and(|indent| indent > column) {
            self.indents.pop();
            self.push_block_end(before);
        }
    }

    /// A block collection ends before the blanks and comments that follow it.
    fn push_block_end(&mut self, mark: Mark) {
        let number = self.next_number();
        self.insert(number, TokenKind::BlockEnd, mark);
    }

    fn check_depth(&self, depth: usize, mark: Mark) -> Result<(), Error> {
        if depth <= Limits::YAML_V3_DEPTH {
            return Ok(());
        }
        let message = "exceeded max depth of 10000";
        Err(Error::scanner(message, mark, self.cursor.mark()))
    }

    /// Notes that the next token may begin a simple key.
    pub(super) fn save_candidate(&mut self) -> Result<(), Error> {
        if !self.key_allowed {
            return Ok(());
        }
        self.drop_candidate()?;
        let mark = self.cursor.mark();
        self.set_candidate(Some(KeyCandidate {
            token: self.next_number(),
            mark,
            is_required: !self.in_flow() && self.indent() == Some(mark.column),
            is_awaited: true,
        }));
        Ok(())
    }

    /// Gives up the candidate of the innermost flow collection.
    pub(super) fn drop_candidate(&mut self) -> Result<(), Error> {
        match self.levels.last().and_then(|it| it.candidate) {
            Some(candidate) if candidate.is_required => return Err(self.missing_colon(&candidate)),
            _ => {}
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
            level.had_candidate |= candidate.is_some();
            level.candidate = candidate;
        }
    }

    fn missing_colon(&self, candidate: &KeyCandidate) -> Error {
        let problem = self.cursor.mark();
        Error::scanner("could not find expected ':'", candidate.mark, problem)
    }
}
