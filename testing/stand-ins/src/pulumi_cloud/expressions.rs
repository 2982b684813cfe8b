//! The `exprs` of an open environment: the expression of each value, with its range.
//!
//! Without the optional schemas of expressions, and without the optional merged expressions (`base`).

use std::collections::BTreeMap;

use esc::PropertyPath;
use esc::property_path::Accessor;

use super::ciphertext;
use super::json::Json;
use super::yaml::{self, Kind, Node, Place};

/// The expressions of a definition.
pub(super) struct Expressions<'a> {
    /// The environment's name in ranges.
    name: &'a str,
    /// The environment's identifier, for its ciphertexts.
    id: &'a str,
    root: Option<Node>,
}

impl<'a> Expressions<'a> {
    /// Reads the expressions below `values`.
    pub(super) fn read(name: &'a str, id: &'a str, definition: &str) -> Self {
        let root = yaml::parse(definition);
        let root = root.and_then(|root| {
            let mut entries = root.entries().iter();
            let values = entries.find(|(key, _)| {
                let name = key.text().unwrap_or_default();
                name.eq_ignore_ascii_case("values")
            });
            values.map(|(_, values)| values.clone())
        });
        Self { name, id, root }
    }

    /// The value of `exprs`.
    pub(super) fn to_json(&self) -> Json {
        let entries = self.root.iter().flat_map(Node::entries);
        let entries = entries.map(|(key, value)| {
            let name = key.text().unwrap_or_default();
            (name.to_owned(), self.expression(value))
        });
        Json::Object(entries.collect())
    }

    /// The number of calls of each function.
    pub(super) fn functions(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        if let Some(root) = &self.root {
            count(root, &mut counts);
        }
        counts
    }

    /// The range of the expression for the value at a path: of the innermost one in this definition.
    /// All zero for an imported value.
    pub(super) fn range_of(&self, path: &PropertyPath) -> Json {
        let mut node = self.root.as_ref();
        for accessor in path.accessors() {
            let Some(current) = node else { break };
            if function(current).is_some() {
                break;
            }
            let next = match (accessor, &current.kind) {
                (Accessor::Name(name), Kind::Map(_)) => current.get(name),
                (Accessor::Index(index), Kind::List(items)) => items.get(*index),
                // The parts of a reference's value belong to the reference.
                (_, Kind::Scalar(..)) => break,
                _ => None,
            };
            node = next;
        }
        match node {
            Some(node) => self.range(node.begin, node.end),
            None => range("", Place::default(), Place::default()),
        }
    }

    fn expression(&self, node: &Node) -> Json {
        let (kind, expression) = if let Some((key, argument)) = function(node) {
            ("builtin", Some(self.call(key, argument)))
        } else {
            match &node.kind {
                Kind::List(items) => {
                    let items = items.iter().map(|item| self.expression(item)).collect();
                    ("list", Some(Json::List(items)))
                }
                Kind::Map(entries) => return self.object(node, entries),
                Kind::Scalar(text, plain) => self.scalar(node, text, *plain),
            }
        };
        Json::some([
            ("range", Some(self.range(node.begin, node.end))),
            (kind, expression),
        ])
    }

    fn call(&self, key: &Node, argument: &Node) -> Json {
        let name = key.text().unwrap_or_default();
        let argument = match ciphertext::plaintext(argument) {
            // The service stores secrets encrypted.
            Some(plaintext) if name == "fn::secret" => {
                let range = self.range(argument.begin, argument.end);
                let text = Json::text(ciphertext::encrypt(self.id, &plaintext));
                let literal = Json::object([("range", range.clone()), ("literal", text)]);
                let object = Json::object([("ciphertext", literal)]);
                Json::object([("range", range), ("object", object)])
            }
            _ => self.expression(argument),
        };
        Json::object([
            ("name", Json::text(name)),
            ("nameRange", self.range(key.begin, key.end)),
            ("argSchema", Json::Raw("true".to_owned())),
            ("arg", argument),
        ])
    }

    fn object(&self, node: &Node, entries: &[(Node, Node)]) -> Json {
        let name = |key: &Node| key.text().unwrap_or_default().to_owned();
        let ranges = entries
            .iter()
            .map(|(key, _)| (name(key), self.range(key.begin, key.end)));
        let values = entries
            .iter()
            .map(|(key, value)| (name(key), self.expression(value)));
        Json::object([
            ("range", self.range(node.begin, node.end)),
            ("keyRanges", Json::Object(ranges.collect())),
            ("object", Json::Object(values.collect())),
        ])
    }

