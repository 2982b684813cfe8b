//! Splits the text into tokens.
//!
//! A key like `a` in `a: b` is only known as one at its `:`. Until then it is a candidate; at the
//! `:`, a token for the key, and maybe one for the mapping that it opens, is inserted before it.

mod block_scalar;
mod directive;
mod plain;
mod properties;
mod quoted;
mod structure;
mod token;
mod unprintable;

use std::collections::VecDeque;

use crate::content::Content;
use crate::cursor::{Cursor, END};
use crate::error::Error;
use crate::node::ScalarStyle;
use crate::position::Mark;

pub(crate) use token::{Token, TokenKind};
use unprintable::Unprintable;

/// How many tokens yaml.v3 reads ahead of the one that it parses. This decides whether it reports
/// an error of the scanner or an earlier one of the parser.
const LOOKAHEAD: usize = 2;

pub(crate) struct Scanner<'t> {
    pub(crate) cursor: Cursor<'t>,
    /// Where the token begins that is read.
    start: Mark,
    /// The tokens that the parser has not taken yet.
    tokens: VecDeque<Token<'t>>,
    /// How many tokens the parser has taken.
    taken: usize,
    /// What may be a key in block context, then in each flow collection that is open.
    levels: Vec<Level>,
    /// Whether a simple key may begin here.
    key_allowed: bool,
    /// The columns of the block collections that are open.
    indents: Vec<usize>,
    is_finished: bool,
    /// Whether no token can be inserted before the next one any more.
    is_next_final: bool,
    /// The first comment before the token that is read, unless it is on the line of another token.
    comment: Option<Mark>,
    /// The first character that YAML does not allow. The cursor's text ends before it.
    unprintable: Option<Unprintable>,
}

/// The key candidates of a flow level.
#[derive(Default)]
struct Level {
    /// The latest one.
    candidate: Option<KeyCandidate>,
    /// The number of the token that was a candidate last, or else of the bracket before this level.
    latest: usize,
}

