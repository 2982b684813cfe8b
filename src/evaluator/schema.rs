//! JSON Schema, as far as the schemas of ESC's providers use it.
//!
//! A schema is read once into an arena; a [`Schema`] is a place in it, cheap to copy and to go down
//! from. `title`, `description`, `default`, `deprecated`, `examples` and `rotateOnly` say nothing
//! about validity and are not kept.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use regex_lite::Regex;

use crate::environment::{Data, Number, Value, json};
use crate::evaluator::limits::MAXIMUM_NESTING;

/// A schema.
#[derive(Clone)]
pub(super) struct Schema {
    arena: Rc<Vec<Rules>>,
    at: usize,
}

/// What a schema asks for. What is `None` or empty asks for nothing.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// `false`: nothing is valid.
    pub(super) rejects: bool,
    reference: Option<usize>,
    pub(super) types: Vec<Type>,
    pub(super) constant: Option<Value>,
    pub(super) enumeration: Option<Vec<Value>>,
    any_of: Vec<usize>,
    one_of: Vec<usize>,
    properties: BTreeMap<String, usize>,
    additional: Option<usize>,
    pub(super) required: Vec<String>,
    pub(super) dependent_required: BTreeMap<String, Vec<String>>,
    prefix_items: Vec<usize>,
    items: Option<usize>,
    pub(super) minimum: Option<Limit>,
    pub(super) exclusive_minimum: Option<Limit>,
    pub(super) maximum: Option<Limit>,
    pub(super) exclusive_maximum: Option<Limit>,
    pub(super) multiple_of: Option<Limit>,
    pub(super) minimum_length: Option<usize>,
    pub(super) maximum_length: Option<usize>,
    pub(super) minimum_items: Option<usize>,
    pub(super) maximum_items: Option<usize>,
    pub(super) minimum_properties: Option<usize>,
    pub(super) maximum_properties: Option<usize>,
    pub(super) pattern: Option<Regex>,
    /// Whether a valid value is a secret.
    pub(super) secret: bool,
}

