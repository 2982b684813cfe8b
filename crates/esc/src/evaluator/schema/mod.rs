//! The part of JSON Schema that ESC supports, and what a schema tells about an unknown value.
//!
//! A schema is read once into an arena. A [`Schema`] is an index into it, which is cheap to copy and to
//! navigate. Schemas that evaluation creates, such as that of a merged object, refer to their parts.
//! `title`, `description`, `default`, `deprecated` and `uniqueItems` do not affect validation in ESC and are
//! dropped; so are `examples`, except for the first one.

mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use read::SchemaReader;

use crate::evaluator::limits::MAXIMUM_NESTING;
use crate::evaluator::pattern::Pattern;
use crate::{Number, Value, format::json};

/// A schema.
#[derive(Clone)]
pub(super) struct Schema {
    arena: Rc<Arena>,
    index: usize,
    /// Whether it describes an input that only rotation reads.
    rotate_only: bool,
}

#[derive(Default)]
struct Arena {
    rules: Vec<Rules>,
    /// Whether any of the schemas has `rotateOnly`.
    has_rotate_only: bool,
    /// The memory of the compiled patterns, in bytes.
    pattern_bytes: usize,
}

/// A schema within another one.
#[derive(Clone)]
enum Subschema {
    /// An index into the same arena.
    Local(usize),
    /// A schema of another arena.
    Other(Schema),
}

/// The keywords of a schema. A rule that is `None` or empty accepts everything.
#[derive(Default)]
pub(super) struct Rules {
    /// The schema `true`: every value is valid, and unlike with `{}` any property of it can be accessed.
    accepts: bool,
    /// The schema `false`: no value is valid.
    pub(super) rejects: bool,
    reference: Option<usize>,
    pub(super) kind: Option<Type>,
    pub(super) constant: Option<Value>,
    pub(super) enumeration: Vec<Value>,
    any_of: Vec<Subschema>,
    one_of: Vec<Subschema>,
    properties: BTreeMap<Rc<str>, Subschema>,
    additional: Option<Subschema>,
    pub(super) required: Vec<Rc<str>>,
    pub(super) dependent_required: BTreeMap<String, Vec<Rc<str>>>,
    prefix_items: Vec<Subschema>,
    items: Option<Subschema>,
    /// The limits of numbers, by keyword: `multipleOf`, `minimum`, `exclusiveMaximum` and so on.
    pub(super) number_limits: BTreeMap<&'static str, Number>,
    /// The limits of lengths and counts, by keyword: `minLength`, `maxItems` and so on.
    pub(super) size_limits: BTreeMap<&'static str, usize>,
    pub(super) pattern: Option<Pattern>,
    /// The first of the `examples`, if it is text or a number, for messages to users.
    pub(super) example: Option<Value>,
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

impl Type {
    /// In the order of the variants.
    const ALL: [Self; 6] = [
        Self::Null,
        Self::Boolean,
        Self::Number,
        Self::String,
        Self::Array,
        Self::Object,
    ];
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

/// Why a schema is invalid, mostly in the words of ESC.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(super) struct InvalidSchema(String);

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Schema(#{})", self.index)
    }
}

impl Schema {
    /// Reads a schema from JSON text.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchema> {
        let value = json::parse(text.as_bytes(), MAXIMUM_NESTING)
            .map_err(|error| InvalidSchema(error.to_string()))?;
        Self::read(&value)
    }

    /// Reads a schema from a JSON value.
    pub(super) fn read(value: &Value) -> Result<Self, InvalidSchema> {
        SchemaReader::default().read(value)
    }

    /// The schema `true`, which the many values that are unknown because of an error share.
    pub(super) fn any() -> Self {
        thread_local! {
            static ANY: Schema = Schema::of_rules(Rules {
                accepts: true,
                ..Rules::default()
            });
        }
        ANY.with(Self::clone)
    }

    /// The schema `false`.
    pub(super) fn never() -> Self {
        Self::of_rules(Rules {
            rejects: true,
            ..Rules::default()
        })
    }

    /// The schema of a type, which many unknown values share.
    pub(super) fn of(kind: Type) -> Self {
        thread_local! {
            static TYPES: [Schema; 6] = Type::ALL.map(|kind| {
                Schema::of_rules(Rules {
                    kind: Some(kind),
                    ..Rules::default()
                })
            });
        }
        TYPES.with(|types| types[kind as usize].clone())
    }

