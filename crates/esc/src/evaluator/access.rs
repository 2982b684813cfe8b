//! Evaluates property accesses (`${…}`).
//!
//! A path is followed through expressions as far as possible, so that only the expression at its end
//! is evaluated, and from there on through values.

use std::rc::Rc;

use crate::Severity;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::{BuiltinCall, ExprId, ExprKind};
use crate::evaluator::interpolation::AccessStep;
use crate::evaluator::schema::Type;
use crate::evaluator::suggest;
use crate::evaluator::value::{Base, EvalValue, ValueKind};
use crate::format::string::quoted;
use crate::interpolation::AccessKey;

const INDEX_OF_OBJECT: &str = "cannot access an object property using an integer index";
const NAME_OF_ARRAY: &str = "cannot access an array element using a property name";
const NEGATIVE_INDEX: &str = "array indices must not be negative";
const NOT_A_CONTAINER: &str = "receiver must be an array or an object";

impl DefinitionEvaluator<'_, '_> {
    /// Evaluates an access in the expression `id`, where errors are reported. Its value is then unknown.
    pub(super) fn access(&mut self, id: ExprId, steps: &[AccessStep]) -> Rc<EvalValue> {
        let value = match steps {
            [
                AccessStep {
                    key: AccessKey::Name(name),
                    ..
                },
                rest @ ..,
            ] => match &**name {
                "context" => self.access_value(id, Rc::clone(&self.context), rest),
                "imports" => self.access_value(id, Rc::clone(&self.imports), rest),
                "environments" => self.inline_import(id, rest),
                _ => self.access_expression(id, steps),
            },
            _ => self.access_expression(id, steps),
        };
        value.unwrap_or_else(EvalValue::unknown_any)
    }

    /// `${environments.PROJECT.NAME.path}`: imports an environment without merging it.
    fn inline_import(&mut self, id: ExprId, steps: &[AccessStep]) -> Option<Rc<EvalValue>> {
        let [project, name, rest @ ..] = steps else {
            return None;
        };
        let project = self.property_name(id, project);
        let name = self.property_name(id, name);
        let name = format!("{}/{}", project?, name?);
        let span = self.program().expression(id).span;
        let path = self.program().path(id);
        let value = self.import(&name, span, path)?;
        self.access_value(id, value, rest)
    }

    /// Follows a path from the object of all values.
    fn access_expression(&mut self, id: ExprId, steps: &[AccessStep]) -> Option<Rc<EvalValue>> {
        let module = Rc::clone(&self.module);
        let mut current = ExprId::ROOT;
        for (position, step) in steps.iter().enumerate() {
            let value = match &module.program.expression(current).kind {
                ExprKind::Object(properties) => {
                    let name = self.property_name(id, step)?;
                    if let Some(child) = properties.get(name) {
                        current = *child;
                        continue;
                    }
                    match self.base(current) {
                        Some(base) if base.may_be_object() => base,
                        _ => {
                            let names = properties.iter().map(|(name, _)| &**name);
                            return self.access_error(id, step, unknown_property(name, names));
                        }
                    }
                }
                ExprKind::List(items) => {
                    current = items[self.index(id, step, Some(items.len()))?];
                    continue;
                }
                ExprKind::Call(BuiltinCall::Ciphertext(_)) => {
                    // Upstream looks for plaintext that an encrypted secret does not have.
                    self.error("internal error: no receiver".to_owned(), id);
                    return None;
                }
                // The plaintext itself has no base, not even a final one.
                ExprKind::Call(BuiltinCall::Secret(..)) => {
                    self.evaluate_without_base(current, None)
                }
                _ => self.evaluate(current),
            };
            return self.access_value(id, value, &steps[position..]);
        }
        Some(self.evaluate(current))
    }

    fn access_value(
        &mut self,
        id: ExprId,
        from: Rc<EvalValue>,
        steps: &[AccessStep],
    ) -> Option<Rc<EvalValue>> {
        let mut value = from;
        for (position, step) in steps.iter().enumerate() {
            if value.unknown {
                return self.access_unknown(id, &value, &steps[position..]);
            }
            let next = match &value.kind {
                ValueKind::Array(items) => {
                    Rc::clone(&items[self.index(id, step, Some(items.len()))?])
                }
                ValueKind::Object { base, .. } => {
                    let name = self.property_name(id, step)?;
                    if let Some(property) = value.known_property(name) {
                        if property.is_unknown {
                            Rc::new(EvalValue::unknown(property.value.schema()))
                        } else {
                            Rc::clone(&property.value)
                        }
                    } else if let Base::Unknown(base) = base
                        && base.may_be_object()
                    {
                        return self.access_unknown(id, base, &steps[position..]);
                    } else if let Some(renamed) = self.renamed_output(id, step, &value, name) {
                        renamed
                    } else {
                        let summary = unknown_property(name, candidates(&value));
                        return self.access_error(id, step, summary);
                    }
                }
                _ => return self.access_error(id, step, NOT_A_CONTAINER.to_owned()),
            };
            value = next;
        }
        Some(value)
    }

