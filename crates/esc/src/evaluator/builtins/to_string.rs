//! `fn::toString`: any value as text (see [`convert::to_text`]).

use std::rc::Rc;

use crate::evaluator::evaluate::Scope;
use crate::evaluator::export;
use crate::evaluator::expression::Id;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::Computed;

pub(super) fn evaluate(scope: &mut Scope<'_, '_>, argument: Id) -> Rc<Computed> {
    let value = scope.evaluate(argument);
    let text = export::to_text(&mut scope.session.budget, &value);
    let text = Computed::text(text);
    Rc::new(scope.flagged(text, value.own, || Schema::of(Type::String)))
}
