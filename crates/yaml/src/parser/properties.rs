use std::mem;

use zeroize::Zeroizing;

use crate::content::Content;
use crate::error::Error;
use crate::node::Properties;
use crate::parser::Parser;
use crate::position::Mark;
use crate::scanner::TokenKind;

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
            let token = self.peek()?;
            match &mut token.kind {
                TokenKind::Anchor(name) if anchor.is_none() => anchor = Some(*name),
                TokenKind::Tag { handle, suffix } if tag.is_none() => {
                    tag = Some((*handle, mem::take(suffix), token.start));
                }
                _ => break,
            }
            self.skip()?;
        }
        let resolve = |(handle, suffix, mark): (_, Content<'_>, _)| {
            let tag = self.resolve_tag(handle, &suffix);
            tag.ok_or_else(|| Error::parser("found undefined tag handle", start, mark))
        };
        let tag = tag.map(resolve).transpose()?;
        self.anchors.extend(anchor);
        let properties = Properties {
            tag,
            anchor,
            span: start.byte..self.last_end,
        };
        Ok((start, Some(Box::new(properties))))
    }

    /// Replaces the handle by its prefix, and the prefix of YAML's own tags by `!!`. Returns `None` if the
    /// handle is not defined.
    fn resolve_tag(&self, handle: &str, suffix: &str) -> Option<Zeroizing<String>> {
        let prefix = match (self.tag_prefixes.get(handle), handle) {
            (_, "") => "",
            (Some(prefix), _) => prefix,
            (None, "!") => "!",
            (None, "!!") => CORE_PREFIX,
            (None, _) => return None,
        };
        // `concat` leaves no copies behind: it allocates once.
        let full = Zeroizing::new([prefix, suffix].concat());
        Some(match full.strip_prefix(CORE_PREFIX) {
            Some(name) => Zeroizing::new(["!!", name].concat()),
            None => full,
        })
    }
}
