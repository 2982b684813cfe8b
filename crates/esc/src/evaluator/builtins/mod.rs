//! Evaluates the builtin functions (`fn::…`).
//!
//! A builtin checks its arguments against schemas; the result of a call with invalid arguments is
//! unknown. The result of any other call has the marks of its arguments (unknown, secret).

mod base64;
mod concat;
mod join_split;
mod json_yaml;
mod open;
mod rotate;
mod secret;
mod validate;

use std::rc::Rc;

use crate::Severity;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::{BuiltinCall, ExprId};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::schema::{InvalidSchema, Schema, Type};
use crate::evaluator::validate::{self as validation, Violation, Wording};
use crate::evaluator::value::{EvalValue, Properties, ValueKind};
use crate::format::{Secrets, json, yaml};

impl DefinitionEvaluator<'_, '_> {
    /// Evaluates a call, which is the expression `id`.
    pub(super) fn call_builtin(&mut self, id: ExprId, call: &BuiltinCall) -> Rc<EvalValue> {
        match call {
            BuiltinCall::Ciphertext(envelope) => self.decrypt(id, envelope),
            BuiltinCall::Concat(argument) => self.concat(*argument),
            BuiltinCall::Final(argument) => {
                let value = self.evaluate(*argument);
                let mut result = self.pass_through(&value);
                result.set_final(true);
                Rc::new(result)
            }
            BuiltinCall::FromBase64(argument) => self.decode_base64(id, *argument),
            BuiltinCall::FromJson(argument) => self.decode_json(id, *argument),
            BuiltinCall::Join(arguments) => self.join(*arguments),
            BuiltinCall::Open(provider, inputs) => self.open(id, provider.as_ref(), *inputs),
            BuiltinCall::Rotate(call) => self.rotate(id, call),
            BuiltinCall::Secret(plaintext, argument) => self.secret(plaintext, *argument),
            BuiltinCall::Split(arguments) => self.split(id, *arguments),
            BuiltinCall::ToBase64(argument) => self.encode_base64(id, *argument),
            BuiltinCall::ToJson(argument) => {
                self.serialize(*argument, |value| json::compact(value, Secrets::Revealed))
            }
            BuiltinCall::ToText(argument) => {
                let value = self.evaluate(*argument);
                let text = export::to_text(&mut self.session.budget, &value);
                let string = || Schema::of(Type::String);
                Rc::new(self.with_marks(EvalValue::text(text), value.own_marks, string))
            }
            BuiltinCall::ToYaml(argument) => {
                self.serialize(*argument, |value| yaml::text(value, yaml::FUNCTION_INDENT))
            }
            BuiltinCall::Validate { schema, value } => self.validate(*schema, *value),
        }
    }

    /// The result of a builtin that returns its argument: without inherited properties, and as secret
    /// and as unknown as anything in it.
    fn pass_through(&mut self, value: &EvalValue) -> EvalValue {
        let budget = &mut self.session.budget;
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
        result.set_provider(value.provider());
        result.literal = value.literal;
        result.with_secret(value.marks.secret)
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
            let Violation {
                origin,
                message,
                hint,
            } = violation;
            self.report_at_origin(Severity::Error, message, hint, origin);
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
