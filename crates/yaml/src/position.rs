/// A position in the text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line, from 1. `\n`, `\r`, `\r\n`, NEL, LS and PS each end a line.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The byte, from 0.
    pub byte: usize,
}

/// A position as the scanner counts it, all from 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) byte: usize,
}

/// A [`Position`] in half its size, for the many nodes of a tree.
#[derive(Clone, Copy)]
pub(crate) struct PackedPosition([u32; 3]);

impl PackedPosition {
    pub(crate) fn unpacked(self) -> Position {
        let [line, column, byte] = self.0.map(|number| number as usize);
        Position { line, column, byte }
    }
}

impl Mark {
    pub(crate) fn packed(self) -> PackedPosition {
        let Position { line, column, byte } = self.position();
        let pack = |number| u32::try_from(number).unwrap_or(u32::MAX);
        PackedPosition([line, column, byte].map(pack))
    }

    pub(crate) fn position(self) -> Position {
        Position {
            line: self.line + 1,
            column: self.column + 1,
            byte: self.byte,
        }
    }
}