/// A number in a schema, with the text that messages show.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) value: f64,
    pub(super) text: String,
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
        Reader::default().document(&value)
    }

    /// The schema that everything satisfies.
    pub(super) fn any() -> Self {
        Self::of_rules(Rules::default())
    }

    /// The schema of one type.
    pub(super) fn of(kind: Type) -> Self {
        Self::of_rules(Rules {
            types: vec![kind],
            ..Rules::default()
        })
    }

    /// The schema of arrays whose items are of one type.
    pub(super) fn array_of(kind: Type) -> Self {
        let array = Rules {
            types: vec![Type::Array],
            items: Some(1),
            ..Rules::default()
        };
        let items = Rules {
            types: vec![kind],
            ..Rules::default()
        };
        Self {
            arena: Rc::new(vec![array, items]),
            at: 0,
        }
    }

    fn never() -> Self {
        Self::of_rules(Rules {
            rejects: true,
            ..Rules::default()
        })
    }

    fn of_rules(rules: Rules) -> Self {
        Self {
            arena: Rc::new(vec![rules]),
            at: 0,
        }
    }

    /// The rules, references followed.
    pub(super) fn rules(&self) -> &Rules {
        let mut at = self.at;
        // A chain of references that is longer than the arena goes round in circles; it then says
        // nothing more than any of its members.
        for _ in 0..self.arena.len() {
            match self.arena[at].reference {
                Some(next) => at = next,
                None => break,
            }
        }
        &self.arena[at]
    }

    fn down(&self, at: usize) -> Self {
        Self {
            arena: Rc::clone(&self.arena),
            at,
        }
    }

    fn all(&self, places: &[usize]) -> Vec<Self> {
        places.iter().map(|at| self.down(*at)).collect()
    }

    pub(super) fn any_of(&self) -> Vec<Self> {
        self.all(&self.rules().any_of)
    }

    pub(super) fn one_of(&self) -> Vec<Self> {
        self.all(&self.rules().one_of)
    }

    /// The names in `properties`.
    pub(super) fn property_names(&self) -> impl Iterator<Item = &str> {
        self.rules().properties.keys().map(String::as_str)
    }

    /// What the property `name` must be, where the schema says it by name or for all others.
    pub(super) fn declared_property(&self, name: &str) -> Option<Self> {
        let rules = self.rules();
        let at = rules.properties.get(name).or(rules.additional.as_ref())?;
        Some(self.down(*at))
    }

    /// What the item at `index` must be, where the schema says it.
    pub(super) fn declared_item(&self, index: usize) -> Option<Self> {
        let rules = self.rules();
        let at = rules.prefix_items.get(index).or(rules.items.as_ref())?;
        Some(self.down(*at))
    }

    /// Whether the schema names this property, itself or in one of its alternatives.
    pub(super) fn names_property(&self, name: &str) -> bool {
        self.rules().properties.contains_key(name)
            || self
                .alternatives()
                .iter()
                .any(|schema| schema.names_property(name))
    }

    /// What is known of the property `name` of a value that is not known itself: what the schema
    /// says, nothing where it may be anything, and a schema that nothing satisfies where a record
    /// does not have it.
    pub(super) fn property(&self, name: &str) -> Self {
        if let Some(schema) = self.declared_property(name) {
            return schema;
        }
        let alternatives = self.alternatives();
        let mut having = alternatives
            .iter()
            .filter(|schema| schema.names_property(name));
        match (having.next(), having.next()) {
            (Some(schema), None) => schema.property(name),
            (Some(_), Some(_)) => Self::any(),
            (None, _) if !alternatives.is_empty() => Self::any(),
            (None, _) if self.rules().types.is_empty() => Self::any(),
            (None, _) => Self::never(),
        }
    }

    /// The same for an item.
    pub(super) fn item(&self, index: usize) -> Self {
        self.declared_item(index).unwrap_or_else(Self::any)
    }

    /// Whether a value of this schema can be of type `kind`.
    pub(super) fn may_be(&self, kind: Type) -> bool {
        let rules = self.rules();
        if rules.rejects || !(rules.types.is_empty() || rules.types.contains(&kind)) {
            return false;
        }
        let alternatives = self.alternatives();
        alternatives.is_empty() || alternatives.iter().any(|schema| schema.may_be(kind))
    }

    fn alternatives(&self) -> Vec<Self> {
        let rules = self.rules();
        let places = if rules.one_of.is_empty() {
            &rules.any_of
        } else {
            &rules.one_of
        };
        // A schema that is its own alternative says nothing.
        let places = places.iter().filter(|at| **at > self.at);
        places.map(|at| self.down(*at)).collect()
    }
}

/// Reads a schema into the arena.
#[derive(Default)]
struct Reader {
    rules: Vec<Rules>,
    /// The places of `#/$defs/…`.
    definitions: BTreeMap<String, usize>,
}

impl Reader {
    fn document(mut self, value: &Value) -> Result<Schema, InvalidSchema> {
        self.rules.push(Rules::default());
        let definitions = match value.property("$defs").map(|value| &value.data) {
            Some(Data::Object(definitions)) => definitions.iter().collect(),
            _ => Vec::new(),
        };
        for (name, _) in &definitions {
            self.definitions.insert((*name).clone(), self.rules.len());
            self.rules.push(Rules::default());
        }
        self.rules[0] = self.rules_of(value)?;
        for (name, value) in definitions {
            let rules = self.rules_of(value)?;
            if let Some(at) = self.definitions.get(name) {
                self.rules[*at] = rules;
            }
        }
        Ok(Schema {
            arena: Rc::new(self.rules),
            at: 0,
        })
    }

    fn schema(&mut self, value: &Value) -> Result<usize, InvalidSchema> {
        let at = self.rules.len();
        self.rules.push(Rules::default());
        self.rules[at] = self.rules_of(value)?;
        Ok(at)
    }

    fn schemas(&mut self, keyword: &str, value: &Value) -> Result<Vec<usize>, InvalidSchema> {
        let Data::Array(items) = &value.data else {
            return Err(not_a(keyword, "a list"));
        };
        items.iter().map(|item| self.schema(item)).collect()
    }

