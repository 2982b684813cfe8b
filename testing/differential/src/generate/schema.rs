//! Schemas for `fn::validate`, and values that mostly satisfy them.

use super::Generator;
use super::scalar::Position;
use super::shape::{Kind, Shape};
use crate::document::{Node, Style};

/// Keywords that any schema may have, valid or not.
const EXTRA_KEYWORDS: [(&str, &str); 33] = [
    ("title", "t"),
    ("description", "d"),
    ("deprecated", "true"),
    ("default", "1"),
    ("examples", "[1, x]"),
    ("secret", "true"),
    ("secret", "x"),
    ("unknown", "1"),
    ("type", "text"),
    ("type", "[string]"),
    ("minLength", "x"),
    ("minLength", "-1"),
    ("minLength", "1.5"),
    ("pattern", "'['"),
    ("required", "x"),
    ("required", "[1]"),
    ("enum", "[]"),
    ("items", "1"),
    ("properties", "[]"),
    ("$ref", "'#/$$defs/none'"),
    ("$$ref", "'#/$$defs/none'"),
    ("const", "1"),
    ("multipleOf", "0"),
    ("anyOf", "[]"),
    ("oneOf", "x"),
    ("additionalProperties", "false"),
    ("uniqueItems", "true"),
    ("rotateOnly", "[a]"),
    ("$defs", "{}"),
    ("minItems", "99999999999999999999"),
    ("maximum", "1e400"),
    ("not", "true"),
    ("format", "date"),
];

impl Generator {
    /// An argument of `fn::validate`.
    pub(super) fn validation(&mut self, kind: Kind, depth: usize) -> (Node, Shape) {
        let (schema, value, shape) = match self.random.weighted(&[75, 15, 10]) {
            0 => {
                let (schema, value, shape) = self.pair(depth.min(3));
                if self.random.chance(25) {
                    let (value, shape) = self.expression(kind, depth);
                    (schema, value, shape)
                } else {
                    (schema, value, shape)
                }
            }
            1 => {
                let (value, shape) = self.expression(kind, depth);
                (self.pair(depth.min(2)).0, value, shape)
            }
            _ => {
                let (value, shape) = self.expression(kind, depth);
                (self.expression_of_any(depth), value, shape)
            }
        };
        let mut parts = vec![
            (Node::inline("schema"), schema),
            (Node::inline("value"), value),
        ];
        match self.random.below(40) {
            0 => drop(parts.remove(0)),
            1 => drop(parts.remove(1)),
            2 => parts.push((Node::inline("other"), Node::inline("x"))),
            3..10 => parts.reverse(),
            _ => {}
        }
        (Node::map(parts, self.collection_style()), shape)
    }

    /// A schema, a value for it, and the value's kind.
    fn pair(&mut self, depth: usize) -> (Node, Node, Shape) {
        let deep = 10 * depth.min(1);
        let (mut schema, value, shape) = match self
            .random
            .weighted(&[16, 16, 5, 4, 8, deep, deep, deep, 4, deep])
        {
            0 => self.string_pair(),
            1 => self.number_pair(),
            2 => (typed("boolean"), Node::inline("true"), Shape::Boolean),
            3 => (typed("null"), Node::inline("null"), Shape::Null),
            4 => self.enumerated(),
            5 => self.list_pair(depth),
            6 => self.object_pair(depth),
            7 => self.choice_pair(depth),
            8 => {
                let schema = *self
                    .random
                    .pick(&["true", "false", "{}", "[]", "x", "null", "${foo}"]);
                let (value, shape) = self.expression(Kind::Any, 1);
                return (Node::inline(schema), value, shape);
            }
            _ => self.reference_pair(depth),
        };
        if self.random.chance(6) {
            let (key, value) = *self.random.pick(&EXTRA_KEYWORDS);
            schema.push((key, Node::inline(value)));
        }
        if self.random.chance(10) {
            self.random.shuffle(&mut schema);
        }
        let entries = schema
            .into_iter()
            .map(|(key, value)| (Node::inline(key), value));
        (
            Node::map(entries.collect(), self.collection_style()),
            value,
            shape,
        )
    }

