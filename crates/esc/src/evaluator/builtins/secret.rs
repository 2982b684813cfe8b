//! `fn::secret`: text that must not be displayed, as plaintext or encrypted by Pulumi Cloud.

use std::rc::Rc;

use crate::envelope;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;
use crate::text::Text;

impl DefinitionEvaluator<'_, '_> {
    pub(super) fn secret(&mut self, plaintext: &Text, argument: ExprId) -> Rc<EvalValue> {
        self.session.sources.hide_text(plaintext);
        let mut value = EvalValue::text(plaintext.clone()).with_secret(true);
        value.origin = Some(self.origin(argument));
        Rc::new(value)
    }

    /// Decrypts a secret. A check only validates its envelope, unless it is configured to decrypt.
    pub(super) fn decrypt(&mut self, id: ExprId, envelope: &Text) -> Rc<EvalValue> {
        let mut value = EvalValue::unknown(Schema::of(Type::String));
        match envelope::decode(envelope.as_bytes()) {
            Ok(ciphertext) if self.session.decrypts => {
                let decrypted = self.session.host.decrypter.decrypt(&ciphertext);
                if let Some(plaintext) = self.ok_or_report(decrypted, id) {
                    self.session.sources.hide_text(&plaintext);
                    value = EvalValue::text(plaintext);
                }
            }
            Ok(_) => {}
            Err(error) => self.error(format!("invalid ciphertext: {error}"), id),
        }
        Rc::new(value.with_secret(true))
    }
}
