//! Evaluates the builtin functions (`fn::…`).
//!
//! A builtin checks its arguments against schemas; the result of a call with invalid arguments is
//! unknown. The result of any other call has the marks of its arguments (unknown, secret).

mod base64;
mod concat;
mod final_;
mod join_split;
mod json_yaml;
mod open;
mod rotate;
mod secret;
mod to_string;
mod validate;

use std::rc::Rc;

use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::{BuiltinCall, ExprId};
use crate::evaluator::limits::{Budget, MAXIMUM_DIAGNOSTICS};
use crate::evaluator::schema::{InvalidSchema, Schema};
use crate::evaluator::validate::{self as validation, Wording};
use crate::evaluator::value::{EvalValue, Properties, ValueKind};

/// The result of a builtin that returns its argument: without inherited properties, and as secret and
/// as unknown as anything in it.
fn pass_through(budget: &mut Budget, value: &EvalValue) -> EvalValue {
    let parts = value.properties().count() + value.as_items().map_or(0, <[_]>::len);
    if !budget.spend_steps(parts) {
        return EvalValue::unknown(Schema::any()).with_secret(value.marks.secret);
    }
    let kind = match &value.kind {
        ValueKind::Object { properties, .. } => {
            let own = properties.iter().filter(|(_, property)| property.is_own);
            let own = own.map(|(name, property)| (Rc::clone(name), property.clone()));
            ValueKind::object(own.collect::<Properties>())
        }
        kind => kind.clone(),
    };
    let mut result = EvalValue::new(kind);
    if value.marks.has_unknown() {
        let schema = value.schema();
        // Merging may have created a schema with the properties of the base.
        budget.spend_steps(schema.properties().count());
        result = result.into_unknown(schema);
    }
    result.provider.clone_from(&value.provider);
    result.literal.clone_from(&value.literal);
    result.with_secret(value.marks.secret)
}

impl DefinitionEvaluator<'_, '_> {
    /// Evaluates a call, which is the expression `id`.
    pub(super) fn call_builtin(&mut self, id: ExprId, call: &BuiltinCall) -> Rc<EvalValue> {
        match call {
            BuiltinCall::Ciphertext(envelope) => secret::decrypt(self, id, envelope),
            BuiltinCall::Concat(argument) => concat::evaluate(self, *argument),
            BuiltinCall::Final(argument) => final_::evaluate(self, *argument),
            BuiltinCall::FromBase64(argument) => base64::decode(self, id, *argument),
            BuiltinCall::FromJson(argument) => json_yaml::from_json(self, id, *argument),
            BuiltinCall::Join { delimiter, items } => join_split::join(self, *delimiter, *items),
            BuiltinCall::Open { provider, inputs } => {
                open::evaluate(self, id, provider.as_ref(), *inputs)
            }
            BuiltinCall::Rotate {
                rotator,
                inputs,
                state,
            } => rotate::evaluate(self, id, rotator.as_ref(), *inputs, *state),
            BuiltinCall::Secret {
                plaintext,
                argument,
            } => secret::evaluate(self, plaintext, *argument),
            BuiltinCall::Split { delimiter, text } => {
                join_split::split(self, id, *delimiter, *text)
            }
            BuiltinCall::ToBase64(argument) => base64::encode(self, id, *argument),
            BuiltinCall::ToJson(argument) => json_yaml::to_json(self, *argument),
            BuiltinCall::ToText(argument) => to_string::evaluate(self, *argument),
            BuiltinCall::ToYaml(argument) => json_yaml::to_yaml(self, *argument),
            BuiltinCall::Validate { schema, value } => validate::evaluate(self, *schema, *value),
        }
    }

    /// Evaluates an argument, and reports where it does not satisfy `schema`. Returns whether it
    /// does. A missing argument is unknown.
    fn evaluate_argument(
        &mut self,
        argument: Option<ExprId>,
        schema: &Schema,
    ) -> (Rc<EvalValue>, bool) {
        self.evaluate_argument_with(argument, schema, Wording::Esc)
    }

    fn evaluate_argument_with(
        &mut self,
        argument: Option<ExprId>,
        schema: &Schema,
        wording: Wording,
    ) -> (Rc<EvalValue>, bool) {
        let Some(argument) = argument else {
            return (EvalValue::unknown_any(), true);
        };
        let accept = schema.has_rotate_only().then_some(schema);
        let value = self.evaluate_input(argument, accept);
        let budget = &mut self.session.budget;
        let (is_valid, violations) = validation::validate(budget, &value, schema, wording);
        // Diagnostics above the limit are dropped, so they need not be created.
        for violation in violations.into_iter().take(MAXIMUM_DIAGNOSTICS + 1) {
            self.error_at_origin(violation.message, violation.origin.as_ref());
        }
        (value, is_valid)
    }

    /// Parses the schema of a provider or rotator, once.
    fn parse_schema(&mut self, text: &str) -> Result<Schema, InvalidSchema> {
        if let Some(schema) = self.session.schemas.get(text) {
            return Ok(schema.clone());
        }
        let schema = Schema::parse(text)?;
        let schemas = &mut self.session.schemas;
        schemas.insert(text.to_owned(), schema.clone());
        Ok(schema)
    }
}
