//! The JSON reader.
//!
//! It is written by hand because `fn::fromJSON` has to accept and reject the same texts as Go's
//! `encoding/json`, with the same messages: `serde_json` rejects lone surrogates and bytes that are not
//! UTF-8, keeps a number's digits only with a feature that changes every number in the program, and
//! neither tells Go's contexts ("after object key") apart nor wipes its buffers.

use std::collections::BTreeMap;

use crate::format::string::quoted;
use crate::text::Text;
use crate::text_builder::TextBuilder;
use crate::{Data, Number, Value};

/// Why a text is not valid JSON. `Display` does not quote the text, which may be a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct InvalidJson {
    problem: Problem,
    /// In bytes from the start.
    offset: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum Problem {
    #[error("unexpected end of JSON input")]
    End,
    #[error("lists and objects nest too deep")]
    TooDeep,
    #[error("the reader stopped")]
    Stopped,
    /// A character that is invalid in this context.
    #[error("invalid character {0}")]
    Character(&'static str),
    #[error("invalid character in literal {word} (expecting '{expected}')")]
    Word { word: &'static str, expected: char },
}

impl InvalidJson {
    /// The message of Go's `json.Decoder` for the same text. It quotes the invalid character, so it must
    /// not be used for a secret.
    #[must_use]
    pub fn go_message(&self, text: &[u8]) -> String {
        let is_blank = text.iter().all(|byte| BLANKS.contains(byte));
        let character = match (self.problem, text.get(self.offset)) {
            (Problem::End, _) | (_, None) if is_blank => return "EOF".to_owned(),
            (Problem::End, _) | (_, None) => return "unexpected EOF".to_owned(),
            (Problem::TooDeep | Problem::Stopped, _) => return self.to_string(),
            (_, Some(b'\'')) => "\\'".to_owned(),
            (_, Some(b'"')) => "\"".to_owned(),
            (_, Some(byte)) => {
                let quoted = quoted(char::from(*byte).encode_utf8(&mut [0; 2]));
                quoted.trim_matches('"').to_owned()
            }
        };
        match self.problem {
            Problem::Word { word, expected } => {
                format!(
                    "invalid character '{character}' in literal {word} (expecting '{expected}')"
                )
            }
            Problem::Character(context) => format!("invalid character '{character}' {context}"),
            Problem::End | Problem::TooDeep | Problem::Stopped => self.to_string(),
        }
    }
}

const BLANKS: &[u8] = b" \t\r\n";

/// Reads the first JSON value of `text` and ignores what follows, as ESC's `fn::fromJSON` does. Lists and
/// objects may nest `maximum_nesting` levels deep. The last of several entries with the same name wins.
pub fn parse(text: &[u8], maximum_nesting: usize) -> Result<Value, InvalidJson> {
    parse_selected(text, maximum_nesting, &Selection::All, |_| true)
}

/// Which parts of a JSON text are kept.
#[derive(Debug)]
pub enum Selection {
    /// The whole value.
    All,
    /// Nothing: the value becomes `null`.
    Nothing,
    /// These entries of an object, each with its own selection.
    Entries(&'static [(&'static str, &'static Self)]),
    /// All items of a list, or all entries of an object, with the same selection.
    Each(&'static Self),
}

impl Selection {
    fn item(&self) -> &Self {
        match self {
            Self::Each(selection) => selection,
            Self::Entries(_) | Self::Nothing => &Self::Nothing,
            Self::All => self,
        }
    }

    fn entry(&self, name: &str) -> &Self {
        match self {
            Self::Entries(entries) => {
                let entry = entries.iter().find(|(entry, _)| *entry == name);
                entry.map_or(&Self::Nothing, |(_, selection)| selection)
            }
            _ => self.item(),
        }
    }
}

/// Like [`parse`], but keeps only a part, for a text from an untrusted source. Before each value (scalar,
/// list or object), it calls `admit` with whether the value is kept, and stops with an error if that
/// returns false.
pub fn parse_selected(
    text: &[u8],
    maximum_nesting: usize,
    selection: &Selection,
    mut admit: impl FnMut(bool) -> bool,
) -> Result<Value, InvalidJson> {
    let mut reader = Reader {
        text,
        offset: 0,
        admit: &mut admit,
    };
    reader.value(maximum_nesting, selection)
}

struct Reader<'text> {
    text: &'text [u8],
    offset: usize,
    admit: &'text mut dyn FnMut(bool) -> bool,
}

impl Reader<'_> {
    fn value(&mut self, levels_left: usize, selection: &Selection) -> Result<Value, InvalidJson> {
        let is_kept = !matches!(selection, Selection::Nothing);
        if !(self.admit)(is_kept) {
            return Err(self.invalid(Problem::Stopped));
        }
        self.skip_blanks();
        let data = match self.peek() {
            Some(b'n') => self.word("null", Data::Null)?,
            Some(b't') => self.word("true", Data::Bool(true))?,
            Some(b'f') => self.word("false", Data::Bool(false))?,
            Some(b'"') => Data::String(self.string()?),
            Some(b'[' | b'{') if levels_left == 0 => {
                return Err(self.invalid(Problem::TooDeep));
            }
            Some(b'[') => {
                let mut items = Vec::new();
                let selection = selection.item();
                let are_kept = !matches!(selection, Selection::Nothing);
                self.sequence(b']', "after array element", |reader| {
                    let item = reader.value(levels_left - 1, selection)?;
                    items.extend(are_kept.then_some(item));
                    Ok(())
                })?;
                Data::Array(items)
            }
            Some(b'{') => {
                let mut entries = BTreeMap::new();
                self.sequence(b'}', "after object key:value pair", |reader| {
                    reader.skip_blanks();
                    let name = reader.string()?;
                    reader.skip_blanks();
                    reader.expect(b':', "after object key")?;
                    let name = name.as_str().unwrap_or_default();
                    let selection = selection.entry(name);
                    let value = reader.value(levels_left - 1, selection)?;
                    if !matches!(selection, Selection::Nothing) {
                        entries.insert(name.to_owned(), value);
                    }
                    Ok(())
                })?;
                Data::Object(entries)
            }
            Some(b'-' | b'0'..=b'9') => Data::Number(self.number()?),
            _ => return Err(self.unexpected("looking for beginning of value")),
        };
        Ok(Value::new(if is_kept { data } else { Data::Null }))
    }

    fn sequence(
        &mut self,
        end: u8,
        after: &'static str,
        mut read_item: impl FnMut(&mut Self) -> Result<(), InvalidJson>,
    ) -> Result<(), InvalidJson> {
        self.offset += 1;
        self.skip_blanks();
        if self.take(end) {
            return Ok(());
        }
        loop {
            read_item(self)?;
            self.skip_blanks();
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
                Some(byte) if char::from(byte) == expected => self.offset += 1,
                Some(_) => return Err(self.invalid(Problem::Word { word, expected })),
            }
        }
        Ok(data)
    }

    fn number(&mut self) -> Result<Number, InvalidJson> {
        let start = self.offset;
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
        let text = String::from_utf8_lossy(&self.text[start..self.offset]);
        Ok(Number::from_text(text))
    }

    fn digits(&mut self, context: &'static str) -> Result<(), InvalidJson> {
        let start = self.offset;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
        if self.offset == start {
            return Err(self.unexpected(context));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Text, InvalidJson> {
        self.expect(b'"', "looking for beginning of object key string")?;
        let mut text = TextBuilder::default();
        loop {
            let rest = &self.text[self.offset..];
            let Some(length) = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))
            else {
                self.offset = self.text.len();
                return Err(self.invalid(Problem::End));
            };
            for chunk in rest[..length].utf8_chunks() {
                text.push_str(chunk.valid());
                for _ in chunk.invalid() {
                    text.push_char(char::REPLACEMENT_CHARACTER);
                }
            }
            self.offset += length;
            match rest[length] {
                b'"' => {
                    self.offset += 1;
                    return Ok(text.finish());
                }
                b'\\' => text.push_char(self.escape()?),
                _ => return Err(self.invalid(Problem::Character("in string literal"))),
            }
        }
    }

    fn escape(&mut self) -> Result<char, InvalidJson> {
        self.offset += 1;
        let escaped = match self.peek() {
            Some(escaped @ (b'"' | b'\\' | b'/')) => char::from(escaped),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.offset += 1;
        Ok(escaped)
    }

    /// Reads `u1234`, or a surrogate pair. A lone surrogate becomes U+FFFD, as in Go.
    fn unicode_escape(&mut self) -> Result<char, InvalidJson> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.offset..].starts_with(b"\\u") {
            let after_first = self.offset;
            self.offset += 1;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.offset = after_first;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, InvalidJson> {
        self.offset += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let digit =
                digit.ok_or_else(|| self.unexpected("in \\u hexadecimal character escape"))?;
            code = code << 4 | digit;
            self.offset += 1;
        }
        Ok(code)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| BLANKS.contains(&byte)) {
            self.offset += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.offset).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.offset += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, context: &'static str) -> Result<(), InvalidJson> {
        if self.take(byte) {
            return Ok(());
        }
        Err(self.unexpected(context))
    }

    /// The error for a next character that is invalid in this context, or for the end of the text.
    fn unexpected(&self, context: &'static str) -> InvalidJson {
        let character = self.peek().map(|_| Problem::Character(context));
        self.invalid(character.unwrap_or(Problem::End))
    }

    fn invalid(&self, problem: Problem) -> InvalidJson {
        InvalidJson {
            problem,
            offset: self.offset,
        }
    }
}
