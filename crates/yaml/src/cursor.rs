use crate::position::Mark;

/// The byte that stands for the end of the text. It cannot occur in it: YAML has no NUL.
pub(crate) const END: u8 = 0;

/// The scanner's place in the text.
pub(crate) struct Cursor<'t> {
    text: &'t str,
    mark: Mark,
    /// How many bytes have been looked at.
    #[cfg(test)]
    pub(crate) steps: std::cell::Cell<usize>,
}

impl<'t> Cursor<'t> {
    /// Places a cursor at the beginning of the text, behind a byte order mark. yaml.v3 skips a
    /// second one too, but counts it as a column.
    pub(crate) fn new(text: &'t str) -> Self {
        const BYTE_ORDER_MARK: char = '\u{feff}';
        let first = text.chars().take(2);
        let skipped = first.take_while(|it| *it == BYTE_ORDER_MARK).count();
        let mark = Mark {
            line: 0,
            column: skipped.saturating_sub(1),
            byte: skipped * BYTE_ORDER_MARK.len_utf8(),
        };
        Self {
            text,
            mark,
            #[cfg(test)]
            steps: std::cell::Cell::default(),
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    pub(crate) fn byte(&self) -> usize {
        self.mark.byte
    }

    /// The byte `ahead` of the cursor.
    pub(crate) fn peek_at(&self, ahead: usize) -> u8 {
        #[cfg(test)]
        self.steps.update(|steps| steps + 1);
        let bytes = self.text.as_bytes();
        bytes.get(self.mark.byte + ahead).copied().unwrap_or(END)
    }

    pub(crate) fn peek(&self) -> u8 {
        self.peek_at(0)
    }

    /// The bytes from the cursor on.
    pub(crate) fn rest(&self) -> &'t [u8] {
        let bytes = self.text.as_bytes();
        bytes.get(self.mark.byte..).unwrap_or_default()
    }

    /// The text from `start` to the cursor.
    pub(crate) fn since(&self, start: usize) -> &'t str {
        self.slice(start, self.mark.byte)
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.mark.byte >= self.text.len()
    }

    /// Whether a space or a tab follows.
    pub(crate) fn is_at_blank(&self) -> bool {
        matches!(self.peek(), b' ' | b'\t')
    }

    pub(crate) fn is_at_break(&self) -> bool {
        self.is_break_at(0)
    }

    pub(crate) fn is_break_at(&self, ahead: usize) -> bool {
        self.line_break(ahead).0 != 0
    }

    /// Whether a blank, a line break or the end of the text is `ahead` of the cursor.
    pub(crate) fn is_space_at(&self, ahead: usize) -> bool {
        matches!(self.peek_at(ahead), b' ' | b'\t' | END) || self.is_break_at(ahead)
    }

    /// Whether `---` or `...` follows, alone at the beginning of a line.
    pub(crate) fn is_at_document_indicator(&self) -> bool {
        self.mark.column == 0
            && (self.rest().starts_with(b"---") || self.rest().starts_with(b"..."))
            && self.is_space_at(3)
    }

    /// How many bytes the line break takes that is `ahead` of the cursor, and what it means: CR,
    /// CRLF and NEL mean `\n`. Without one, 0 and nothing.
    fn line_break(&self, ahead: usize) -> (usize, &'static str) {
        match self.peek_at(ahead) {
            b'\r' if self.peek_at(ahead + 1) == b'\n' => (2, "\n"),
            b'\n' | b'\r' => (1, "\n"),
            0xC2 if self.peek_at(ahead + 1) == 0x85 => (2, "\n"),
            0xE2 if self.peek_at(ahead + 1) == 0x80 => match self.peek_at(ahead + 2) {
                0xA8 => (3, "\u{2028}"),
                0xA9 => (3, "\u{2029}"),
                _ => (0, ""),
            },
            _ => (0, ""),
        }
    }

    /// Skips as many ASCII characters, none of which is a line break.
    pub(crate) fn skip_ascii(&mut self, count: usize) {
        self.mark.byte += count;
        self.mark.column += count;
    }

    /// Skips to `byte`, which is a character boundary on the same line.
    pub(crate) fn skip_to(&mut self, byte: usize) {
        #[cfg(test)]
        self.steps.update(|steps| steps + byte - self.mark.byte);
        self.mark.column += self.slice(self.mark.byte, byte).chars().count();
        self.mark.byte = byte;
    }

    /// Skips spaces and tabs.
    pub(crate) fn skip_blanks(&mut self) {
        while self.is_at_blank() {
            self.skip_ascii(1);
        }
    }

    /// Skips to the end of the line, before its break.
    pub(crate) fn skip_line_content(&mut self) {
        self.skip_while(|_| true);
    }

    /// Skips bytes of this line up to the first that fails `accept`; bytes of line breaks are not
    /// asked for. `accept` must treat all bytes above 0x7F alike.
    pub(crate) fn skip_while(&mut self, accept: impl Fn(u8) -> bool) {
        let mut length = 0;
        let rest = self.rest();
        while let Some(byte) = rest.get(length) {
            let may_break = !matches!(byte, b' '..=b'~');
            if may_break && self.is_break_at(length) || !accept(*byte) {
                break;
            }
            length += 1;
        }
        self.skip_to(self.mark.byte + length);
    }

    /// Skips a line break, if one follows, and returns what it means.
    pub(crate) fn skip_break(&mut self) -> &'static str {
        let (length, meaning) = self.line_break(0);
        if length != 0 {
            self.mark.byte += length;
            self.mark.line += 1;
            self.mark.column = 0;
        }
        meaning
    }

    /// Moves to the beginning of a line that would follow the text.
    pub(crate) fn end_line(&mut self) {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }

    /// Moves to a mark that was taken before.
    pub(crate) fn move_to(&mut self, mark: Mark) {
        self.mark = mark;
    }
}
