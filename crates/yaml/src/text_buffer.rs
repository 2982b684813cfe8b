use zeroize::Zeroizing;

/// A string that leaves no copies behind: what it held before it grew is wiped.
#[derive(Default)]
pub(crate) struct TextBuffer(Zeroizing<String>);

impl TextBuffer {
    /// The smallest buffer.
    const MIN_CAPACITY: usize = 32;

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        let old_length = self.0.len();
        if self.0.capacity() - old_length < text.len() {
            let capacity = (2 * old_length + text.len()).max(Self::MIN_CAPACITY);
            let mut larger = Zeroizing::new(String::with_capacity(capacity));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(text);
    }

    pub(crate) fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn into_text(self) -> Zeroizing<String> {
        self.0
    }
}
