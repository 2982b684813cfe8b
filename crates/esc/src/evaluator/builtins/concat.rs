//! `fn::concat`: concatenates arrays.

use std::rc::Rc;

use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::Schema;
use crate::evaluator::value::{EvalValue, ValueKind};

pub(super) fn evaluate(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    argument: ExprId,
) -> Rc<EvalValue> {
    let schema = Schema::array_of(Schema::any());
    let accept = Schema::array_of(schema.clone());
    let (arrays, is_valid) = evaluator.evaluate_argument(Some(argument), &accept);
    if !is_valid {
        return Rc::new(EvalValue::unknown(schema));
    }
    let mut concatenated = Vec::new();
    for array in arrays.as_items().unwrap_or_default() {
        let items = array.as_items().unwrap_or_default();
        if evaluator.session.budget.spend_steps(items.len()) {
            concatenated.extend(items.iter().cloned());
        }
    }
    let result = EvalValue::new(ValueKind::Array(concatenated.into())).with_schema(schema.clone());
    Rc::new(evaluator.with_marks(result, arrays.marks, || schema))
}
