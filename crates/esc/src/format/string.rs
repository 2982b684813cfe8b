//! A value as one text, as ESC's `ToString` gives it, and texts in Go's quotes.

use crate::format::json::{Secrets, UNKNOWN};
use crate::text::{REDACTED, Text};
use crate::{Data, TextBuilder, Value};

/// Quotes in quotes double with each level, so that a small value can become a huge text.
pub const MAXIMUM_TEXT_BYTES: usize = 32 << 20;

/// The text of a value would be longer than [`MAXIMUM_TEXT_BYTES`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("its text is longer than {} MiB", MAXIMUM_TEXT_BYTES >> 20)]
pub struct TooLong;

/// The text of a value: `null` is empty, a number keeps its digits, an array is `"a","b"`, an object
/// `"k"="v","l"="w"`, all in Go's quotes.
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
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(b",");
                }
                push_quoted(item, secrets, &mut text)?;
            }
        }
        Data::Object(entries) => {
            for (position, (name, value)) in entries.iter().enumerate() {
                if position > 0 {
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

/// Appends a text in Go's quotes (`strconv.Quote`).
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

fn short_escape(character: char) -> Option<&'static str> {
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

/// Go prints letters, marks, numbers, punctuation, symbols and the space as they are. Rust's
/// `escape_debug` leaves the same ones alone, but for a combining mark that comes first; hence the
/// letter before it.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    String::from_iter(['x', character]).escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes(), 64).unwrap()
    }

    /// What `esc.Value.ToString` of ESC 0.26.0 gives.
    #[test]
    fn values_become_text_as_in_esc() {
        for (json, want) in [
            ("null", ""),
            ("true", "true"),
            ("1.50", "1.50"),
            (r#""a\nb""#, "a\nb"),
            ("[]", ""),
            (r#"[1,"a\"b",null,[true]]"#, r#""1","a\"b","","\"true\"""#),
            (
                r#"{"b":{"c":"d"},"a":"é\u0000"}"#,
                r#""a"="é\x00","b"="\"c\"=\"d\"""#,
            ),
        ] {
            let text = plain(&value(json), Secrets::Revealed).unwrap();
            assert_eq!(text.as_str(), Some(want), "{json}");
        }
    }

    #[test]
    fn secrets_and_unknown_values_have_a_word_of_their_own() {
        let list = Value::new(Data::Array(vec![
            Value::secret("hunter2"),
            Value::unknown(),
        ]));
        let text = |secrets| plain(&list, secrets).unwrap();
        assert_eq!(
            text(Secrets::Redacted).as_str(),
            Some(r#""[secret]","[unknown]""#)
        );
        assert_eq!(
            text(Secrets::Revealed).as_str(),
            Some(r#""hunter2","[unknown]""#)
        );
    }

    #[test]
    fn quotes_in_quotes_have_an_end() {
        let nested = value(&format!("{}{}", "[".repeat(60), "]".repeat(60)));
        assert_eq!(plain(&nested, Secrets::Revealed), Err(TooLong));
    }

    /// What `strconv.Quote` of Go 1.26 gives.
    #[test]
    fn texts_are_quoted_as_in_go() {
        for (text, want) in [
            (&b"a\"b\\c $`'"[..], r#""a\"b\\c $`'""#),
            (
                b"\x00\x07\x08\x0c\n\r\t\x0b\x1b\x7f",
                r#""\x00\a\b\f\n\r\t\v\x1b\x7f""#,
            ),
            ("é😀 e\u{301}".as_bytes(), "\"é😀 e\u{301}\""),
            (
                "\u{a0}\u{ad}\u{2028}\u{feff}\u{e000}".as_bytes(),
                r#""\u00a0\u00ad\u2028\ufeff\ue000""#,
            ),
            ("\u{e0001}".as_bytes(), r#""\U000e0001""#),
            (b"x\xff\xfey", r#""x\xff\xfey""#),
        ] {
            let mut builder = TextBuilder::default();
            quote(text, &mut builder);
            assert_eq!(builder.finish().as_str(), Some(want));
        }
    }
}
