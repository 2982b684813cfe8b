use zeroize::Zeroizing;

/// A string that leaves no copies behind: what it held before it grew is wiped.
#[derive(Default)]
pub(crate) struct TextBuffer {
    /// Nothing has to be wiped before the first text.
    text: Option<Zeroizing<String>>,
}

impl TextBuffer {
    /// The smallest buffer.
    const MIN_CAPACITY: usize = 32;

    pub(crate) fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match &mut self.text {
            Some(buffer) if buffer.capacity() - buffer.len() >= text.len() => buffer.push_str(text),
            _ => {
                let length = self.as_str().len() + text.len();
                let capacity = if self.text.is_some() {
                    2 * length
                } else {
                    length
                };
                let capacity = capacity.max(Self::MIN_CAPACITY);
                let mut larger = Zeroizing::new(String::with_capacity(capacity));
                larger.push_str(self.as_str());
                larger.push_str(text);
                self.text = Some(larger);
            }
        }
    }

    pub(crate) fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn as_str(&self) -> &str {
        self.text.as_ref().map_or("", |text| text.as_str())
    }

    pub(crate) fn into_text(self) -> Zeroizing<String> {
        self.text.unwrap_or_default()
    }
}
