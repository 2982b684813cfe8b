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
mod tests {
    use super::*;
    use crate::format::json;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes(), 64).unwrap()
    }

    /// What `esc.Value.ToString` of ESC 0.26.0 gives.
    #[test]
    fn values_are_written_as_in_esc() {
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
    fn secrets_and_unknown_values_are_replaced() {
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
    fn nested_quotes_are_limited() {
        let nested = value(&format!("{}{}", "[".repeat(60), "]".repeat(60)));
        assert_eq!(plain(&nested, Secrets::Revealed), Err(TooLong));
    }

    /// What `strconv.Quote` of Go 1.26 gives.
    #[test]
    fn strings_are_quoted_as_in_go() {
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
