//! `fn::toJSON` and `fn::fromJSON`.

use std::rc::Rc;

use crate::evaluator::evaluate::Scope;
use crate::evaluator::export;
use crate::evaluator::expression::Id;
use crate::evaluator::limits::MAXIMUM_NESTING;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::Computed;
use crate::format::{Secrets, json};

pub(super) fn encode(scope: &mut Scope<'_, '_>, argument: Id) -> Rc<Computed> {
    let value = scope.evaluate(argument);
    let schema = || Schema::of(Type::String);
    if value.all.unknown {
        let unknown = Computed::unknown(schema());
        return Rc::new(unknown.with_secret(value.all.secret));
    }
    let exported = export::to_value(&mut scope.session.budget, &value);
    if scope.session.budget.is_exhausted() {
        // Only a part was exported.
        return Rc::new(Computed::unknown(schema()).with_secret(value.all.secret));
    }
    let text = json::compact(&exported, Secrets::Revealed);
    scope.session.budget.spend_text(text.as_bytes().len());
    let text = Computed::text(text);
    Rc::new(scope.flagged(text, value.all, schema))
}

pub(super) fn decode(scope: &mut Scope<'_, '_>, id: Id, argument: Id) -> Rc<Computed> {
    let (value, is_valid) = scope.expect(Some(argument), &Schema::of(Type::String));
    if !is_valid {
        return Scope::unknown();
    }
    let secret = value.all.secret;
    let unknown = || Rc::new(Computed::unknown(Schema::any()).with_secret(secret));
    let Some(text) = value.as_text() else {
        return unknown();
    };
    // A value takes more room than its text: `[[],[]]` is three lists.
    if !scope.session.budget.spend_steps(text.as_bytes().len()) {
        return unknown();
    }
    match json::parse(text.as_bytes(), MAXIMUM_NESTING) {
        Ok(value) => export::from_value(value, secret, Some(&scope.origin(id))),
        Err(error) => {
            // The character at fault is told, unless it is one of a secret.
            let error = if secret {
                error.to_string()
            } else {
                error.go_message(text.as_bytes())
            };
            scope.error(format!("decoding JSON string: {error}"), id);
            unknown()
        }
    }
}
