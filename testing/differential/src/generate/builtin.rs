//! Calls of builtins, with valid and invalid arguments.

use super::Generator;
use super::scalar::Position;
use super::shape::{Kind, Shape};
use crate::document::{Node, Style};

impl Generator {
    /// A call whose result is of the requested kind.
    pub(super) fn call(&mut self, kind: Kind, depth: usize) -> (Node, Shape) {
        let depth = depth.saturating_sub(1);
        let grammar = self.grammar;
        let allowed = |name: &&&str| match **name {
            "toYAML" => grammar.to_yaml,
            "rotate" => grammar.rotate,
            "validate" => grammar.validate,
            "ciphertext" => grammar.ciphertext,
            _ => true,
        };
        let names: Vec<&str> = names(kind).iter().filter(allowed).copied().collect();
        let name = *self.random.pick(&names);
        let (mut called, argument, shape) = self.argument(name, kind, depth);
        let harmless = !called.starts_with("fn::open::");
        let argument = if self.mistake(6) && harmless {
            self.expression_of_any(depth)
        } else {
            argument
        };
        let mut entries = Vec::new();
        match self.random.below(if self.wild { 50 } else { 2000 }) {
            0 => called = called.to_uppercase(),
            1 => called.push('x'),
            2 => {
                let other = self.expression_of_any(0);
                let name = self.property_name();
                entries.push((self.key(&name), other));
            }
            _ => {}
        }
        let key = match self.random.below(40) {
            0 => format!("\"{called}\""),
            1 => format!("'{called}'"),
            _ => called,
        };
        let index = self.random.below(entries.len() + 1);
        entries.insert(index, (Node::inline(key), argument));
        let style = self.collection_style();
        (Node::map(entries, style), shape)
    }

    /// The function's name, its argument, and the shape of its result.
    fn argument(&mut self, name: &str, kind: Kind, depth: usize) -> (String, Node, Shape) {
        let called = format!("fn::{name}");
        match name {
            "toJSON" | "toString" | "toYAML" => {
                let (argument, _) = self.expression(Kind::Any, depth);
                (called, argument, Shape::String)
            }
            "toBase64" => {
                let (argument, _) = self.expression(Kind::String, depth);
                (called, argument, Shape::String)
            }
            "fromBase64" => (called, self.base64(depth), Shape::String),
            "join" => {
                let (delimiter, _) = self.expression(Kind::String, 0);
                let (strings, _) = self.expression(Kind::Strings, depth);
                (called, self.tuple(vec![delimiter, strings]), Shape::String)
            }
            "split" => {
                let delimiters = [",", "", " ", "a", "::", "é", "."];
                let delimiter = *self.random.pick(&delimiters);
                let delimiter = if self.random.chance(80) {
                    self.string_scalar(delimiter, Position::Value)
                } else {
                    self.expression(Kind::String, 0).0
                };
                let (text, _) = self.expression(Kind::String, depth);
                let shape = Shape::Array(vec![Shape::String]);
                (called, self.tuple(vec![delimiter, text]), shape)
            }
            "concat" => {
                let mut items = Vec::new();
                for _ in 0..self.random.below(4) {
                    items.push(self.expression(Kind::Array, depth).0);
                }
                (called, self.tuple(items), Shape::Array(Vec::new()))
            }
            "secret" => {
                let (text, _) = self.text();
                (called, text, Shape::String)
            }
            "ciphertext" => {
                let text = self.ciphertext();
                let text = self.string_scalar(&text, Position::Value);
                let key = Node::inline("ciphertext");
                let style = self.collection_style();
                let argument = Node::map(vec![(key, text)], style);
                ("fn::secret".to_owned(), argument, Shape::String)
            }
            "final" => {
                let (argument, shape) = self.expression(kind, depth);
                (called, argument, shape)
            }
            "fromJSON" => self.json(kind, depth),
            "open" => self.open(depth),
            "rotate" => self.rotate(depth),
            _ => {
                let (argument, shape) = self.validation(kind, depth);
                (called, argument, shape)
            }
        }
    }

    fn tuple(&mut self, mut items: Vec<Node>) -> Node {
        match self.random.below(if self.wild { 20 } else { 1000 }) {
            0 => items.truncate(1),
            1 => items.push(Node::inline("x")),
            _ => {}
        }
        Node::list(items, self.collection_style())
    }