/// A token that may turn out to begin a simple key.
#[derive(Clone, Copy)]
struct KeyCandidate {
    /// Its number among all tokens.
    token: usize,
    mark: Mark,
    /// Whether it has to be a key, because it is in line with the keys of a block mapping.
    is_required: bool,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let unprintable = Unprintable::find(text);
        let end = unprintable.as_ref().map(|it| it.reported_from);
        let readable = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        Self {
            cursor: Cursor::new(readable),
            start: Mark::default(),
            tokens: VecDeque::new(),
            taken: 0,
            levels: vec![Level::default()],
            key_allowed: true,
            indents: Vec::new(),
            is_finished: false,
            is_next_final: false,
            comment: None,
            unprintable,
        }
    }

    /// The next token.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<&mut Token<'t>, Error> {
        if !self.is_next_final {
            self.complete_next()?;
        }
        // The parser does not read on behind the end of the stream.
        let end = &self.cursor;
        let end_error = || Error::syntax("unexpected end of stream", None, end.mark());
        self.tokens.front_mut().ok_or_else(end_error)
    }

    /// Drops the next token, which has been read.
    pub(crate) fn skip(&mut self) {
        self.is_next_final = false;
        self.taken += 1;
        self.tokens.pop_front();
    }

    /// Reads tokens until none can be inserted before the next one.
    #[inline(never)]
    fn complete_next(&mut self) -> Result<(), Error> {
        loop {
            let is_short = self.tokens.len() <= LOOKAHEAD && !self.is_finished;
            let needs_more = is_short || self.may_become_key()?;
            if !needs_more || self.is_finished {
                self.is_next_final = true;
                return Ok(());
            }
            self.fetch()?;
        }
    }

    /// Whether the next token may become a key, so that tokens may come to be inserted before it.
    /// yaml.v3 looks at the latest candidate of its level, even if it is another token by now.
    fn may_become_key(&mut self) -> Result<bool, Error> {
        match self.tokens.front() {
            Some(token) if token.is_candidate => {
                Ok(self.check_candidate(token.flow_level)?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// Reads one more token, together with those that mark the beginning and the end of block
    /// collections.
    fn fetch(&mut self) -> Result<(), Error> {
        let result = self.fetch_token();
        self.skip_line_comment();
        match &self.unprintable {
            Some(unprintable) if self.cursor.is_at_end() => Err(unprintable.error()),
            _ => result,
        }
    }

    fn fetch_token(&mut self) -> Result<(), Error> {
        let before = self.cursor.mark();
        self.skip_to_token();
        self.start = self.cursor.mark();
        self.close_blocks(Some(self.start.column), before);
        if let Some(unprintable) = &self.unprintable
            && self.cursor.rest().len() < Unprintable::LOOKAHEAD
        {
            return Err(unprintable.error());
        }
        if self.cursor.is_at_document_indicator() {
            return self.fetch_document_indicator();
        }
        let is_word = self.cursor.is_space_at(1);
        let in_flow = self.in_flow();
        match self.cursor.peek() {
            END => self.fetch_stream_end(),
            b'%' if self.start.column == 0 => self.fetch_directive(),
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if is_word => self.fetch_block_entry(),
            b'?' if is_word || in_flow => self.fetch_key(),
            b':' if is_word || in_flow => self.fetch_value(),
            b'*' => self.fetch_anchor(TokenKind::Alias),
            b'&' => self.fetch_anchor(TokenKind::Anchor),
            b'!' => self.fetch_tag(),
            b'|' if !in_flow => self.fetch_block_scalar(ScalarStyle::Literal),
            b'>' if !in_flow => self.fetch_block_scalar(ScalarStyle::Folded),
            b'\'' => self.fetch_quoted(b'\'', ScalarStyle::SingleQuoted),
            b'"' => self.fetch_quoted(b'"', ScalarStyle::DoubleQuoted),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => {
                self.error("found character that cannot start any token")
            }
            _ => self.fetch_plain(),
        }
    }

    /// Skips blanks, comments and line breaks.
    fn skip_to_token(&mut self) {
        self.comment = None;
        loop {
            while self.cursor.peek() == b' '
                || self.cursor.peek() == b'\t' && (self.in_flow() || !self.key_allowed)
            {
                self.cursor.skip_ascii(1);
            }
            if self.cursor.peek() == b'#' {
                self.comment.get_or_insert(self.cursor.mark());
                self.skip_comments();
            }
            if !self.cursor.is_at_break() {
                return;
            }
            self.cursor.skip_break();
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    /// Skips blanks, a comment and the line break, and fails if anything else is on the line.
    fn skip_rest_of_line(&mut self) -> Result<(), Error> {
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_line_content();
        }
        if !self.cursor.is_at_break() && !self.cursor.is_at_end() {
            return self.error("did not find expected comment or line break");
        }
        self.cursor.skip_break();
        Ok(())
    }

    /// Skips the comment on the line of the token that was just read. yaml.v3 accepts tabs before it.
    fn skip_line_comment(&mut self) {
        let Some(token) = self.tokens.back() else {
            return;
        };
        let has_none = matches!(
            token.kind,
            TokenKind::BlockEntry { .. }
                | TokenKind::DocumentStart
                | TokenKind::DocumentEnd
                | TokenKind::VersionDirective { .. }
                | TokenKind::TagDirective { .. }
                | TokenKind::Scalar {
                    style: ScalarStyle::Literal | ScalarStyle::Folded,
                    ..
                }
        );
        let end = self.cursor.mark();
        if has_none || token.end.line != end.line {
            return;
        }
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_line_content();
        } else {
            self.cursor.move_to(end);
        }
    }

    /// Skips a comment and those that follow, whatever blanks are between them: there, yaml.v3
    /// accepts tabs.
    fn skip_comments(&mut self) {
        loop {
            self.cursor.skip_line_content();
            let end = self.cursor.mark();
            while self.cursor.is_at_blank() || self.cursor.is_at_break() {
                self.cursor.skip_blanks();
                self.cursor.skip_break();
            }
            if self.cursor.peek() != b'#' {
                self.cursor.move_to(end);
                return;
            }
        }
    }

    fn in_flow(&self) -> bool {
        self.flow_level() != 0
    }

    fn flow_level(&self) -> usize {
        self.levels.len().saturating_sub(1)
    }

    /// The column of the innermost block collection that is open.
    fn indent(&self) -> Option<usize> {
        self.indents.last().copied()
    }

    /// Adds a token that reaches to the cursor.
    fn push(&mut self, kind: TokenKind<'t>) {
        self.push_token(kind, self.start, self.cursor.mark());
    }

    fn push_scalar(
        &mut self,
        value: Content<'t>,
        style: ScalarStyle,
        content_end: usize,
        end: Mark,
    ) {
        let kind = TokenKind::Scalar {
            value,
            style,
            content_end,
        };
        self.push_token(kind, self.start, end);
    }

    fn push_token(&mut self, kind: TokenKind<'t>, start: Mark, end: Mark) {
        let candidate = self.levels.last().and_then(|it| it.candidate);
        self.tokens.push_back(Token {
            kind,
            start,
            end,
            flow_level: self.flow_level(),
            is_candidate: candidate.is_some_and(|it| it.token == self.next_number()),
        });
    }

    /// Inserts a token without text before the token of this number. If the parser has that one
    /// already, yaml.v3 adds it at the end.
    fn insert(&mut self, token: usize, kind: TokenKind<'t>, mark: Mark) {
        let index = token.checked_sub(self.taken);
        let token = Token {
            kind,
            start: mark,
            end: mark,
            flow_level: self.flow_level(),
            is_candidate: false,
        };
        let end = self.tokens.len();
        self.tokens.insert(index.unwrap_or(end).min(end), token);
    }

    /// The number of the token that is added next.
    fn next_number(&self) -> usize {
        self.taken + self.tokens.len()
    }

    /// An error at the cursor, in the token that is read.
    fn error<T>(&self, message: &'static str) -> Result<T, Error> {
        Err(Error::scanner(message, self.start, self.cursor.mark()))
    }
}
