use crate::error::Error;
use crate::parser::Parser;
use crate::position::Mark;
use crate::scanner::TokenKind;

impl Parser<'_> {
    /// Reads the directives and the `---` at the beginning of a document. Returns whether there are
    /// any.
    pub(super) fn document_start(&mut self) -> Result<bool, Error> {
        let mut has_version = false;
        let mut has_directives = false;
        loop {
            match &self.peek()?.kind {
                TokenKind::VersionDirective { .. } | TokenKind::TagDirective(_) => {
                    has_directives = true;
                    self.directive(&mut has_version)?;
                }
                TokenKind::DocumentStart => {
                    self.take()?;
                    return Ok(true);
                }
                _ if has_directives => {
                    let problem = self.peek()?.start;
                    return error("did not find expected <document start>", problem);
                }
                _ => return Ok(false),
            }
        }
    }

    fn directive(&mut self, has_version: &mut bool) -> Result<(), Error> {
        let token = self.take()?;
        match token.kind {
            TokenKind::VersionDirective { .. } if *has_version => {
                error("found duplicate %YAML directive", token.start)
            }
            TokenKind::VersionDirective { major: 1, minor: 1 } => {
                *has_version = true;
                Ok(())
            }
            TokenKind::VersionDirective { .. } => {
                error("found incompatible YAML document", token.start)
            }
            TokenKind::TagDirective(directive) => {
                match self.tag_prefixes.insert(directive.handle, directive.prefix) {
                    Some(_) => error("found duplicate %TAG directive", token.start),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

fn error<T>(message: &'static str, problem: Mark) -> Result<T, Error> {
    Err(Error::parser(message, Mark::default(), problem))
}
