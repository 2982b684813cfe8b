use crate::error::Error;
use crate::node::ScalarStyle;
use crate::position::Mark;
use crate::scanner::plain::LineBreaks;
use crate::scanner::{Scanner, TokenKind};
use crate::text_buffer::TextBuffer;

impl Scanner<'_> {
    pub(super) fn fetch_quoted(&mut self, quote: u8) -> Result<(), Error> {
        self.save_candidate()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        self.cursor.skip_ascii(1);
        let mut value = TextBuffer::default();
        loop {
            self.check_quoted(start)?;
            let joins_lines = self.read_quoted_words(quote, start, &mut value)?;
            if self.cursor.peek() == quote {
                break;
            }
            self.read_quoted_space(joins_lines, &mut value);
        }
        self.cursor.skip_ascii(1);
        let kind = TokenKind::Scalar {
            value: value.into_text(),
            style: if quote == b'"' {
                ScalarStyle::DoubleQuoted
            } else {
                ScalarStyle::SingleQuoted
            },
            content_end: self.cursor.mark().byte,
        };
        self.push(kind, start);
        Ok(())
    }

    fn check_quoted(&self, start: Mark) -> Result<(), Error> {
        let message = if self.cursor.is_at_document_indicator() {
            "found unexpected document indicator"
        } else if self.cursor.is_at_end() {
            "found unexpected end of stream"
        } else {
            return Ok(());
        };
        // The opening quote says more about the mistake than where the scanner stopped.
        Err(Error {
            position: start.position(),
            ..Error::scanner(message, start, self.cursor.mark())
        })
    }

    /// Reads up to the next blank, line break or the closing quote. Returns whether it stopped
    /// behind an escaped line break.
    fn read_quoted_words(
        &mut self,
        quote: u8,
        start: Mark,
        value: &mut TextBuffer,
    ) -> Result<bool, Error> {
        loop {
            let from = self.cursor.mark().byte;
            self.cursor.skip_while(|byte| {
                byte != quote && byte != b' ' && byte != b'\t' && (byte != b'\\' || quote == b'\'')
            });
            value.push_str(self.cursor.since(from));
            match (self.cursor.peek(), self.cursor.peek_at(1)) {
                (b'\'', b'\'') if quote == b'\'' => {
                    value.push('\'');
                    self.cursor.skip_ascii(2);
                }
                (b'\\', _) if quote == b'"' => {
                    if self.read_escape(start, value)? {
                        return Ok(true);
                    }
                }
                _ => return Ok(false),
            }
        }
    }

    /// Reads an escape sequence. Returns whether it is an escaped line break.
    fn read_escape(&mut self, start: Mark, value: &mut TextBuffer) -> Result<bool, Error> {
        let code = self.cursor.peek_at(1);
        let meaning = match code {
            b'0' => '\0',
            b'a' => '\x07',
            b'b' => '\x08',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\x0b',
            b'f' => '\x0c',
            b'r' => '\r',
            b'e' => '\x1b',
            b' ' | b'"' | b'\'' | b'\\' => char::from(code),
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => return self.read_code_point(2, start, value),
            b'u' => return self.read_code_point(4, start, value),
            b'U' => return self.read_code_point(8, start, value),
            _ if self.cursor.is_break_at(1) => {
                self.cursor.skip_ascii(1);
                self.cursor.skip_break();
                return Ok(true);
            }
            _ => {
                let message = "found unknown escape character";
                return Err(Error::scanner(message, start, self.cursor.mark()));
            }
        };
        self.cursor.skip_ascii(2);
        value.push(meaning);
        Ok(false)
    }

    /// Reads `\x`, `\u` or `\U` with its digits.
    fn read_code_point(
        &mut self,
        digits: usize,
        start: Mark,
        value: &mut TextBuffer,
    ) -> Result<bool, Error> {
        self.cursor.skip_ascii(2);
        let mut code: u32 = 0;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.cursor.peek_at(ahead)).to_digit(16) else {
                let message = "did not find expected hexdecimal number";
                return Err(Error::scanner(message, start, self.cursor.mark()));
            };
            code = code << 4 | digit;
        }
        let Some(character) = char::from_u32(code) else {
            let message = "found invalid Unicode character escape code";
            return Err(Error::scanner(message, start, self.cursor.mark()));
        };
        self.cursor.skip_ascii(digits);
        value.push(character);
        Ok(false)
    }

    /// Reads blanks and line breaks: breaks are folded, and blanks around them mean nothing.
    fn read_quoted_space(&mut self, joins_lines: bool, value: &mut TextBuffer) {
        let from = self.cursor.mark().byte;
        self.cursor.skip_blanks();
        if !joins_lines && !self.cursor.is_at_break() {
            value.push_str(self.cursor.since(from));
            return;
        }
        let mut breaks = LineBreaks::default();
        if joins_lines {
            breaks.push_escaped();
        }
        while self.cursor.is_at_break() {
            breaks.push(self.cursor.skip_break());
            self.cursor.skip_blanks();
        }
        breaks.fold_into(value);
    }
}
