//! `fn::toBase64` and `fn::fromBase64`.

use std::rc::Rc;

use crate::base64;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;
use crate::text::Text;

impl DefinitionEvaluator<'_, '_> {
    pub(super) fn encode_base64(&mut self, id: ExprId, argument: ExprId) -> Rc<EvalValue> {
        self.convert_text(id, argument, |text| Ok(base64::encode(text)))
    }

    pub(super) fn decode_base64(&mut self, id: ExprId, argument: ExprId) -> Rc<EvalValue> {
        self.convert_text(id, argument, |text| {
            base64::decode(text).map_err(|error| format!("decoding base64 string: {error}"))
        })
    }

    fn convert_text(
        &mut self,
        id: ExprId,
        argument: ExprId,
        convert: impl Fn(&[u8]) -> Result<Text, String>,
    ) -> Rc<EvalValue> {
        let schema = Schema::of(Type::String);
        let (value, is_valid) = self.evaluate_argument(Some(argument), &schema);
        if !is_valid {
            return Rc::new(EvalValue::unknown(schema));
        }
        let secret = value.marks.secret;
        if let Some(text) = value.as_text()
            && self.session.budget.spend_text(text.as_bytes().len())
        {
            match convert(text.as_bytes()) {
                Ok(text) => return Rc::new(EvalValue::text(text).with_secret(secret)),
                Err(summary) => self.error(summary, id),
            }
        }
        Rc::new(EvalValue::unknown(schema).with_secret(secret))
    }
}
