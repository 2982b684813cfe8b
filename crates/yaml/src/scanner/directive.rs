use crate::error::Error;
use crate::scanner::{Scanner, TokenKind};

/// The most digits of a version number.
const MAX_VERSION_DIGITS: usize = 2;

impl<'t> Scanner<'t> {
    pub(super) fn fetch_directive(&mut self) -> Result<(), Error> {
        self.end_document_part()?;
        self.cursor.skip_ascii(1);
        let name = self.read_alphanumeric();
        if name.is_empty() {
            return self.error("could not find expected directive name");
        }
        if !self.cursor.is_space_at(0) {
            return self.error("found unexpected non-alphabetical character");
        }
        let kind = match name {
            "YAML" => self.read_version()?,
            "TAG" => self.read_tag_directive()?,
            _ => return self.error("found unknown directive name"),
        };
        self.push(kind);
        self.skip_rest_of_line()
    }

    fn read_version(&mut self) -> Result<TokenKind<'t>, Error> {
        self.cursor.skip_blanks();
        let major = self.read_version_number()?;
        if self.cursor.peek() != b'.' {
            return self.error("did not find expected digit or '.' character");
        }
        self.cursor.skip_ascii(1);
        let minor = self.read_version_number()?;
        Ok(TokenKind::VersionDirective { major, minor })
    }

    fn read_version_number(&mut self) -> Result<u32, Error> {
        let from = self.cursor.byte();
        while self.cursor.peek().is_ascii_digit() {
            self.cursor.skip_ascii(1);
            if self.cursor.since(from).len() > MAX_VERSION_DIGITS {
                return self.error("found extremely long version number");
            }
        }
        let number = self.cursor.since(from).parse();
        number.or_else(|_| self.error("did not find expected version number"))
    }

    fn read_tag_directive(&mut self) -> Result<TokenKind<'t>, Error> {
        self.cursor.skip_blanks();
        if self.cursor.peek() != b'!' {
            return self.error("did not find expected '!'");
        }
        let handle = self.read_tag_handle();
        if !handle.ends_with('!') {
            return self.error("did not find expected '!'");
        }
        if !self.cursor.is_at_blank() {
            return self.error("did not find expected whitespace");
        }
        self.cursor.skip_blanks();
        let prefix = self.read_uri("")?;
        if !self.cursor.is_space_at(0) {
            return self.error("did not find expected whitespace or line break");
        }
        Ok(TokenKind::TagDirective { handle, prefix })
    }
}