    fn base64(&mut self, depth: usize) -> Node {
        let texts = [
            "aGk=",
            "",
            "w6k=",
            "/+8=",
            "aGVsbG8gd29ybGQ=",
            "aGk",
            "aGk=\n",
            "a",
            "!!!!",
            "aGk=x",
            "_-8=",
            "eyJhIjoxfQ==",
            "aG\nk=",
            "aGl=",
            "====",
            "aGk= ",
        ];
        if self.random.chance(60) || depth == 0 {
            let count = if self.mistake(50) { texts.len() } else { 5 };
            let text = texts[self.random.below(count)];
            return self.string_scalar(text, Position::Value);
        }
        let (text, _) = self.expression(Kind::String, depth - 1);
        Node::map(vec![(Node::inline("fn::toBase64"), text)], Style::Block)
    }

    fn json(&mut self, kind: Kind, depth: usize) -> (String, Node, Shape) {
        let called = "fn::fromJSON".to_owned();
        if self.random.chance(35) && depth > 0 {
            let (inner, shape) = self.expression(kind, depth - 1);
            let node = Node::map(vec![(Node::inline("fn::toJSON"), inner)], Style::Block);
            return (called, node, shape);
        }
        let texts = [
            r#"{"a":1,"b":[true,null,"x"]}"#,
            r#"{"foo":{"bar":"baz"},"a":[1,2,3]}"#,
            "[1,2.50,1e3,-0,\"é\"]",
            r#""text""#,
            "12345678901234567890.10",
            "null",
            r#"["a","b"]"#,
            r#"{"a":1,"a":2,"":3}"#,
            r#"[{"fn::secret":"x"},"${a}"]"#,
            r#" {"a" : [ ] , "b":{}} trailing"#,
            r#"{"a":"\u00e9\ud83d\ude00\n\/"}"#,
            r#"{"a":"\ud800"}"#,
            "[1,]",
            "{",
            "",
            "nul",
            "01",
            "1.",
            "'x'",
            "{\"a\"}",
            "\"\t\"",
            "[1 2]",
            "tru",
            "-",
            "1e",
            "\"\\x\"",
            "}",
            "[1",
            "\"a",
            "{\"a\":1,}",
        ];
        let count = if self.mistake(30) { texts.len() } else { 12 };
        let text = texts[self.random.below(count)];
        let shape = serde_json::from_str(text.trim_end_matches(" trailing"))
            .map_or(Shape::Unknown, |value| Shape::of(&value));
        // The builtin's argument may contain references too.
        (called, self.string_scalar(text, Position::Value), shape)
    }

    /// Ciphertext in its envelope, for a decrypter that adds 128 to each byte.
    fn ciphertext(&mut self) -> String {
        let plain = *self
            .random
            .pick(&["secret", "", "é", "\"quoted\"", "a longer secret text"]);
        let mut bytes = b"escx\x00\x00\x00\x01".to_vec();
        bytes.extend(plain.bytes().map(|byte| byte.wrapping_add(128)));
        if self.mistake(10) {
            bytes[self.random.below(8)] ^= 2;
        }
        let mut sum = crc32(&bytes);
        if self.mistake(10) {
            sum ^= 1;
        }
        bytes.extend(sum.to_be_bytes());
        if self.mistake(10) {
            bytes.truncate(self.random.below(16));
        }
        let mut text = base64(&bytes);
        if self.mistake(10) {
            text.push_str(self.random.word(&["!", "=", "\n", "A"]));
        }
        text
    }
}

/// The builtins whose results are of the requested kind.
fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::String => &[
            "toJSON",
            "toString",
            "toBase64",
            "fromBase64",
            "join",
            "secret",
            "final",
            "toYAML",
            "ciphertext",
            "validate",
            "fromJSON",
        ],
        Kind::Array | Kind::Strings => &["split", "concat", "fromJSON", "final"],
        _ => &[
            "toJSON",
            "toString",
            "toBase64",
            "fromBase64",
            "join",
            "secret",
            "final",
            "split",
            "concat",
            "fromJSON",
            "open",
            "open",
            "toYAML",
            "rotate",
            "validate",
            "validate",
            "ciphertext",
        ],
    }
}

/// The CRC-32 of IEEE 802.3, as in gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
        }
    }
    !sum
}

/// RFC 4648 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| usize::from(chunk.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * index) & 63];
            text.push(if index > chunk.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_have_the_right_checksum_and_text() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