    fn string_pair(&mut self) -> (Keywords, Node, Shape) {
        let mut schema = typed("string");
        let text = *self
            .random
            .pick(&["abc", "a", "", "éé", "hello world", "123", "日本語"]);
        if self.random.chance(30) {
            schema.push(("minLength", self.limit()));
        }
        if self.random.chance(30) {
            schema.push(("maxLength", self.limit()));
        }
        if self.random.chance(30) {
            let patterns = [
                "'^a'",
                "'.'",
                "'^[a-z]+$'",
                "'\\d'",
                "'^.{3}$'",
                "'\\pL'",
                "'(?i)ABC'",
                "'a|b'",
                "'^$'",
                "'[[:alpha:]]'",
                "'\\bworld\\b'",
                "'(a'",
                "'(?=x)'",
                "'a{1001}'",
                "'\\p{Greek}'",
                "'\"'",
            ];
            schema.push(("pattern", Node::inline(*self.random.pick(&patterns))));
        }
        if self.random.chance(15) {
            schema.push(("const", self.string_scalar(text, Position::Value)));
        }
        (
            schema,
            self.string_scalar(text, Position::Value),
            Shape::String,
        )
    }

    fn number_pair(&mut self) -> (Keywords, Node, Shape) {
        let mut schema = typed("number");
        let keywords = [
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "const",
        ];
        for keyword in keywords {
            if self.random.chance(22) {
                let limits = ["1", "10", "2.5", "-3", "0.1", "100", "1e2", "0"];
                schema.push((keyword, Node::inline(*self.random.pick(&limits))));
            }
        }
        let values = [
            "1", "10", "2.5", "5", "-3", "0.3", "100", "1.0", "0x10", "7",
        ];
        (
            schema,
            Node::inline(*self.random.pick(&values)),
            Shape::Number,
        )
    }

    fn limit(&mut self) -> Node {
        Node::inline(*self.random.pick(&["1", "3", "0", "5", "2", "3.0", "1e1"]))
    }

