//! Anchors, aliases and tags.

use zeroize::Zeroizing;

use crate::error::Error;
use crate::position::Mark;
use crate::scanner::{Scanner, Tag, TokenKind};
use crate::text_buffer::TextBuffer;

impl<'t> Scanner<'t> {
    pub(super) fn fetch_alias(&mut self) -> Result<(), Error> {
        self.save_candidate()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        let name = self.read_anchor_name()?;
        self.push(TokenKind::Alias(name), start);
        Ok(())
    }

    pub(super) fn fetch_anchor(&mut self) -> Result<(), Error> {
        self.save_candidate()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        let name = self.read_anchor_name()?;
        self.push(TokenKind::Anchor(name), start);
        Ok(())
    }

    fn read_anchor_name(&mut self) -> Result<&'t str, Error> {
        let start = self.cursor.mark();
        self.cursor.skip_ascii(1);
        let name = self.read_alphanumeric();
        let is_ended = self.cursor.is_space_at(0) || b"?:,]}%@`".contains(&self.cursor.peek());
        if name.is_empty() || !is_ended {
            let message = "did not find expected alphabetic or numeric character";
            return Err(Error::scanner(message, start, self.cursor.mark()));
        }
        Ok(name)
    }

    /// Reads letters, digits, `-` and `_`.
    pub(super) fn read_alphanumeric(&mut self) -> &'t str {
        let start = self.cursor.mark().byte;
        self.cursor
            .skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        self.cursor.since(start)
    }

    pub(super) fn fetch_tag(&mut self) -> Result<(), Error> {
        self.save_candidate()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        let tag = if self.cursor.peek_at(1) == b'<' {
            self.read_verbatim_tag(start)?
        } else {
            self.read_tag(start)?
        };
        if !self.cursor.is_space_at(0) {
            let message = "did not find expected whitespace or line break";
            return Err(Error::scanner(message, start, self.cursor.mark()));
        }
        self.push(TokenKind::Tag(Box::new(tag)), start);
        Ok(())
    }

    /// Reads `!<tag>`.
    fn read_verbatim_tag(&mut self, start: Mark) -> Result<Tag<'t>, Error> {
        self.cursor.skip_ascii(2);
        let suffix = self.read_uri("", start)?;
        if self.cursor.peek() != b'>' {
            let message = "did not find the expected '>'";
            return Err(Error::scanner(message, start, self.cursor.mark()));
        }
        self.cursor.skip_ascii(1);
        Ok(Tag { handle: "", suffix })
    }

    /// Reads `!handle!suffix`, `!suffix` or `!`.
    fn read_tag(&mut self, start: Mark) -> Result<Tag<'t>, Error> {
        let handle = self.read_tag_handle();
        if handle.len() > 1 && handle.ends_with('!') {
            let suffix = self.read_uri("", start)?;
            return Ok(Tag { handle, suffix });
        }
        // What seemed to be a handle is the beginning of the suffix.
        let head = handle.strip_prefix('!').unwrap_or_default();
        if head.is_empty() && !is_uri_byte(self.cursor.peek()) {
            let suffix = Zeroizing::new("!".to_owned());
            return Ok(Tag { handle: "", suffix });
        }
        let suffix = self.read_uri(head, start)?;
        Ok(Tag {
            handle: "!",
            suffix,
        })
    }

    /// Reads `!`, `!name` or `!name!`.
    pub(super) fn read_tag_handle(&mut self) -> &'t str {
        let start = self.cursor.mark().byte;
        self.cursor.skip_ascii(1);
        self.read_alphanumeric();
        if self.cursor.peek() == b'!' {
            self.cursor.skip_ascii(1);
        }
        self.cursor.since(start)
    }

    /// Reads a URI whose beginning is `head`.
    pub(super) fn read_uri(&mut self, head: &str, start: Mark) -> Result<Zeroizing<String>, Error> {
        let mut uri = TextBuffer::default();
        uri.push_str(head);
        loop {
            let from = self.cursor.mark().byte;
            self.cursor
                .skip_while(|byte| is_uri_byte(byte) && byte != b'%');
            uri.push_str(self.cursor.since(from));
            if self.cursor.peek() != b'%' {
                break;
            }
            uri.push(self.read_uri_escape(start)?);
        }
        if uri.is_empty() {
            let message = "did not find expected tag URI";
            return Err(Error::scanner(message, start, self.cursor.mark()));
        }
        Ok(uri.into_text())
    }

    /// Reads the `%XX` escapes of one character.
    fn read_uri_escape(&mut self, start: Mark) -> Result<char, Error> {
        let error = |message, problem| Err(Error::scanner(message, start, problem));
        let mut bytes = [0; 4];
        let mut length = 1;
        let mut index = 0;
        while index < length {
            let digit = |ahead| char::from(self.cursor.peek_at(ahead)).to_digit(16);
            let digits = (self.cursor.peek() == b'%').then(|| digit(1).zip(digit(2)));
            let Some(Some((high, low))) = digits else {
                return error("did not find URI escaped octet", self.cursor.mark());
            };
            let octet = u8::try_from(high << 4 | low).unwrap_or_default();
            if index == 0 {
                length = match octet {
                    0..0x80 => 1,
                    0xC0..0xE0 => 2,
                    0xE0..0xF0 => 3,
                    0xF0..0xF8 => 4,
                    _ => {
                        let message = "found an incorrect leading UTF-8 octet";
                        return error(message, self.cursor.mark());
                    }
                };
            } else if octet & 0xC0 != 0x80 {
                let message = "found an incorrect trailing UTF-8 octet";
                return error(message, self.cursor.mark());
            }
            if let Some(slot) = bytes.get_mut(index) {
                *slot = octet;
            }
            self.cursor.skip_ascii(3);
            index += 1;
        }
        let decoded = std::str::from_utf8(bytes.get(..length).unwrap_or_default());
        let character = decoded.ok().and_then(|it| it.chars().next());
        Ok(character.unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$,.!~*'()[]%".contains(&byte)
}
