//! Places in a YAML text: where they truly are, and where ESC states that they are.

use saphyr_parser::{Marker, ScalarStyle, Span as ParserSpan, Tag};

use crate::Position;
use crate::evaluator::syntax::Span;
use crate::evaluator::syntax::yaml::{BLANKS, BREAKS, RARE_BREAKS};

/// Turns the parser's places, which count characters, into ours, which know the byte too.
pub(super) struct Places<'text> {
    pub(super) text: &'text str,
    ascii: bool,
    /// The byte of every [`Places::STRIDE`]th character.
    bytes: Vec<usize>,
    /// The end of the text. The parser counts a line more where no line break ends the last one.
    end: Position,
    /// The bytes and the characters behind the breaks that yaml.v3 counts and the parser does not.
    rare_breaks: Vec<(usize, usize)>,
    /// The bytes and the characters that begin lines, where the parser was given fewer lines.
    lines: Vec<(usize, usize)>,
}

impl<'text> Places<'text> {
    const STRIDE: usize = 64;

    pub(super) fn new(text: &'text str) -> Self {
        let ascii = text.is_ascii();
        let bytes = if ascii {
            Vec::new()
        } else {
            let characters = text.char_indices().map(|(byte, _)| byte);
            characters.step_by(Self::STRIDE).collect()
        };
        Self {
            text,
            ascii,
            bytes,
            end: end_of(text),
            rare_breaks: if ascii { Vec::new() } else { rare_breaks(text) },
            lines: Vec::new(),
        }
    }

    /// Tells lines and columns without the parser, which was given some lines as one.
    pub(super) fn count_lines(&mut self) {
        let mut characters = self.text.char_indices().enumerate().peekable();
        self.lines = vec![(0, 0)];
        while let Some((at, (byte, character))) = characters.next() {
            let next = characters.peek().map(|(_, (_, next))| *next);
            let is_break = character == '\n' || RARE_BREAKS.contains(&character);
            if is_break || (character == '\r' && next != Some('\n')) {
                self.lines.push((byte + character.len_utf8(), at + 1));
            }
        }
    }

    pub(super) fn span(&self, span: ParserSpan) -> Span {
        let begin = self.position(span.start);
        Span {
            begin,
            end: self.position(span.end).max(begin),
        }
    }

    pub(super) fn position(&self, marker: Marker) -> Position {
        let byte = self.byte(marker.index());
        if byte == self.text.len() {
            return self.end;
        }
        let line = self.lines.partition_point(|(begin, _)| *begin <= byte);
        if line > 0 {
            return Position {
                line,
                column: marker.index() - self.lines[line - 1].1 + 1,
                byte,
            };
        }
        let before = self.rare_breaks.partition_point(|(end, _)| *end <= byte);
        let column = match self.rare_breaks[..before].last() {
            Some((_, begin)) => marker.col().min(marker.index() - begin),
            None => marker.col(),
        };
        Position {
            line: marker.line() + before,
            column: column + 1,
            byte,
        }
    }

