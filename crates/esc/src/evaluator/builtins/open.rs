//! `fn::open`: what a provider gives for its inputs.
//!
//! The inputs are checked against the provider's schema first. A provider is not opened with inputs
//! that are wrong or not known, nor in a check; its result is then known by its schema alone.

use std::rc::Rc;

use crate::evaluator::builtins::Call;
use crate::evaluator::evaluate::{Mode, Scope};
use crate::evaluator::export;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::schema::Schema;
use crate::evaluator::validate::Wording;
use crate::evaluator::value::{Computed, Shape};
use crate::format::string::quoted;

/// `fn::open: {provider, inputs}`.
pub(super) fn read(lowering: &mut Lowering, _: &str, argument: Id) -> Call {
    let Kind::Object(properties) = lowering.kind(argument) else {
        let summary =
            "the argument to fn::open must be an object containing 'provider' and 'inputs'";
        lowering.error_at(summary, argument);
        return Call::Open {
            provider: None,
            inputs: None,
        };
    };
    let name = properties.get("provider").copied();
    let inputs = properties.get("inputs").copied();
    Call::Open {
        provider: read_name(lowering, argument, name),
        inputs: read_inputs(lowering, argument, inputs),
    }
}

/// The provider's name, which must be a literal.
pub(super) fn read_name(
    lowering: &mut Lowering,
    argument: Id,
    name: Option<Id>,
) -> Option<Rc<str>> {
    match name.map(|id| (id, lowering.kind(id))) {
        None => {
            lowering.error_at("missing provider name ('provider')", argument);
            None
        }
        Some((_, Kind::Text(name))) => Some(Rc::from(name.as_str().unwrap_or_default())),
        Some((id, _)) => {
            lowering.error_at("provider name must be a string literal", id);
            None
        }
    }
}

/// The inputs, which must not be missing.
pub(super) fn read_inputs(lowering: &mut Lowering, argument: Id, inputs: Option<Id>) -> Option<Id> {
    if inputs.is_none() {
        lowering.error_at("missing provider inputs ('inputs')", argument);
    }
    inputs
}

/// `fn::open::PROVIDER: inputs`.
pub(super) fn read_short(_: &mut Lowering, name: &str, argument: Id) -> Call {
    let provider = name.strip_prefix("open::").unwrap_or_default();
    Call::Open {
        provider: Some(Rc::from(provider)),
        inputs: Some(argument),
    }
}

pub(super) fn evaluate(
    scope: &mut Scope<'_, '_>,
    id: Id,
    name: Option<&Rc<str>>,
    inputs: Option<Id>,
) -> Rc<Computed> {
    let Some(name) = name else {
        return Scope::unknown();
    };
    let provider = match scope.session.providers.provider(name) {
        Ok(provider) => Some(provider),
        Err(error) => {
            scope.failure(error, id);
            None
        }
    };
    let (accept, outputs, wording) = match provider {
        Some(provider) => {
            let wording = if provider.explains_mistakes() {
                Wording::Explained
            } else {
                Wording::Esc
            };
            let accept = schema(scope, id, name, provider.input_schema());
            let outputs = schema(scope, id, name, provider.output_schema());
            (accept, outputs, wording)
        }
        None => (Some(Schema::any()), Some(Schema::any()), Wording::Esc),
    };
    let (Some(accept), Some(outputs)) = (accept, outputs) else {
        scope.expect(inputs, &Schema::any());
        return Scope::unknown();
    };
    let mut unknown = Computed::unknown(outputs);
    unknown.provider = Some(Rc::clone(name));
    let (value, is_valid) = scope.expect_in(inputs, &accept, wording);
    hide_secrets(scope, &value, &accept, false);
    let provider = match provider {
        Some(provider) if is_valid && !value.all.unknown && scope.session.mode == Mode::Open => {
            provider
        }
        _ => return Rc::new(unknown),
    };
    let exported = export::to_value(&mut scope.session.budget, &value);
    if scope.session.budget.is_exhausted() {
        return Rc::new(unknown);
    }
    match provider.open(&exported) {
        Ok(result) => {
            let result = export::from_value(result, false, Some(&scope.origin(id)));
            let mut result = Rc::unwrap_or_clone(result);
            result.provider = Some(Rc::clone(name));
            Rc::new(result)
        }
        Err(error) => {
            scope.failure(error, id);
            Rc::new(unknown)
        }
    }
}

/// A schema that the provider or rotator `name` states; an error at the call where it is none.
pub(super) fn schema(scope: &mut Scope<'_, '_>, id: Id, name: &str, text: &str) -> Option<Schema> {
    match scope.schema(text) {
        Ok(schema) => Some(schema),
        Err(error) => {
            let name = quoted(name);
            let summary = format!("provider {name} has an invalid schema: {error}");
            scope.error(summary, id);
            None
        }
    }
}

/// Hides what is written in a definition and goes to an input that the schema calls a secret.
pub(super) fn hide_secrets(
    scope: &mut Scope<'_, '_>,
    value: &Computed,
    schema: &Schema,
    secret: bool,
) {
    if !scope.session.budget.spend_steps(1) {
        return;
    }
    let secret = secret || schema.rules().secret;
    match &value.shape {
        Shape::Text(_) | Shape::Number(_) if secret => {
            if let Some(place) = &value.literal {
                let bytes = place.begin..place.end;
                scope.session.sources.hide(&place.environment, bytes);
            }
            if let Some(text) = value.as_text() {
                scope.session.sources.hide_text(text);
            }
        }
        Shape::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let schema = schema.declared_item(index).unwrap_or_else(Schema::any);
                hide_secrets(scope, item, &schema, secret);
            }
        }
        Shape::Object { entries, .. } => {
            for (name, entry) in entries.iter() {
                let mut schemas: Vec<_> = schema.declared_property(name).into_iter().collect();
                let branches = schema.one_of().into_iter().chain(schema.any_of());
                for branch in branches.chain(schema.reference()) {
                    schemas.extend(branch.declared_property(name));
                }
                for schema in schemas {
                    hide_secrets(scope, &entry.value, &schema, secret);
                }
                if secret {
                    hide_secrets(scope, &entry.value, &Schema::any(), true);
                }
            }
        }
        _ => {}
    }
}
