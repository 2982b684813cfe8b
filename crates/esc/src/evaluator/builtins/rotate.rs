//! `fn::rotate`: what a rotator makes of the state that its last rotation left in the definition.
//!
//! Nothing is rotated here. Inputs that only a rotation reads are not evaluated.

use std::rc::Rc;

use crate::Value;
use crate::evaluator::builtins::{Call, open};
use crate::evaluator::evaluate::{Mode, Scope};
use crate::evaluator::export;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::{Computed, Shape};

/// `fn::rotate: {provider, inputs, state}`.
pub(super) fn read(lowering: &mut Lowering, _: &str, argument: Id) -> Call {
    let Kind::Object(properties) = lowering.kind(argument) else {
        let summary = "the argument to fn::rotate must be an object containing 'provider', \
                       'inputs' and 'state'";
        return malformed(lowering, summary, argument);
    };
    let name = properties.get("provider").copied();
    let inputs = properties.get("inputs").copied();
    let state = properties.get("state").copied();
    Call::Rotate {
        rotator: open::read_name(lowering, argument, name),
        inputs: open::read_inputs(lowering, argument, inputs),
        state: read_state(lowering, state),
    }
}

/// `fn::rotate::ROTATOR: {inputs, state}`.
pub(super) fn read_short(lowering: &mut Lowering, name: &str, argument: Id) -> Call {
    let Kind::Object(properties) = lowering.kind(argument) else {
        let summary =
            "the argument to fn::rotate must be an object containing 'inputs' and 'state'";
        return malformed(lowering, summary, argument);
    };
    let inputs = properties.get("inputs").copied();
    let state = properties.get("state").copied();
    let rotator = name.strip_prefix("rotate::").unwrap_or_default();
    Call::Rotate {
        rotator: Some(Rc::from(rotator)),
        inputs: open::read_inputs(lowering, argument, inputs),
        state: read_state(lowering, state),
    }
}

fn malformed(lowering: &mut Lowering, summary: &str, argument: Id) -> Call {
    lowering.error_at(summary, argument);
    Call::Rotate {
        rotator: None,
        inputs: None,
        state: None,
    }
}

fn read_state(lowering: &mut Lowering, state: Option<Id>) -> Option<Id> {
    if let Some(state) = state
        && !matches!(lowering.kind(state), Kind::Object(_))
    {
        lowering.error_at("rotation state must be an object literal", state);
    }
    state
}

pub(super) fn evaluate(
    scope: &mut Scope<'_, '_>,
    id: Id,
    name: Option<&Rc<str>>,
    inputs: Option<Id>,
    state: Option<Id>,
) -> Rc<Computed> {
    let Some(name) = name else {
        return Scope::unknown();
    };
    let rotator = match scope.session.providers.rotator(name) {
        Ok(rotator) => Some(rotator),
        Err(error) => {
            scope.failure(error, id);
            None
        }
    };
    let any = || Some(Schema::any());
    let (accept, states, outputs) = match rotator {
        Some(rotator) => (
            open::schema(scope, id, name, rotator.input_schema()),
            open::schema(scope, id, name, rotator.state_schema())
                .map(|schema| Schema::union([schema, Schema::of(Type::Null)])),
            open::schema(scope, id, name, rotator.output_schema()),
        ),
        None => (any(), any(), any()),
    };
    let (Some(accept), Some(states), Some(outputs)) = (accept, states, outputs) else {
        return Scope::unknown();
    };
    let unknown = Rc::new(Computed::unknown(outputs));
    let (inputs, inputs_are_valid) = scope.expect(inputs, &accept);
    open::hide_secrets(scope, &inputs, &accept, false);
    let (state, state_is_valid) = match state {
        Some(state) => scope.expect(Some(state), &states),
        None => (Rc::new(Computed::new(Shape::Null)), true),
    };
    open::hide_secrets(scope, &state, &Schema::any(), true);
    let rotator = match rotator {
        Some(rotator)
            if inputs_are_valid
                && !inputs.all.missing
                && state_is_valid
                && !state.all.unknown
                && scope.session.mode == Mode::Open =>
        {
            rotator
        }
        _ => return unknown,
    };
    let inputs = export::to_value(&mut scope.session.budget, &inputs);
    let state = export::to_value(&mut scope.session.budget, &state);
    if scope.session.budget.is_exhausted() {
        return unknown;
    }
    match rotator.open(&inputs, Some(&state).filter(|state| !Value::is_null(state))) {
        Ok(result) => export::from_value(result, false, Some(&scope.origin(id))),
        Err(error) => {
            scope.failure(error, id);
            unknown
        }
    }
}
