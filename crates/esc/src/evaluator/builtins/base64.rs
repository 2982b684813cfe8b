//! `fn::toBase64` and `fn::fromBase64`: RFC 4648 §4, padded.

use std::rc::Rc;

use crate::base64;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::Id;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::Computed;
use crate::text::Text;

pub(super) fn encode(scope: &mut Scope<'_, '_>, id: Id, argument: Id) -> Rc<Computed> {
    convert(scope, id, argument, |text| Ok(base64::encode(text)))
}

pub(super) fn decode(scope: &mut Scope<'_, '_>, id: Id, argument: Id) -> Rc<Computed> {
    convert(scope, id, argument, |text| {
        base64::decode(text).map_err(|error| format!("decoding base64 string: {error}"))
    })
}

fn convert(
    scope: &mut Scope<'_, '_>,
    id: Id,
    argument: Id,
    convert: impl Fn(&[u8]) -> Result<Text, String>,
) -> Rc<Computed> {
    let schema = Schema::of(Type::String);
    let (value, is_valid) = scope.expect(Some(argument), &schema);
    if !is_valid {
        return Rc::new(Computed::unknown(schema));
    }
    let secret = value.all.secret;
    let unknown = || Rc::new(Computed::unknown(schema).with_secret(secret));
    let Some(text) = value.as_text() else {
        return unknown();
    };
    if !scope.session.budget.spend_text(text.as_bytes().len()) {
        return unknown();
    }
    match convert(text.as_bytes()) {
        Ok(text) => Rc::new(Computed::text(text).with_secret(secret)),
        Err(summary) => {
            scope.error(summary, id);
            unknown()
        }
    }
}
