//! `fn::open`: calls a provider.
//!
//! The inputs are validated first. The provider is not called with invalid or unknown inputs, or in a
//! check; the result is then unknown, with the provider's output schema.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::Schema;
use crate::evaluator::session::Mode;
use crate::evaluator::suggest;
use crate::evaluator::validate::Wording;
use crate::evaluator::value::{EvalValue, ValueKind};
use crate::evaluator::{InvalidInput, Provider};
use crate::format::string::quoted;
use crate::{Diagnostic, Severity, Value};

impl DefinitionEvaluator<'_, '_> {
    pub(super) fn open(
        &mut self,
        id: ExprId,
        name: Option<&Rc<str>>,
        inputs: Option<ExprId>,
    ) -> Rc<EvalValue> {
        let Some(name) = name else {
            return EvalValue::unknown_any();
        };
        let found = self.session.host.providers.provider(name);
        let provider = self.ok_or_report(found, id);
        let accept = self.provider_schema(id, name, provider.map(Provider::input_schema));
        let outputs = self.provider_schema(id, name, provider.map(Provider::output_schema));
        let (Some(accept), Some(outputs)) = (accept, outputs) else {
            self.evaluate_argument(inputs, &Schema::any());
            return EvalValue::unknown_any();
        };
        let wording = match provider {
            Some(provider) if provider.explains_mistakes() => Wording::Explained,
            _ => Wording::Esc,
        };
        let (inputs, is_valid) = self.evaluate_argument_with(inputs, &accept, wording);
        self.hide_secret_inputs(&inputs, &accept, false);
        if wording == Wording::Explained {
            self.warn_of_unknown_inputs(&inputs, &[accept]);
        }
        let opened = match provider {
            Some(provider) if is_valid => self.open_with(provider, &inputs, id),
            _ => None,
        };
        let mut result = match opened {
            Some(opened) => export::from_value(opened, false, Some(self.origin(id))),
            None => Rc::new(EvalValue::unknown(outputs)),
        };
        Rc::make_mut(&mut result).set_provider(Some(name));
        result
    }

    /// Opens a provider with inputs that satisfy its schema, unless some are unknown or rejected.
    fn open_with(
        &mut self,
        provider: &dyn Provider,
        inputs: &Rc<EvalValue>,
        id: ExprId,
    ) -> Option<Value> {
        let is_known = !inputs.marks.has_unknown();
        let value = export::to_value(&mut self.session.budget, Rc::clone(inputs));
        if self.session.budget.is_exhausted() {
            return None;
        }
        let rejected = provider.check_inputs(&value);
        let is_accepted = rejected.is_empty();
        for InvalidInput { path, failure } in rejected {
            let input = path.iter().try_fold(inputs, |value, name| {
                Some(&value.known_property(name)?.value)
            });
            let origin = input.unwrap_or(inputs).origin;
            self.session.add_diagnostic(Diagnostic {
                severity: Severity::Error,
                summary: failure.message(),
                range: origin.map(|origin| self.session.modules.range(origin)),
                path: origin.map(|origin| self.session.modules.path(origin)),
                hint: None,
                failure: Some(Arc::from(failure)),
            });
        }
        if !is_accepted || !is_known || self.session.mode == Mode::Check {
            return None;
        }
        self.ok_or_report(provider.open(&value), id)
    }

    /// Warns of inputs that no part of the schemas names. `schemas` are alternatives.
    fn warn_of_unknown_inputs(&mut self, value: &EvalValue, schemas: &[Schema]) {
        let mut alternatives = schemas.to_vec();
        let mut next = 0;
        while let Some(schema) = alternatives.get(next).cloned() {
            alternatives.extend(schema.one_of().into_iter().chain(schema.any_of()));
            next += 1;
        }
        let names = alternatives.iter().flat_map(Schema::properties);
        let names: BTreeSet<_> = names.map(|(name, _)| name).collect();
        for (name, property) in value.properties() {
            if !self.session.budget.spend_steps(1) {
                return;
            }
            let declared = alternatives.iter();
            let declared: Vec<_> = declared
                .filter_map(|it| it.declared_property(name))
                .collect();
            if !declared.is_empty() {
                self.warn_of_unknown_inputs(&property.value, &declared);
            } else if !names.is_empty() && !value.hides_name_of(property) {
                let parent = names.iter().find(|parent| {
                    let parents = alternatives.iter();
                    let mut parents = parents.filter_map(|it| it.declared_property(parent));
                    parents.any(|parent| parent.names_property(name))
                });
                let hint = match parent {
                    Some(parent) => format!("indent it below `{parent}:`"),
                    None => unknown_input_hint(name, &names),
                };
                let summary = format!("unknown input {}, which has no effect", quoted(name));
                let origin = property.value.origin;
                self.report_at_origin(Severity::Warning, summary, Some(hint), origin);
            }
        }
    }

    /// Parses a schema of the provider or rotator `name`. Without a schema, because the provider is
    /// unknown, anything is valid. An invalid schema is an error at the call.
    pub(super) fn provider_schema(
        &mut self,
        id: ExprId,
        name: &str,
        text: Option<&str>,
    ) -> Option<Schema> {
        match text.map_or_else(|| Ok(Schema::any()), |text| self.parse_schema(text)) {
            Ok(schema) => Some(schema),
            Err(error) => {
                let name = quoted(name);
                let summary = format!("provider {name} has an invalid schema: {error}");
                self.error(summary, id);
                None
            }
        }
    }

    /// Hides inputs that the schema marks as secrets, and everything in inputs that are `secret`, from
    /// the source lines that diagnostics show.
    pub(super) fn hide_secret_inputs(&mut self, value: &EvalValue, schema: &Schema, secret: bool) {
        if !self.session.budget.spend_steps(1) {
            return;
        }
        let secret = secret || schema.rules().secret;
        match &value.kind {
            ValueKind::Text(_) | ValueKind::Number(_) if secret => {
                let sources = &mut self.session.sources;
                if let Some(literal) = value.literal {
                    let range = self.session.modules.range(literal);
                    sources.hide(&range.environment, range.begin.byte..range.end.byte);
                }
                if let Some(text) = value.as_text() {
                    sources.hide_text(text);
                }
            }
            ValueKind::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let schema = schema.declared_item(index).unwrap_or_else(Schema::any);
                    self.hide_secret_inputs(item, &schema, secret);
                }
            }
            ValueKind::Object { properties, .. } => {
                for (name, property) in properties.iter() {
                    let mut schemas: Vec<_> = schema.declared_property(name).into_iter().collect();
                    let branches = schema.one_of().into_iter().chain(schema.any_of());
                    for branch in branches.chain(schema.reference()) {
                        schemas.extend(branch.declared_property(name));
                    }
                    for schema in schemas {
                        self.hide_secret_inputs(&property.value, &schema, secret);
                    }
                    if secret {
                        self.hide_secret_inputs(&property.value, &Schema::any(), true);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What to write instead of an input that does not exist.
fn unknown_input_hint(name: &str, known: &BTreeSet<Rc<str>>) -> String {
    let nearest = suggest::nearest(name, known.iter().map(|name| &**name));
    nearest.map_or_else(
        || {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("remove it; the inputs here are {}", known.join(", "))
        },
        |nearest| format!("did you mean `{nearest}`?"),
    )
}
