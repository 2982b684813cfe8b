//! `fn::toYAML`: any value as YAML text.

use std::rc::Rc;

use crate::evaluator::evaluate::Scope;
use crate::evaluator::export;
use crate::evaluator::expression::Id;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::Computed;
use crate::format::yaml;

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
    let text = yaml::text(&exported, yaml::FUNCTION_INDENT);
    scope.session.budget.spend_text(text.as_bytes().len());
    Rc::new(scope.flagged(Computed::text(text), value.all, schema))
}
