//! Expressions: literals, lists, maps, references and interpolations.

use super::Generator;
use super::scalar::Position;
use super::shape::{Kind, Shape};
use crate::document::{Body, Node, Style};

/// The number of nodes from which only scalars are added.
const LARGE: usize = 120;

impl Generator {
    pub(super) fn expression_of_any(&mut self, depth: usize) -> Node {
        self.expression(Kind::Any, depth).0
    }

    /// An expression of the requested kind, most of the time.
    pub(super) fn expression(&mut self, kind: Kind, depth: usize) -> (Node, Shape) {
        self.size += 1;
        let kind = if self.mistake(4) { Kind::Any } else { kind };
        let deep = usize::from(depth > 0 && self.size < LARGE);
        match kind {
            Kind::Any => match self
                .random
                .weighted(&[28, 22, 12, 12 * deep, 9 * deep, 17 * deep])
            {
                0 => self.literal(Position::Value),
                1 => self.symbol(Kind::Any),
                2 => self.interpolation(),
                3 => self.object(depth),
                4 => self.array(depth),
                _ => self.call(Kind::Any, depth),
            },
            Kind::String => match self.random.weighted(&[35, 25, 20, 20 * deep]) {
                0 => self.text(),
                1 => self.symbol(kind),
                2 => self.interpolation(),
                _ => self.call(kind, depth),
            },
            Kind::Array => match self.random.weighted(&[55 * deep, 30, 15 * deep]) {
                0 if deep > 0 => self.array(depth),
                2 => self.call(kind, depth),
                _ => self.symbol(kind),
            },
            Kind::Strings => match self.random.weighted(&[60, 25, 15 * deep]) {
                0 => self.strings(depth),
                1 => self.symbol(kind),
                _ => self.call(kind, depth),
            },
            Kind::Object => match self.random.weighted(&[60 * deep, 30]) {
                0 if deep > 0 => self.object(depth),
                _ => self.symbol(kind),
            },
        }
    }

    /// A string literal.
    pub(super) fn text(&mut self) -> (Node, Shape) {
        let texts = [
            "x", "foo", "hello", "a b", "é", "a,b,c", "it's", "$$", "<&>", "日本", "",
        ];
        let text = *self.random.pick(&texts);
        (self.string_scalar(text, Position::Value), Shape::String)
    }

    /// A single reference.
    fn symbol(&mut self, kind: Kind) -> (Node, Shape) {
        let target = if self.mistake(12) {
            Some(self.path(kind))
        } else {
            self.reference(kind)
        };
        let Some((path, shape)) = target else {
            return match kind {
                Kind::Any => self.literal(Position::Value),
                Kind::String => self.text(),
                Kind::Array => self.array(0),
                Kind::Strings => self.strings(0),
                Kind::Object => self.object(0),
            };
        };
        let node = self.string_scalar(&format!("${{{path}}}"), Position::Value);
        (node, shape)
    }

    /// A text that contains references.
    fn interpolation(&mut self) -> (Node, Shape) {
        if self.scope.is_empty() && !self.mistake(10) {
            return self.text();
        }
        let mut text = String::new();
        for _ in 0..self.random.between(1, 3) {
            let pieces = [
                "", "", "a", "-", " ", "$$", "$", "é", "http://", "{", "}", "$x ", "日本", "\"",
                "a b ",
            ];
            text.push_str(self.random.word(&pieces));
            if self.mistake(6) {
                text.push_str(
                    self.random
                        .word(&["${", "${}", "${a", "$${", "${${a}}", "$"]),
                );
            }
            let (path, _) = self.path(Kind::Any);
            text.extend(["${", path.as_str(), "}"]);
        }
        let pieces = ["", "", "x", ".", " end", "$", "\n", "/日", " a  b"];
        text.push_str(self.random.word(&pieces));
        (self.string_scalar(&text, Position::Value), Shape::String)
    }

    pub(super) fn object(&mut self, depth: usize) -> (Node, Shape) {
        let count = [0, 1, 2, 3, 5][self.random.weighted(&[6, 30, 35, 20, 9])];
        let mut entries = Vec::new();
        let mut shapes = std::collections::BTreeMap::new();
        for _ in 0..count {
            let name = self.property_name();
            if shapes.contains_key(&name) && !self.mistake(20) {
                continue;
            }
            let (value, shape) = self.expression(Kind::Any, depth.saturating_sub(1));
            shapes.entry(name.clone()).or_insert(shape);
            entries.push((self.key(&name), value));
        }
        if self.mistake(3) {
            let keys = [
                "${a}",
                "a${b}c",
                "1",
                "true",
                "null",
                "~",
                "fn::x",
                "fn::join",
                "FN::x",
                "$$k",
                "[a]",
                "{a: b}",
                "2001-01-01",
                "1.5",
                "<<",
                "*a",
                "!!str 1",
                "!!int 1",
                "${",
                "imports",
                "context",
                "''",
                "\"a\\tb\"",
                "0x1",
                "yes",
                "? a",
                "!!null x",
                "=",
                "&k v",
            ];
            let key = *self.random.pick(&keys);
            let (value, _) = self.expression(Kind::Any, depth.saturating_sub(1));
            let index = self.random.below(entries.len() + 1);
            entries.insert(index, (Node::inline(key), value));
        }
        (
            Node::map(entries, self.collection_style()),
            Shape::Object(shapes),
        )
    }

    pub(super) fn key(&mut self, name: &str) -> Node {
        // None of the names contains `$`, which would need escaping.
        self.string_scalar(name, Position::Key)
    }

    fn array(&mut self, depth: usize) -> (Node, Shape) {
        let count = [0, 1, 2, 3, 5][self.random.weighted(&[8, 25, 35, 22, 10])];
        let mut items = Vec::new();
        let mut shapes = Vec::new();
        for _ in 0..count {
            let (item, shape) = self.expression(Kind::Any, depth.saturating_sub(1));
            items.push(item);
            shapes.push(shape);
        }
        (
            Node::list(items, self.collection_style()),
            Shape::Array(shapes),
        )
    }

    fn strings(&mut self, depth: usize) -> (Node, Shape) {
        let mut items = Vec::new();
        for _ in 0..self.random.below(4) {
            items.push(self.expression(Kind::String, depth.saturating_sub(1)).0);
        }
        let shape = Shape::Array(vec![Shape::String; items.len()]);
        (Node::list(items, self.collection_style()), shape)
    }

    /// Mostly quotes plain scalars with brackets or commas, which would end them.
    pub(super) fn quote_in_flow(&mut self, node: &mut Node, in_flow: bool) {
        match &mut node.body {
            Body::Inline(text) => {
                let quoted = text.starts_with(['"', '\'', '!', '&', '*']);
                if in_flow
                    && !quoted
                    && text.contains(['[', ']', '{', '}', ','])
                    && !self.mistake(2)
                {
                    *text = format!("'{}'", text.replace('\'', "''"));
                }
            }
            Body::Block(..) => {}
            Body::Map(entries, style) => {
                let in_flow = in_flow || *style == Style::Flow;
                for entry in entries {
                    if !matches!(&entry.key.body, Body::Inline(text) if text == "[a]" || text == "{a: b}")
                    {
                        self.quote_in_flow(&mut entry.key, in_flow);
                    }
                    self.quote_in_flow(&mut entry.value, in_flow);
                }
            }
            Body::List(items, style) => {
                let in_flow = in_flow || *style == Style::Flow;
                for item in items {
                    self.quote_in_flow(&mut item.value, in_flow);
                }
            }
        }
    }
}
