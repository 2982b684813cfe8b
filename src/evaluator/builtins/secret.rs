//! `fn::secret`: a text that must not be shown.
//!
//! The text is written in the definition, or encrypted by Pulumi Cloud, which alone has the key.

use std::rc::Rc;

use crate::environment::path::Accessor as PathStep;
use crate::evaluator::builtins::{Call, Reading, Unsupported};
use crate::evaluator::computed::Computed;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Lowering};
use crate::evaluator::interpolation::Part;
use crate::evaluator::syntax::{Entry, Key, Kind, Node};
use crate::secret::Text;

/// A secret as it is written.
#[derive(Debug)]
pub(in crate::evaluator) struct Plaintext(Text);

/// Reads the argument. It never becomes an expression, so that no message can quote from it.
pub(super) fn read(lowering: &mut Lowering, id: Id, key: &Key, argument: &Node) -> Reading {
    let step = PathStep::Name(key.name.clone());
    let at = lowering.add(argument.span, Some((id, step)));
    match &argument.kind {
        Kind::Text(_) => {
            let mut parts = lowering.interpolation(argument, at).into_iter();
            match (parts.next(), parts.next()) {
                (None, _) => return Reading::Call(Call::Secret(Plaintext(Text::default()))),
                (Some(Part::Text(text)), None) => {
                    return Reading::Call(Call::Secret(Plaintext(text)));
                }
                _ => {}
            }
        }
        Kind::Object(entries) => {
            if let [Entry { key, value }] = entries.as_slice()
                && key.name == "ciphertext"
                && matches!(value.kind, Kind::Text(_))
            {
                return Reading::Call(Call::Unsupported(Unsupported::Ciphertext));
            }
        }
        _ => {}
    }
    lowering.error_at("secret values must be string literals", at);
    Reading::Malformed
}

pub(super) fn evaluate(scope: &mut Scope<'_, '_>, plaintext: &Plaintext) -> Rc<Computed> {
    scope.session.sources.hide_text(&plaintext.0);
    let value = Computed::text(plaintext.0.clone());
    Rc::new(value.with_secret(true))
}
