use zeroize::Zeroizing;

/// A string that leaves no copies behind: what it held before it grew is wiped.
#[derive(Default)]
pub(crate) struct TextBuffer {
    /// `None` before the first text, because it takes time to wipe an empty string too.
    text: Option<Zeroizing<String>>,
}

impl TextBuffer {
    /// Short texts are not moved while they grow.
    const MIN_CAPACITY: usize = 32;

    pub(crate) fn push_str(&mut self, text: &str) {
        match &mut self.text {
            Some(buffer) if buffer.capacity() - buffer.len() >= text.len() => buffer.push_str(text),
            _ if text.is_empty() => {}
            old => {
                let former = old.as_ref().map_or("", |it| it.as_str());
                let capacity = (2 * former.len() + text.len()).max(Self::MIN_CAPACITY);
                let mut larger = Zeroizing::new(String::with_capacity(capacity));
                larger.push_str(former);
                larger.push_str(text);
                *old = Some(larger);
            }
        }
    }

    pub(crate) fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn into_text(self) -> Zeroizing<String> {
        self.text.unwrap_or_default()
    }
}
