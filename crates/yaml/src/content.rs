use std::ops::Deref;

use zeroize::Zeroizing;

/// The text that a scalar means. A conversion is wiped when it is dropped.
pub enum Content<'t> {
    /// As it is written.
    Verbatim(&'t str),
    /// With escapes replaced or lines joined.
    Converted(Zeroizing<String>),
}

impl<'t> Content<'t> {
    /// Short conversions are not moved while they grow.
    const MIN_CAPACITY: usize = 32;

    /// Appends a part of the text that is read.
    pub(crate) fn push_verbatim(&mut self, text: &'t str) {
        if self.is_empty() {
            *self = Self::Verbatim(text);
        } else {
            self.push_str(text);
        }
    }

    /// Appends a text. What the conversion held before it grew is wiped.
    pub(crate) fn push_str(&mut self, text: &str) {
        match self {
            Self::Converted(own) if own.capacity() - own.len() >= text.len() => own.push_str(text),
            _ if text.is_empty() => {}
            former => {
                let capacity = (2 * former.len() + text.len()).max(Self::MIN_CAPACITY);
                let mut larger = Zeroizing::new(String::with_capacity(capacity));
                larger.push_str(former);
                larger.push_str(text);
                *former = Self::Converted(larger);
            }
        }
    }

    pub(crate) fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }
}

impl Default for Content<'_> {
    fn default() -> Self {
        Self::Verbatim("")
    }
}

impl Deref for Content<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Verbatim(text) => text,
            Self::Converted(text) => text,
        }
    }
}
