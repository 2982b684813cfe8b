//! The style in which yaml.v3 writes a string: plain, quoted or as a literal block.

use crate::yaml_scalar::{Scalar, is_timestamp, resolve};

/// The style of a string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// Whether the character ends a line in YAML 1.1.
pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether yaml.v3 writes the character unescaped. It escapes every character above U+FFFF.
pub(super) fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && character != '\u{feff}'
}

impl Style {
    /// The style of a string. `is_binary` says that it has the tag `!!binary`, `is_name` that it is a name
    /// in a map.
    pub(super) fn of(text: &str, is_binary: bool, is_name: bool) -> Self {
        let allowed = AllowedStyles::of(text);
        if text.contains('\n') {
            return if allowed.literal && !is_name {
                Self::Literal
            } else {
                Self::DoubleQuoted
            };
        }
        if !is_binary && !is_string_when_plain(text) {
            return Self::DoubleQuoted;
        }
        if allowed.plain {
            Self::Plain
        } else if allowed.single_quoted {
            Self::SingleQuoted
        } else {
            Self::DoubleQuoted
        }
    }
}

/// The styles that can represent a string. Double quotes always can.
struct AllowedStyles {
    plain: bool,
    single_quoted: bool,
    literal: bool,
}

impl AllowedStyles {
    /// Follows `yaml_emitter_analyze_scalar` of yaml.v3. The string must not be empty.
    fn of(text: &str) -> Self {
        let mut plain = !text.starts_with("---") && !text.starts_with("...");
        let (mut single_quoted, mut literal) = (true, true);
        let mut previous = None;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            let is_first = previous.is_none();
            let is_last = next.is_none();
            let after_break = previous.is_some_and(is_break);
            let after_blank = is_first
                || after_break
                || previous.is_some_and(|previous| " \t\0".contains(previous));
            let before_blank = next.is_none_or(|next| matches!(next, ' ' | '\t'));
            plain &= match character {
                '#' => !after_blank,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => !is_first,
                ':' => !before_blank,
                '?' | '-' => !(is_first && before_blank),
                ' ' => !is_first && !is_last && !after_break,
                '\t' => false,
                _ => is_printable(character) && !is_break(character),
            };
            let is_special = character != '\t' && !is_printable(character);
            let is_break_after_space = is_break(character) && previous == Some(' ');
            let is_space_after_break = character == ' ' && after_break;
            let is_trailing_space = character == ' ' && is_last;
            single_quoted &=
                !is_special && !is_break_after_space && !is_space_after_break && character != '\t';
            literal &= !is_special && !is_break_after_space && !is_trailing_space;
            previous = Some(character);
        }
        Self {
            plain,
            single_quoted,
            literal,
        }
    }
}

/// The booleans of YAML 1.1 that are strings in YAML 1.2.
const OLD_BOOLS: [&str; 16] = [
    "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off",
    "OFF",
];

/// Whether readers of YAML 1.1 and 1.2 resolve the text as a string if it has no quotes.
fn is_string_when_plain(text: &str) -> bool {
    resolve(text) == Scalar::Text
        && !is_timestamp(text)
        && !OLD_BOOLS.contains(&text)
        && !is_base_60(text)
}

/// Whether the text is a base-60 number of YAML 1.1 such as `12:30:45.6`:
/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    let is_below_60 = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && is_digits(first)
        && rest.peek().is_some()
        && rest.all(is_below_60)
        && is_digits(fraction)
}
