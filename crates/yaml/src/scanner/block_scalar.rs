use crate::error::Error;
use crate::node::ScalarStyle;
use crate::position::Mark;
use crate::scanner::{Scanner, TokenKind};
use crate::text_buffer::TextBuffer;

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq)]
enum Chomping {
    /// `-`: none is kept.
    Strip,
    /// The first is kept.
    Clip,
    /// `+`: all are kept.
    Keep,
}

/// The header of a block scalar.
struct Header {
    chomping: Chomping,
    /// The indentation indicator.
    increment: Option<usize>,
}

impl Scanner<'_> {
    pub(super) fn fetch_block_scalar(&mut self, is_literal: bool) -> Result<(), Error> {
        self.drop_candidate()?;
        self.key_allowed = true;
        let start = self.cursor.mark();
        let header = self.read_block_header(start)?;
        let mut content_end = self.cursor.mark().byte;
        self.skip_block_header_line(start)?;
        let mut value = TextBuffer::default();
        let mut blank_lines = String::new();
        let parent = self.indent();
        let explicit = header.increment.map(|it| parent.unwrap_or(0) + it);
        let indent = self.skip_block_indentation(explicit, start, &mut blank_lines)?;
        let indent = explicit.unwrap_or_else(|| indent.max(parent.map_or(1, |it| it + 1)).max(1));
        let mut line_break = "";
        let mut begins_blank = false;
        while self.cursor.mark().column == indent && !self.cursor.is_at_end() {
            // Lines that begin with a blank are not folded.
            let is_folded = !is_literal && !begins_blank && !self.cursor.is_at_blank();
            match line_break {
                "\n" if is_folded && blank_lines.is_empty() => value.push(' '),
                "\n" if is_folded => {}
                _ => value.push_str(line_break),
            }
            value.push_str(&blank_lines);
            blank_lines.clear();
            begins_blank = self.cursor.is_at_blank();
            let line_start = self.cursor.mark().byte;
            self.cursor.skip_line_content();
            value.push_str(self.cursor.since(line_start));
            content_end = self.cursor.mark().byte;
            line_break = self.cursor.skip_break();
            self.skip_block_indentation(Some(indent), start, &mut blank_lines)?;
        }
        if header.chomping != Chomping::Strip {
            value.push_str(line_break);
        }
        if header.chomping == Chomping::Keep {
            value.push_str(&blank_lines);
        }
        let style = if is_literal {
            ScalarStyle::Literal
        } else {
            ScalarStyle::Folded
        };
        let kind = TokenKind::Scalar {
            value: value.into_text(),
            style,
            content_end,
        };
        self.push(kind, start);
        Ok(())
    }

    /// Reads `|` or `>` with its indicators, in either order.
    fn read_block_header(&mut self, start: Mark) -> Result<Header, Error> {
        self.cursor.skip_ascii(1);
        let mut chomping = None;
        let mut increment = None;
        loop {
            match self.cursor.peek() {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                b'0' if increment.is_none() => {
                    let message = "found an indentation indicator equal to 0";
                    return Err(Error::scanner(message, start, self.cursor.mark()));
                }
                digit @ b'1'..=b'9' if increment.is_none() => {
                    increment = Some(usize::from(digit - b'0'));
                }
                _ => break,
            }
            self.cursor.skip_ascii(1);
        }
        Ok(Header {
            chomping: chomping.unwrap_or(Chomping::Clip),
            increment,
        })
    }

    fn skip_block_header_line(&mut self, start: Mark) -> Result<(), Error> {
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_line_content();
        }
        if !self.cursor.is_at_break_or_end() {
            let message = "did not find expected comment or line break";
            return Err(Error::scanner(message, start, self.cursor.mark()));
        }
        self.cursor.skip_break();
        Ok(())
    }

    /// Skips blank lines, and the indentation of the line that follows: at most `indent` columns if
    /// it is known. Returns the most columns that were skipped in a line.
    fn skip_block_indentation(
        &mut self,
        indent: Option<usize>,
        start: Mark,
        blank_lines: &mut String,
    ) -> Result<usize, Error> {
        let mut deepest = 0;
        loop {
            let may_indent = |column| indent.is_none_or(|indent| column < indent);
            while may_indent(self.cursor.mark().column) && self.cursor.peek() == b' ' {
                self.cursor.skip_ascii(1);
            }
            let column = self.cursor.mark().column;
            deepest = deepest.max(column);
            if may_indent(column) && self.cursor.peek() == b'\t' {
                let message = "found a tab character where an indentation space is expected";
                return Err(Error::scanner(message, start, self.cursor.mark()));
            }
            if !self.cursor.is_at_break() {
                return Ok(deepest);
            }
            blank_lines.push_str(self.cursor.skip_break());
        }
    }
}
