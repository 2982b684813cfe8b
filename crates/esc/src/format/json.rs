//! JSON text of values, as Go's `encoding/json` writes it, and values of JSON text.
//!
//! Names are sorted by bytes; `<`, `>`, `&`, U+2028 and U+2029 are escaped; numbers keep their
//! digits; bytes that are not UTF-8 become U+FFFD. The reader takes the first value of a text and
//! leaves what follows, as ESC's `fn::fromJSON` does.

use std::collections::BTreeMap;

use crate::text::{REDACTED, Text};
use crate::text_builder::TextBuilder;
use crate::{Data, Number, Value};

/// What stands where a value is not known.
pub const UNKNOWN: &str = "[unknown]";

/// Whether secrets show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Secrets {
    /// `"[secret]"` stands for each.
    Redacted,
    /// As they are.
    Revealed,
}

/// The JSON text on one line, as `fn::toJSON` gives it.
#[must_use]
pub fn compact(value: &Value, secrets: Secrets) -> Text {
    let mut writer = Writer {
        text: TextBuilder::default(),
        secrets,
        indent: None,
    };
    writer.value(value);
    writer.text.finish()
}

/// The JSON text indented by two spaces a level, as `esc open` prints it; no newline at its end.
#[must_use]
pub fn indented(value: &Value, secrets: Secrets) -> Text {
    let mut writer = Writer {
        text: TextBuilder::default(),
        secrets,
        indent: Some(0),
    };
    writer.value(value);
    writer.text.finish()
}

/// The tree of values as ESC's detailed format shows it, indented: each value as
/// `{"value": …, "secret": true, "unknown": true}`, where `false` and `null` are left out. ESC's
/// `trace`, the place of each value's definition, is not known here.
#[must_use]
pub fn detailed(value: &Value, secrets: Secrets) -> Text {
    let mut writer = Writer {
        text: TextBuilder::default(),
        secrets,
        indent: Some(0),
    };
    writer.detailed(value);
    writer.text.finish()
}

struct Writer {
    text: TextBuilder,
    secrets: Secrets,
    /// The level, where the text is indented.
    indent: Option<usize>,
}

impl Writer {
    fn value(&mut self, value: &Value) {
        if value.secret && self.secrets == Secrets::Redacted {
            return self.string(REDACTED.as_bytes());
        }
        if value.unknown {
            return self.string(UNKNOWN.as_bytes());
        }
        match &value.data {
            Data::Null => self.text.push_str("null"),
            Data::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Data::Number(number) => self.text.push_str(number.as_str()),
            Data::String(text) => self.string(text.as_bytes()),
            Data::Array(items) => {
                self.sequence(*b"[]", items.iter(), Self::value);
            }
            Data::Object(entries) => {
                self.sequence(*b"{}", entries.iter(), |writer, (name, value)| {
                    writer.string(name.as_bytes());
                    let separator = if writer.indent.is_some() { ": " } else { ":" };
                    writer.text.push_str(separator);
                    writer.value(value);
                });
            }
        }
    }

    fn detailed(&mut self, value: &Value) {
        let mut members = Vec::new();
        if !value.unknown && value.data != Data::Null {
            members.push("value");
        }
        if value.secret {
            members.push("secret");
        }
        if value.unknown {
            members.push("unknown");
        }
        self.sequence(*b"{}", members.into_iter(), |writer, member| {
            writer.string(member.as_bytes());
            writer.text.push_str(": ");
            match &value.data {
                _ if member != "value" => writer.text.push_str("true"),
                Data::Array(_) | Data::Object(_)
                    if value.secret && writer.secrets == Secrets::Redacted =>
                {
                    writer.string(REDACTED.as_bytes());
                }
                Data::Array(items) => writer.sequence(*b"[]", items.iter(), Self::detailed),
                Data::Object(entries) => {
                    writer.sequence(*b"{}", entries.iter(), |writer, (name, value)| {
                        writer.string(name.as_bytes());
                        writer.text.push_str(": ");
                        writer.detailed(value);
                    });
                }
                _ => writer.value(value),
            }
        });
    }

    fn sequence<I: ExactSizeIterator>(
        &mut self,
        brackets: [u8; 2],
        items: I,
        write: impl Fn(&mut Self, I::Item),
    ) {
        let is_empty = items.len() == 0;
        self.text.push(&brackets[..1]);
        self.indent = self.indent.map(|level| level + 1);
        for (position, item) in items.enumerate() {
            if position > 0 {
                self.text.push(b",");
            }
            self.line();
            write(self, item);
        }
        self.indent = self.indent.map(|level| level - 1);
        if !is_empty {
            self.line();
        }
        self.text.push(&brackets[1..]);
    }

