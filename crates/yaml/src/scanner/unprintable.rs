use crate::error::Error;
use crate::position::Mark;

/// A character that YAML does not allow, such as a control character.
pub(crate) struct Unprintable {
    /// The byte from which yaml.v3 reports it: the beginning of the chunk that it reads at once.
    pub(crate) reported_from: usize,
    mark: Mark,
}

impl Unprintable {
    /// How many bytes yaml.v3 looks at to recognize a token.
    pub(crate) const LOOKAHEAD: usize = 4;

    /// How many bytes yaml.v3 reads at once.
    const CHUNK: usize = 512;

    /// Finds the first such character of `text`.
    pub(crate) fn find(text: &str) -> Option<Self> {
        // Without an early exit, this checks many bytes at once.
        let is_plain = |byte| matches!(byte, b' '..=b'~') | matches!(byte, b'\t' | b'\n' | b'\r');
        if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
            return None;
        }
        let byte = text.find(is_unprintable)?;
        let mut chunk = 0;
        let mut next = 0;
        while next <= byte {
            chunk = next;
            next = text.floor_char_boundary(chunk + Self::CHUNK);
        }
        let before = text.get(..byte).unwrap_or_default();
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        let mark = Mark {
            line: before.matches('\n').count(),
            column: last_line.chars().count(),
            byte,
        };
        Some(Self {
            reported_from: chunk,
            mark,
        })
    }

    pub(crate) fn error(&self) -> Error {
        Error::syntax("control characters are not allowed", None, self.mark)
    }
}

fn is_unprintable(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        _ => c.is_control(),
    }
}
