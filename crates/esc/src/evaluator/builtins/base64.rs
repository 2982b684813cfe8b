//! `fn::toBase64` and `fn::fromBase64`.

use std::rc::Rc;

use crate::base64;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;
use crate::text::Text;

pub(super) fn encode(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    argument: ExprId,
) -> Rc<EvalValue> {
    convert(evaluator, id, argument, |text| Ok(base64::encode(text)))
}

pub(super) fn decode(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    argument: ExprId,
) -> Rc<EvalValue> {
    convert(evaluator, id, argument, |text| {
        base64::decode(text).map_err(|error| format!("decoding base64 string: {error}"))
    })
}

fn convert(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    argument: ExprId,
    convert: impl Fn(&[u8]) -> Result<Text, String>,
) -> Rc<EvalValue> {
    let schema = Schema::of(Type::String);
    let (value, is_valid) = evaluator.evaluate_argument(Some(argument), &schema);
    if !is_valid {
        return Rc::new(EvalValue::unknown(schema));
    }
    let secret = value.marks.secret;
    let unknown = || Rc::new(EvalValue::unknown(schema).with_secret(secret));
    let Some(text) = value.as_text() else {
        return unknown();
    };
    if !evaluator.session.budget.spend_text(text.as_bytes().len()) {
        return unknown();
    }
    match convert(text.as_bytes()) {
        Ok(text) => Rc::new(EvalValue::text(text).with_secret(secret)),
        Err(summary) => {
            evaluator.error(summary, id);
            unknown()
        }
    }
}
