//! Values as strings, as ESC's `fn::toString` and `esc open --format string` print them.

use crate::format::Secrets;
use crate::text::{REDACTED, Text, UNKNOWN};
use crate::{Data, TextBuilder, Value};

/// The longest string of a value, in bytes: quotes within quotes double with each level of nesting.
pub const MAXIMUM_TEXT_BYTES: usize = 32 << 20;

/// The string of a value would be longer than [`MAXIMUM_TEXT_BYTES`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("its text is longer than {} MiB", MAXIMUM_TEXT_BYTES >> 20)]
pub struct TooLong;

/// Writes a scalar as it is (`null` as nothing), a list as `"a","b"`, and a map as `"k"="v","l"="w"`, in
/// Go's quotes.
pub fn plain(value: &Value, secrets: Secrets) -> Result<Text, TooLong> {
    let mut text = TextBuilder::default();
    if value.secret && secrets == Secrets::Redacted {
        return Ok(Text::from(REDACTED));
    }
    if value.unknown {
        return Ok(Text::from(UNKNOWN));
    }
    match &value.data {
        Data::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(b",");
                }
                push_quoted(item, secrets, &mut text)?;
            }
        }
        Data::Object(entries) => {
            for (index, (name, value)) in entries.iter().enumerate() {
                if index > 0 {
                    text.push(b",");
                }
                quote(name.as_bytes(), &mut text);
                text.push(b"=");
                push_quoted(value, secrets, &mut text)?;
            }
        }
        _ => return Ok(value.scalar_text().unwrap_or_default()),
    }
    Ok(text.finish())
}

fn push_quoted(value: &Value, secrets: Secrets, into: &mut TextBuilder) -> Result<(), TooLong> {
    quote(plain(value, secrets)?.as_bytes(), into);
    if into.len() > MAXIMUM_TEXT_BYTES {
        return Err(TooLong);
    }
    Ok(())
}

/// Appends a string in Go's quotes (`strconv.Quote`).
pub(crate) fn quote(bytes: &[u8], into: &mut TextBuilder) {
    into.push(b"\"");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match short_escape(character) {
                Some(escape) => into.push_str(escape),
                None if is_printable(character) => into.push_char(character),
                None => {
                    let code = u32::from(character);
                    let escape = match code {
                        0..=0x7f => format!("\\x{code:02x}"),
                        0x80..=0xffff => format!("\\u{code:04x}"),
                        _ => format!("\\U{code:08x}"),
                    };
                    into.push_str(&escape);
                }
            }
        }
        for byte in chunk.invalid() {
            into.push_str(&format!("\\x{byte:02x}"));
        }
    }
    into.push(b"\"");
}

/// Quotes a text that is not a secret as Go does, for a message.
pub(crate) fn quoted(text: &str) -> String {
    let mut builder = TextBuilder::default();
    quote(text.as_bytes(), &mut builder);
    builder.finish().as_str().unwrap_or_default().to_owned()
}

/// The escape sequences of one character, which YAML shares.
pub(super) fn short_escape(character: char) -> Option<&'static str> {
    Some(match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        _ => return None,
    })
}

/// Whether Go's `unicode.IsPrint` accepts the character. `escape_debug` escapes the same characters,
/// except that it also escapes a combining mark in first position: hence the letter before it.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    String::from_iter(['x', character]).escape_debug().count() == 2
}

#[cfg(test)]
mod tests;