    /// The schema of arrays whose items match `items`.
    pub(super) fn array_of(items: Self) -> Self {
        Self::of_rules(Rules {
            kind: Some(Type::Array),
            items: Some(Subschema::Other(items)),
            ..Rules::default()
        })
    }

    /// The schema of arrays with exactly these items.
    pub(super) fn tuple(items: impl IntoIterator<Item = Self>) -> Self {
        Self::of_rules(Rules {
            kind: Some(Type::Array),
            prefix_items: items.into_iter().map(Subschema::Other).collect(),
            items: Some(Subschema::Other(Self::never())),
            ..Rules::default()
        })
    }

    /// The schema of objects that have all of these properties.
    pub(super) fn record(properties: impl IntoIterator<Item = (Rc<str>, Self)>) -> Self {
        let properties: BTreeMap<_, _> = properties
            .into_iter()
            .map(|(name, schema)| (name, Subschema::Other(schema)))
            .collect();
        Self::of_rules(Rules {
            kind: Some(Type::Object),
            required: properties.keys().cloned().collect(),
            properties,
            ..Rules::default()
        })
    }

    /// The `oneOf` of these schemas, without those that are `false`.
    pub(super) fn union(schemas: impl IntoIterator<Item = Self>) -> Self {
        let schemas = schemas.into_iter();
        let schemas: Vec<_> = schemas.filter(|it| !it.rules().rejects).collect();
        match schemas.as_slice() {
            [] => Self::never(),
            [only] => only.clone(),
            _ => Self {
                rotate_only: schemas.iter().all(|schema| schema.rotate_only),
                ..Self::of_rules(Rules {
                    one_of: schemas.into_iter().map(Subschema::Other).collect(),
                    ..Rules::default()
                })
            },
        }
    }

    /// The schema of an object of schema `top` that is merged over an object of schema `base`, and how many
    /// properties were visited.
    pub(super) fn merged(base: &Self, top: &Self) -> (Self, usize) {
        let mut remaining = MAXIMUM_MERGED_PROPERTIES;
        let mut visited = 0;
        let merged = Self::merge(base, top, &mut remaining, &mut visited);
        (merged, visited)
    }

    /// Merges as many properties as remain. Schemas share their parts, so that a few schemas can have very
    /// many properties.
    fn merge(base: &Self, top: &Self, remaining: &mut usize, visited: &mut usize) -> Self {
        let is_object = |schema: &Self| schema.rules().kind == Some(Type::Object);
        if !is_object(top) || !is_object(base) {
            return top.clone();
        }
        *visited += base.rules().properties.len() + top.rules().properties.len();
        let mut properties: BTreeMap<_, _> = base.properties().collect();
        for (name, schema) in top.properties() {
            *remaining = remaining.saturating_sub(1);
            let schema = match properties.get(&name) {
                Some(base) if *remaining > 0 => Self::merge(base, &schema, remaining, visited),
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
                .map(|(name, schema)| (name, Subschema::Other(schema)))
                .collect(),
            additional: additional.map(Subschema::Other),
            ..Rules::default()
        })
    }

    fn of_rules(rules: Rules) -> Self {
        Self {
            arena: Rc::new(Arena {
                rules: vec![rules],
                ..Arena::default()
            }),
            index: 0,
            rotate_only: false,
        }
    }

    /// The rules of this schema itself. Those of the schema that it refers to apply as well.
    pub(super) fn rules(&self) -> &Rules {
        &self.arena.rules[self.index]
    }

    /// Whether this is the schema `true`.
    pub(super) fn is_any(&self) -> bool {
        self.rules().accepts
    }

    /// Whether it describes an input that only rotation reads.
    pub(super) fn is_rotate_only(&self) -> bool {
        self.rotate_only
    }

    /// Whether it has inputs that only rotation reads.
    pub(super) fn has_rotate_only(&self) -> bool {
        self.arena.has_rotate_only || self.rotate_only
    }

    /// The memory of all compiled patterns of the schema, in bytes.
    pub(super) fn pattern_bytes(&self) -> usize {
        self.arena.pattern_bytes
    }

    /// How many subschemas and names a check may have to visit at this level.
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

