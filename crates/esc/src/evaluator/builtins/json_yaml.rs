//! `fn::toJSON`, `fn::toYAML` and `fn::fromJSON`.

use std::rc::Rc;

use crate::Value;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::limits::MAXIMUM_NESTING;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;
use crate::format::{Secrets, json, yaml};
use crate::text::Text;

pub(super) fn to_json(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    argument: ExprId,
) -> Rc<EvalValue> {
    serialize(evaluator, argument, |value| {
        json::compact(value, Secrets::Revealed)
    })
}

pub(super) fn to_yaml(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    argument: ExprId,
) -> Rc<EvalValue> {
    serialize(evaluator, argument, |value| {
        yaml::text(value, yaml::FUNCTION_INDENT)
    })
}

fn serialize(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    argument: ExprId,
    format: fn(&Value) -> Text,
) -> Rc<EvalValue> {
    let value = evaluator.evaluate(argument);
    let schema = || Schema::of(Type::String);
    let unknown = || Rc::new(EvalValue::unknown(schema()).with_secret(value.marks.secret));
    if value.marks.has_unknown() {
        return unknown();
    }
    let exported = export::to_value(&mut evaluator.session.budget, &value);
    if evaluator.session.budget.is_exhausted() {
        // Parts of the value are missing.
        return unknown();
    }
    let text = format(&exported);
    evaluator.session.budget.spend_text(text.as_bytes().len());
    Rc::new(evaluator.with_marks(EvalValue::text(text), value.marks, schema))
}

pub(super) fn from_json(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    argument: ExprId,
) -> Rc<EvalValue> {
    let (value, is_valid) = evaluator.evaluate_argument(Some(argument), &Schema::of(Type::String));
    if !is_valid {
        return EvalValue::unknown_any();
    }
    let secret = value.marks.secret;
    let unknown = || Rc::new(EvalValue::unknown(Schema::any()).with_secret(secret));
    let Some(text) = value.as_text() else {
        return unknown();
    };
    // A value takes more memory than its text: `[[],[]]` is three arrays.
    if !evaluator.session.budget.spend_steps(text.as_bytes().len()) {
        return unknown();
    }
    match json::parse(text.as_bytes(), MAXIMUM_NESTING) {
        Ok(value) => export::from_value(value, secret, Some(&evaluator.origin(id))),
        Err(error) => {
            // Go quotes the character at fault, which must not happen for a secret.
            let error = if secret {
                error.to_string()
            } else {
                error.go_message(text.as_bytes())
            };
            evaluator.error(format!("decoding JSON string: {error}"), id);
            unknown()
        }
    }
}
