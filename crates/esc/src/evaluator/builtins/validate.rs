//! `fn::validate`: a value, checked against a JSON Schema that the definition has. The value is
//! passed on whatever comes out.

use std::rc::Rc;

use crate::evaluator::builtins::{Call, passed_on};
use crate::evaluator::evaluate::Scope;
use crate::evaluator::export;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::limits::{MAXIMUM_PATTERN_BYTES, PATTERN_BYTES_PER_STEP};
use crate::evaluator::schema::Schema;
use crate::evaluator::value::Computed;

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
    let schema = Schema::read(&exported);
    let pattern_bytes = match &schema {
        Ok(schema) => schema.pattern_bytes(),
        Err(_) => MAXIMUM_PATTERN_BYTES,
    };
    let steps = pattern_bytes / PATTERN_BYTES_PER_STEP;
    scope.session.budget.spend_steps(steps);
    match schema {
        Ok(schema) => Some(schema),
        Err(error) => {
            scope.error(format!("invalid schema: {error}"), id);
            None
        }
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
