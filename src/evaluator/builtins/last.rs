//! `fn::final`: a value that an importing environment cannot override.

use std::rc::Rc;

use crate::evaluator::builtins::passed_on;
use crate::evaluator::computed::Computed;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::Id;

pub(super) fn evaluate(scope: &mut Scope<'_, '_>, argument: Id) -> Rc<Computed> {
    let value = scope.evaluate(argument);
    Rc::new(Computed {
        is_final: true,
        ..passed_on(&value)
    })
}
