//! `fn::concat`: one array of several.

use std::rc::Rc;

use crate::evaluator::builtins::{Call, Reading};
use crate::evaluator::computed::{Computed, Shape};
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::schema::{Schema, Type};

/// Checks the argument. Where it is no list, the call is still evaluated, as in ESC: it then says
/// what it got instead.
pub(super) fn read(lowering: &mut Lowering, _: &str, argument: Id) -> Reading {
    if !matches!(lowering.kind(argument), Kind::List(_)) {
        let summary = "the argument to fn::concat must be an array of arrays";
        lowering.error_at(summary, argument);
    }
    Reading::Call(Call::Concat(argument))
}

pub(super) fn evaluate(scope: &mut Scope<'_, '_>, argument: Id) -> Rc<Computed> {
    let (value, is_valid) = scope.expect(argument, &Schema::array_of(Type::Array));
    let schema = || Schema::of(Type::Array);
    let Shape::Array(arrays) = &value.shape else {
        return Rc::new(Computed::unknown(schema()).with_secret(value.all.secret));
    };
    let mut items = Vec::new();
    for array in arrays {
        if let Shape::Array(more) = &array.shape
            && scope.session.budget.spend_steps(more.len())
        {
            items.extend(more.iter().cloned());
        }
    }
    if !is_valid {
        return Rc::new(Computed::unknown(schema()).with_secret(value.all.secret));
    }
    let all = Computed::new(Shape::Array(items));
    Rc::new(scope.flagged(all, value.all, schema))
}
