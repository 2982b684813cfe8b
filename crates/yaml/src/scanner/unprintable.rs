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
        let byte = position(text.as_bytes())?;
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
        Error::unplaced("control characters are not allowed", self.mark)
    }
}

fn position(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let byte = from + rest.iter().position(|it| is_suspect(*it))?;
        let at = |offset: usize| bytes.get(byte + offset).copied().unwrap_or_default();
        let is_allowed = match at(0) {
            0xC2 => at(1) == 0x85 || at(1) >= 0xA0,
            0xEF => at(1) != 0xBF || at(2) < 0xBE,
            _ => false,
        };
        if !is_allowed {
            return Some(byte);
        }
        from = byte + 1;
    }
}

/// Whether a character that begins with this byte may be one.
fn is_suspect(byte: u8) -> bool {
    match byte {
        b'\t' | b'\n' | b'\r' => false,
        0..0x20 | 0x7F | 0xC2 | 0xEF => true,
        _ => false,
    }
}
