//! `fn::final`: a value that an importing environment cannot override.

use std::rc::Rc;

use crate::evaluator::builtins::passed_on;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::Id;
use crate::evaluator::value::Computed;

pub(super) fn evaluate(scope: &mut Scope<'_, '_>, argument: Id) -> Rc<Computed> {
    let value = scope.evaluate(argument);
    Rc::new(Computed {
        is_final: true,
        ..passed_on(&mut scope.session.budget, &value)
    })
}
