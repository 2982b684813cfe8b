//! `fn::rotate`: reads the secret that the last rotation stored as state in the definition.
//!
//! Nothing is rotated here. Inputs that only a rotation reads are not evaluated.

use std::rc::Rc;

use crate::Value;
use crate::evaluator::Rotator;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::{ExprId, RotateCall};
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::session::Mode;
use crate::evaluator::value::{EvalValue, Knowledge, ValueKind};

impl DefinitionEvaluator<'_, '_> {
    pub(super) fn rotate(&mut self, id: ExprId, call: &RotateCall) -> Rc<EvalValue> {
        let RotateCall {
            rotator,
            inputs,
            state,
        } = call;
        let Some(name) = rotator else {
            return EvalValue::unknown_any();
        };
        let found = self.session.host.providers.rotator(name);
        let rotator = self.ok_or_report(found, id);
        let accept = self.provider_schema(id, name, rotator.map(Rotator::input_schema));
        let accept_state = self.provider_schema(id, name, rotator.map(Rotator::state_schema));
        let outputs = self.provider_schema(id, name, rotator.map(Rotator::output_schema));
        let (Some(accept), Some(mut accept_state), Some(outputs)) = (accept, accept_state, outputs)
        else {
            return EvalValue::unknown_any();
        };
        if rotator.is_some() {
            // Before the first rotation, the state is `null`.
            accept_state = Schema::union([accept_state, Schema::of(Type::Null)]);
        }
        let unknown = Rc::new(EvalValue::unknown(outputs));
        let (inputs, inputs_are_valid) = self.evaluate_argument(*inputs, &accept);
        self.hide_secret_inputs(&inputs, &accept, false);
        let (state, state_is_valid) = match state {
            Some(_) => self.evaluate_argument(*state, &accept_state),
            None => (Rc::new(EvalValue::new(ValueKind::Null)), true),
        };
        self.hide_secret_inputs(&state, &Schema::any(), true);
        let Some(rotator) = rotator else {
            return unknown;
        };
        if !inputs_are_valid
            || inputs.marks.knowledge == Knowledge::Incomplete
            || !state_is_valid
            || state.marks.has_unknown()
            || self.session.mode == Mode::Check
        {
            return unknown;
        }
        let inputs = export::to_value(&mut self.session.budget, inputs);
        let state = export::to_value(&mut self.session.budget, state);
        if self.session.budget.is_exhausted() {
            return unknown;
        }
        let state = Some(&state).filter(|state| !Value::is_null(state));
        match self.ok_or_report(rotator.open(&inputs, state), id) {
            Some(result) => export::from_value(result, false, Some(self.origin(id))),
            None => unknown,
        }
    }
}
