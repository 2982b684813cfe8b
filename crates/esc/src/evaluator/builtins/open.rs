//! `fn::open`: calls a provider.
//!
//! The inputs are validated first. The provider is not called with invalid or unknown inputs, or in a
//! check; the result is then unknown, with the provider's output schema.

use std::rc::Rc;

use crate::evaluator::Provider;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::Schema;
use crate::evaluator::session::Mode;
use crate::evaluator::validate::Wording;
use crate::evaluator::value::{EvalValue, ValueKind};
use crate::format::string::quoted;

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
        let mut result = Rc::new(EvalValue::unknown(outputs));
        if let Some(provider) = provider
            && is_valid
            && !inputs.marks.has_unknown()
            && self.session.mode == Mode::Open
        {
            let inputs = export::to_value(&mut self.session.budget, inputs);
            if !self.session.budget.is_exhausted()
                && let Some(opened) = self.ok_or_report(provider.open(&inputs), id)
            {
                result = export::from_value(opened, false, Some(&self.origin(id)));
            }
        }
        Rc::make_mut(&mut result).provider = Some(Rc::clone(name));
        result
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
                if let Some(literal) = &value.literal {
                    sources.hide(&literal.module.environment, literal.span().bytes());
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
