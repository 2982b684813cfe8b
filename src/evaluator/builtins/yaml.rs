//! `fn::toYAML`: any value as YAML text.

use std::rc::Rc;

use crate::evaluator::computed::Computed;
use crate::evaluator::convert;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::Id;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::yaml_text;

pub(super) fn encode(scope: &mut Scope<'_, '_>, argument: Id) -> Rc<Computed> {
    let value = scope.evaluate(argument);
    let schema = || Schema::of(Type::String);
    if value.all.unknown {
        let unknown = Computed::unknown(schema());
        return Rc::new(unknown.with_secret(value.all.secret));
    }
    let exported = convert::to_value(&mut scope.session.budget, &value);
    let text = yaml_text::text(&exported);
    scope.session.budget.spend_text(text.as_bytes().len());
    Rc::new(scope.flagged(Computed::text(text), value.all, schema))
}
