//! `fn::toJSON`, `fn::toYAML` and `fn::fromJSON`.

use std::rc::Rc;

use crate::Value;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::limits::MAXIMUM_NESTING;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;
use crate::format::json;
use crate::text::Text;

impl DefinitionEvaluator<'_, '_> {
    /// `fn::toJSON` or `fn::toYAML`.
    pub(super) fn serialize(
        &mut self,
        argument: ExprId,
        format: impl Fn(&Value) -> Text,
    ) -> Rc<EvalValue> {
        let value = self.evaluate(argument);
        let string = || Schema::of(Type::String);
        let budget = &mut self.session.budget;
        let mut text = Text::default();
        if !value.marks.has_unknown() {
            let exported = export::to_value(budget, Rc::clone(&value));
            // In an exhausted budget, parts of the value are missing.
            if !budget.is_exhausted() {
                text = format(&exported);
                budget.spend_text(text.as_bytes().len());
            }
        }
        Rc::new(self.with_marks(EvalValue::text(text), value.marks, string))
    }

    pub(super) fn decode_json(&mut self, id: ExprId, argument: ExprId) -> Rc<EvalValue> {
        let accept = Schema::of(Type::String);
        let (value, is_valid) = self.evaluate_argument(Some(argument), &accept);
        if !is_valid {
            return EvalValue::unknown_any();
        }
        let secret = value.marks.secret;
        // A value takes more memory than its text: `[[],[]]` is three arrays.
        if let Some(text) = value.as_text()
            && self.session.budget.spend_steps(text.as_bytes().len())
        {
            match json::parse(text.as_bytes(), MAXIMUM_NESTING) {
                Ok(value) => return export::from_value(value, secret, Some(self.origin(id))),
                Err(error) => {
                    // Go quotes the character at fault, which must not happen for a secret.
                    let error = if secret {
                        error.to_string()
                    } else {
                        error.go_message(text.as_bytes())
                    };
                    self.error(format!("decoding JSON string: {error}"), id);
                }
            }
        }
        Rc::new(EvalValue::unknown(Schema::any()).with_secret(secret))
    }
}
