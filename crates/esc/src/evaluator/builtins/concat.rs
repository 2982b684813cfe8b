//! `fn::concat`: one array of several.

use std::rc::Rc;

use crate::evaluator::builtins::Call;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::schema::Schema;
use crate::evaluator::value::{Computed, Shape};

/// Checks the argument. Where it is no list, the call is still evaluated, as in ESC: it then says
/// what it got instead.
pub(super) fn read(lowering: &mut Lowering, _: &str, argument: Id) -> Call {
    if !matches!(lowering.kind(argument), Kind::List(_)) {
        let summary = "the argument to fn::concat must be an array of arrays";
        lowering.error_at(summary, argument);
    }
    Call::Concat(argument)
}

pub(super) fn evaluate(scope: &mut Scope<'_, '_>, argument: Id) -> Rc<Computed> {
    let schema = Schema::array_of(Schema::any());
    let accept = Schema::array_of(schema.clone());
    let (value, is_valid) = scope.expect(Some(argument), &accept);
    if !is_valid {
        return Rc::new(Computed::unknown(schema));
    }
    let mut items = Vec::new();
    for array in value.as_items().unwrap_or_default() {
        let more = array.as_items().unwrap_or_default();
        if scope.session.budget.spend_steps(more.len()) {
            items.extend(more.iter().cloned());
        }
    }
    let all = Computed::new(Shape::Array(items.into())).with_schema(schema.clone());
    Rc::new(scope.flagged(all, value.all, || schema))
}
