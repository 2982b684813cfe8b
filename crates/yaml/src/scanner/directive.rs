use crate::error::Error;
use crate::position::Mark;
use crate::scanner::{Scanner, TagDirective, TokenKind};

/// The most digits of a version number.
const MAX_VERSION_DIGITS: usize = 2;

impl<'t> Scanner<'t> {
    pub(super) fn fetch_directive(&mut self) -> Result<(), Error> {
        self.end_document_part()?;
        let start = self.cursor.mark();
        self.cursor.skip_ascii(1);
        let name = self.read_alphanumeric();
        if name.is_empty() {
            return self.directive_error("could not find expected directive name", start);
        }
        if !self.cursor.is_space_at(0) {
            return self.directive_error("found unexpected non-alphabetical character", start);
        }
        let kind = match name {
            "YAML" => self.read_version(start)?,
            "TAG" => self.read_tag_directive(start)?,
            _ => return self.directive_error("found unknown directive name", start),
        };
        self.push(kind, start);
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_line_content();
        }
        if !self.cursor.is_at_break_or_end() {
            return self.directive_error("did not find expected comment or line break", start);
        }
        self.cursor.skip_break();
        Ok(())
    }

    fn read_version(&mut self, start: Mark) -> Result<TokenKind<'t>, Error> {
        self.cursor.skip_blanks();
        let major = self.read_version_number(start)?;
        if self.cursor.peek() != b'.' {
            return self.directive_error("did not find expected digit or '.' character", start);
        }
        self.cursor.skip_ascii(1);
        let minor = self.read_version_number(start)?;
        Ok(TokenKind::VersionDirective { major, minor })
    }

    fn read_version_number(&mut self, start: Mark) -> Result<u32, Error> {
        let from = self.cursor.mark().byte;
        while self.cursor.peek().is_ascii_digit() {
            self.cursor.skip_ascii(1);
            if self.cursor.since(from).len() > MAX_VERSION_DIGITS {
                return self.directive_error("found extremely long version number", start);
            }
        }
        match self.cursor.since(from).parse() {
            Ok(number) => Ok(number),
            Err(_) => self.directive_error("did not find expected version number", start),
        }
    }

    fn read_tag_directive(&mut self, start: Mark) -> Result<TokenKind<'t>, Error> {
        self.cursor.skip_blanks();
        if self.cursor.peek() != b'!' {
            return self.directive_error("did not find expected '!'", start);
        }
        let handle = self.read_tag_handle();
        if handle != "!" && !handle.ends_with('!') {
            return self.directive_error("did not find expected '!'", start);
        }
        if !self.cursor.is_at_blank() {
            return self.directive_error("did not find expected whitespace", start);
        }
        self.cursor.skip_blanks();
        let prefix = self.read_uri("", start)?;
        if !self.cursor.is_space_at(0) {
            return self.directive_error("did not find expected whitespace or line break", start);
        }
        let directive = TagDirective { handle, prefix };
        Ok(TokenKind::TagDirective(Box::new(directive)))
    }

    fn directive_error<T>(&self, message: &'static str, start: Mark) -> Result<T, Error> {
        Err(Error::scanner(message, start, self.cursor.mark()))
    }
}
