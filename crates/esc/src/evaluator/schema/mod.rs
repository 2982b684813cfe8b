//! JSON Schema, as far as the schemas of ESC's providers use it, and what schemas say of values that
//! are not known.
//!
//! A schema is read once into an arena; a [`Schema`] is a place in it, cheap to copy and to go down
//! from. Schemas that evaluation makes (of a record, of a merge) refer to those they are made of.
//! `title`, `description`, `default`, `deprecated`, `examples` and `uniqueItems` say nothing about
//! validity in ESC and are not kept.

mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use read::Reader;

use crate::evaluator::limits::MAXIMUM_NESTING;
use crate::evaluator::pattern::Pattern;
use crate::{Number, Value, format::json};

/// A schema.
#[derive(Clone)]
pub(super) struct Schema {
    arena: Rc<Arena>,
    at: usize,
    /// Whether it is of an input that only rotation reads.
    rotate_only: bool,
}

#[derive(Default)]
struct Arena {
    rules: Vec<Rules>,
    /// Whether any of them has `rotateOnly`.
    rotates: bool,
    /// How much memory its patterns take, in bytes.
    pattern_bytes: usize,
}

/// A schema in another: in the same arena or elsewhere.
#[derive(Clone)]
enum Sub {
    Here(usize),
    There(Schema),
}

/// What a schema asks for. What is `None` or empty asks for nothing.
#[derive(Default)]
pub(super) struct Rules {
    /// `true`: everything is valid. Unlike `{}` it also says that anything can be accessed.
    accepts: bool,
    /// `false`: nothing is valid.
    pub(super) rejects: bool,
    reference: Option<usize>,
    pub(super) kind: Option<Type>,
    pub(super) constant: Option<Value>,
    pub(super) enumeration: Vec<Value>,
    any_of: Vec<Sub>,
    one_of: Vec<Sub>,
    properties: BTreeMap<Rc<str>, Sub>,
    additional: Option<Sub>,
    pub(super) required: Vec<Rc<str>>,
    pub(super) dependent_required: BTreeMap<String, Vec<Rc<str>>>,
    prefix_items: Vec<Sub>,
    items: Option<Sub>,
    pub(super) minimum: Option<Number>,
    pub(super) exclusive_minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) exclusive_maximum: Option<Number>,
    pub(super) multiple_of: Option<Number>,
    pub(super) minimum_length: Option<usize>,
    pub(super) maximum_length: Option<usize>,
    pub(super) minimum_items: Option<usize>,
    pub(super) maximum_items: Option<usize>,
    pub(super) minimum_properties: Option<usize>,
    pub(super) maximum_properties: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    /// Whether a valid value is a secret.
    pub(super) secret: bool,
    /// The properties that only rotation reads.
    rotate_only: Vec<String>,
}

/// The types of JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Type {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        })
    }
}

/// Why a text is no schema.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(super) struct InvalidSchema(String);

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Schema(#{})", self.at)
    }
}

