//! Scalars in all notations of YAML.

use super::Generator;
use super::shape::Shape;
use crate::document::{Body, Node};

/// The position of a scalar in a mapping or list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Position {
    Value,
    Key,
}

/// Numbers, and texts that look like numbers.
const NUMBERS: [&str; 56] = [
    "0",
    "1",
    "42",
    "-7",
    "+3",
    "-0",
    "007",
    "0o17",
    "017",
    "0x1F",
    "0xff",
    "-0x1f",
    "0b101",
    "-0b11",
    "1_000",
    "_1",
    "1__0",
    "1_",
    "0x_1",
    "0o8",
    "08",
    "09.5",
    "1.5",
    "-1.5",
    "1.",
    ".5",
    "-.5",
    "+.5",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1.5e300",
    "1e400",
    "-1e400",
    "1e-400",
    "12e03",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0.1",
    "1.0",
    "100.0",
    "1e21",
    "1e20",
    "1.10",
    "3.14159265358979323846",
    "123456789.123456789",
    "0.000001",
    "0.0000001",
    "1e",
    "0x",
    "0b2",
];

/// Plain scalars, including those that YAML versions resolve differently.
const WORDS: [&str; 62] = [
    "",
    "~",
    "null",
    "Null",
    "NULL",
    "nUll",
    "true",
    "True",
    "TRUE",
    "tRue",
    "false",
    "False",
    "yes",
    "no",
    "on",
    "Off",
    "y",
    "N",
    "=",
    "<<",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43",
    "2001-1-1",
    "12:30",
    "190:20:30",
    "1:2",
    "a b",
    "hello, world",
    "a:b",
    "a #b",
    "a#b",
    "-x",
    "- x",
    "?x",
    ":x",
    "é",
    "日本語",
    "naïve café",
    "e\u{301}",
    "👩\u{200d}👩",
    "a'b",
    "a\"b",
    "a\\b",
    "$",
    "$a",
    "a$",
    "$$",
    "$${a}",
    "$}",
    "x y  z",
    "a,b",
    "(a)",
    "a!b",
    "a&b",
    "a*b",
    "a|b",
    "<a href=\"x\">&</a>",
    "\u{2028}",
    "a\u{a0}b",
    "\u{feff}x",
    "-",
];

/// Scalars with special syntax.
const RARE: [&str; 39] = [
    ".inf",
    "-.inf",
    ".nan",
    "+.inf",
    ".Inf",
    ".NaN",
    "@x",
    "`x`",
    "%x",
    "*a",
    "&a v",
    "&a",
    "!t v",
    "!!str 1",
    "!!str",
    "!!int \"1\"",
    "!!int x",
    "!!float 1",
    "!!float \"1.5\"",
    "!!null ''",
    "!!null x",
    "!!bool \"true\"",
    "!!bool yes",
    "!!timestamp 2001-01-01",
    "!!binary aGk=",
    "!!map x",
    "! 1",
    "? a",
    "|x",
    ">",
    ", a",
    "[",
    "]",
    "{",
    "}",
    "\"open",
    "'open",
    "a: b",
    "!!str ${a}",
];

/// Contents of strings.
const TEXTS: [&str; 40] = [
    "",
    "x",
    "foo",
    "hello",
    "hello world",
    "a,b,c",
    "a b",
    " lead",
    "trail ",
    "tab\there",
    "line\nbreak",
    "two\nlines\n",
    "\n",
    "\n\nx",
    "x\n\n",
    "quote\"d",
    "it's",
    "back\\slash",
    "é",
    "日本",
    "👍🏽",
    "e\u{301}x",
    "${",
    "$$",
    "$${x}",
    "a$$b",
    "{\"a\":1}",
    "[1, 2]",
    "null",
    "1",
    "true",
    "0x1",
    "~",
    "# no comment",
    "- no list",
    "a: b",
    "<&>",
    "\u{7f}",
    "\u{2028}\u{2029}",
    "very long text that goes on and on until it is folded",
];

