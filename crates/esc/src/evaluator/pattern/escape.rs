//! What stands behind a backslash for a single character.

/// The character that an escape means, and how long the escape is, its backslash included. An
/// error is in Go's words.
pub(super) fn read(text: &str) -> Result<(u32, usize), String> {
    let mut scanner = Scanner { text, at: 1 };
    let Some(character) = scanner.next() else {
        return Err("trailing backslash at end of expression: ``".to_owned());
    };
    let value = match character {
        'a' => Some(7),
        'f' => Some(12),
        'n' => Some(10),
        'r' => Some(13),
        't' => Some(9),
        'v' => Some(11),
        // A single digit but zero would be a back reference.
        '1'..='7' if scanner.peek().and_then(octal).is_none() => None,
        '0'..='7' => Some(scanner.octal(character)),
        'x' => scanner.hexadecimal(),
        _ if character.is_ascii() && !character.is_ascii_alphanumeric() => {
            Some(u32::from(character))
        }
        _ => None,
    };
    match value {
        Some(value) => Ok((value, scanner.at)),
        // Go tells what it has read.
        None => Err(format!(
            "invalid escape sequence: `{}`",
            &text[..scanner.at]
        )),
    }
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Up to three octal digits, of which the first is read.
    fn octal(&mut self, first: char) -> u32 {
        let mut value = octal(first).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(octal) else {
                break;
            };
            value = value * 8 + digit;
            self.at += 1;
        }
        value
    }

    /// What follows `x`: two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.next()?;
        if first != '{' {
            let second = self.next();
            return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
        }
        let mut value = 0;
        let mut is_empty = true;
        loop {
            let next = self.next()?;
            if next == '}' {
                return (!is_empty).then_some(value);
            }
            value = value * 16 + next.to_digit(16)?;
            if value > super::class::LAST {
                return None;
            }
            is_empty = false;
        }
    }
}

fn octal(character: char) -> Option<u32> {
    character.to_digit(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_characters() {
        for (text, value, length) in [
            (r"\n.", 0x0A, 2),
            (r"\..", 0x2E, 2),
            (r"\0", 0, 2),
            (r"\101", 0x41, 4),
            (r"\7778", 0x1FF, 4),
            (r"\x41F", 0x41, 4),
            (r"\x{0000000000041}", 0x41, 17),
            (r"\x{10FFFF}", 0x10_FFFF, 10),
            (r"\x{d800}", 0xD800, 8),
        ] {
            assert_eq!(read(text).unwrap_or_default(), (value, length), "{text}");
        }
        for (text, told) in [
            (r"\q", r"\q"),
            (r"\é.", r"\é"),
            (r"\18", r"\1"),
            (r"\8", r"\8"),
            (r"\x", r"\x"),
            (r"\x4", r"\x4"),
            (r"\xg1", r"\xg1"),
            (r"\x{}", r"\x{}"),
            (r"\x{g}", r"\x{g"),
            (r"\x{41", r"\x{41"),
            (r"\x{110000}", r"\x{110000"),
        ] {
            let error = format!("invalid escape sequence: `{told}`");
            assert_eq!(read(text), Err(error), "{text}");
        }
    }
}