    /// Follows a path below an unknown value, through its schema.
    fn access_unknown(
        &mut self,
        id: ExprId,
        from: &Rc<EvalValue>,
        steps: &[AccessStep],
    ) -> Option<Rc<EvalValue>> {
        let mut schema = from.schema();
        for (position, step) in steps.iter().enumerate() {
            if schema.is_any() {
                break;
            }
            schema = match schema.rules().kind {
                Some(Type::Array) => schema.item(self.index(id, step, schema.length())?),
                Some(Type::Object) => {
                    let name = self.property_name(id, step)?;
                    let mut renamed = None;
                    if position == 0 && !schema.names_property(name) {
                        renamed = self.renamed_output(id, step, from, name);
                    }
                    renamed.map_or_else(|| schema.property(name), |value| value.schema())
                }
                _ => return self.access_error(id, step, NOT_A_CONTAINER.to_owned()),
            };
        }
        Some(Rc::new(EvalValue::unknown(schema)))
    }

    /// Returns the output that `name` is an older name of, with a warning, if `value` is the result
    /// of a provider that renamed it.
    fn renamed_output(
        &mut self,
        id: ExprId,
        step: &AccessStep,
        value: &Rc<EvalValue>,
        name: &str,
    ) -> Option<Rc<EvalValue>> {
        let provider = value.provider.as_ref()?;
        let provider = self.session.host.providers.provider(provider).ok()?;
        let current_name = provider.renamed_output(name)?;
        let property = value.property(current_name)?;
        let summary = format!("`{name}` is `{current_name}` in Pulumi Cloud; rename it");
        self.report(Severity::Warning, summary, step.location, id);
        Some(property)
    }

    /// The property that a step selects. An index is an error.
    fn property_name<'s>(&mut self, id: ExprId, step: &'s AccessStep) -> Option<&'s str> {
        match &step.key {
            AccessKey::Name(name) => Some(name),
            AccessKey::Index(_) => self.access_error(id, step, INDEX_OF_OBJECT.to_owned()),
        }
    }

    /// The index that a step selects in an array, whose length may be unknown. A name and an index
    /// out of bounds are errors.
    fn index(&mut self, id: ExprId, step: &AccessStep, length: Option<usize>) -> Option<usize> {
        let AccessKey::Index(index) = step.key else {
            return self.access_error(id, step, NAME_OF_ARRAY.to_owned());
        };
        let Ok(position) = usize::try_from(index) else {
            return self.access_error(id, step, NEGATIVE_INDEX.to_owned());
        };
        if let Some(length) = length
            && position >= length
        {
            let summary = format!("array index {index} out-of-bounds for array of length {length}");
            return self.access_error(id, step, summary);
        }
        Some(position)
    }

    /// Reports an error at a step. Returns `None`, the result of the step.
    fn access_error<T>(&mut self, id: ExprId, step: &AccessStep, summary: String) -> Option<T> {
        self.report(Severity::Error, summary, step.location, id);
        None
    }
}

/// The property names to suggest for an object: those of the lowest object that it was merged over.
fn candidates(value: &EvalValue) -> impl Iterator<Item = &str> {
    let lowest = match &value.kind {
        ValueKind::Object {
            base: Base::Open(Some(lowest)) | Base::Closed(Some(lowest)),
            ..
        } => lowest,
        _ => value,
    };
    lowest
        .properties()
        // The property names in a secret are secret too.
        .filter(|(_, property)| property.is_own && !value.secret)
        .map(|(name, _)| &**name)
}

fn unknown_property<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> String {
    let quoted_name = quoted(name);
    match suggest::nearest(name, candidates) {
        Some(nearest) => {
            let nearest = quoted(nearest);
            format!("unknown property {quoted_name}; did you mean {nearest}?")
        }
        None => format!("unknown property {quoted_name}"),
    }
}
