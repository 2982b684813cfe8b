//! `fn::open`: calls a provider.
//!
//! The inputs are validated first. The provider is not called with invalid or unknown inputs, or in a
//! check; the result is then unknown, with the provider's output schema.

use std::rc::Rc;

use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::Schema;
use crate::evaluator::session::Mode;
use crate::evaluator::validate::Wording;
use crate::evaluator::value::{EvalValue, ValueKind};
use crate::format::string::quoted;

pub(super) fn evaluate(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    name: Option<&Rc<str>>,
    inputs: Option<ExprId>,
) -> Rc<EvalValue> {
    let Some(name) = name else {
        return EvalValue::unknown_any();
    };
    let provider = match evaluator.session.host.providers.provider(name) {
        Ok(provider) => Some(provider),
        Err(error) => {
            evaluator.failure(error, id);
            None
        }
    };
    let mut accept = Some(Schema::any());
    let mut outputs = Some(Schema::any());
    let mut wording = Wording::Esc;
    if let Some(provider) = provider {
        accept = provider_schema(evaluator, id, name, provider.input_schema());
        outputs = provider_schema(evaluator, id, name, provider.output_schema());
        if provider.explains_mistakes() {
            wording = Wording::Explained;
        }
    }
    let (Some(accept), Some(outputs)) = (accept, outputs) else {
        evaluator.evaluate_argument(inputs, &Schema::any());
        return EvalValue::unknown_any();
    };
    let (inputs, is_valid) = evaluator.evaluate_argument_with(inputs, &accept, wording);
    hide_secret_inputs(evaluator, &inputs, &accept, false);
    let mut unknown = EvalValue::unknown(outputs);
    unknown.provider = Some(Rc::clone(name));
    let Some(provider) = provider else {
        return Rc::new(unknown);
    };
    if !is_valid || inputs.marks.has_unknown() || evaluator.session.mode == Mode::Check {
        return Rc::new(unknown);
    }
    let inputs = export::to_value(&mut evaluator.session.budget, &inputs);
    if evaluator.session.budget.is_exhausted() {
        return Rc::new(unknown);
    }
    match provider.open(&inputs) {
        Ok(result) => {
            let result = export::from_value(result, false, Some(&evaluator.origin(id)));
            let mut result = Rc::unwrap_or_clone(result);
            result.provider = Some(Rc::clone(name));
            Rc::new(result)
        }
        Err(error) => {
            evaluator.failure(error, id);
            Rc::new(unknown)
        }
    }
}

/// Parses a schema of the provider or rotator `name`. An invalid one is an error at the call.
pub(super) fn provider_schema(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    name: &str,
    text: &str,
) -> Option<Schema> {
    match evaluator.parse_schema(text) {
        Ok(schema) => Some(schema),
        Err(error) => {
            let name = quoted(name);
            let summary = format!("provider {name} has an invalid schema: {error}");
            evaluator.error(summary, id);
            None
        }
    }
}

/// Hides inputs that the schema marks as secrets, and everything in inputs that are `secret`, from
/// the source lines that diagnostics show.
pub(super) fn hide_secret_inputs(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    value: &EvalValue,
    schema: &Schema,
    secret: bool,
) {
    if !evaluator.session.budget.spend_steps(1) {
        return;
    }
    let secret = secret || schema.rules().secret;
    match &value.kind {
        ValueKind::Text(_) | ValueKind::Number(_) if secret => {
            let sources = &mut evaluator.session.sources;
            if let Some(literal) = &value.literal {
                sources.hide(&literal.environment, literal.begin..literal.end);
            }
            if let Some(text) = value.as_text() {
                sources.hide_text(text);
            }
        }
        ValueKind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let schema = schema.declared_item(index).unwrap_or_else(Schema::any);
                hide_secret_inputs(evaluator, item, &schema, secret);
            }
        }
        ValueKind::Object { properties, .. } => {
            for (name, property) in properties.iter() {
                let mut schemas: Vec<_> = schema.declared_property(name).into_iter().collect();
                let branches = schema.one_of().into_iter().chain(schema.any_of());
                for branch in branches.chain(schema.reference()) {
                    schemas.extend(branch.declared_property(name));
                }
                for schema in schemas {
                    hide_secret_inputs(evaluator, &property.value, &schema, secret);
                }
                if secret {
                    hide_secret_inputs(evaluator, &property.value, &Schema::any(), true);
                }
            }
        }
        _ => {}
    }
}
