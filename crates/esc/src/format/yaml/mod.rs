//! YAML text of values, as Go's yaml.v3 writes it, which `fn::toYAML` and ESC's `open` are made with.
//!
//! As many spaces a level as are asked for, two within a list item; names in natural order; strings in quotes where they
//! would be read as something else, and as a literal block where they have several lines. Numbers
//! are in quotes: to yaml.v3 they are strings that look like numbers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::text::Text;
use crate::yaml_scalar::{Scalar, is_timestamp, resolve};
use crate::{Data, TextBuilder, Value};

/// The spaces a level of `fn::toYAML`.
pub const FUNCTION_INDENT: Indent = Indent(4);

/// The spaces a level of ESC's `open --format yaml`.
pub const OPEN_INDENT: Indent = Indent(3);

/// How many spaces a level has.
#[derive(Clone, Copy, Debug)]
pub struct Indent(u8);

/// The text of a value that is known; ends with a newline.
#[must_use]
pub fn text(value: &Value, indent: Indent) -> Text {
    let mut writer = Writer {
        text: TextBuilder::default(),
        column: 0,
        at_blank: true,
        at_indent: true,
    };
    let root = Level {
        at: -1,
        step: isize::from(indent.0),
    };
    writer.node(value, root, false);
    writer.indent(root);
    writer.text.finish()
}

/// How many spaces a block is indented by; none yet at the root.
#[derive(Clone, Copy)]
struct Level {
    at: isize,
    /// The spaces of one more level.
    step: isize,
}

impl Level {
    /// The level of a block at this one.
    fn block(self, in_item: bool) -> Self {
        if self.at < 0 {
            Self { at: 0, ..self }
        } else {
            self.deeper(in_item)
        }
    }

    /// The level of the lines of a text at this one.
    fn lines(self, in_item: bool) -> Self {
        if self.at < 0 {
            Self {
                at: self.step,
                ..self
            }
        } else {
            self.deeper(in_item)
        }
    }

    /// Within an item the dash takes the room; all else is aligned.
    fn deeper(self, in_item: bool) -> Self {
        let at = if in_item {
            self.at + 2
        } else {
            (self.at + self.step) / self.step * self.step
        };
        Self { at, ..self }
    }
}

/// How a string can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Writer {
    text: TextBuilder,
    column: isize,
    /// Whether the last thing written was a blank.
    at_blank: bool,
    /// Whether nothing but indentation stands in the line.
    at_indent: bool,
}

impl Writer {
    fn node(&mut self, value: &Value, level: Level, in_item: bool) {
        match &value.data {
            Data::Null => self.plain("null"),
            Data::Bool(true) => self.plain("true"),
            Data::Bool(false) => self.plain("false"),
            Data::Number(number) => {
                self.string(number.as_str().as_bytes(), level.lines(in_item), false);
            }
            Data::String(text) => self.string(text.as_bytes(), level.lines(in_item), false),
            Data::Array(items) if items.is_empty() => self.empty("[]"),
            Data::Object(entries) if entries.is_empty() => self.empty("{}"),
            Data::Array(items) => {
                let level = level.block(in_item);
                for item in items {
                    self.indent(level);
                    self.indicator("-", true, true);
                    self.node(item, level, true);
                }
            }
            Data::Object(entries) => self.object(entries, level.block(in_item)),
        }
    }

    fn object(&mut self, entries: &BTreeMap<String, Value>, level: Level) {
        let mut names: Vec<_> = entries.iter().collect();
        names.sort_by(|(one, _), (other, _)| natural_order(one, other));
        for (name, value) in names {
            self.indent(level);
            let is_simple = !name.contains(is_break) && name.len() <= LONGEST_SIMPLE_NAME;
            if is_simple {
                self.string(name.as_bytes(), level.lines(false), true);
                self.indicator(":", false, false);
            } else {
                self.indicator("?", true, true);
                self.string(name.as_bytes(), level.lines(false), false);
                self.indent(level);
                self.indicator(":", true, true);
            }
            self.node(value, level, false);
        }
    }

    fn string(&mut self, bytes: &[u8], lines: Level, is_name: bool) {
        let encoded;
        let text = if let Ok(text) = std::str::from_utf8(bytes) {
            text
        } else {
            encoded = base64_lines(bytes);
            self.plain("!!binary");
            &encoded
        };
        let is_binary = text.as_bytes() != bytes;
        match style(text, is_binary, is_name) {
            Style::Plain => self.plain(text),
            Style::Single => self.single(text, lines),
            Style::Double => self.double(text),
            Style::Literal => self.literal(text, lines),
        }
    }

