use zeroize::Zeroizing;

use crate::error::Error;
use crate::node::Properties;
use crate::parser::Parser;
use crate::position::Mark;
use crate::scanner::{Tag, TokenKind};
use crate::text_buffer::TextBuffer;

/// What begins the tags that YAML defines.
const CORE_PREFIX: &str = "tag:yaml.org,2002:";

impl Parser<'_> {
    /// Reads a tag and an anchor, in either order. Returns where the node begins.
    pub(super) fn properties(&mut self) -> Result<(Mark, Option<Box<Properties>>), Error> {
        let token = self.peek()?;
        let start = token.start;
        if !matches!(token.kind, TokenKind::Anchor(_) | TokenKind::Tag(_)) {
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
                TokenKind::Tag(_) if tag.is_none() => tag = Some(self.take()?),
                _ => break,
            }
        }
        let tag = match tag {
            None => None,
            Some(token) => match token.kind {
                TokenKind::Tag(tag) => Some(self.resolve_tag(&tag, start, token.start)?),
                _ => None,
            },
        };
        self.anchors.extend(anchor);
        let properties = Properties {
            tag,
            anchor: anchor.map(|name| Zeroizing::new(name.to_owned())),
            span: start.byte..self.last_end,
        };
        Ok((start, Some(Box::new(properties))))
    }

    /// Replaces the handle by its prefix, and the prefix of YAML's own tags by `!!`.
    fn resolve_tag(
        &self,
        tag: &Tag<'_>,
        start: Mark,
        mark: Mark,
    ) -> Result<Zeroizing<String>, Error> {
        let prefix = match (self.tag_prefixes.get(tag.handle), tag.handle) {
            (_, "") => "",
            (Some(prefix), _) => prefix,
            (None, "!") => "!",
            (None, "!!") => CORE_PREFIX,
            (None, _) => {
                return Err(Error::parser("found undefined tag handle", start, mark));
            }
        };
        let mut full = TextBuffer::default();
        full.push_str(prefix);
        full.push_str(&tag.suffix);
        let Some(name) = full.as_str().strip_prefix(CORE_PREFIX) else {
            return Ok(full.into_text());
        };
        let mut short = TextBuffer::default();
        short.push_str("!!");
        short.push_str(name);
        Ok(short.into_text())
    }
}
