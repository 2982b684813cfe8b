//! Calls of the providers and rotators of `providers.json`.

use std::collections::BTreeMap;

use super::Generator;
use super::scalar::Position;
use super::shape::{Kind, Shape};
use crate::document::{Node, Style};

/// Inputs of the provider `schemas`, each with a valid value and others.
const SCHEMA_INPUTS: [(&str, &[&str]); 23] = [
    ("null", &["null", "~", "1"]),
    ("boolean", &["true", "false", "x"]),
    ("false", &["false", "true"]),
    ("number", &["1", "1.5", "'1'"]),
    ("pi", &["3.14", "3.140", "3"]),
    ("string", &["x", "é", "1"]),
    ("hello", &["hello", "Hello"]),
    ("array", &["[]", "[1, x]", "{}"]),
    (
        "tuple",
        &[
            "[hello, world]",
            "[hello]",
            "[hello, world, x]",
            "[world, hello]",
        ],
    ),
    ("map", &["{}", "{a: 1}", "[]"]),
    ("anyOf", &["x", "1", "true", "[1]"]),
    ("oneOf", &["-1", "11", "x", "5", "true"]),
    (
        "ref",
        &[
            "{}",
            "{value: 1, next: {value: 2}}",
            "{next: {next: {value: x}}}",
        ],
    ),
    ("multiple", &["2", "-4", "3", "2.5", "1e2"]),
    ("range", &["10", "20", "15", "9.9", "20.1"]),
    ("open", &["11", "10", "20", "19.99"]),
    ("length", &["ab", "abcde", "a", "abcdef", "éé", "日本"]),
    ("pattern", &["'123'", "x123", "'1234'"]),
    ("items", &["[1]", "[1, 2]", "[]", "[1, 2, 3]", "[x]"]),
    (
        "properties",
        &["{a: b}", "{}", "{a: b, c: d, e: f}", "{a: 1}"],
    ),
    ("enum", &["one", "2", "true", "null", "two", "[one]"]),
    (
        "record",
        &[
            "{foo: x}",
            "{foo: x, bar: 1}",
            "{bar: 1, baz: 2}",
            "{foo: x, bar: 1, baz: 1}",
            "{}",
        ],
    ),
    ("dualUse", &["x", "1", "{}"]),
];

impl Generator {
    /// A call of a provider, as `fn::open::name` or in the long form.
    pub(super) fn open(&mut self, depth: usize) -> (String, Node, Shape) {
        let names = [
            "test",
            "test",
            "credentials",
            "credentials",
            "schemas",
            "schemas",
            "secret-wrapper",
            "error",
            "missing",
        ];
        let count = if self.wild { names.len() } else { 7 };
        let name = names[self.random.below(count)];
        let (inputs, shape) = match name {
            // Upstream panics unless these get an object.
            "test" | "secret-wrapper" | "missing" => {
                if self.mistake(3) {
                    self.expression(Kind::Object, depth)
                } else {
                    self.object(depth)
                }
            }
            "error" => {
                let (why, _) = self.expression(Kind::String, 0);
                let key = if self.random.chance(90) { "why" } else { "who" };
                (
                    Node::map(vec![(Node::inline(key), why)], Style::Block),
                    Shape::Unknown,
                )
            }
            "credentials" => (self.credential_inputs(depth), credential_outputs()),
            _ => self.schema_inputs(depth),
        };
        let (called, argument) = self.long_or_short("open", name, vec![("inputs", inputs)]);
        (called, argument, shape)
    }

    fn long_or_short(
        &mut self,
        builtin: &str,
        name: &str,
        mut parts: Vec<(&str, Node)>,
    ) -> (String, Node) {
        let short = self.random.chance(70);
        if short && builtin == "open" {
            return (format!("fn::open::{name}"), parts.remove(0).1);
        }
        if !short {
            let provider = if self.mistake(8) {
                self.expression_of_any(0)
            } else {
                Node::inline(name)
            };
            parts.insert(0, ("provider", provider));
        }
        if self.mistake(6) {
            let index = self.random.below(parts.len());
            parts.remove(index);
        }
        if self.mistake(6) {
            parts.push(("other", self.expression_of_any(0)));
        }
        if self.random.chance(20) {
            self.random.shuffle(&mut parts);
        }
        let parts = parts
            .into_iter()
            .map(|(key, value)| (Node::inline(key), value));
        let called = if short {
            format!("fn::{builtin}::{name}")
        } else {
            format!("fn::{builtin}")
        };
        let argument = Node::map(parts.collect(), self.collection_style());
        (called, argument)
    }

