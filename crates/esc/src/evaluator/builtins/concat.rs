//! `fn::concat`: concatenates arrays.

use std::rc::Rc;

use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::Schema;
use crate::evaluator::value::{EvalValue, ValueKind};

impl DefinitionEvaluator<'_, '_> {
    pub(super) fn concat(&mut self, argument: ExprId) -> Rc<EvalValue> {
        let schema = Schema::array_of(Schema::any());
        let accept = Schema::array_of(schema.clone());
        let (arrays, is_valid) = self.evaluate_argument(Some(argument), &accept);
        if !is_valid {
            return Rc::new(EvalValue::unknown(schema));
        }
        let mut concatenated = Vec::new();
        for array in arrays.as_items().unwrap_or_default() {
            let items = array.as_items().unwrap_or_default();
            if self.session.budget.spend_steps(items.len()) {
                concatenated.extend(items.iter().cloned());
            }
        }
        let result = EvalValue::new(ValueKind::Array(concatenated.into()));
        let result = result.with_schema(schema.clone());
        Rc::new(self.with_marks(result, arrays.marks, || schema))
    }
}