    fn rules_of(&mut self, value: &Value) -> Result<Rules, InvalidSchema> {
        let mut rules = Rules::default();
        let keywords = match &value.data {
            Data::Bool(accepts) => {
                rules.rejects = !accepts;
                return Ok(rules);
            }
            Data::Object(keywords) => keywords,
            _ => return Err(not_a("a schema", "an object or a boolean")),
        };
        for (keyword, value) in keywords {
            self.keyword(&mut rules, keyword, value)?;
        }
        Ok(rules)
    }

    fn keyword(
        &mut self,
        rules: &mut Rules,
        keyword: &str,
        value: &Value,
    ) -> Result<(), InvalidSchema> {
        match keyword {
            "$ref" => rules.reference = Some(self.reference(value)?),
            "type" => rules.types = types(value)?,
            "const" => rules.constant = Some(value.clone()),
            "enum" => {
                let Data::Array(items) = &value.data else {
                    return Err(not_a(keyword, "a list"));
                };
                rules.enumeration = Some(items.clone());
            }
            "anyOf" => rules.any_of = self.schemas(keyword, value)?,
            "oneOf" => rules.one_of = self.schemas(keyword, value)?,
            "properties" => {
                let Data::Object(properties) = &value.data else {
                    return Err(not_a(keyword, "an object"));
                };
                for (name, value) in properties {
                    rules.properties.insert(name.clone(), self.schema(value)?);
                }
            }
            "additionalProperties" => rules.additional = Some(self.schema(value)?),
            "required" => rules.required = names(keyword, value)?,
            "dependentRequired" => {
                let Data::Object(properties) = &value.data else {
                    return Err(not_a(keyword, "an object"));
                };
                for (name, value) in properties {
                    let required = names(keyword, value)?;
                    rules.dependent_required.insert(name.clone(), required);
                }
            }
            "prefixItems" => rules.prefix_items = self.schemas(keyword, value)?,
            "items" => rules.items = Some(self.schema(value)?),
            "minimum" => rules.minimum = Some(limit(keyword, value)?),
            "exclusiveMinimum" => rules.exclusive_minimum = Some(limit(keyword, value)?),
            "maximum" => rules.maximum = Some(limit(keyword, value)?),
            "exclusiveMaximum" => rules.exclusive_maximum = Some(limit(keyword, value)?),
            "multipleOf" => rules.multiple_of = Some(limit(keyword, value)?),
            "minLength" => rules.minimum_length = Some(count(keyword, value)?),
            "maxLength" => rules.maximum_length = Some(count(keyword, value)?),
            "minItems" => rules.minimum_items = Some(count(keyword, value)?),
            "maxItems" => rules.maximum_items = Some(count(keyword, value)?),
            "minProperties" => rules.minimum_properties = Some(count(keyword, value)?),
            "maxProperties" => rules.maximum_properties = Some(count(keyword, value)?),
            "pattern" => {
                let pattern = text(keyword, value)?;
                let regex = Regex::new(pattern)
                    .map_err(|error| InvalidSchema(format!("`pattern`: {error}")))?;
                rules.pattern = Some(regex);
            }
            "secret" => rules.secret = matches!(value.data, Data::Bool(true)),
            _ => {}
        }
        Ok(())
    }

    fn reference(&self, value: &Value) -> Result<usize, InvalidSchema> {
        let reference = text("$ref", value)?;
        if reference == "#" {
            return Ok(0);
        }
        let name = reference.strip_prefix("#/$defs/");
        name.and_then(|name| self.definitions.get(name).copied())
            .ok_or_else(|| InvalidSchema(format!("`$ref`: `{reference}` is not defined")))
    }
}

