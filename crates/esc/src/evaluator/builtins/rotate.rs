//! `fn::rotate`: reads the secret that the last rotation stored as state in the definition.
//!
//! Nothing is rotated here. Inputs that only a rotation reads are not evaluated.

use std::rc::Rc;

use crate::Value;
use crate::evaluator::builtins::open::{hide_secret_inputs, provider_schema};
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::provider::Rotator;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::session::Mode;
use crate::evaluator::value::{EvalValue, Knowledge, ValueKind};

/// The schemas of a rotator.
struct RotatorSchemas {
    inputs: Schema,
    /// The state, or `null` before the first rotation.
    state: Schema,
    outputs: Schema,
}

pub(super) fn evaluate(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    name: Option<&Rc<str>>,
    inputs: Option<ExprId>,
    state: Option<ExprId>,
) -> Rc<EvalValue> {
    let Some(name) = name else {
        return EvalValue::unknown_any();
    };
    let rotator = match evaluator.session.host.providers.rotator(name) {
        Ok(rotator) => Some(rotator),
        Err(error) => {
            evaluator.failure(error, id);
            None
        }
    };
    let Some(schemas) = rotator_schemas(evaluator, id, name, rotator) else {
        return EvalValue::unknown_any();
    };
    let unknown = Rc::new(EvalValue::unknown(schemas.outputs));
    let (inputs, inputs_are_valid) = evaluator.evaluate_argument(inputs, &schemas.inputs);
    hide_secret_inputs(evaluator, &inputs, &schemas.inputs, false);
    let (state, state_is_valid) = match state {
        Some(state) => evaluator.evaluate_argument(Some(state), &schemas.state),
        None => (Rc::new(EvalValue::new(ValueKind::Null)), true),
    };
    hide_secret_inputs(evaluator, &state, &Schema::any(), true);
    let Some(rotator) = rotator else {
        return unknown;
    };
    if !inputs_are_valid
        || inputs.marks.knowledge == Knowledge::Incomplete
        || !state_is_valid
        || state.marks.has_unknown()
        || evaluator.session.mode == Mode::Check
    {
        return unknown;
    }
    let inputs = export::to_value(&mut evaluator.session.budget, &inputs);
    let state = export::to_value(&mut evaluator.session.budget, &state);
    if evaluator.session.budget.is_exhausted() {
        return unknown;
    }
    let state = Some(&state).filter(|state| !Value::is_null(state));
    match rotator.open(&inputs, state) {
        Ok(result) => export::from_value(result, false, Some(&evaluator.origin(id))),
        Err(error) => {
            evaluator.failure(error, id);
            unknown
        }
    }
}

/// Parses the schemas of a rotator. Returns `None` if one is invalid. An unknown rotator accepts
/// anything.
fn rotator_schemas(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    name: &str,
    rotator: Option<&dyn Rotator>,
) -> Option<RotatorSchemas> {
    let Some(rotator) = rotator else {
        return Some(RotatorSchemas {
            inputs: Schema::any(),
            state: Schema::any(),
            outputs: Schema::any(),
        });
    };
    let inputs = provider_schema(evaluator, id, name, rotator.input_schema());
    let state = provider_schema(evaluator, id, name, rotator.state_schema());
    let outputs = provider_schema(evaluator, id, name, rotator.output_schema());
    Some(RotatorSchemas {
        inputs: inputs?,
        state: Schema::union([state?, Schema::of(Type::Null)]),
        outputs: outputs?,
    })
}
