use crate::content::Content;
use crate::node::ScalarStyle;
use crate::position::Mark;

/// A token, and where it is.
pub(crate) struct Token<'t> {
    pub(crate) kind: TokenKind<'t>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
    /// How many flow collections are around it.
    pub(super) flow_level: usize,
    /// Whether it was saved as a key candidate, and not given up since.
    pub(super) is_candidate: bool,
}

/// The kinds of [`Token`].
pub(crate) enum TokenKind<'t> {
    VersionDirective {
        major: u32,
        minor: u32,
    },
    TagDirective {
        handle: &'t str,
        prefix: Content<'t>,
    },
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    StreamEnd,
    BlockSequenceStart,
    BlockMappingStart,
    /// The end of a block sequence or mapping.
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `-`
    BlockEntry {
        /// Whether there is a comment before it, on a line of its own.
        after_comment: bool,
    },
    /// `,`
    FlowEntry,
    /// `?`, or nothing in front of a simple key.
    Key,
    /// `:`
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    /// A tag as it is written: the handle is empty for `!<verbatim>` tags.
    Tag {
        handle: &'t str,
        suffix: Content<'t>,
    },
    Scalar {
        value: Content<'t>,
        style: ScalarStyle,
        /// The byte where the content ends: in a block scalar before the token does.
        content_end: usize,
    },
}

impl TokenKind<'_> {
    /// Whether it is a directive or `---`.
    pub(crate) fn begins_document(&self) -> bool {
        matches!(
            self,
            Self::VersionDirective { .. } | Self::TagDirective { .. } | Self::DocumentStart
        )
    }
}
