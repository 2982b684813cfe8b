//! `fn::toString`: converts any value to text (see [`export::to_text`]).

use std::rc::Rc;

use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;

pub(super) fn evaluate(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    argument: ExprId,
) -> Rc<EvalValue> {
    let value = evaluator.evaluate(argument);
    let text = EvalValue::text(export::to_text(&mut evaluator.session.budget, &value));
    Rc::new(evaluator.with_marks(text, value.own_marks, || Schema::of(Type::String)))
}
