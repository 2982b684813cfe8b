//! `fn::secret`: text that must not be displayed, as plaintext or encrypted by Pulumi Cloud.

use std::rc::Rc;

use crate::envelope;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;
use crate::text::Text;

pub(super) fn evaluate(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    plaintext: &Text,
    argument: ExprId,
) -> Rc<EvalValue> {
    evaluator.session.sources.hide_text(plaintext);
    let mut value = EvalValue::text(plaintext.clone()).with_secret(true);
    value.origin = Some(evaluator.origin(argument));
    Rc::new(value)
}

/// Decrypts a secret. A check only validates its envelope, unless it is configured to decrypt.
pub(super) fn decrypt(
    evaluator: &mut DefinitionEvaluator<'_, '_>,
    id: ExprId,
    envelope: &Text,
) -> Rc<EvalValue> {
    let unknown = || Rc::new(EvalValue::unknown(Schema::of(Type::String)).with_secret(true));
    let ciphertext = match envelope::decode(envelope.as_bytes()) {
        Ok(ciphertext) => ciphertext,
        Err(error) => {
            evaluator.error(format!("invalid ciphertext: {error}"), id);
            return unknown();
        }
    };
    if !evaluator.session.decrypts {
        return unknown();
    }
    match evaluator.session.host.decrypter.decrypt(&ciphertext) {
        Ok(plaintext) => {
            evaluator.session.sources.hide_text(&plaintext);
            Rc::new(EvalValue::text(plaintext).with_secret(true))
        }
        Err(error) => {
            evaluator.failure(error, id);
            unknown()
        }
    }
}
