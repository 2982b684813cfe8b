use std::mem;

use crate::error::Error;
use crate::parser::Parser;
use crate::position::Mark;
use crate::scanner::TokenKind;

impl Parser<'_> {
    /// Reads the directives and the `---` at the beginning of a document. Returns whether there are
    /// any.
    pub(super) fn document_start(&mut self) -> Result<bool, Error> {
        let error = |message, problem| Err(Error::parser(message, Mark::default(), problem));
        let mut has_version = false;
        while self.peek()?.kind.begins_document() {
            let token = self.peek()?;
            let start = token.start;
            match &mut token.kind {
                TokenKind::VersionDirective { .. } if has_version => {
                    return error("found duplicate %YAML directive", start);
                }
                TokenKind::VersionDirective { major: 1, minor: 1 } => has_version = true,
                TokenKind::VersionDirective { .. } => {
                    return error("found incompatible YAML document", start);
                }
                TokenKind::TagDirective { handle, prefix } => {
                    let (handle, prefix) = (*handle, mem::take(prefix));
                    if self.tag_prefixes.insert(handle, prefix).is_some() {
                        return error("found duplicate %TAG directive", start);
                    }
                }
                _ => {
                    self.skip()?;
                    return Ok(true);
                }
            }
            self.skip()?;
        }
        if has_version || !self.tag_prefixes.is_empty() {
            return error("did not find expected <document start>", self.peek()?.start);
        }
        Ok(false)
    }
}
