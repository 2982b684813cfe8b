use crate::content::Content;
use crate::error::Error;
use crate::node::ScalarStyle;
use crate::scanner::Scanner;
use crate::scanner::plain::LineBreaks;

impl<'t> Scanner<'t> {
    pub(super) fn fetch_quoted(&mut self, quote: u8, style: ScalarStyle) -> Result<(), Error> {
        self.save_candidate()?;
        self.cursor.skip_ascii(1);
        let mut value = Content::default();
        loop {
            if self.cursor.is_at_document_indicator() {
                return self.unclosed_quote("found unexpected document indicator");
            }
            if self.cursor.is_at_end() {
                return self.unclosed_quote("found unexpected end of stream");
            }
            let joins_lines = self.read_quoted_words(quote, &mut value)?;
            if self.cursor.peek() == quote {
                break;
            }
            self.read_quoted_space(joins_lines, &mut value);
        }
        self.cursor.skip_ascii(1);
        let end = self.cursor.mark();
        self.push_scalar(value, style, end.byte, end);
        Ok(())
    }

    /// The opening quote says more about the mistake than where the scanner stopped.
    fn unclosed_quote<T>(&self, message: &'static str) -> Result<T, Error> {
        let position = self.start.position();
        self.error(message)
            .map_err(|error| Error { position, ..error })
    }

    /// Reads up to the next blank, line break or the closing quote. Returns whether it stopped
    /// behind an escaped line break.
    fn read_quoted_words(&mut self, quote: u8, value: &mut Content<'t>) -> Result<bool, Error> {
        loop {
            let from = self.cursor.byte();
            self.cursor.skip_while(|byte| {
                byte != quote && byte != b' ' && byte != b'\t' && (byte != b'\\' || quote == b'\'')
            });
            value.push_verbatim(self.cursor.since(from));
            match (self.cursor.peek(), self.cursor.peek_at(1)) {
                (b'\'', b'\'') if quote == b'\'' => {
                    value.push('\'');
                    self.cursor.skip_ascii(2);
                }
                (b'\\', _) if quote == b'"' && self.cursor.is_break_at(1) => {
                    self.cursor.skip_ascii(1);
                    self.cursor.skip_break();
                    return Ok(true);
                }
                (b'\\', code) if quote == b'"' => value.push(self.read_escape(code)?),
                _ => return Ok(false),
            }
        }
    }

    /// Reads an escape sequence: `\` and this code.
    fn read_escape(&mut self, code: u8) -> Result<char, Error> {
        let character = match code {
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
            b'x' => return self.read_code_point(2),
            b'u' => return self.read_code_point(4),
            b'U' => return self.read_code_point(8),
            _ => return self.error("found unknown escape character"),
        };
        self.cursor.skip_ascii(2);
        Ok(character)
    }

    /// Reads `\x`, `\u` or `\U` with its digits.
    fn read_code_point(&mut self, digits: usize) -> Result<char, Error> {
        self.cursor.skip_ascii(2);
        let mut code: u32 = 0;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.cursor.peek_at(ahead)).to_digit(16) else {
                return self.error("did not find expected hexdecimal number");
            };
            code = code << 4 | digit;
        }
        let Some(character) = char::from_u32(code) else {
            return self.error("found invalid Unicode character escape code");
        };
        self.cursor.skip_ascii(digits);
        Ok(character)
    }

    /// Reads blanks and line breaks: breaks are folded, and blanks around them mean nothing.
    fn read_quoted_space(&mut self, joins_lines: bool, value: &mut Content<'t>) {
        let from = self.cursor.byte();
        self.cursor.skip_blanks();
        if !joins_lines && !self.cursor.is_at_break() {
            value.push_verbatim(self.cursor.since(from));
            return;
        }
        let mut breaks = LineBreaks::default();
        if joins_lines {
            breaks = LineBreaks::escaped();
        }
        while self.cursor.is_at_break() {
            breaks.push(self.cursor.skip_break());
            self.cursor.skip_blanks();
        }
        breaks.fold_into(value);
    }
}