impl Schema {
    /// Reads a schema's JSON text.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchema> {
        let value = json::parse(text.as_bytes(), MAXIMUM_NESTING)
            .map_err(|error| InvalidSchema(error.to_string()))?;
        Self::read(&value)
    }

    /// Reads a schema from its JSON.
    pub(super) fn read(value: &Value) -> Result<Self, InvalidSchema> {
        Reader::default().document(value)
    }

    /// The schema that everything satisfies.
    pub(super) fn any() -> Self {
        Self::of_rules(Rules {
            accepts: true,
            ..Rules::default()
        })
    }

    /// The schema that nothing satisfies.
    pub(super) fn never() -> Self {
        Self::of_rules(Rules {
            rejects: true,
            ..Rules::default()
        })
    }

    /// The schema of one type.
    pub(super) fn of(kind: Type) -> Self {
        Self::of_rules(Rules {
            kind: Some(kind),
            ..Rules::default()
        })
    }

    /// The schema of arrays with such items.
    pub(super) fn array_of(items: Self) -> Self {
        Self::of_rules(Rules {
            kind: Some(Type::Array),
            items: Some(Sub::There(items)),
            ..Rules::default()
        })
    }

    /// The schema of arrays with just these items.
    pub(super) fn tuple(items: impl IntoIterator<Item = Self>) -> Self {
        Self::of_rules(Rules {
            kind: Some(Type::Array),
            prefix_items: items.into_iter().map(Sub::There).collect(),
            items: Some(Sub::There(Self::never())),
            ..Rules::default()
        })
    }

    /// The schema of objects that have all of these properties.
    pub(super) fn record(properties: impl IntoIterator<Item = (Rc<str>, Self)>) -> Self {
        let subs = properties.into_iter();
        let properties: BTreeMap<_, _> = subs.map(|(name, it)| (name, Sub::There(it))).collect();
        Self::of_rules(Rules {
            kind: Some(Type::Object),
            required: properties.keys().cloned().collect(),
            properties,
            ..Rules::default()
        })
    }

    /// The schema of values that satisfy one of these, those left out that nothing satisfies.
    pub(super) fn one_of_these(schemas: impl IntoIterator<Item = Self>) -> Self {
        let mut schemas: Vec<_> = schemas
            .into_iter()
            .filter(|schema| !schema.rules().rejects)
            .collect();
        match (schemas.pop(), schemas.is_empty()) {
            (None, _) => Self::never(),
            (Some(only), true) => only,
            (Some(last), false) => {
                schemas.push(last);
                let rotate_only = schemas.iter().all(|schema| schema.rotate_only);
                let union = Self::of_rules(Rules {
                    one_of: schemas.into_iter().map(Sub::There).collect(),
                    ..Rules::default()
                });
                Self {
                    rotate_only,
                    ..union
                }
            }
        }
    }

    /// The schema of an object of schema `top` that was merged over one of schema `base`, and how
    /// many properties were looked at.
    pub(super) fn merged(base: &Self, top: &Self) -> (Self, usize) {
        let mut left = MAXIMUM_MERGED_PROPERTIES;
        let mut seen = 0;
        let merged = Self::merged_within(base, top, &mut left, &mut seen);
        (merged, seen)
    }

    /// The same as long as there is something left. Schemas share what is in them: a few can stand
    /// for very many properties.
    fn merged_within(base: &Self, top: &Self, left: &mut usize, seen: &mut usize) -> Self {
        let is_object = |schema: &Self| schema.rules().kind == Some(Type::Object);
        if !is_object(top) || !is_object(base) {
            return top.clone();
        }
        *seen += base.rules().properties.len() + top.rules().properties.len();
        let mut properties: BTreeMap<_, _> = base.properties().collect();
        for (name, schema) in top.properties() {
            *left = left.saturating_sub(1);
            let schema = match properties.get(&name) {
                Some(base) if *left > 0 => Self::merged_within(base, &schema, left, seen),
                _ => schema,
            };
            properties.insert(name, schema);
        }
        let additional = match (base.additional(), top.additional()) {
            (None, only) | (only, None) => only,
            (Some(_), Some(_)) => Some(Self::any()),
        };
        Self::of_rules(Rules {
            kind: Some(Type::Object),
            required: properties.keys().cloned().collect(),
            properties: properties
                .into_iter()
                .map(|(name, schema)| (name, Sub::There(schema)))
                .collect(),
            additional: additional.map(Sub::There),
            ..Rules::default()
        })
    }

    fn of_rules(rules: Rules) -> Self {
        Self {
            arena: Rc::new(Arena {
                rules: vec![rules],
                ..Arena::default()
            }),
            at: 0,
            rotate_only: false,
        }
    }

    /// What this schema itself asks for; what it refers to asks for more.
    pub(super) fn rules(&self) -> &Rules {
        &self.arena.rules[self.at]
    }

    /// Whether everything satisfies it and may be accessed.
    pub(super) fn is_any(&self) -> bool {
        self.rules().accepts
    }

    /// Whether it is of an input that only rotation reads.
    pub(super) fn is_rotate_only(&self) -> bool {
        self.rotate_only
    }

    /// Whether any input in it is one that only rotation reads.
    pub(super) fn rotates(&self) -> bool {
        self.arena.rotates || self.rotate_only
    }

    /// How much memory the patterns of the whole schema take, in bytes.
    pub(super) fn pattern_bytes(&self) -> usize {
        self.arena.pattern_bytes
    }

    /// How many subschemas and names it lists itself, which a check may have to look at.
    pub(super) fn breadth(&self) -> usize {
        let rules = self.rules();
        let dependent = rules.dependent_required.values().map(Vec::len);
        rules.any_of.len()
            + rules.one_of.len()
            + rules.prefix_items.len()
            + rules.required.len()
            + rules.rotate_only.len()
            + rules.dependent_required.len()
            + dependent.sum::<usize>()
    }

    fn down(&self, sub: &Sub) -> Self {
        match sub {
            Sub::Here(at) => Self {
                arena: Rc::clone(&self.arena),
                at: *at,
                rotate_only: self.rotate_only,
            },
            Sub::There(schema) => Self {
                rotate_only: schema.rotate_only || self.rotate_only,
                ..schema.clone()
            },
        }
    }

    fn all<'s>(&'s self, subs: &'s [Sub]) -> impl Iterator<Item = Self> + 's {
        subs.iter().map(|sub| self.down(sub))
    }

    /// The schema that it refers to and that holds as well.
    pub(super) fn reference(&self) -> Option<Self> {
        let at = self.rules().reference?;
        Some(self.down(&Sub::Here(at)))
    }

    pub(super) fn any_of(&self) -> Vec<Self> {
        self.all(&self.rules().any_of).collect()
    }

    pub(super) fn one_of(&self) -> Vec<Self> {
        self.all(&self.rules().one_of).collect()
    }

    pub(super) fn prefix_items(&self) -> Vec<Self> {
        self.all(&self.rules().prefix_items).collect()
    }

    /// What the items after the first few must be.
    pub(super) fn items(&self) -> Option<Self> {
        self.rules().items.as_ref().map(|sub| self.down(sub))
    }

    /// The properties that are named.
    pub(super) fn properties(&self) -> impl Iterator<Item = (Rc<str>, Self)> + '_ {
        let properties = self.rules().properties.iter();
        properties.map(|(name, sub)| (Rc::clone(name), self.down(sub)))
    }

    /// What the properties must be that are not named.
    pub(super) fn additional(&self) -> Option<Self> {
        self.rules().additional.as_ref().map(|sub| self.down(sub))
    }

    /// What the property `name` must be, where the schema says it by name or for all others.
    pub(super) fn declared_property(&self, name: &str) -> Option<Self> {
        let rules = self.rules();
        let Some(sub) = rules.properties.get(name) else {
            return self.additional();
        };
        let mut schema = self.down(sub);
        schema.rotate_only |= rules.rotate_only.iter().any(|it| it == name);
        Some(schema)
    }

    /// What the item at `index` must be, where the schema says it.
    pub(super) fn declared_item(&self, index: usize) -> Option<Self> {
        match self.rules().prefix_items.get(index) {
            Some(sub) => Some(self.down(sub)),
            None => self.items(),
        }
    }

    /// What is known of the property `name` of a value that is not known itself. Of a property that
    /// no alternative names nothing is known, not even that it may exist.
    pub(super) fn property(&self, name: &str) -> Self {
        self.part(Type::Object, &|schema| schema.declared_property(name))
    }

    /// What is known of the item at `index` of a value that is not known itself.
    pub(super) fn item(&self, index: usize) -> Self {
        self.part(Type::Array, &|schema| schema.declared_item(index))
    }

    fn part(&self, kind: Type, of: &dyn Fn(&Self) -> Option<Self>) -> Self {
        let rules = self.rules();
        let alternatives = rules.any_of.iter().chain(&rules.one_of);
        let mut parts: Vec<_> = alternatives
            // Alternatives lie behind what they are alternatives of; nothing goes in circles.
            .map(|sub| self.down(sub).part(kind, of))
            .collect();
        if rules.kind == Some(kind) {
            parts.extend(of(self));
        }
        Self::one_of_these(parts)
    }

    /// How long arrays of this schema are, where it says so by allowing no further items.
    pub(super) fn length(&self) -> Option<usize> {
        let is_closed = self.items().is_some_and(|items| items.rules().rejects);
        is_closed.then(|| self.rules().prefix_items.len())
    }

    /// Whether the schema names this property, itself or in one of its alternatives.
    pub(super) fn names_property(&self, name: &str) -> bool {
        let rules = self.rules();
        let mut alternatives = rules.any_of.iter().chain(&rules.one_of);
        rules.properties.contains_key(name)
            || alternatives.any(|sub| self.down(sub).names_property(name))
    }
}

/// How many properties of two schemas are merged. Those beyond are taken from the upper one.
const MAXIMUM_MERGED_PROPERTIES: usize = 100_000;

#[cfg(test)]
mod tests;