    pub(super) fn rotate(&mut self, depth: usize) -> (String, Node, Shape) {
        let echo = self.random.chance(50);
        let name = match self.random.below(20) {
            0 if self.wild => "missing",
            _ if echo => "echo",
            _ => "swap",
        };
        let keys = if echo {
            ["current", "previous"]
        } else {
            ["a", "b"]
        };
        let inputs = if echo {
            let (next, _) = self.expression(Kind::String, 0);
            let key = if self.mistake(16) { "nxt" } else { "next" };
            Node::map(vec![(Node::inline(key), next)], Style::Block)
        } else {
            self.expression(Kind::Object, depth).0
        };
        let mut state = Vec::new();
        for key in keys {
            if !self.mistake(20) {
                let value = match self.random.below(10) {
                    0..=5 => self.text().0,
                    6..=7 => {
                        let (text, _) = self.text();
                        Node::map(vec![(Node::inline("fn::secret"), text)], Style::Flow)
                    }
                    _ => self.expression(Kind::String, 0).0,
                };
                state.push((Node::inline(key), value));
            }
        }
        let state = match self.random.below(if self.wild { 8 } else { 200 }) {
            0 => Node::inline("null"),
            1 => self.expression_of_any(1),
            _ => Node::map(state, self.collection_style()),
        };
        let mut parts = vec![("inputs", inputs)];
        if self.random.chance(88) {
            parts.push(("state", state));
        }
        let (called, argument) = self.long_or_short("rotate", name, parts);
        let shape = keys.map(|key| (key.to_owned(), Shape::String));
        (called, argument, Shape::Object(shape.into()))
    }

    fn credential_inputs(&mut self, depth: usize) -> Node {
        let mut parts = Vec::new();
        if !self.mistake(10) {
            let regions = ["eu-west-1", "eu-west-1", "us-east-1", "x", "EU", "a b"];
            let count = if self.mistake(30) { 6 } else { 3 };
            let region = regions[self.random.below(count)];
            let node = if self.random.chance(80) {
                self.string_scalar(region, Position::Value)
            } else {
                self.expression(Kind::String, depth).0
            };
            parts.push(("region", node));
        }
        if self.random.chance(40) {
            let numbers = [
                "1", "60", "30.5", "2.0", "0", "61", "0.7", "1e1", "x", "0x10",
            ];
            let count = if self.mistake(40) { 10 } else { 4 };
            parts.push(("duration", Node::inline(numbers[self.random.below(count)])));
        }
        if self.random.chance(20) {
            let partitions = ["aws", "aws-cn", "gov", "1"];
            parts.push(("partition", Node::inline(*self.random.pick(&partitions))));
        }
        if self.random.chance(20) {
            parts.push(("tags", self.expression(Kind::Object, 1).0));
        }
        if self.random.chance(25) {
            parts.push(("roles", self.expression(Kind::Strings, depth).0));
        }
        if self.random.chance(25) {
            let keys = ["static", "token", "both"];
            let key = keys[self.random.below(if self.wild { 3 } else { 2 })];
            let (value, _) = self.expression(Kind::String, depth);
            parts.push((
                "source",
                Node::map(vec![(Node::inline(key), value)], Style::Flow),
            ));
        }
        if self.mistake(10) {
            parts.push(("other", self.expression_of_any(0)));
        }
        let parts = parts
            .into_iter()
            .map(|(key, value)| (Node::inline(key), value));
        Node::map(parts.collect(), self.collection_style())
    }

    fn schema_inputs(&mut self, depth: usize) -> (Node, Shape) {
        let mut entries = Vec::new();
        let mut shapes = BTreeMap::new();
        for _ in 0..self.random.between(1, 4) {
            let (name, values) = *self.random.pick(&SCHEMA_INPUTS);
            if shapes.contains_key(name) {
                continue;
            }
            let wild = usize::from(self.wild);
            let value = match self.random.weighted(&[55, 40 * wild, 25 * wild]) {
                0 => Node::inline(values[0]),
                1 => Node::inline(*self.random.pick(values)),
                _ => self.expression_of_any(depth.min(2)),
            };
            entries.push((Node::inline(name), value));
            shapes.insert(name.to_owned(), Shape::Unknown);
        }
        if self.mistake(3) {
            entries.push((Node::inline("never"), self.scalar(Position::Value)));
        }
        (
            Node::map(entries, self.collection_style()),
            Shape::Object(shapes),
        )
    }
}

/// The shape of the answer of the provider `credentials`.
fn credential_outputs() -> Shape {
    let all =
        serde_json::from_str::<serde_json::Value>(include_str!("../../upstream/providers.json"));
    Shape::of(&all.unwrap()["providers"]["credentials"]["answer"])
}
