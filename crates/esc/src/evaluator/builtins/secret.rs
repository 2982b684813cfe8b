//! `fn::secret`: a text that must not be shown.
//!
//! The text is written in the definition, or encrypted by Pulumi Cloud, which alone has the key.

use std::rc::Rc;

use crate::envelope;
use crate::evaluator::builtins::Call;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::syntax::{self, Entry, Key, Node};
use crate::evaluator::value::Computed;
use crate::property_path::Accessor as PathStep;
use crate::text::Text;

/// A secret as it is written, and the expression that it is.
#[derive(Debug)]
pub(in crate::evaluator) struct Plaintext {
    text: Text,
    at: Id,
}

/// A secret that is encrypted: the base64 text of its envelope.
#[derive(Debug)]
pub(in crate::evaluator) struct Ciphertext(Text);

/// Reads the argument. What is in it is not declared, so that no message can quote from it.
pub(super) fn read(lowering: &mut Lowering, id: Id, key: &Key, argument: &Node) -> Call {
    let mark = lowering.mark();
    let at = lowering.expression(argument, id, PathStep::Name(key.name.clone()));
    lowering.undeclare(mark);
    match lowering.kind(at) {
        Kind::Text(text) => Call::Secret(Plaintext {
            text: text.clone(),
            at,
        }),
        Kind::Object(properties) if is_single(argument) => {
            let ciphertext = properties.get("ciphertext").map(|id| lowering.kind(*id));
            match ciphertext {
                Some(Kind::Text(text)) => Call::Ciphertext(Ciphertext(text.clone())),
                _ => malformed(lowering, at),
            }
        }
        _ => malformed(lowering, at),
    }
}

/// A secret that is no literal is an empty one, as in ESC.
fn malformed(lowering: &mut Lowering, at: Id) -> Call {
    lowering.error_at("secret values must be string literals", at);
    let text = Text::default();
    Call::Secret(Plaintext { text, at })
}

fn is_single(argument: &Node) -> bool {
    match &argument.kind {
        syntax::Kind::Object(entries) => matches!(entries.as_slice(), [Entry { .. }]),
        _ => false,
    }
}

pub(super) fn evaluate(scope: &mut Scope<'_, '_>, plaintext: &Plaintext) -> Rc<Computed> {
    scope.session.sources.hide_text(&plaintext.text);
    let mut value = Computed::text(plaintext.text.clone()).with_secret(true);
    value.origin = Some(scope.origin(plaintext.at));
    Rc::new(value)
}

/// A check decrypts nothing, unless secrets are to be shown; it looks at the envelope alone.
pub(super) fn decrypt(scope: &mut Scope<'_, '_>, id: Id, ciphertext: &Ciphertext) -> Rc<Computed> {
    let unknown = || Rc::new(Computed::unknown(Schema::of(Type::String)).with_secret(true));
    let ciphertext = match envelope::decode(ciphertext.0.as_bytes()) {
        Ok(ciphertext) => ciphertext,
        Err(error) => {
            scope.error(format!("invalid ciphertext: {error}"), id);
            return unknown();
        }
    };
    if !scope.session.decrypts() {
        return unknown();
    }
    match scope.session.decrypter.decrypt(&ciphertext) {
        Ok(text) => {
            scope.session.sources.hide_text(&text);
            Rc::new(Computed::text(text).with_secret(true))
        }
        Err(error) => {
            scope.failure(error, id);
            unknown()
        }
    }
}