impl Generator {
    /// Any scalar.
    pub(super) fn scalar(&mut self, position: Position) -> Node {
        self.literal(position).0
    }

    /// A scalar without references, and its kind.
    pub(super) fn literal(&mut self, position: Position) -> (Node, Shape) {
        let rare = 2 * usize::from(self.grammar.rare_yaml && self.wild);
        match self.random.weighted(&[30, 14, 14, 40, rare]) {
            0 => {
                let text = *self
                    .random
                    .pick(&["1", "2", "42", "-7", "1.5", "1e3", "0", "0x1F"]);
                (Node::inline(text), Shape::Number)
            }
            1 => (self.number(), Shape::Number),
            2 => {
                let mut text = *self.random.pick(&WORDS);
                if text.contains(['\u{2028}', '\u{feff}']) && !self.is_rare() {
                    text = "é";
                }
                let shape = match text {
                    "" | "~" | "null" | "Null" | "NULL" => Shape::Null,
                    "true" | "True" | "TRUE" | "false" | "False" => Shape::Boolean,
                    _ => Shape::String,
                };
                (Node::inline(text), shape)
            }
            3 => {
                let mut text = *self.random.pick(&TEXTS);
                let separated = text.contains('\u{2028}') && !self.is_rare();
                if separated || text.contains("${") && !self.wild {
                    text = "x";
                }
                (self.string_scalar(text, position), Shape::String)
            }
            _ => (Node::inline(*self.random.pick(&RARE)), Shape::Unknown),
        }
    }

    pub(super) fn number(&mut self) -> Node {
        if self.random.chance(60) {
            return Node::inline(*self.random.pick(&NUMBERS));
        }
        let mut text = String::new();
        text.push_str(self.random.word(&["", "", "", "-", "+"]));
        match self.random.below(4) {
            0 => {
                let prefix = *self.random.pick(&["0x", "0o", "0b", "0"]);
                text.push_str(prefix);
                let digits: &[char] = match prefix {
                    "0x" => &['0', '1', '9', 'a', 'F', '_'],
                    "0b" => &['0', '1', '_'],
                    _ => &['0', '1', '7', '_'],
                };
                for _ in 0..self.random.between(1, 18) {
                    text.push(*self.random.pick(digits));
                }
            }
            1 => {
                for _ in 0..self.random.between(1, 22) {
                    text.push(*self.random.pick(&['0', '1', '5', '9', '3']));
                }
            }
            _ => {
                for _ in 0..self.random.between(1, 10) {
                    text.push(*self.random.pick(&['0', '1', '5', '9', '3']));
                }
                text.push('.');
                for _ in 0..self.random.between(0, 12) {
                    text.push(*self.random.pick(&['0', '1', '5', '9', '3']));
                }
                if self.random.chance(50) {
                    text.push_str(self.random.word(&["e", "E", "e-", "e+"]));
                    text.push_str(&self.random.below(40).to_string());
                }
            }
        }
        Node::inline(text)
    }

    /// `content` in one of the notations that YAML reads as this text.
    pub(super) fn string_scalar(&mut self, content: &str, position: Position) -> Node {
        let plain = is_plain(content);
        let quotable = content
            .chars()
            .all(|character| matches!(character, '\n' | '\t') || !character.is_control());
        let block = position == Position::Value && quotable && !content.trim().is_empty();
        let weights = [
            if plain { 60 } else { 0 },
            if quotable { 15 } else { 0 },
            20,
            if block { 6 } else { 0 },
            if block && !content.contains('\n') {
                4
            } else {
                0
            },
        ];
        match self.random.weighted(&weights) {
            0 => Node::inline(self.folded(content, position)),
            1 => {
                // A line break in quotes is read as a space, two as one line break.
                let text = content.replace('\'', "''");
                let text = if content.contains('\n') {
                    text.replace('\n', "\n\n")
                } else {
                    self.folded(&text, position)
                };
                Node::inline(format!("'{text}'"))
            }
            2 => Node::inline(self.double_quoted(content, position)),
            3 => self.literal_block(content),
            _ => {
                let words: Vec<&str> = content.split(' ').collect();
                let headers = if self.is_rare() {
                    &[">", ">-", ">+", ">2"][..]
                } else if self.wild {
                    &[">", ">-", ">+"][..]
                } else {
                    &[">-"]
                };
                let header = *self.random.pick(headers);
                let mut lines = Vec::new();
                for word in words {
                    if lines.is_empty() || self.random.chance(30) {
                        lines.push(word.to_owned());
                    } else if let Some(line) = lines.last_mut() {
                        line.push(' ');
                        line.push_str(word);
                    }
                }
                Node::new(Body::Block(header.to_owned(), lines))
            }
        }
    }

