use zeroize::Zeroizing;

use crate::error::Error;
use crate::node::Properties;
use crate::parser::Parser;
use crate::position::Mark;
use crate::scanner::{Token, TokenKind};

/// What begins the tags that YAML defines.
const CORE_PREFIX: &str = "tag:yaml.org,2002:";

impl<'t> Parser<'t> {
    /// Reads a tag and an anchor, in either order. Returns where the node begins.
    pub(super) fn properties(&mut self) -> Result<(Mark, Option<Box<Properties<'t>>>), Error> {
        let token = self.peek()?;
        let start = token.start;
        if !matches!(token.kind, TokenKind::Anchor(_) | TokenKind::Tag { .. }) {
            return Ok((start, None));
        }
        let mut anchor = None;
        let mut tag = None;
        loop {
            match self.peek()?.kind {
                TokenKind::Anchor(name) if anchor.is_none() => {
                    anchor = Some(name);
                    self.take()?;
                }
                TokenKind::Tag { .. } if tag.is_none() => tag = Some(self.take()?),
                _ => break,
            }
        }
        let tag = tag
            .map(|token| self.resolve_tag(&token, start))
            .transpose()?;
        self.anchors.extend(anchor);
        let properties = Properties {
            tag,
            anchor,
            span: start.byte..self.last_end,
        };
        Ok((start, Some(Box::new(properties))))
    }

    /// Replaces the handle by its prefix, and the prefix of YAML's own tags by `!!`.
    fn resolve_tag(&self, tag: &Token<'_>, start: Mark) -> Result<Zeroizing<String>, Error> {
        let TokenKind::Tag { handle, suffix } = &tag.kind else {
            return Ok(Zeroizing::default());
        };
        let prefix = match (self.tag_prefixes.get(handle), *handle) {
            (_, "") => "",
            (Some(prefix), _) => prefix,
            (None, "!") => "!",
            (None, "!!") => CORE_PREFIX,
            (None, _) => {
                let message = "found undefined tag handle";
                return Err(Error::parser(message, start, tag.start));
            }
        };
        // `concat` leaves no copies behind: it allocates once.
        let full = Zeroizing::new([prefix, &**suffix].concat());
        Ok(match full.strip_prefix(CORE_PREFIX) {
            Some(name) => Zeroizing::new(["!!", name].concat()),
            None => full,
        })
    }
}
