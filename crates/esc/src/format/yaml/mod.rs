//! YAML: values written as Go's yaml.v3 writes them, as `fn::toYAML` and `esc open --format yaml` do.
//!
//! Names are in natural order. Strings are quoted if a reader would resolve them as another type, and
//! written as a literal block if they have several lines. Numbers are quoted, because ESC passes them to
//! yaml.v3 as strings.

mod natural_order;
mod style;

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::text::Text;
use crate::{Data, TextBuilder, Value};
use natural_order::natural_order;
use style::{Style, is_break, is_printable};

/// The indentation of `fn::toYAML`.
pub const FUNCTION_INDENT: Indent = Indent(4);

/// The indentation of `esc open --format yaml`.
pub const OPEN_INDENT: Indent = Indent(3);

/// Names longer than this, in bytes, are written as a complex key, after `?`.
const LONGEST_SIMPLE_KEY: usize = 128;

/// The number of spaces per level.
#[derive(Clone, Copy, Debug)]
pub struct Indent(u8);

/// Writes a known value. The text ends with a newline.
#[must_use]
pub fn text(value: &Value, indent: Indent) -> Text {
    let mut writer = Writer {
        text: TextBuilder::default(),
        column: 0,
        after_blank: true,
        only_indented: true,
    };
    let root = Level {
        column: -1,
        step: isize::from(indent.0),
    };
    writer.node(value, root, false);
    writer.indent(root);
    writer.text.finish()
}

/// The indentation of a node.
#[derive(Clone, Copy)]
struct Level {
    /// The column of the node's lines, or -1 at the root.
    column: isize,
    /// The spaces per level.
    step: isize,
}

impl Level {
    /// The level of a list or map in a node of this level.
    fn for_block(self, in_item: bool) -> Self {
        self.below(0, in_item)
    }

    /// The level of the lines of a string in a node of this level.
    fn for_text(self, in_item: bool) -> Self {
        self.below(self.step, in_item)
    }

    /// Within a list item, the level is aligned behind the dash.
    fn below(self, column_in_root: isize, in_item: bool) -> Self {
        let column = match self.column {
            ..0 => column_in_root,
            column if in_item => column + 2,
            column => (column + self.step) / self.step * self.step,
        };
        Self { column, ..self }
    }
}

struct Writer {
    text: TextBuilder,
    column: isize,
    /// Whether the last character written was a blank.
    after_blank: bool,
    /// Whether the line holds only indentation and indicators that count as such.
    only_indented: bool,
}

impl Writer {
    fn node(&mut self, value: &Value, level: Level, in_item: bool) {
        match &value.data {
            Data::Null => self.plain("null"),
            Data::Bool(true) => self.plain("true"),
            Data::Bool(false) => self.plain("false"),
            Data::Number(number) => {
                self.string(number.as_str().as_bytes(), level.for_text(in_item), false);
            }
            Data::String(text) => self.string(text.as_bytes(), level.for_text(in_item), false),
            Data::Array(items) if items.is_empty() => self.indicator("[]", true, false),
            Data::Object(entries) if entries.is_empty() => self.indicator("{}", true, false),
            Data::Array(items) => {
                let level = level.for_block(in_item);
                for item in items {
                    self.indent(level);
                    self.indicator("-", true, true);
                    self.node(item, level, true);
                }
            }
            Data::Object(entries) => self.object(entries, level.for_block(in_item)),
        }
    }

    fn object(&mut self, entries: &BTreeMap<String, Value>, level: Level) {
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by(|(one, _), (other, _)| natural_order(one, other));
        for (name, value) in entries {
            self.indent(level);
            let is_simple = !name.contains(is_break) && name.len() <= LONGEST_SIMPLE_KEY;
            if is_simple {
                self.string(name.as_bytes(), level.for_text(false), true);
                self.indicator(":", false, false);
            } else {
                self.indicator("?", true, true);
                self.string(name.as_bytes(), level.for_text(false), false);
                self.indent(level);
                self.indicator(":", true, true);
            }
            self.node(value, level, false);
        }
    }

    fn string(&mut self, bytes: &[u8], level: Level, is_name: bool) {
        let encoded;
        let text = if let Ok(text) = std::str::from_utf8(bytes) {
            text
        } else {
            encoded = base64_lines(bytes);
            self.plain("!!binary");
            &encoded
        };
        let is_binary = text.as_bytes() != bytes;
        match Style::of(text, is_binary, is_name) {
            Style::Plain => self.plain(text),
            Style::SingleQuoted => self.single_quoted(text, level),
            Style::DoubleQuoted => self.double_quoted(text),
            Style::Literal => self.literal(text, level),
        }
    }

    fn plain(&mut self, text: &str) {
        if !self.after_blank {
            self.put(" ");
        }
        self.put(text);
        self.after_blank = false;
        self.only_indented = false;
    }

    fn single_quoted(&mut self, text: &str, level: Level) {
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
            self.put_char(character);
            self.only_indented &= character == ' ';
        }
        self.indicator("'", false, false);
        self.only_indented = false;
    }

    fn double_quoted(&mut self, text: &str) {
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
                    self.put_char(character);
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
        self.only_indented = false;
    }

    fn literal(&mut self, text: &str, level: Level) {
        self.indicator("|", true, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put(&level.step.to_string());
        }
        let mut from_end = text.chars().rev();
        match (from_end.next(), from_end.next()) {
            (Some(last), _) if !is_break(last) => self.put("-"),
            (Some(_), Some(before)) if !is_break(before) => {}
            _ => self.put("+"),
        }
        self.after_blank = true;
        // As in yaml.v3, a line break at the start of the text is lost.
        let mut after_break = true;
        for character in text.chars() {
            if is_break(character) {
                self.line_break(character);
                after_break = true;
            } else {
                if after_break {
                    self.indent(level);
                }
                self.put_char(character);
                self.only_indented = false;
                after_break = false;
            }
        }
    }

    /// Moves to `level`, on a new line unless the current one is still empty up to there.
    fn indent(&mut self, level: Level) {
        let column = level.column.max(0);
        if !self.only_indented
            || self.column > column
            || (self.column == column && !self.after_blank)
        {
            self.line_break('\n');
        }
        while self.column < column {
            self.put(" ");
        }
        self.after_blank = true;
    }

    /// Writes a structural character. `keeps_indent` says that what follows is aligned behind it.
    fn indicator(&mut self, indicator: &str, needs_blank: bool, keeps_indent: bool) {
        if needs_blank && !self.after_blank {
            self.put(" ");
        }
        self.put(indicator);
        self.after_blank = false;
        self.only_indented &= keeps_indent;
    }

    fn line_break(&mut self, character: char) {
        self.text.push_char(character);
        self.column = 0;
        self.only_indented = true;
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column = self.column.saturating_add_unsigned(text.chars().count());
    }

    fn put_char(&mut self, character: char) {
        self.text.push_char(character);
        self.column += 1;
    }
}

/// Base64 in lines of 70 characters, as yaml.v3 writes `!!binary`. A single line has no line break.
fn base64_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = BASE64_STANDARD.encode(bytes);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut lines = String::new();
    for (index, character) in encoded.chars().enumerate() {
        lines.push(character);
        if (index + 1).is_multiple_of(LINE) {
            lines.push('\n');
        }
    }
    if !encoded.len().is_multiple_of(LINE) {
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests;