    /// Sometimes breaks the line at a space, which YAML folds.
    fn folded(&mut self, text: &str, position: Position) -> String {
        if position == Position::Key || text.contains(['\n', '#', ':']) || !self.random.chance(15) {
            return text.to_owned();
        }
        let inner = |(at, _): &(usize, &str)| *at > 0 && *at + 1 < text.len();
        let spaces: Vec<usize> = text
            .match_indices(' ')
            .filter(inner)
            .map(|(at, _)| at)
            .filter(|at| !text[..*at].ends_with(' ') && !text[at + 1..].starts_with(' '))
            .collect();
        if spaces.is_empty() {
            return text.to_owned();
        }
        let at = *self.random.pick(&spaces);
        format!("{}\n{}", &text[..at], &text[at + 1..])
    }

    fn double_quoted(&mut self, content: &str, position: Position) -> String {
        let mut text = String::from("\"");
        for character in content.chars() {
            match character {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str(self.random.word(&["\\t", "\\x09", "\t"])),
                '/' if self.is_rare() => text.push_str("\\/"),
                ' ' if self.random.chance(2) && position == Position::Value => {
                    text.push_str(" \\\n\\ ");
                }
                _ if character.is_control() || self.random.below(60) == 0 => {
                    let code = u32::from(character);
                    let escape = match code {
                        0..=0xff if self.random.chance(50) => format!("\\x{code:02x}"),
                        0..=0xffff => format!("\\u{code:04X}"),
                        _ => format!("\\U{code:08x}"),
                    };
                    text.push_str(&escape);
                }
                _ => text.push(character),
            }
        }
        // Unusual and invalid escapes.
        if self.is_rare() && self.random.chance(40) {
            text.push_str(
                self.random
                    .word(&["\\q", "\\0", "\\e", "\\_", "\\N", "\\L", "\\xZZ"]),
            );
        }
        text.push('"');
        text
    }

    fn literal_block(&mut self, content: &str) -> Node {
        let trimmed = content.trim_end_matches('\n');
        let breaks = content.len() - trimmed.len();
        let mut header = String::from("|");
        header.push_str(match breaks {
            0 => "-",
            1 => "",
            _ => "+",
        });
        if self.is_rare() {
            header.truncate(1);
            header.push_str(self.random.word(&["-", "+", "", "2", "-1", "1+"]));
        }
        let mut lines: Vec<String> = trimmed.split('\n').map(str::to_owned).collect();
        lines.extend(std::iter::repeat_n(String::new(), breaks.saturating_sub(1)));
        Node::new(Body::Block(header, lines))
    }
}

/// Whether YAML reads this text, unquoted, as the same string.
fn is_plain(content: &str) -> bool {
    let start = content.chars().next();
    let special = content.contains(['\n', '\t', '#'])
        || content.contains(": ")
        || content.ends_with(':')
        || content.trim() != content
        || content.chars().any(char::is_control);
    let starts_plain = start.is_some_and(|first| !"-?:,[]{}#&*!|>'\"%@`~<=.+".contains(first));
    let number = start.is_some_and(|first| first.is_ascii_digit());
    let word = matches!(
        content.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    starts_plain && !special && !number && !word
}