    fn line(&mut self) {
        if let Some(level) = self.indent {
            self.text.push(b"\n");
            for _ in 0..level {
                self.text.push(b"  ");
            }
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        self.text.push(b"\"");
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '"' => self.text.push(b"\\\""),
                    '\\' => self.text.push(b"\\\\"),
                    '\u{8}' => self.text.push(b"\\b"),
                    '\u{c}' => self.text.push(b"\\f"),
                    '\n' => self.text.push(b"\\n"),
                    '\r' => self.text.push(b"\\r"),
                    '\t' => self.text.push(b"\\t"),
                    '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                        self.text
                            .push_str(&format!("\\u{:04x}", u32::from(character)));
                    }
                    _ => self.text.push_char(character),
                }
            }
            for _ in chunk.invalid() {
                self.text.push(b"\\ufffd");
            }
        }
        self.text.push(b"\"");
    }
}

/// Why a text is no JSON. It never quotes the text, which may be a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct InvalidJson {
    problem: Problem,
    at: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum Problem {
    #[error("unexpected end of JSON input")]
    End,
    #[error("lists and objects nest too deep")]
    TooDeep,
    /// A character that cannot stand there.
    #[error("invalid character {0}")]
    Character(&'static str),
    #[error("invalid character in literal {word} (expecting '{expected}')")]
    Word { word: &'static str, expected: char },
}

impl InvalidJson {
    /// The message of Go's `json.Decoder` for the text that was read. It quotes the character at
    /// fault.
    #[must_use]
    pub fn in_go_words(&self, text: &[u8]) -> String {
        let is_blank = text.iter().all(|byte| BLANKS.contains(byte));
        let found = match (self.problem, text.get(self.at)) {
            (Problem::End, _) | (_, None) if is_blank => return "EOF".to_owned(),
            (Problem::End, _) | (_, None) => return "unexpected EOF".to_owned(),
            (Problem::TooDeep, _) => return self.to_string(),
            (_, Some(b'\'')) => "\\'".to_owned(),
            (_, Some(b'"')) => "\"".to_owned(),
            (_, Some(byte @ b' '..=b'~')) if *byte != b'\\' => char::from(*byte).to_string(),
            (_, Some(byte @ (0xa1..=0xac | 0xae..))) => char::from(*byte).to_string(),
            (_, Some(b'\\')) => "\\\\".to_owned(),
            (_, Some(7)) => "\\a".to_owned(),
            (_, Some(8)) => "\\b".to_owned(),
            (_, Some(b'\t')) => "\\t".to_owned(),
            (_, Some(b'\n')) => "\\n".to_owned(),
            (_, Some(0xb)) => "\\v".to_owned(),
            (_, Some(0xc)) => "\\f".to_owned(),
            (_, Some(b'\r')) => "\\r".to_owned(),
            (_, Some(byte @ ..=0x7f)) => format!("\\x{byte:02x}"),
            (_, Some(byte)) => format!("\\u{byte:04x}"),
        };
        match self.problem {
            Problem::Word { word, expected } => {
                format!("invalid character '{found}' in literal {word} (expecting '{expected}')")
            }
            Problem::Character(context) => format!("invalid character '{found}' {context}"),
            Problem::End | Problem::TooDeep => self.to_string(),
        }
    }
}

const BLANKS: &[u8] = b" \t\r\n";

/// Reads the first JSON value of `text`; lists and objects nest no deeper than `nesting`. Of a name
/// that repeats, the last value counts.
pub fn parse(text: &[u8], nesting: usize) -> Result<Value, InvalidJson> {
    let mut reader = Reader { text, at: 0 };
    reader.value(nesting)
}

struct Reader<'text> {
    text: &'text [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, nesting: usize) -> Result<Value, InvalidJson> {
        self.blanks();
        let data = match self.peek() {
            None => return Err(self.invalid(Problem::End)),
            Some(b'n') => self.word("null", Data::Null)?,
            Some(b't') => self.word("true", Data::Bool(true))?,
            Some(b'f') => self.word("false", Data::Bool(false))?,
            Some(b'"') => Data::String(self.string()?),
            Some(b'[' | b'{') if nesting == 0 => {
                return Err(self.invalid(Problem::TooDeep));
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.sequence(b']', "after array element", |reader| {
                    items.push(reader.value(nesting - 1)?);
                    Ok(())
                })?;
                Data::Array(items)
            }
            Some(b'{') => {
                let mut entries = BTreeMap::new();
                self.sequence(b'}', "after object key:value pair", |reader| {
                    reader.blanks();
                    let name = reader.string()?;
                    reader.blanks();
                    reader.expect(b':', "after object key")?;
                    let value = reader.value(nesting - 1)?;
                    entries.insert(name.as_str().unwrap_or_default().to_owned(), value);
                    Ok(())
                })?;
                Data::Object(entries)
            }
            Some(b'-' | b'0'..=b'9') => Data::Number(self.number()?),
            Some(_) => {
                let problem = Problem::Character("looking for beginning of value");
                return Err(self.invalid(problem));
            }
        };
        Ok(Value::new(data))
    }

    fn sequence(
        &mut self,
        end: u8,
        after: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<(), InvalidJson>,
    ) -> Result<(), InvalidJson> {
        self.at += 1;
        self.blanks();
        if self.take(end) {
            return Ok(());
        }
        loop {
            item(self)?;
            self.blanks();
            if self.take(end) {
                return Ok(());
            }
            self.expect(b',', after)?;
        }
    }

    fn word(&mut self, word: &'static str, data: Data) -> Result<Data, InvalidJson> {
        for expected in word.chars() {
            match self.peek() {
                None => return Err(self.invalid(Problem::End)),
                Some(found) if char::from(found) == expected => self.at += 1,
                Some(_) => return Err(self.invalid(Problem::Word { word, expected })),
            }
        }
        Ok(data)
    }

    fn number(&mut self) -> Result<Number, InvalidJson> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits("in numeric literal")?;
        }
        if self.take(b'.') {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits("in exponent of numeric literal")?;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        Ok(Number::from_text(text))
    }

    fn digits(&mut self, context: &'static str) -> Result<(), InvalidJson> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.peek() {
            _ if self.at > start => Ok(()),
            None => Err(self.invalid(Problem::End)),
            Some(_) => Err(self.invalid(Problem::Character(context))),
        }
    }

    fn string(&mut self) -> Result<Text, InvalidJson> {
        self.expect(b'"', "looking for beginning of object key string")?;
        let mut text = TextBuilder::default();
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))
            else {
                self.at = self.text.len();
                return Err(self.invalid(Problem::End));
            };
            for chunk in rest[..length].utf8_chunks() {
                text.push_str(chunk.valid());
                for _ in chunk.invalid() {
                    text.push_char(char::REPLACEMENT_CHARACTER);
                }
            }
            self.at += length;
            match rest[length] {
                b'"' => {
                    self.at += 1;
                    return Ok(text.finish());
                }
                b'\\' => text.push_char(self.escape()?),
                _ => return Err(self.invalid(Problem::Character("in string literal"))),
            }
        }
    }

    fn escape(&mut self) -> Result<char, InvalidJson> {
        self.at += 1;
        let escaped = match self.peek() {
            Some(escaped @ (b'"' | b'\\' | b'/')) => char::from(escaped),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            None => return Err(self.invalid(Problem::End)),
            Some(_) => return Err(self.invalid(Problem::Character("in string escape code"))),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `u1234`, or a surrogate pair. Half a pair becomes U+FFFD, as in Go.
    fn unicode(&mut self) -> Result<char, InvalidJson> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 1;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, InvalidJson> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                None => return Err(self.invalid(Problem::End)),
                Some(found) => char::from(found).to_digit(16),
            };
            let Some(digit) = digit else {
                let problem = Problem::Character("in \\u hexadecimal character escape");
                return Err(self.invalid(problem));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| BLANKS.contains(&byte)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, context: &'static str) -> Result<(), InvalidJson> {
        match self.peek() {
            None => Err(self.invalid(Problem::End)),
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.invalid(Problem::Character(context))),
        }
    }

    fn invalid(&self, problem: Problem) -> InvalidJson {
        let at = self.at;
        InvalidJson { problem, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        let value = parse(text.as_bytes(), 8).unwrap();
        let text = compact(&value, Secrets::Revealed);
        text.as_str().unwrap().to_owned()
    }

    #[test]
    fn text_is_read_and_written_as_go_does() {
        for (text, want) in [
            (" null ", "null"),
            ("true false", "true"),
            (r#"{"b":1,"a":[]}x"#, r#"{"a":[],"b":1}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            ("[1.50, -0, 1E+3,{}]", "[1.50,-0,1E+3,{}]"),
            ("12345678901234567890.5", "12345678901234567890.5"),
            (
                r#""<&>\u2028\/\u00e9\t\b\u0001""#,
                r#""\u003c\u0026\u003e\u2028/é\t\b\u0001""#,
            ),
            (
                r#""\ud83d\ude00 \ud83d \ud83dA""#,
                "\"😀 \u{fffd} \u{fffd}A\"",
            ),
            ("[[[[[[[[]]]]]]]]", "[[[[[[[[]]]]]]]]"),
        ] {
            assert_eq!(rewritten(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_without_being_quoted() {
        for (text, want) in [
            ("", "unexpected end of JSON input at byte 0"),
            (
                "hunter2",
                "invalid character looking for beginning of value at byte 0",
            ),
            ("nul", "unexpected end of JSON input at byte 3"),
            (
                "nuxl",
                "invalid character in literal null (expecting 'l') at byte 2",
            ),
            ("[1 2]", "invalid character after array element at byte 3"),
            (
                "[1,]",
                "invalid character looking for beginning of value at byte 3",
            ),
            (
                "{a:1}",
                "invalid character looking for beginning of object key string at byte 1",
            ),
            (r#"{"a" 1}"#, "invalid character after object key at byte 5"),
            (
                r#"{"a":1 1}"#,
                "invalid character after object key:value pair at byte 7",
            ),
            (r#""a"#, "unexpected end of JSON input at byte 2"),
            ("\"a\nb\"", "invalid character in string literal at byte 2"),
            (
                r#""\x""#,
                "invalid character in string escape code at byte 2",
            ),
            (
                r#""\u12g4""#,
                r"invalid character in \u hexadecimal character escape at byte 5",
            ),
            ("-x", "invalid character in numeric literal at byte 1"),
            (
                "1.x",
                "invalid character after decimal point in numeric literal at byte 2",
            ),
            (
                "1e+x",
                "invalid character in exponent of numeric literal at byte 3",
            ),
            (
                "[[[[[[[[[]]]]]]]]]",
                "lists and objects nest too deep at byte 8",
            ),
        ] {
            let error = parse(text.as_bytes(), 8).unwrap_err();
            assert_eq!(error.to_string(), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_in_the_words_of_go() {
        for (text, want) in [
            ("", "EOF"),
            (" \n", "EOF"),
            ("[", "unexpected EOF"),
            ("x", "invalid character 'x' looking for beginning of value"),
            (
                "'",
                r"invalid character '\'' looking for beginning of value",
            ),
            ("[\"", "unexpected EOF"),
            (
                "[\u{1}",
                r"invalid character '\x01' looking for beginning of value",
            ),
            ("é", "invalid character 'Ã' looking for beginning of value"),
            (
                "tru,",
                "invalid character ',' in literal true (expecting 'e')",
            ),
        ] {
            let error = parse(text.as_bytes(), 8).unwrap_err();
            assert_eq!(error.in_go_words(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn secrets_and_unknowns_have_a_stand_in() {
        let mut unknown_secret = Value::unknown();
        unknown_secret.secret = true;
        let value = Value::new(Data::Object(BTreeMap::from([
            ("a".to_owned(), Value::secret("hunter2")),
            ("b".to_owned(), Value::unknown()),
            ("c".to_owned(), unknown_secret),
            (
                "d".to_owned(),
                Value::new(Data::String(vec![b'x', 0xff].into())),
            ),
        ])));
        let shown = |text: Text| text.as_str().unwrap().to_owned();
        assert_eq!(
            shown(compact(&value, Secrets::Redacted)),
            r#"{"a":"[secret]","b":"[unknown]","c":"[secret]","d":"x\ufffd"}"#
        );
        assert_eq!(
            shown(compact(&value, Secrets::Revealed)),
            r#"{"a":"hunter2","b":"[unknown]","c":"[unknown]","d":"x\ufffd"}"#
        );
    }

    #[test]
    fn detailed_text_tells_secrets() {
        let mut value = parse(br#"{"a":[null,false],"b":{}}"#, 8).unwrap();
        if let Data::Object(entries) = &mut value.data {
            entries.insert("c".to_owned(), Value::secret("hunter2"));
            entries.insert("d".to_owned(), Value::unknown());
        }
        let want = r#"{
  "value": {
    "a": {
      "value": [
        {},
        {
          "value": false
        }
      ]
    },
    "b": {
      "value": {}
    },
    "c": {
      "value": "hunter2",
      "secret": true
    },
    "d": {
      "unknown": true
    }
  }
}"#;
        let shown = |secrets| detailed(&value, secrets).as_str().unwrap().to_owned();
        assert_eq!(shown(Secrets::Revealed), want);
        assert_eq!(
            shown(Secrets::Redacted),
            want.replace("hunter2", "[secret]")
        );
    }

    #[test]
    fn indented_text_has_two_spaces_a_level() {
        let value = parse(br#"{"a":[1,{"b":{}}],"c":[]}"#, 8).unwrap();
        let text = indented(&value, Secrets::Revealed);
        let want = "{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n  \"c\": []\n}";
        assert_eq!(text.as_str().unwrap(), want);
    }
}
