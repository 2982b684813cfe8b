//! `exprs` of an opened environment: how each value was written, with its place.
//!
//! Schemas of expressions and the expressions that were merged below (`base`) are left out; both are
//! optional.

use std::collections::BTreeMap;

use esc::PropertyPath;
use esc::property_path::Accessor;

use super::ciphertext;
use super::json::Json;
use super::yaml::{self, Kind, Node, Place};

/// The expressions of a definition.
pub(super) struct Expressions<'a> {
    /// The environment's name, as places have it.
    name: &'a str,
    /// The environment's identifier, to which ciphertexts are bound.
    id: &'a str,
    root: Option<Node>,
}

impl<'a> Expressions<'a> {
    /// Reads those below `values`.
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

    /// The object `exprs`.
    pub(super) fn to_json(&self) -> Json {
        let entries = self.root.iter().flat_map(Node::entries);
        let entries = entries.map(|(key, value)| {
            let name = key.text().unwrap_or_default();
            (name.to_owned(), self.expression(value))
        });
        Json::Object(entries.collect())
    }

    /// How often each function is called.
    pub(super) fn functions(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        if let Some(root) = &self.root {
            count(root, &mut counts);
        }
        counts
    }

    /// The place of the expression that made the value at a path: the innermost one that is written
    /// in this definition. All zero for a value that came from elsewhere.
    pub(super) fn place(&self, path: &PropertyPath) -> Json {
        let mut node = self.root.as_ref();
        for accessor in path.accessors() {
            let Some(here) = node else { break };
            if function(here).is_some() {
                break;
            }
            let next = match (accessor, &here.kind) {
                (Accessor::Name(name), Kind::Map(_)) => here.get(name),
                (Accessor::Index(index), Kind::List(items)) => items.get(*index),
                // What a symbol stands for was made by the symbol.
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
        let range = || Some(self.range(node.begin, node.end));
        if let Some((key, argument)) = function(node) {
            let name = key.text().unwrap_or_default();
            let argument = match ciphertext::plaintext(argument) {
                // A stored secret is encrypted.
                Some(plaintext) if name == "fn::secret" => {
                    let text = Json::text(ciphertext::encrypt(self.id, &plaintext));
                    let place = || Some(self.range(argument.begin, argument.end));
                    let literal = Json::some([("range", place()), ("literal", Some(text))]);
                    let object = Json::object([("ciphertext", literal)]);
                    Json::some([("range", place()), ("object", Some(object))])
                }
                _ => self.expression(argument),
            };
            let call = Json::object([
                ("name", Json::text(name)),
                ("nameRange", self.range(key.begin, key.end)),
                ("argSchema", Json::Raw("true".to_owned())),
                ("arg", argument),
            ]);
            return Json::some([("range", range()), ("builtin", Some(call))]);
        }
        match &node.kind {
            Kind::List(items) => {
                let items = items.iter().map(|item| self.expression(item)).collect();
                Json::some([("range", range()), ("list", Some(Json::List(items)))])
            }
            Kind::Map(entries) => {
                let name = |key: &Node| key.text().unwrap_or_default().to_owned();
                let places = entries
                    .iter()
                    .map(|(key, _)| (name(key), self.range(key.begin, key.end)));
                let values = entries
                    .iter()
                    .map(|(key, value)| (name(key), self.expression(value)));
                Json::some([
                    ("range", range()),
                    ("keyRanges", Some(Json::Object(places.collect()))),
                    ("object", Some(Json::Object(values.collect()))),
                ])
            }
            Kind::Scalar(text, plain) => {
                let parts = parts(text);
                let accessors = |path: &str| Some(self.accessors(path, node));
                match parts.as_slice() {
                    [] => Json::some([("range", range()), ("literal", literal(text, *plain))]),
                    [(before, Some(path))] if before.is_empty() => {
                        Json::some([("range", range()), ("symbol", accessors(path))])
                    }
                    _ => {
                        let parts = parts.iter().map(|(before, path)| {
                            Json::some([
                                ("text", Some(Json::text(before))),
                                ("value", path.as_deref().and_then(accessors)),
                            ])
                        });
                        let parts = Json::List(parts.collect());
                        Json::some([("range", range()), ("interpolate", Some(parts))])
                    }
                }
            }
        }
    }

    /// The steps of a path, each with the place of the whole expression: the stand-in does not
    /// resolve them one by one.
    fn accessors(&self, path: &str, node: &Node) -> Json {
        let path: PropertyPath = path.parse().unwrap_or_default();
        let steps = path.accessors().iter().map(|accessor| {
            let place = self.range(node.begin, node.end);
            let value = range("", Place::default(), Place::default());
            match accessor {
                Accessor::Name(name) => Json::object([
                    ("key", Json::text(name)),
                    ("range", place),
                    ("value", value),
                ]),
                Accessor::Index(index) => Json::object([
                    ("index", Json::Raw(index.to_string())),
                    ("range", place),
                    ("value", value),
                ]),
            }
        });
        Json::List(steps.collect())
    }

    fn range(&self, begin: Place, end: Place) -> Json {
        range(self.name, begin, end)
    }
}

/// The name and the argument of a function call.
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

/// A literal; `null` has none.
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

/// Whether a text is a number as JSON writes it.
fn is_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_number())
}

/// The texts before each `${…}` and its path; empty for a text without any.
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

/// A range in the form of the interface.
pub(super) fn range(name: &str, begin: Place, end: Place) -> Json {
    let place = |place: Place| {
        let number = |number: usize| Json::Raw(number.to_string());
        Json::object([
            ("line", number(place.line)),
            ("column", number(place.column)),
            ("byte", number(place.byte)),
        ])
    };
    Json::object([
        ("environment", Json::text(name)),
        ("begin", place(begin)),
        ("end", place(end)),
    ])
}
