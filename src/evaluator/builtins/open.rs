//! `fn::open`: what a provider gives for its inputs.
//!
//! The inputs are checked against the provider's schema first. A provider is not opened with inputs
//! that are wrong or not known, nor in a check; its result is then known by its schema alone.

use std::rc::Rc;

use crate::evaluator::builtins::{Call, Reading};
use crate::evaluator::computed::{Computed, Shape};
use crate::evaluator::convert;
use crate::evaluator::evaluate::{Mode, Scope};
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::schema::Schema;

/// The schemas of a provider.
#[derive(Clone, Debug)]
pub(in crate::evaluator) struct ProviderSchemas {
    inputs: Schema,
    outputs: Schema,
}

/// `fn::open: {provider, inputs}`.
pub(super) fn read(lowering: &mut Lowering, _: &str, argument: Id) -> Reading {
    let Kind::Object(properties) = lowering.kind(argument) else {
        let summary =
            "the argument to fn::open must be an object containing 'provider' and 'inputs'";
        lowering.error_at(summary, argument);
        return Reading::Malformed;
    };
    let provider = properties.get("provider").copied();
    let inputs = properties.get("inputs").copied();
    let name = match provider.map(|id| (id, lowering.kind(id))) {
        None => {
            lowering.error_at("missing provider name ('provider')", argument);
            None
        }
        Some((_, Kind::Text(name))) => Some(Rc::from(name.as_str().unwrap_or_default())),
        Some((id, _)) => {
            lowering.error_at("provider name must be a string literal", id);
            None
        }
    };
    if inputs.is_none() {
        lowering.error_at("missing provider inputs ('inputs')", argument);
    }
    match (name, inputs) {
        (Some(provider), Some(inputs)) => Reading::Call(Call::Open { provider, inputs }),
        _ => Reading::Malformed,
    }
}

/// `fn::open::PROVIDER: inputs`.
pub(super) fn read_short(_: &mut Lowering, name: &str, argument: Id) -> Reading {
    let provider = name.strip_prefix("open::").unwrap_or_default();
    Reading::Call(Call::Open {
        provider: Rc::from(provider),
        inputs: argument,
    })
}

pub(super) fn evaluate(
    scope: &mut Scope<'_, '_>,
    id: Id,
    name: &Rc<str>,
    inputs: Id,
) -> Rc<Computed> {
    let value = scope.evaluate(inputs);
    let Some(schemas) = schemas(scope, id, name) else {
        return Scope::unknown();
    };
    hide_secrets(scope, &value, &schemas.inputs, false);
    let is_valid = scope.check(inputs, &value, &schemas.inputs);
    let mut unknown = Computed::unknown(schemas.outputs);
    unknown.provider = Some(Rc::clone(name));
    if !is_valid || value.all.unknown || scope.session.mode == Mode::Check {
        return Rc::new(unknown);
    }
    let exported = convert::to_value(&mut scope.session.budget, &value);
    if scope.session.budget.is_exhausted() {
        return Rc::new(unknown);
    }
    let providers = scope.session.providers;
    let Ok(provider) = providers.provider(name) else {
        return Rc::new(unknown);
    };
    match provider.open(&exported) {
        Ok(result) => {
            let result = convert::from_value(result, false);
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

fn schemas(scope: &mut Scope<'_, '_>, id: Id, name: &Rc<str>) -> Option<ProviderSchemas> {
    if let Some(schemas) = scope.session.schemas.get(&**name) {
        return Some(schemas.clone());
    }
    let provider = match scope.session.providers.provider(name) {
        Ok(provider) => provider,
        Err(error) => {
            scope.failure(error, id);
            return None;
        }
    };
    let inputs = Schema::parse(provider.input_schema());
    let outputs = Schema::parse(provider.output_schema());
    match (inputs, outputs) {
        (Ok(inputs), Ok(outputs)) => {
            let schemas = ProviderSchemas { inputs, outputs };
            let known = &mut scope.session.schemas;
            known.insert(name.to_string(), schemas.clone());
            Some(schemas)
        }
        (Err(error), _) | (_, Err(error)) => {
            let name = convert::quoted(name);
            scope.error(
                format!("provider {name} has an invalid schema: {error}"),
                id,
            );
            None
        }
    }
}

/// Hides what is written in a definition and goes to an input that the schema calls a secret.
fn hide_secrets(scope: &mut Scope<'_, '_>, value: &Computed, schema: &Schema, secret: bool) {
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
            for (name, entry) in entries {
                let mut schemas: Vec<_> = schema.declared_property(name).into_iter().collect();
                for branch in schema.one_of().into_iter().chain(schema.any_of()) {
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
