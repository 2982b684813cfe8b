//! Evaluates property accesses (`${…}`).
//!
//! A path is followed through expressions as far as possible, so that only the expression at its end
//! is evaluated, and from there on through values.

use std::rc::Rc;

use crate::Severity;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::{BuiltinCall, ExprId, ExprKind};
use crate::evaluator::interpolation::{AccessStep, PropertyAccess};
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
    /// Evaluates an access in the expression `id`, where errors are reported.
    pub(super) fn access(&mut self, id: ExprId, access: &PropertyAccess) -> Rc<EvalValue> {
        let steps = access.steps.as_slice();
        let Some((first, rest)) = steps.split_first() else {
            return EvalValue::unknown_any();
        };
        let name = match &first.key {
            AccessKey::Name(name) => name.as_str(),
            AccessKey::Index(_) => "",
        };
        match name {
            "context" => self.access_value(id, Rc::clone(&self.context), rest),
            "imports" => self.access_value(id, Rc::clone(&self.imports), rest),
            "environments" => self.inline_import(id, rest),
            _ => self.access_expression(id, steps),
        }
    }

    /// `${environments.PROJECT.NAME.path}`: imports an environment without merging it.
    fn inline_import(&mut self, id: ExprId, steps: &[AccessStep]) -> Rc<EvalValue> {
        let [project, name, rest @ ..] = steps else {
            return EvalValue::unknown_any();
        };
        let (project, name) = (
            self.property_name(id, project),
            self.property_name(id, name),
        );
        let (Some(project), Some(name)) = (project, name) else {
            return EvalValue::unknown_any();
        };
        let span = self.program().expression(id).span;
        let path = self.program().path(id);
        match self.import(&format!("{project}/{name}"), span, path) {
            Some(value) => self.access_value(id, value, rest),
            None => self.access_value(id, EvalValue::unknown_any(), rest),
        }
    }

    /// Follows a path from the object of all values.
    fn access_expression(&mut self, id: ExprId, steps: &[AccessStep]) -> Rc<EvalValue> {
        let module = Rc::clone(&self.module);
        let mut current = self.root;
        for (position, step) in steps.iter().enumerate() {
            match &module.program.expression(current).kind {
                ExprKind::Object(properties) => {
                    let Some(name) = self.property_name(id, step) else {
                        return EvalValue::unknown_any();
                    };
                    if let Some(child) = properties.get(name) {
                        current = *child;
                        continue;
                    }
                    match self.base(current) {
                        Some(base) if base.may_be_object() => {
                            return self.access_value(id, base, &steps[position..]);
                        }
                        _ => {
                            let names = properties.keys().map(|name| &**name);
                            let summary = unknown_property(name, names);
                            return self.access_error(id, step, summary);
                        }
                    }
                }
                ExprKind::List(items) => match self.index(id, step, Some(items.len())) {
                    Some(index) => current = items[index],
                    None => return EvalValue::unknown_any(),
                },
                ExprKind::Call(BuiltinCall::Ciphertext(_)) => {
                    // Upstream looks for plaintext that an encrypted secret does not have.
                    self.error("internal error: no receiver".to_owned(), id);
                    return EvalValue::unknown_any();
                }
                ExprKind::Call(BuiltinCall::Secret { .. }) => {
                    // The plaintext itself has no base, not even a final one.
                    let value = self.evaluate_without_base(current, None);
                    return self.access_value(id, value, &steps[position..]);
                }
                _ => {
                    let value = self.evaluate(current);
                    return self.access_value(id, value, &steps[position..]);
                }
            }
        }
        self.evaluate(current)
    }

    fn access_value(
        &mut self,
        id: ExprId,
        from: Rc<EvalValue>,
        steps: &[AccessStep],
    ) -> Rc<EvalValue> {
        let mut value = from;
        for (position, step) in steps.iter().enumerate() {
            if value.unknown {
                return self.access_unknown(id, &value, &steps[position..]);
            }
            let next = match &value.kind {
                ValueKind::Array(items) => match self.index(id, step, Some(items.len())) {
                    Some(index) => Rc::clone(&items[index]),
                    None => return EvalValue::unknown_any(),
                },
                ValueKind::Object { base, .. } => {
                    let Some(name) = self.property_name(id, step) else {
                        return EvalValue::unknown_any();
                    };
                    if let Some(property) = value.known_property(name) {
                        Rc::clone(property)
                    } else if let Base::Unknown(base) = base
                        && base.may_be_object()
                    {
                        return self.access_unknown(id, &Rc::clone(base), &steps[position..]);
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
        value
    }

    /// Follows a path below an unknown value, through its schema.
    fn access_unknown(
        &mut self,
        id: ExprId,
        from: &Rc<EvalValue>,
        steps: &[AccessStep],
    ) -> Rc<EvalValue> {
        let mut schema = from.schema();
        for (position, step) in steps.iter().enumerate() {
            if schema.is_any() {
                break;
            }
            schema = match schema.rules().kind {
                Some(Type::Array) => match self.index(id, step, schema.length()) {
                    Some(index) => schema.item(index),
                    None => return EvalValue::unknown_any(),
                },
                Some(Type::Object) => {
                    let Some(name) = self.property_name(id, step) else {
                        return EvalValue::unknown_any();
                    };
                    let mut renamed = None;
                    if position == 0 && !schema.names_property(name) {
                        renamed = self.renamed_output(id, step, from, name);
                    }
                    match renamed {
                        Some(value) => value.schema(),
                        None => schema.property(name),
                    }
                }
                _ => return self.access_error(id, step, NOT_A_CONTAINER.to_owned()),
            };
        }
        Rc::new(EvalValue::unknown(schema))
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
            AccessKey::Index(_) => {
                self.access_error(id, step, INDEX_OF_OBJECT.to_owned());
                None
            }
        }
    }

    /// The index that a step selects in an array, whose length may be unknown. A name and an index
    /// out of bounds are errors.
    fn index(&mut self, id: ExprId, step: &AccessStep, length: Option<usize>) -> Option<usize> {
        let AccessKey::Index(index) = step.key else {
            self.access_error(id, step, NAME_OF_ARRAY.to_owned());
            return None;
        };
        let Ok(position) = usize::try_from(index) else {
            self.access_error(id, step, NEGATIVE_INDEX.to_owned());
            return None;
        };
        if let Some(length) = length
            && position >= length
        {
            let summary = format!("array index {index} out-of-bounds for array of length {length}");
            self.access_error(id, step, summary);
            return None;
        }
        Some(position)
    }

    fn access_error(&mut self, id: ExprId, step: &AccessStep, summary: String) -> Rc<EvalValue> {
        self.report(Severity::Error, summary, step.location, id);
        EvalValue::unknown_any()
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
