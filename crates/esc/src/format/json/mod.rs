//! JSON: values written as Go's `encoding/json` writes them, and values read from JSON text.

mod reader;

use crate::format::Secrets;
use crate::text::{REDACTED, Text, UNKNOWN};
use crate::text_builder::TextBuilder;
use crate::{Data, Value};

pub use reader::{InvalidJson, Selection, parse, parse_selected};

/// Writes a value on one line, as `fn::toJSON` does.
#[must_use]
pub fn compact(value: &Value, secrets: Secrets) -> Text {
    write(value, secrets, None, Writer::value)
}

/// Writes a value with two spaces per level, as `esc open` does. No newline at the end.
#[must_use]
pub fn indented(value: &Value, secrets: Secrets) -> Text {
    write(value, secrets, Some(0), Writer::value)
}

/// Writes a value in ESC's detailed format, with two spaces per level: every value in the tree is an
/// object `{"value": …, "secret": true, "unknown": true}` without the members that are `null` or
/// `false`. ESC's `trace`, the position of each definition, is not available and left out.
#[must_use]
pub fn detailed(value: &Value, secrets: Secrets) -> Text {
    write(value, secrets, Some(0), Writer::detailed)
}

/// Writes a value in one of the formats of [`Writer`].
type Format = fn(&mut Writer, &Value);

fn write(value: &Value, secrets: Secrets, level: Option<usize>, format: Format) -> Text {
    let mut writer = Writer {
        text: TextBuilder::default(),
        secrets,
        level,
    };
    format(&mut writer, value);
    writer.text.finish()
}

struct Writer {
    text: TextBuilder,
    secrets: Secrets,
    /// The current level, or `None` to write on one line.
    level: Option<usize>,
}

impl Writer {
    fn value(&mut self, value: &Value) {
        if value.unknown && !(value.secret && self.secrets == Secrets::Redacted) {
            return self.string(UNKNOWN.as_bytes());
        }
        self.data(value, Self::value);
    }

    fn detailed(&mut self, value: &Value) {
        let has_data = !value.unknown && value.data != Data::Null;
        let members = [
            ("value", has_data),
            ("secret", value.secret),
            ("unknown", value.unknown),
        ];
        let members: Vec<_> = members
            .into_iter()
            .filter(|(_, present)| *present)
            .collect();
        self.sequence(*b"{}", members.into_iter(), |writer, (member, _)| {
            writer.name(member);
            if member == "value" {
                writer.data(value, Self::detailed);
            } else {
                writer.text.push_str("true");
            }
        });
    }

    /// Writes a secret or the data of a known value, and the values in it in this format.
    fn data(&mut self, value: &Value, format: Format) {
        if value.secret && self.secrets == Secrets::Redacted {
            return self.string(REDACTED.as_bytes());
        }
        match &value.data {
            Data::Array(items) => self.sequence(*b"[]", items.iter(), format),
            Data::Object(entries) => {
                self.sequence(*b"{}", entries.iter(), |writer, (name, value)| {
                    writer.name(name);
                    format(writer, value);
                });
            }
            Data::Null => self.text.push_str("null"),
            Data::Bool(true) => self.text.push_str("true"),
            Data::Bool(false) => self.text.push_str("false"),
            Data::Number(number) => self.text.push_str(number.as_str()),
            Data::String(text) => self.string(text.as_bytes()),
        }
    }

    fn sequence<I: ExactSizeIterator>(
        &mut self,
        brackets: [u8; 2],
        items: I,
        write_item: impl Fn(&mut Self, I::Item),
    ) {
        let is_empty = items.len() == 0;
        self.text.push(&brackets[..1]);
        self.level = self.level.map(|level| level + 1);
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.text.push(b",");
            }
            self.new_line();
            write_item(self, item);
        }
        self.level = self.level.map(|level| level - 1);
        if !is_empty {
            self.new_line();
        }
        self.text.push(&brackets[1..]);
    }

    fn name(&mut self, name: &str) {
        self.string(name.as_bytes());
        let separator = if self.level.is_some() { ": " } else { ":" };
        self.text.push_str(separator);
    }

    fn new_line(&mut self) {
        if let Some(level) = self.level {
            self.text.push(b"\n");
            for _ in 0..level {
                self.text.push(b"  ");
            }
        }
    }

    /// Writes a string with Go's escapes: `<`, `>`, `&`, U+2028 and U+2029 are escaped as well, and
    /// each byte that is not UTF-8 becomes U+FFFD.
    fn string(&mut self, bytes: &[u8]) {
        self.text.push(b"\"");
        for chunk in bytes.utf8_chunks() {
            for part in chunk.valid().split_inclusive(is_escaped) {
                let plain = part.trim_end_matches(is_escaped);
                self.text.push_str(plain);
                let Some(escaped) = part[plain.len()..].chars().next() else {
                    continue;
                };
                match escaped {
                    '"' => self.text.push(b"\\\""),
                    '\\' => self.text.push(b"\\\\"),
                    '\u{8}' => self.text.push(b"\\b"),
                    '\u{c}' => self.text.push(b"\\f"),
                    '\n' => self.text.push(b"\\n"),
                    '\r' => self.text.push(b"\\r"),
                    '\t' => self.text.push(b"\\t"),
                    _ => {
                        let escape = format!("\\u{:04x}", u32::from(escaped));
                        self.text.push_str(&escape);
                    }
                }
            }
            for _ in chunk.invalid() {
                self.text.push(b"\\ufffd");
            }
        }
        self.text.push(b"\"");
    }
}

/// Whether Go escapes a character.
fn is_escaped(character: char) -> bool {
    matches!(
        character,
        '"' | '\\' | '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests;