    fn scalar(&self, node: &Node, text: &str, plain: bool) -> (&'static str, Option<Json>) {
        let parts = parts(text);
        let accessors = |path: &str| Some(self.accessors(path, node));
        match parts.as_slice() {
            [] => ("literal", literal(text, plain)),
            [(before, Some(path))] if before.is_empty() => ("symbol", accessors(path)),
            _ => {
                let parts = parts.iter().map(|(before, path)| {
                    Json::some([
                        ("text", Some(Json::text(before))),
                        ("value", path.as_deref().and_then(accessors)),
                    ])
                });
                ("interpolate", Some(Json::List(parts.collect())))
            }
        }
    }

    /// The accessors of a path, each with the range of the whole expression, because the stand-in does
    /// not resolve them one by one.
    fn accessors(&self, path: &str, node: &Node) -> Json {
        let path: PropertyPath = path.parse().unwrap_or_default();
        let accessors = path.accessors().iter().map(|accessor| {
            let own_range = self.range(node.begin, node.end);
            let value = range("", Place::default(), Place::default());
            match accessor {
                Accessor::Name(name) => Json::object([
                    ("key", Json::text(name)),
                    ("range", own_range),
                    ("value", value),
                ]),
                Accessor::Index(index) => Json::object([
                    ("index", Json::Raw(index.to_string())),
                    ("range", own_range),
                    ("value", value),
                ]),
            }
        });
        Json::List(accessors.collect())
    }

    fn range(&self, begin: Place, end: Place) -> Json {
        range(self.name, begin, end)
    }
}

/// The name and the argument, if the node is a function call.
fn function(node: &Node) -> Option<(&Node, &Node)> {
    match node.entries() {
        [(key, argument)] if key.text()?.starts_with("fn::") => Some((key, argument)),
        _ => None,
    }
}

fn count(node: &Node, counts: &mut BTreeMap<String, usize>) {
    if let Some((key, _)) = function(node) {
        let name = key.text().unwrap_or_default();
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    match &node.kind {
        Kind::Scalar(..) => {}
        Kind::List(items) => items.iter().for_each(|item| count(item, counts)),
        Kind::Map(entries) => entries.iter().for_each(|(_, value)| count(value, counts)),
    }
}

/// The value of a literal; none for `null`.
fn literal(text: &str, plain: bool) -> Option<Json> {
    let bare = plain.then_some(text);
    match bare {
        Some("" | "~" | "null" | "Null" | "NULL") => None,
        Some("true" | "True" | "TRUE") => Some(Json::Raw("true".to_owned())),
        Some("false" | "False" | "FALSE") => Some(Json::Raw("false".to_owned())),
        Some(number) if is_number(number) => Some(Json::Raw(number.to_owned())),
        _ => Some(Json::text(text.replace("$$", "$"))),
    }
}

/// Whether a text is a JSON number.
fn is_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_number())
}

/// The paths of each `${…}` with the text before it; empty for a text without any.
fn parts(text: &str) -> Vec<(String, Option<String>)> {
    let mut parts = Vec::new();
    let mut before = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        before.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            before.push('$');
            rest = after;
        } else if let Some((path, after)) = rest
            .strip_prefix("${")
            .and_then(|rest| rest.split_once('}'))
        {
            parts.push((std::mem::take(&mut before), Some(path.to_owned())));
            rest = after;
        } else {
            before.push('$');
            rest = &rest[1..];
        }
    }
    before.push_str(rest);
    if !parts.is_empty() && !before.is_empty() {
        parts.push((before, None));
    }
    parts
}

/// A range in the format of the interface.
pub(super) fn range(name: &str, begin: Place, end: Place) -> Json {
    let position = |position: Place| {
        let number = |number: usize| Json::Raw(number.to_string());
        Json::object([
            ("line", number(position.line)),
            ("column", number(position.column)),
            ("byte", number(position.byte)),
        ])
    };
    Json::object([
        ("environment", Json::text(name)),
        ("begin", position(begin)),
        ("end", position(end)),
    ])
}