    fn enumerated(&mut self) -> (Keywords, Node, Shape) {
        let choices = [
            "one", "2", "true", "null", "[1, a]", "{a: b}", "2.0", "'<&>'", "é",
        ];
        let mut items = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            items.push(Node::inline(*self.random.pick(&choices)));
        }
        let value = if self.random.chance(70) {
            self.random.pick(&items).clone()
        } else {
            Node::inline(*self.random.pick(&choices))
        };
        if self.random.chance(40) {
            return (vec![("const", items.remove(0))], value, Shape::Unknown);
        }
        let mut schema = vec![("enum", Node::list(items, Style::Flow))];
        if self.random.chance(40) {
            schema.push(("type", Node::inline("string")));
        }
        (schema, value, Shape::Unknown)
    }

    fn list_pair(&mut self, depth: usize) -> (Keywords, Node, Shape) {
        let mut schema = typed("array");
        let mut items = Vec::new();
        let mut shapes = Vec::new();
        if self.random.chance(40) {
            let mut prefix = Vec::new();
            for _ in 0..self.random.between(1, 2) {
                let (part, item, shape) = self.pair(depth - 1);
                prefix.push(part);
                items.push(item);
                shapes.push(shape);
            }
            schema.push(("prefixItems", Node::list(prefix, self.collection_style())));
        }
        if self.random.chance(60) {
            let (part, item, shape) = self.pair(depth - 1);
            schema.push(("items", part));
            for _ in 0..self.random.below(3) {
                items.push(item.clone());
                shapes.push(shape.clone());
            }
        }
        for keyword in ["minItems", "maxItems"] {
            if self.random.chance(25) {
                schema.push((keyword, self.limit()));
            }
        }
        (
            schema,
            Node::list(items, self.collection_style()),
            Shape::Array(shapes),
        )
    }

    fn object_pair(&mut self, depth: usize) -> (Keywords, Node, Shape) {
        let mut schema = typed("object");
        let mut properties = Vec::new();
        let mut entries = Vec::new();
        let mut shapes = std::collections::BTreeMap::new();
        let names = ["a", "b", "foo", "bar", "with-hyphen"];
        for name in names {
            if self.random.chance(40) {
                let (part, value, shape) = self.pair(depth - 1);
                properties.push((Node::inline(name), part));
                if self.random.chance(90) {
                    entries.push((Node::inline(name), value));
                    shapes.insert(name.to_owned(), shape);
                }
            }
        }
        schema.push(("properties", Node::map(properties, self.collection_style())));
        let list = |chosen: Vec<&str>| {
            let items = chosen.into_iter().map(Node::inline).collect();
            Node::list(items, Style::Flow)
        };
        if self.random.chance(50) {
            let chosen = names
                .into_iter()
                .filter(|_| self.random.chance(30))
                .collect();
            schema.push(("required", list(chosen)));
        }
        if self.random.chance(20) {
            let required = list(vec![*self.random.pick(&names)]);
            let key = Node::inline(*self.random.pick(&names));
            schema.push((
                "dependentRequired",
                Node::map(vec![(key, required)], Style::Flow),
            ));
        }
        if self.random.chance(35) {
            let (part, value, _) = self.pair(depth - 1);
            let part = if self.random.chance(40) {
                Node::inline("false")
            } else {
                part
            };
            schema.push(("additionalProperties", part));
            if self.random.chance(50) {
                entries.push((Node::inline("extra"), value));
            }
        }
        for keyword in ["minProperties", "maxProperties"] {
            if self.random.chance(15) {
                schema.push((keyword, self.limit()));
            }
        }
        (
            schema,
            Node::map(entries, self.collection_style()),
            Shape::Object(shapes),
        )
    }

    fn choice_pair(&mut self, depth: usize) -> (Keywords, Node, Shape) {
        let mut choices = Vec::new();
        let mut values = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let (part, value, shape) = self.pair(depth - 1);
            choices.push(part);
            values.push((value, shape));
        }
        let (value, shape) = self.random.pick(&values).clone();
        let keyword = *self.random.pick(&["anyOf", "oneOf"]);
        let mut schema = vec![(keyword, Node::list(choices, self.collection_style()))];
        if self.random.chance(15) {
            schema.push(("type", Node::inline("string")));
        }
        (schema, value, shape)
    }

    /// A schema with `$ref`. Only `${` needs escaping in a text, not the `$` of `$defs`.
    fn reference_pair(&mut self, depth: usize) -> (Keywords, Node, Shape) {
        let (part, value, shape) = self.pair(depth - 1);
        let likely = *self.random.pick(&[
            "'#/$defs/one'",
            "'#/$defs/one'",
            "'#/$defs/none'",
            "'#'",
            "one",
        ]);
        let target = if self.random.chance(85) {
            likely
        } else {
            "'#/$defs/one/x'"
        };
        let definitions = Node::map(vec![(Node::inline("one"), part)], Style::Block);
        let reference = Node::map(
            vec![(Node::inline("$ref"), Node::inline(target))],
            Style::Flow,
        );
        let mut schema = vec![("$defs", definitions)];
        if self.random.chance(50) {
            schema.push(("$ref", Node::inline(target)));
            return (schema, value, shape);
        }
        schema.push(("type", Node::inline("array")));
        schema.push(("items", reference));
        let shape = Shape::Array(vec![shape]);
        (
            schema,
            Node::list(vec![value], self.collection_style()),
            shape,
        )
    }
}

type Keywords = Vec<(&'static str, Node)>;

fn typed(name: &str) -> Keywords {
    vec![("type", Node::inline(name))]
}
