//! Evaluates property accesses (`${…}`).
//!
//! A path is followed through expressions as far as possible, so that only the expression at its end
//! is evaluated, and from there on through values.

use std::rc::Rc;
use std::sync::Arc;

use crate::evaluator::Provider;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::export;
use crate::evaluator::expression::{BuiltinCall, ExprId, ExprKind};
use crate::evaluator::interpolation::AccessStep;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::suggest;
use crate::evaluator::value::{Base, EvalValue, ValueKind};
use crate::format::string::quoted;
use crate::interpolation::AccessKey;
use crate::{Diagnostic, Severity};

const INDEX_OF_OBJECT: &str = "cannot access an object property using an integer index";
const NAME_OF_ARRAY: &str = "cannot access an array element using a property name";
const NEGATIVE_INDEX: &str = "array indices must not be negative";
const NOT_A_CONTAINER: &str = "receiver must be an array or an object";

const NO_VALUES: &str = "leave out `values.`: paths start below it";

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
                "context" => self.access_context(id, rest),
                "imports" => self.access_value(id, Rc::clone(&self.imports), rest),
                "environments" => self.inline_import(id, rest),
                _ => self.access_expression(id, steps),
            },
            _ => self.access_expression(id, steps),
        };
        value.unwrap_or_else(EvalValue::unknown_any)
    }

    /// `${context.path}`: a property that the host knows, or the name of an environment.
    fn access_context(&mut self, id: ExprId, steps: &[AccessStep]) -> Option<Rc<EvalValue>> {
        let names = steps.iter().map(|step| match &step.key {
            AccessKey::Name(name) => Some(&**name),
            AccessKey::Index(_) => None,
        });
        if let (Some(names), Some(last)) = (names.collect::<Option<Vec<_>>>(), steps.last())
            && let Some(result) = self.session.host.context.property(&names.join("."))
        {
            return match result {
                Ok(value) => Some(export::from_value(value, false, None)),
                Err(error) => {
                    let path = self.program().path(id);
                    self.report_failure(Arc::from(error), last.location, path);
                    None
                }
            };
        }
        self.access_value(id, Rc::clone(&self.context), steps)
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
                            let mut problem = unknown_property(name, names);
                            if position == 0 && name == "values" {
                                problem.1 = Some(NO_VALUES.to_owned());
                            }
                            return self.access_error(id, step, problem);
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
                        let problem = unknown_property(name, candidates(&value));
                        return self.access_error(id, step, problem);
                    }
                }
                _ => return self.access_error(id, step, not_a_container(value.known_type())),
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
                        if renamed.is_none() && self.is_unknown_output(from, &schema) {
                            let names: Vec<_> = schema.properties().map(|(name, _)| name).collect();
                            let names = names.iter().map(|name| &**name);
                            let problem = unknown_property(name, names);
                            return self.access_error(id, step, problem);
                        }
                    }
                    renamed.map_or_else(|| schema.property(name), |value| value.schema())
                }
                kind => return self.access_error(id, step, not_a_container(kind)),
            };
        }
        Some(Rc::new(EvalValue::unknown(schema)))
    }

    /// Whether a property that `schema` does not name is one that opening would report: ESC's own providers
    /// have no others, but ESC's checks accept any.
    fn is_unknown_output(&self, value: &EvalValue, schema: &Schema) -> bool {
        let provider = value.provider();
        let provider = provider.and_then(|name| self.session.host.providers.provider(name).ok());
        provider.is_some_and(Provider::explains_mistakes) && schema.additional().is_none()
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
        let provider = value.provider()?;
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
                let hint = "write the name of a property, such as `.name` or `[\"name\"]`";
                self.access_error(id, step, problem(INDEX_OF_OBJECT, hint))
            }
        }
    }

    /// The index that a step selects in an array, whose length may be unknown. A name and an index
    /// out of bounds are errors.
    fn index(&mut self, id: ExprId, step: &AccessStep, length: Option<usize>) -> Option<usize> {
        let AccessKey::Index(index) = step.key else {
            let hint = "write the position of an item, such as `[0]`";
            return self.access_error(id, step, problem(NAME_OF_ARRAY, hint));
        };
        let Ok(position) = usize::try_from(index) else {
            return self.access_error(id, step, (NEGATIVE_INDEX.to_owned(), None));
        };
        if let Some(length) = length
            && position >= length
        {
            let summary = format!("array index {index} out-of-bounds for array of length {length}");
            return self.access_error(id, step, (summary, None));
        }
        Some(position)
    }

    /// Reports an error at a step. Returns `None`, the result of the step.
    fn access_error<T>(
        &mut self,
        id: ExprId,
        step: &AccessStep,
        (summary, hint): Problem,
    ) -> Option<T> {
        self.session.add_diagnostic(Diagnostic {
            severity: Severity::Error,
            summary,
            range: Some(self.module.range(step.location)),
            path: Some(self.program().path(id)),
            hint,
            failure: None,
        });
        None
    }
}

/// The property names to suggest for an object: those of the lowest object that it was merged over.
fn candidates(value: &EvalValue) -> impl Iterator<Item = &str> + Clone {
    let lowest = match &value.kind {
        ValueKind::Object {
            base: Base::Open(Some(lowest)) | Base::Closed(Some(lowest)),
            ..
        } => lowest,
        _ => value,
    };
    lowest
        .properties()
        .filter(|(_, property)| property.is_own && !value.secret && !lowest.secret)
        .map(|(name, _)| &**name)
}

/// What is wrong with an access, and a hint.
type Problem = (String, Option<String>);

fn problem(summary: &str, hint: &str) -> Problem {
    (summary.to_owned(), Some(hint.to_owned()))
}

fn not_a_container(kind: Option<Type>) -> Problem {
    let hint = kind.map(|kind| match kind {
        Type::String => {
            "the value before it is a string, which has no parts; if it is JSON, decode it with \
             `fn::fromJSON`"
                .to_owned()
        }
        kind => format!("the value before it is a {kind}, which has no parts"),
    });
    (NOT_A_CONTAINER.to_owned(), hint)
}

/// The problem of a property that does not exist. Suggests a similar name, or else lists a few.
fn unknown_property<'n>(name: &str, candidates: impl Iterator<Item = &'n str> + Clone) -> Problem {
    let quoted_name = quoted(name);
    if name.is_empty() {
        // Of a malformed interpolation, which has a diagnostic of its own.
        return (format!("unknown property {quoted_name}"), None);
    }
    if let Some(nearest) = suggest::nearest(name, candidates.clone()) {
        let nearest = quoted(nearest);
        let summary = format!("unknown property {quoted_name}; did you mean {nearest}?");
        return (summary, None);
    }
    let short = candidates.filter(|name| name.len() <= MAXIMUM_LISTED_BYTES);
    let mut listed: Vec<_> = short
        .take(MAXIMUM_LISTED + 1)
        .map(|name| format!("`{name}`"))
        .collect();
    if listed.len() > MAXIMUM_LISTED {
        "…".clone_into(&mut listed[MAXIMUM_LISTED]);
    }
    let hint = match listed.as_slice() {
        [] => None,
        [only] => Some(format!("the only property is {only}")),
        _ => Some(format!("use one of the properties {}", listed.join(", "))),
    };
    (format!("unknown property {quoted_name}"), hint)
}

/// How many properties a hint lists, and the longest name among them in bytes.
const MAXIMUM_LISTED: usize = 8;
const MAXIMUM_LISTED_BYTES: usize = 40;