    /// The parser lets a quoted scalar reach to the end of its line, and a block scalar begin with
    /// its content; here one ends with its closing quote, the other begins with its indicator.
    pub(super) fn scalar(&self, span: Span, style: ScalarStyle, has_property: bool) -> Span {
        let place = match style {
            ScalarStyle::Plain => None,
            ScalarStyle::SingleQuoted => self.after_quote(span, '\'').map(|end| (span.begin, end)),
            ScalarStyle::DoubleQuoted => self.after_quote(span, '"').map(|end| (span.begin, end)),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let indicator = self.indicator(span.begin);
                let begin = indicator.map(|begin| self.before_properties(begin, has_property));
                begin.map(|begin| (begin, span.end))
            }
        };
        place.map_or(span, |(begin, end)| Span { begin, end })
    }

    /// The place after the closing quote. A tag and an anchor may stand before the opening one.
    fn after_quote(&self, span: Span, quote: char) -> Option<Position> {
        let source = self.text.get(span.begin.byte..span.end.byte)?;
        let mut at = span.begin;
        let mut characters = source.chars().peekable();
        let mut in_property = matches!(characters.peek(), Some('!' | '&'));
        let mut inside = false;
        while let Some(character) = characters.next() {
            advance(&mut at, character, characters.peek().copied());
            if !inside {
                in_property = match character {
                    '!' | '&' => true,
                    _ => in_property && !character.is_whitespace(),
                };
                inside = !in_property && character == quote;
            } else if character == quote {
                if quote == '"' || characters.peek() != Some(&quote) {
                    return Some(at);
                }
                characters.next();
                advance(&mut at, quote, None);
            } else if quote == '"' && character == '\\' {
                let escaped = characters.next()?;
                advance(&mut at, escaped, characters.peek().copied());
            }
        }
        None
    }

    /// The place of a value that is not there: right behind the dash or the colon before it on its
    /// line, where only blanks and a comment stand between them.
    pub(super) fn after_indicator(&self, at: Position) -> Position {
        let before = self.text.get(..at.byte).unwrap_or_default();
        let start = before.rfind(BREAKS).map_or(0, |newline| newline + 1);
        let line = &before[start..];
        let blanks = line.len() - line.trim_end_matches(BLANKS).len();
        if blanks > 0 && line.trim_end_matches(BLANKS).ends_with(':') {
            return Position {
                column: at.column.saturating_sub(blanks),
                byte: at.byte - blanks,
                ..at
            };
        }
        let mut end = 0;
        loop {
            let rest = &line[end..];
            let blanks = rest.len() - rest.trim_start_matches(BLANKS).len();
            if !rest[blanks..].starts_with("- ") {
                break;
            }
            end += blanks + 1;
        }
        let is_comment = line[end..].trim_start_matches(BLANKS).starts_with('#');
        if end == 0 || !is_comment {
            return at;
        }
        // Blanks and dashes take one column each.
        Position {
            column: end + 1,
            byte: start + end,
            ..at
        }
    }

    /// The `|` or `>` of the block scalar whose content begins at `content`: the last word of the
    /// last line before it that is not blank, comments aside.
    fn indicator(&self, content: Position) -> Option<Position> {
        let before = self.text.get(..content.byte)?;
        let mut line_number = content.line;
        let mut end = before.len();
        loop {
            let start = before[..end].rfind(BREAKS).map_or(0, |newline| newline + 1);
            let line = &before[start..end];
            let code = line
                .find(" #")
                .or_else(|| line.find("\t#"))
                .map_or(line, |comment| &line[..comment])
                .trim_end_matches(BLANKS);
            let word = code.rfind(BLANKS).map_or(0, |space| space + 1);
            if code[word..].starts_with(['|', '>']) {
                return Some(Position {
                    line: line_number,
                    column: code[..word].chars().count() + 1,
                    byte: start + word,
                });
            }
            let is_blank = line.trim_matches(BLANKS).is_empty();
            if !is_blank || start == 0 {
                return None;
            }
            end = start - 1;
            if before[..end].ends_with('\r') && before[end..].starts_with('\n') {
                end -= 1;
            }
            line_number -= 1;
        }
    }

    /// The place of what comes after blanks and comments.
    pub(super) fn next_token(&self, from: Position) -> Position {
        let mut at = from;
        let rest = self.text.get(from.byte..).unwrap_or_default();
        let mut characters = rest.chars().peekable();
        let mut in_comment = false;
        while let Some(character) = characters.next() {
            let is_break = BREAKS.contains(&character) || RARE_BREAKS.contains(&character);
            in_comment = (in_comment || character == '#') && !is_break;
            let is_blank = BLANKS.contains(&character) || is_break;
            if !in_comment && !is_blank {
                break;
            }
            advance(&mut at, character, characters.peek().copied());
        }
        at
    }

    /// Whether a list or map that begins here, maybe with a tag or an anchor, is in brackets or braces.
    pub(super) fn begins_in_brackets(&self, begin: Position) -> bool {
        let mut rest = self.text.get(begin.byte..).unwrap_or_default();
        while rest.starts_with(['!', '&']) {
            let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest = rest[word..].trim_start();
        }
        rest.starts_with(['[', '{'])
    }

    /// Whether a block reaches to the end of the text, whose last line has something in it and no
    /// break.
    pub(super) fn ends_without_break(&self, span: Span) -> bool {
        let last = self.text.rsplit(BREAKS).next().unwrap_or_default();
        span.end.byte == self.text.len() && !last.trim_matches(BLANKS).is_empty()
    }

    /// The place of the tag and the anchor that stand before a block scalar on its line.
    fn before_properties(&self, indicator: Position, has_property: bool) -> Position {
        let mut begin = indicator;
        while has_property && let Some(before) = self.text.get(..begin.byte) {
            let code = before.trim_end_matches(BLANKS);
            let word = code.rfind([' ', '\t', '\n', '\r']).map_or(0, |at| at + 1);
            if !code[word..].starts_with(['!', '&']) {
                break;
            }
            begin.column -= before[word..].chars().count();
            begin.byte = word;
        }
        begin
    }

    fn byte(&self, character: usize) -> usize {
        if self.ascii {
            return character.min(self.text.len());
        }
        let Some(start) = self.bytes.get(character / Self::STRIDE) else {
            return self.text.len();
        };
        let rest = &self.text[*start..];
        let skipped = rest.char_indices().nth(character % Self::STRIDE);
        start + skipped.map_or(rest.len(), |(byte, _)| byte)
    }
}

fn rare_breaks(text: &str) -> Vec<(usize, usize)> {
    let characters = text.char_indices().enumerate();
    let breaks = characters.filter(|(_, (_, it))| RARE_BREAKS.contains(it));
    breaks
        .map(|(at, (byte, it))| (byte + it.len_utf8(), at + 1))
        .collect()
}

fn end_of(text: &str) -> Position {
    let mut at = Position {
        line: 1,
        column: 1,
        byte: 0,
    };
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        advance(&mut at, character, characters.peek().copied());
    }
    at
}

/// Moves past `character`. A line ends at `\n`, `\r\n` or `\r`.
pub(super) fn advance(at: &mut Position, character: char, next: Option<char>) {
    at.byte += character.len_utf8();
    let is_break = character == '\n' || RARE_BREAKS.contains(&character);
    if is_break || (character == '\r' && next != Some('\n')) {
        at.line += 1;
        at.column = 1;
    } else {
        at.column += 1;
    }
}

/// Where ESC says that a scalar ends: its line and column.
pub(super) fn stated_end(
    begin: Position,
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> (usize, usize) {
    match (style, tag) {
        (ScalarStyle::Literal, None) => {
            let breaks = text.matches('\n').count();
            let last = text.rfind('\n').map_or(text, |at| &text[at + 1..]);
            (begin.line + breaks, begin.column + last.len())
        }
        (ScalarStyle::Plain, Some(tag)) => {
            let prefix = if tag.is_yaml_core_schema() {
                "!!".len()
            } else {
                tag.handle.len()
            };
            let tag = prefix + tag.suffix.len() + 1;
            (begin.line, begin.column + tag + text.len())
        }
        _ => (begin.line, begin.column + text.len()),
    }
}
