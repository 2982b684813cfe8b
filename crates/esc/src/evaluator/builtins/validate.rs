//! `fn::validate`: a value, checked against a JSON Schema that the definition has. The value is
//! passed on whatever comes out.

use std::rc::Rc;

use crate::evaluator::builtins::{Call, passed_on};
use crate::evaluator::evaluate::Scope;
use crate::evaluator::export;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::pattern_work;
use crate::evaluator::schema::{Schema, is_keyword};
use crate::evaluator::value::Computed;
use crate::{Data, Value};

/// What a schema must be: the keywords that ESC knows, and of what type they are.
const SCHEMA: &str = r##"{
  "$ref": "#/$defs/schema",
  "$defs": {"schema": {"anyOf": [
    {"type": "boolean"},
    {"type": "object", "properties": {
      "$defs": {"type": "object", "additionalProperties": {"$ref": "#/$defs/schema"}},
      "$ref": {"type": "string"},
      "type": {"type": "string", "enum": ["string", "number", "boolean", "array", "object", "null"]},
      "const": {}, "default": {},
      "enum": {"type": "array"}, "examples": {"type": "array"},
      "anyOf": {"type": "array", "items": {"$ref": "#/$defs/schema"}},
      "oneOf": {"type": "array", "items": {"$ref": "#/$defs/schema"}},
      "prefixItems": {"type": "array", "items": {"$ref": "#/$defs/schema"}},
      "items": {"$ref": "#/$defs/schema"},
      "properties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/schema"}},
      "additionalProperties": {"$ref": "#/$defs/schema"},
      "required": {"type": "array", "items": {"type": "string"}},
      "dependentRequired": {"type": "object", "additionalProperties":
        {"type": "array", "items": {"type": "string"}}},
      "multipleOf": {"type": "number"},
      "minimum": {"type": "number"}, "exclusiveMinimum": {"type": "number"},
      "maximum": {"type": "number"}, "exclusiveMaximum": {"type": "number"},
      "minLength": {"type": "number"}, "maxLength": {"type": "number"},
      "minItems": {"type": "number"}, "maxItems": {"type": "number"},
      "minProperties": {"type": "number"}, "maxProperties": {"type": "number"},
      "pattern": {"type": "string"}, "title": {"type": "string"}, "description": {"type": "string"},
      "uniqueItems": {"type": "boolean"}, "deprecated": {"type": "boolean"}
    }}
  ]}}
}"##;

pub(super) fn read(lowering: &mut Lowering, _: &str, argument: Id) -> Call {
    let Kind::Object(properties) = lowering.kind(argument) else {
        let summary =
            "the argument to fn::validate must be an object containing 'schema' and 'value'";
        lowering.error_at(summary, argument);
        return Call::Validate {
            schema: None,
            value: None,
        };
    };
    let schema = properties.get("schema").copied();
    let value = properties.get("value").copied();
    if schema.is_none() {
        lowering.error_at("missing required property 'schema'", argument);
    }
    if value.is_none() {
        lowering.error_at("missing required property 'value'", argument);
    }
    Call::Validate { schema, value }
}

pub(super) fn evaluate(
    scope: &mut Scope<'_, '_>,
    schema: Option<Id>,
    value: Option<Id>,
) -> Rc<Computed> {
    let accept = read_schema(scope, schema).unwrap_or_else(Schema::any);
    let (value, _) = scope.expect(value, &accept);
    Rc::new(passed_on(&mut scope.session.budget, &value))
}

/// The schema that a definition has; `None` where it is not known or, with an error, is none.
fn read_schema(scope: &mut Scope<'_, '_>, id: Option<Id>) -> Option<Schema> {
    let id = id?;
    // invariant: the text above is a schema; a test reads it.
    let of_schemas = scope.schema(SCHEMA).ok()?;
    let (value, is_valid) = scope.expect(Some(id), &of_schemas);
    if value.all.unknown || !is_valid {
        return None;
    }
    let exported = export::to_value(&mut scope.session.budget, &value);
    if !scope
        .session
        .budget
        .spend_steps(states_of_patterns(&exported))
    {
        return None;
    }
    match Schema::read(&exported) {
        Ok(schema) => Some(schema),
        Err(error) => {
            scope.error(format!("invalid schema: {error}"), id);
            None
        }
    }
}

/// How many states the patterns in a schema have. Where a pattern may
/// stand, one counts, be it part of a schema or of a `const`.
fn states_of_patterns(schema: &Value) -> usize {
    let sum = |counts: &mut dyn Iterator<Item = usize>| counts.fold(0, usize::saturating_add);
    match &schema.data {
        Data::Object(entries) => sum(&mut entries.iter().map(|(name, value)| {
            match value.as_str().filter(|_| is_keyword("pattern", name)) {
                Some(pattern) => pattern_work::compiled(pattern),
                None => states_of_patterns(value),
            }
        })),
        Data::Array(items) => sum(&mut items.iter().map(states_of_patterns)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_schemas_is_one() {
        assert!(Schema::parse(SCHEMA).is_ok());
    }
}
