//! Anchors, aliases and tags.

use crate::content::Content;
use crate::error::Error;
use crate::scanner::{Scanner, TokenKind};

impl<'t> Scanner<'t> {
    /// Reads an anchor or an alias.
    pub(super) fn fetch_anchor(
        &mut self,
        kind: impl Fn(&'t str) -> TokenKind<'t>,
    ) -> Result<(), Error> {
        self.save_candidate()?;
        self.cursor.skip_ascii(1);
        let name = self.read_alphanumeric();
        let is_ended = self.cursor.is_space_at(0) || b"?:,]}%@`".contains(&self.cursor.peek());
        if name.is_empty() || !is_ended {
            return self.error("did not find expected alphabetic or numeric character");
        }
        self.push(kind(name));
        Ok(())
    }

    /// Reads letters, digits, `-` and `_`.
    pub(super) fn read_alphanumeric(&mut self) -> &'t str {
        let start = self.cursor.byte();
        self.cursor
            .skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        self.cursor.since(start)
    }

    pub(super) fn fetch_tag(&mut self) -> Result<(), Error> {
        self.save_candidate()?;
        let tag = if self.cursor.peek_at(1) == b'<' {
            self.read_verbatim_tag()?
        } else {
            self.read_tag()?
        };
        if !self.cursor.is_space_at(0) {
            return self.error("did not find expected whitespace or line break");
        }
        self.push(tag);
        Ok(())
    }

    /// Reads `!<tag>`.
    fn read_verbatim_tag(&mut self) -> Result<TokenKind<'t>, Error> {
        self.cursor.skip_ascii(2);
        let suffix = self.read_uri("")?;
        if self.cursor.peek() != b'>' {
            return self.error("did not find the expected '>'");
        }
        self.cursor.skip_ascii(1);
        Ok(TokenKind::Tag { handle: "", suffix })
    }

    /// Reads `!handle!suffix`, `!suffix` or `!`.
    fn read_tag(&mut self) -> Result<TokenKind<'t>, Error> {
        let handle = self.read_tag_handle();
        if handle.len() > 1 && handle.ends_with('!') {
            let suffix = self.read_uri("")?;
            return Ok(TokenKind::Tag { handle, suffix });
        }
        // What seemed to be a handle is the beginning of the suffix.
        let (handle, head) = handle.split_at(1);
        if head.is_empty() && !is_uri_byte(self.cursor.peek()) {
            let suffix = Content::Verbatim("!");
            return Ok(TokenKind::Tag { handle: "", suffix });
        }
        let suffix = self.read_uri(head)?;
        Ok(TokenKind::Tag { handle, suffix })
    }

    /// Reads `!`, `!name` or `!name!`.
    pub(super) fn read_tag_handle(&mut self) -> &'t str {
        let start = self.cursor.byte();
        self.cursor.skip_ascii(1);
        self.read_alphanumeric();
        if self.cursor.peek() == b'!' {
            self.cursor.skip_ascii(1);
        }
        self.cursor.since(start)
    }

    /// Reads a URI whose beginning is `head`.
    pub(super) fn read_uri(&mut self, head: &'t str) -> Result<Content<'t>, Error> {
        let mut uri = Content::default();
        uri.push_verbatim(head);
        loop {
            let from = self.cursor.byte();
            self.cursor
                .skip_while(|byte| is_uri_byte(byte) && byte != b'%');
            uri.push_verbatim(self.cursor.since(from));
            if self.cursor.peek() != b'%' {
                break;
            }
            uri.push(self.read_uri_escape()?);
        }
        if uri.is_empty() {
            return self.error("did not find expected tag URI");
        }
        Ok(uri)
    }

    /// Reads the `%XX` escapes of one character.
    fn read_uri_escape(&mut self) -> Result<char, Error> {
        let length = match self.peek_uri_octet()? {
            0..0x80 => 1,
            0xC0..0xE0 => 2,
            0xE0..0xF0 => 3,
            0xF0..0xF8 => 4,
            _ => return self.error("found an incorrect leading UTF-8 octet"),
        };
        let mut bytes = [0; 4];
        for (index, byte) in bytes.iter_mut().enumerate().take(length) {
            *byte = self.peek_uri_octet()?;
            if index > 0 && *byte & 0xC0 != 0x80 {
                return self.error("found an incorrect trailing UTF-8 octet");
            }
            self.cursor.skip_ascii(3);
        }
        let decoded = std::str::from_utf8(&bytes).ok();
        let character = decoded.and_then(|it| it.chars().next());
        Ok(character.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The byte that the `%XX` at the cursor means.
    fn peek_uri_octet(&self) -> Result<u8, Error> {
        let digit = |ahead| char::from(self.cursor.peek_at(ahead)).to_digit(16);
        match (self.cursor.peek(), digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => Ok(u8::try_from(high << 4 | low).unwrap_or_default()),
            _ => self.error("did not find URI escaped octet"),
        }
    }
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$,.!~*'()[]%".contains(&byte)
}
