//! Decodes the escapes in which programs print special characters.

/// The longest escape: a pair of surrogates.
pub(super) const MAX_ESCAPE_BYTES: usize = 12;

/// What an escape stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Escaped {
    Byte(u8),
    Char(char),
}

/// Why bytes are not an escape.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NotEscape {
    /// More bytes may complete it.
    Incomplete {
        /// Its length if hex digits follow; 0 if other bytes may follow.
        full_length: usize,
    },
    Invalid,
}

/// Decodes an escape of JSON, Go, C or a shell, which starts with a backslash, or one of a URL, which
/// starts with a percent sign. `text` was incomplete without its last byte.
pub(super) fn decode(text: &[u8]) -> Result<Escaped, NotEscape> {
    Ok(match *text {
        [b'%', ref digits @ ..] => byte(hex(digits, 2, 3)?)?,
        [b'\\'] => return Err(NotEscape::Incomplete { full_length: 0 }),
        [b'\\', b'x', ref digits @ ..] => byte(hex(digits, 2, 4)?)?,
        [b'\\', b'U', ref digits @ ..] => character(hex(digits, 8, 10)?)?,
        [b'\\', b'u', ref digits @ ..] if digits.len() > 4 => {
            surrogates(&digits[..4], &digits[4..])?
        }
        [b'\\', b'u', ref digits @ ..] => match hex(digits, 4, 6)? {
            0xd800..=0xdbff => return Err(NotEscape::Incomplete { full_length: 0 }),
            number => character(number)?,
        },
        [b'\\', ref digits @ ..] if matches!(digits[0], b'0'..=b'3') => {
            byte(number(digits, 3, 8, 0)?)?
        }
        [b'\\', b'a'] => Escaped::Byte(7),
        [b'\\', b'b'] => Escaped::Byte(8),
        [b'\\', b't'] => Escaped::Byte(b'\t'),
        [b'\\', b'n'] => Escaped::Byte(b'\n'),
        [b'\\', b'v'] => Escaped::Byte(11),
        [b'\\', b'f'] => Escaped::Byte(12),
        [b'\\', b'r'] => Escaped::Byte(b'\r'),
        [b'\\', b'e'] => Escaped::Byte(27),
        [b'\\', other] if other.is_ascii_punctuation() || other == b' ' => Escaped::Byte(other),
        _ => return Err(NotEscape::Invalid),
    })
}

/// Decodes a high surrogate and the escape that follows it.
fn surrogates(high: &[u8], low: &[u8]) -> Result<Escaped, NotEscape> {
    let low = match *low {
        [b'\\'] => &[],
        [b'\\', b'u', ref digits @ ..] => digits,
        _ => return Err(NotEscape::Invalid),
    };
    match (hex(high, 4, 6)?, hex(low, 4, MAX_ESCAPE_BYTES)?) {
        (high, low @ 0xdc00..=0xdfff) => {
            character(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        }
        _ => Err(NotEscape::Invalid),
    }
}

fn byte(number: u32) -> Result<Escaped, NotEscape> {
    let byte = u8::try_from(number).map_err(|_| NotEscape::Invalid)?;
    Ok(Escaped::Byte(byte))
}

fn character(number: u32) -> Result<Escaped, NotEscape> {
    let character = char::from_u32(number).ok_or(NotEscape::Invalid)?;
    Ok(Escaped::Char(character))
}

/// The number that `count` hex digits stand for, in an escape of `full_length`.
fn hex(digits: &[u8], count: usize, full_length: usize) -> Result<u32, NotEscape> {
    number(digits, count, 16, full_length)
}

fn number(digits: &[u8], count: usize, radix: u32, full_length: usize) -> Result<u32, NotEscape> {
    let mut number = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix);
        number = number * radix + digit.ok_or(NotEscape::Invalid)?;
    }
    if digits.len() < count {
        return Err(NotEscape::Incomplete { full_length });
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::Escaped::{Byte, Char};
    use super::*;

    type Decoded = Result<Escaped, &'static str>;
    const INCOMPLETE: Decoded = Err("incomplete");
    const INVALID: Decoded = Err("invalid");

    #[test]
    fn escapes_are_decoded() {
        for (text, want) in [
            (r"\n", Ok(Byte(b'\n'))),
            (r#"\""#, Ok(Byte(b'"'))),
            (r"\\", Ok(Byte(b'\\'))),
            (r"\/", Ok(Byte(b'/'))),
            (r"\ ", Ok(Byte(b' '))),
            (r"\q", INVALID),
            ("\\\n", INVALID),
            (r"\x7", INCOMPLETE),
            (r"\xfF", Ok(Byte(0xff))),
            (r"\x7g", INVALID),
            (r"\0", INCOMPLETE),
            (r"\377", Ok(Byte(0xff))),
            (r"\08", INVALID),
            (r"\4", INVALID),
            (r"\u00e", INCOMPLETE),
            (r"\u00E9", Ok(Char('é'))),
            (r"\ud83d", INCOMPLETE),
            (r"\ud83d\", INCOMPLETE),
            (r"\ud83d\ude0", INCOMPLETE),
            (r"\ud83d\ude00", Ok(Char('😀'))),
            (r"\ud83dx", INVALID),
            (r"\ud83d\n", INVALID),
            (r"\ud83d\u0041", INVALID),
            (r"\ude00", INVALID),
            (r"\U0001f600", Ok(Char('😀'))),
            (r"\Uffffffff", INVALID),
            ("%", INCOMPLETE),
            ("%4", INCOMPLETE),
            ("%aF", Ok(Byte(0xaf))),
            ("%+1", INVALID),
            ("% ", INVALID),
        ] {
            let decoded = decode(text.as_bytes()).map_err(|error| match error {
                NotEscape::Incomplete { .. } => "incomplete",
                NotEscape::Invalid => "invalid",
            });
            assert_eq!(decoded, want, "{text}");
        }
    }
}
