//! `fn::validate`: checks a value against a JSON Schema in the definition, and returns the value,
//! valid or not.

use std::rc::Rc;

use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::limits::{MAXIMUM_PATTERN_BYTES, PATTERN_BYTES_PER_STEP};
use crate::evaluator::schema::Schema;
use crate::evaluator::value::EvalValue;

/// The meta-schema: the keywords that ESC supports, and the types of their values.
const META_SCHEMA: &str = r##"{
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

impl DefinitionEvaluator<'_, '_> {
    pub(super) fn validate(
        &mut self,
        schema: Option<ExprId>,
        value: Option<ExprId>,
    ) -> Rc<EvalValue> {
        let schema = schema.and_then(|schema| self.evaluate_schema(schema));
        let (value, _) = self.evaluate_argument(value, &schema.unwrap_or_else(Schema::any));
        Rc::new(self.pass_through(&value))
    }

    /// Evaluates a schema. Returns `None` if it is unknown or, with an error, invalid.
    fn evaluate_schema(&mut self, id: ExprId) -> Option<Schema> {
        // invariant: the meta-schema is valid, as a test checks.
        let meta_schema = self.parse_schema(META_SCHEMA).ok()?;
        let (value, is_valid) = self.evaluate_argument(Some(id), &meta_schema);
        if value.marks.has_unknown() || !is_valid {
            return None;
        }
        let budget = &mut self.session.budget;
        let schema = export::to_value(budget, value);
        if budget.is_exhausted() {
            // Parts of it are missing.
            self.report_budget(id);
            return None;
        }
        let schema = Schema::read(&schema);
        let pattern_bytes = match &schema {
            Ok(schema) => schema.pattern_bytes(),
            Err(_) => MAXIMUM_PATTERN_BYTES,
        };
        budget.spend_steps(pattern_bytes / PATTERN_BYTES_PER_STEP);
        match schema {
            Ok(schema) => Some(schema),
            Err(error) => {
                self.error(format!("invalid schema: {error}"), id);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_schema_is_valid() {
        assert!(Schema::parse(META_SCHEMA).is_ok());
    }
}