    fn plain(&mut self, text: &str) {
        if !self.at_blank {
            self.put(" ");
        }
        self.put(text);
        self.at_blank = false;
        self.at_indent = false;
    }

    fn empty(&mut self, brackets: &str) {
        self.indicator(brackets, true, false);
    }

    fn single(&mut self, text: &str, level: Level) {
        self.indicator("'", true, false);
        let mut after_break = false;
        for character in text.chars() {
            if is_break(character) {
                self.line_break(character);
                after_break = true;
                continue;
            }
            if after_break && character != ' ' {
                self.indent(level);
                after_break = false;
            }
            if character == '\'' {
                self.put("'");
            }
            self.put_character(character);
            self.at_indent &= character == ' ';
        }
        self.indicator("'", false, false);
        self.at_indent = false;
    }

    fn double(&mut self, text: &str) {
        self.indicator("\"", true, false);
        for character in text.chars() {
            let escape = match character {
                '\0' => "\\0",
                '\u{7}' => "\\a",
                '\u{8}' => "\\b",
                '\t' => "\\t",
                '\n' => "\\n",
                '\u{b}' => "\\v",
                '\u{c}' => "\\f",
                '\r' => "\\r",
                '\u{1b}' => "\\e",
                '"' => "\\\"",
                '\\' => "\\\\",
                '\u{85}' => "\\N",
                '\u{2028}' => "\\L",
                '\u{2029}' => "\\P",
                _ if is_printable(character) => {
                    self.put_character(character);
                    continue;
                }
                _ => {
                    let code = u32::from(character);
                    let escape = match code {
                        ..=0xff => format!("\\x{code:02X}"),
                        0x100..=0xffff => format!("\\u{code:04X}"),
                        _ => format!("\\U{code:08X}"),
                    };
                    self.put(&escape);
                    continue;
                }
            };
            self.put(escape);
        }
        self.indicator("\"", false, false);
        self.at_indent = false;
    }

    fn literal(&mut self, text: &str, level: Level) {
        self.indicator("|", true, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put(&level.step.to_string());
        }
        let mut end = text.chars().rev();
        match (end.next(), end.next()) {
            (Some(last), _) if !is_break(last) => self.put("-"),
            (Some(_), Some(before)) if !is_break(before) => {}
            _ => self.put("+"),
        }
        self.at_blank = true;
        // A text that begins with a line break loses it; so it is in yaml.v3.
        let mut after_break = true;
        for character in text.chars() {
            if is_break(character) {
                self.line_break(character);
                after_break = true;
            } else {
                if after_break {
                    self.indent(level);
                }
                self.put_character(character);
                self.at_indent = false;
                after_break = false;
            }
        }
    }

    /// Begins a line at `level`, unless the place is good for it.
    fn indent(&mut self, level: Level) {
        let level = level.at.max(0);
        if !self.at_indent || self.column > level || (self.column == level && !self.at_blank) {
            self.line_break('\n');
        }
        while self.column < level {
            self.put(" ");
        }
        self.at_blank = true;
    }

    fn indicator(&mut self, indicator: &str, needs_blank: bool, keeps_indent: bool) {
        if needs_blank && !self.at_blank {
            self.put(" ");
        }
        self.put(indicator);
        self.at_blank = false;
        self.at_indent &= keeps_indent;
    }

    fn line_break(&mut self, character: char) {
        self.text.push_char(character);
        self.column = 0;
        self.at_indent = true;
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column = self.column.saturating_add_unsigned(text.chars().count());
    }

    fn put_character(&mut self, character: char) {
        self.text.push_char(character);
        self.column += 1;
    }
}

/// Names that are longer, in bytes, stand after a `?`.
const LONGEST_SIMPLE_NAME: usize = 128;

/// Characters that end a line.
fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What yaml.v3 writes as it is. It takes no character of four bytes for printable.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && character != '\u{feff}'
}

