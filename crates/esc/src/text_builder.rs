//! A buffer for text that may be secret.

use zeroize::Zeroizing;

use crate::text::Text;

/// Short texts are not moved while they grow.
const MIN_CAPACITY: usize = 32;

/// Collects the bytes of a [`Text`]. Unlike `Vec`, it wipes the old buffer when it grows.
#[derive(Default)]
pub(crate) struct TextBuilder(Zeroizing<Vec<u8>>);

impl TextBuilder {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let needed = self.0.len() + bytes.len();
            let capacity = needed.max(2 * self.0.capacity()).max(MIN_CAPACITY);
            let mut grown = Zeroizing::new(Vec::with_capacity(capacity));
            grown.extend_from_slice(&self.0);
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    pub(crate) fn push_char(&mut self, character: char) {
        self.push(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn finish(mut self) -> Text {
        Text::from(std::mem::take(&mut *self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_the_text() {
        let mut text = TextBuilder::default();
        for _ in 0..100 {
            text.push_str("ab");
            text.push_char('é');
        }
        assert_eq!(text.len(), 400);
        assert_eq!(text.finish().as_str().unwrap(), "abé".repeat(100));
    }
}
