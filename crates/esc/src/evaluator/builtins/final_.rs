//! `fn::final`: a value that importing environments cannot override.

use std::rc::Rc;

use crate::evaluator::builtins::pass_through;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::value::EvalValue;

pub(super) fn evaluate(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    argument: ExprId,
) -> Rc<EvalValue> {
    let value = evaluator.evaluate(argument);
    let mut result = pass_through(&mut evaluator.session.budget, &value);
    result.is_final = true;
    Rc::new(result)
}