fn style(text: &str, is_binary: bool, is_name: bool) -> Style {
    let (plain, single, block) = allowed(text);
    let is_string = is_binary || is_string_when_plain(text);
    let style = if text.contains('\n') {
        Style::Literal
    } else if is_string {
        Style::Plain
    } else {
        Style::Double
    };
    match style {
        Style::Plain if plain => Style::Plain,
        Style::Plain if single => Style::Single,
        Style::Literal if block && !is_name => Style::Literal,
        _ => Style::Double,
    }
}

/// Whether a text that is not empty can stand without quotes, in single quotes, and as a block.
fn allowed(text: &str) -> (bool, bool, bool) {
    let mut plain = !text.starts_with("---") && !text.starts_with("...");
    let (mut single, mut block) = (true, true);
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let blank_follows = next.is_none_or(|next| matches!(next, ' ' | '\t'));
        let is_first = before.is_none();
        let is_edge = is_first || next.is_none();
        let after_blank = before.is_none_or(|before| is_break(before) || " \t\0".contains(before));
        plain &= match character {
            '#' => !after_blank,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => !is_first,
            ':' => !blank_follows,
            '?' | '-' => !(is_first && blank_follows),
            ' ' => !is_edge && !before.is_some_and(is_break),
            '\t' => false,
            _ => is_printable(character) && !is_break(character),
        };
        let is_special = character != '\t' && !is_printable(character);
        let is_break_after_space = is_break(character) && before == Some(' ');
        let is_space_after_break = character == ' ' && before.is_some_and(is_break);
        single &=
            !is_special && !is_break_after_space && !is_space_after_break && character != '\t';
        let is_trailing_space = character == ' ' && next.is_none();
        block &= !is_special && !is_break_after_space && !is_trailing_space;
        before = Some(character);
    }
    (plain, single, block)
}

/// Whether a reader takes the text for a string where it stands without quotes: one of yaml.v3, and
/// one of YAML 1.1.
fn is_string_when_plain(text: &str) -> bool {
    let is_old_bool = matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
    );
    resolve(text) == Scalar::Text && !is_timestamp(text) && !is_old_bool && !is_base_60(text)
}

/// `12:30:45.6`: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
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
    let is_sixty = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && is_digits(first)
        && rest.peek().is_some()
        && rest.all(is_sixty)
        && is_digits(fraction)
}

/// Base64 in lines of 70 characters; a single line has no end.
fn base64_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = BASE64_STANDARD.encode(bytes);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut lines = String::new();
    for (position, character) in encoded.chars().enumerate() {
        lines.push(character);
        if (position + 1).is_multiple_of(LINE) {
            lines.push('\n');
        }
    }
    if !encoded.len().is_multiple_of(LINE) {
        lines.push('\n');
    }
    lines
}

/// The order of names: as yaml.v3 sorts them, by characters, letters after what is none, runs of
/// digits by their number.
fn natural_order(one: &str, other: &str) -> Ordering {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let is_digit = |c: &char| c.is_numeric() && unicode_decimal(*c);
    let mut after_digit = false;
    for (at, (a, b)) in one.iter().zip(&other).enumerate() {
        if a == b {
            after_digit = is_digit(a);
            continue;
        }
        return match (a.is_alphabetic(), b.is_alphabetic()) {
            (true, true) => a.cmp(b),
            (true, false) if after_digit => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if after_digit => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => by_number(&one, &other, at),
        };
    }
    one.len().cmp(&other.len())
}

/// The order of two names that differ at `at`, by the numbers that begin there.
fn by_number(one: &[char], other: &[char], at: usize) -> Ordering {
    let is_digit = |c: &&char| unicode_decimal(**c);
    let before = one[..at].iter().rev().take_while(is_digit);
    let (a, b) = (one[at], other[at]);
    // Zeros count in the middle of a number.
    let is_inside = (a == '0' || b == '0') && before.into_iter().any(|digit| *digit != '0');
    let number = |text: &[char]| {
        let digits = text[at..].iter().take_while(is_digit);
        let start = (i64::from(is_inside), 0_usize);
        digits.fold(start, |(number, count), digit| {
            let digit = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
            let number = number.wrapping_mul(10).wrapping_add(digit);
            (number, count + 1)
        })
    };
    number(one).cmp(&number(other)).then_with(|| a.cmp(&b))
}

/// Whether a character is a decimal digit, in any script that has them in tens.
fn unicode_decimal(character: char) -> bool {
    character.is_ascii_digit() || (!character.is_ascii() && character.is_numeric())
}

#[cfg(test)]
mod tests;