    fn subschema(&self, sub: &Subschema) -> Self {
        match sub {
            Subschema::Local(index) => Self {
                arena: Rc::clone(&self.arena),
                index: *index,
                rotate_only: self.rotate_only,
            },
            Subschema::Other(schema) => Self {
                rotate_only: schema.rotate_only || self.rotate_only,
                ..schema.clone()
            },
        }
    }

    fn subschemas<'s>(&'s self, subs: &'s [Subschema]) -> impl Iterator<Item = Self> + 's {
        subs.iter().map(|sub| self.subschema(sub))
    }

    /// The schema of `$ref`.
    pub(super) fn reference(&self) -> Option<Self> {
        let index = self.rules().reference?;
        Some(self.subschema(&Subschema::Local(index)))
    }

    pub(super) fn any_of(&self) -> Vec<Self> {
        self.subschemas(&self.rules().any_of).collect()
    }

    pub(super) fn one_of(&self) -> Vec<Self> {
        self.subschemas(&self.rules().one_of).collect()
    }

    pub(super) fn prefix_items(&self) -> Vec<Self> {
        self.subschemas(&self.rules().prefix_items).collect()
    }

    /// The schema of the items after `prefixItems`.
    pub(super) fn items(&self) -> Option<Self> {
        self.rules().items.as_ref().map(|sub| self.subschema(sub))
    }

    /// The properties that are declared by name.
    pub(super) fn properties(&self) -> impl Iterator<Item = (Rc<str>, Self)> + '_ {
        let properties = self.rules().properties.iter();
        properties.map(|(name, sub)| (Rc::clone(name), self.subschema(sub)))
    }

    /// The schema of all other properties.
    pub(super) fn additional(&self) -> Option<Self> {
        let additional = self.rules().additional.as_ref();
        additional.map(|sub| self.subschema(sub))
    }

    /// The schema of the property `name`, declared by name or by `additionalProperties`.
    pub(super) fn declared_property(&self, name: &str) -> Option<Self> {
        let rules = self.rules();
        let Some(sub) = rules.properties.get(name) else {
            return self.additional();
        };
        let mut schema = self.subschema(sub);
        schema.rotate_only |= rules.rotate_only.iter().any(|it| it == name);
        Some(schema)
    }

    /// The schema of the item at `index`, declared by `prefixItems` or `items`.
    pub(super) fn declared_item(&self, index: usize) -> Option<Self> {
        match self.rules().prefix_items.get(index) {
            Some(sub) => Some(self.subschema(sub)),
            None => self.items(),
        }
    }

    /// The schema of the property `name` of an unknown value, which may be declared in `anyOf` or `oneOf`. It
    /// is `false` for a property that is not declared.
    pub(super) fn property(&self, name: &str) -> Self {
        self.declared_part(Type::Object, &|schema| schema.declared_property(name))
    }

    /// The schema of the item at `index` of an unknown value.
    pub(super) fn item(&self, index: usize) -> Self {
        self.declared_part(Type::Array, &|schema| schema.declared_item(index))
    }

    fn declared_part(&self, kind: Type, part_of: &dyn Fn(&Self) -> Option<Self>) -> Self {
        let rules = self.rules();
        let alternatives = rules.any_of.iter().chain(&rules.one_of);
        let mut parts: Vec<_> = alternatives
            // Alternatives come later in the arena, so this ends.
            .map(|sub| self.subschema(sub).declared_part(kind, part_of))
            .collect();
        if rules.kind == Some(kind) {
            parts.extend(part_of(self));
        }
        Self::union(parts)
    }

    /// The length of arrays of this schema, if it allows no items after `prefixItems`.
    pub(super) fn length(&self) -> Option<usize> {
        let is_closed = self.items().is_some_and(|items| items.rules().rejects);
        is_closed.then(|| self.rules().prefix_items.len())
    }

    /// Whether the schema or one of its alternatives declares the property by name.
    pub(super) fn names_property(&self, name: &str) -> bool {
        let rules = self.rules();
        let mut alternatives = rules.any_of.iter().chain(&rules.one_of);
        rules.properties.contains_key(name)
            || alternatives.any(|sub| self.subschema(sub).names_property(name))
    }
}

/// How many properties are merged. Further ones are taken from the upper schema.
const MAXIMUM_MERGED_PROPERTIES: usize = 100_000;

#[cfg(test)]
mod tests;