fn types(value: &Value) -> Result<Vec<Type>, InvalidSchema> {
    let one = |value: &Value| match text("type", value)? {
        // ESC writes its own schemas with an empty type where there is none.
        "" => Ok(None),
        "null" => Ok(Some(Type::Null)),
        "boolean" => Ok(Some(Type::Boolean)),
        "number" => Ok(Some(Type::Number)),
        "string" => Ok(Some(Type::String)),
        "array" => Ok(Some(Type::Array)),
        "object" => Ok(Some(Type::Object)),
        other => Err(InvalidSchema(format!("`type`: `{other}` is no type"))),
    };
    let types: Result<Vec<_>, _> = match &value.data {
        Data::Array(items) => items.iter().map(one).collect(),
        _ => one(value).map(|kind| vec![kind]),
    };
    Ok(types?.into_iter().flatten().collect())
}

fn names(keyword: &str, value: &Value) -> Result<Vec<String>, InvalidSchema> {
    let Data::Array(items) = &value.data else {
        return Err(not_a(keyword, "a list"));
    };
    let names = items.iter().map(|item| text(keyword, item));
    names.map(|name| name.map(str::to_owned)).collect()
}

fn text<'v>(keyword: &str, value: &'v Value) -> Result<&'v str, InvalidSchema> {
    value.as_str().ok_or_else(|| not_a(keyword, "a string"))
}

fn limit(keyword: &str, value: &Value) -> Result<Limit, InvalidSchema> {
    let Data::Number(number) = &value.data else {
        return Err(not_a(keyword, "a number"));
    };
    let text = number.as_str().to_owned();
    let value = to_f64(number).ok_or_else(|| not_a(keyword, "a number"))?;
    Ok(Limit { value, text })
}

fn count(keyword: &str, value: &Value) -> Result<usize, InvalidSchema> {
    let limit = limit(keyword, value)?;
    let count = limit.text.parse();
    count.map_err(|_| not_a(keyword, "a whole number"))
}

fn not_a(keyword: &str, what: &str) -> InvalidSchema {
    InvalidSchema(format!("`{keyword}` is not {what}"))
}

/// The number for comparison with another.
pub(super) fn to_f64(number: &Number) -> Option<f64> {
    number.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_that_are_none_are_refused() {
        for (text, want) in [
            ("{", "unexpected end of JSON input at byte 1"),
            ("1", "`a schema` is not an object or a boolean"),
            (r#"{"type":"integer"}"#, "`type`: `integer` is no type"),
            (
                r##"{"$ref":"#/$defs/x"}"##,
                "`$ref`: `#/$defs/x` is not defined",
            ),
            (r#"{"properties":[]}"#, "`properties` is not an object"),
            (
                r#"{"properties":{"a":{"minLength":1.5}}}"#,
                "`minLength` is not a whole number",
            ),
            (r#"{"required":[1]}"#, "`required` is not a string"),
        ] {
            assert_eq!(Schema::parse(text).unwrap_err().to_string(), want, "{text}");
        }
        let error = Schema::parse(r#"{"pattern":"("}"#).unwrap_err().to_string();
        assert!(error.starts_with("`pattern`: "), "{error}");
    }

    #[test]
    fn references_may_go_in_circles() {
        let text = r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#"}}}"##;
        let schema = Schema::parse(text).unwrap();
        assert!(schema.rules().types.is_empty());
        let text = r##"{"properties":{"a":{"$ref":"#"},"b":{"type":"string"}},"type":"object"}"##;
        let schema = Schema::parse(text).unwrap().property("a").property("a");
        assert!(schema.property("b").may_be(Type::String));
        assert!(!schema.property("b").may_be(Type::Null));
        assert!(schema.property("c").rules().rejects);
    }

    #[test]
    fn alternatives_tell_of_their_properties() {
        let schema = Schema::parse(
            r#"{"oneOf":[{"type":"object","properties":{"a":{"type":"string"}}},
                         {"type":"object","properties":{"b":{"type":"number"}}}]}"#,
        )
        .unwrap();
        assert!(schema.names_property("a") && !schema.names_property("c"));
        assert_eq!(schema.property("b").rules().types, [Type::Number]);
        assert!(schema.may_be(Type::Object) && !schema.may_be(Type::String));
    }
}
