//! Property accesses: from the path in `${…}` to the value that it means.
//!
//! A path is followed through expressions as far as it goes, so that only what it leads to is
//! evaluated; from there on through values.

use std::rc::Rc;

use crate::Severity;
use crate::evaluator::builtins::Call;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Kind};
use crate::evaluator::interpolation::{Access, Accessor, Step};
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::suggest;
use crate::evaluator::value::{Computed, Shape, Under};
use crate::format::string::quoted;

impl Scope<'_, '_> {
    /// The value that `access` means, which stands in the expression `at`.
    pub(super) fn access(&mut self, at: Id, access: &Access) -> Rc<Computed> {
        let steps = access.steps.as_slice();
        let Some((first, rest)) = steps.split_first() else {
            return Self::unknown();
        };
        match &first.accessor {
            Accessor::Name(name) if name == "context" => {
                let context = Rc::clone(&self.context);
                self.below_value(at, context, rest)
            }
            Accessor::Name(name) if name == "imports" => {
                let imports = Rc::clone(&self.imports);
                self.below_value(at, imports, rest)
            }
            Accessor::Name(name) if name == "environments" => self.inline_import(at, rest),
            _ => self.below_expression(at, self.root, steps),
        }
    }

    /// `${environments.PROJECT.NAME.path}`: imports an environment without merging it.
    fn inline_import(&mut self, at: Id, steps: &[Step]) -> Rc<Computed> {
        let [project_step, name_step, rest @ ..] = steps else {
            return Self::unknown();
        };
        let project = self.key(at, project_step).map(str::to_owned);
        let (Some(project), Some(name)) = (project, self.key(at, name_step)) else {
            return Self::unknown();
        };
        let name = format!("{project}/{name}");
        let span = self.program().expression(at).span;
        let path = self.program().path(at);
        let value = self.import(&name, span, path);
        self.below_value(at, value.unwrap_or_else(Self::unknown), rest)
    }

    fn below_expression(&mut self, at: Id, from: Id, steps: &[Step]) -> Rc<Computed> {
        let source = Rc::clone(&self.source);
        let mut from = from;
        for (position, step) in steps.iter().enumerate() {
            match &source.program.expression(from).kind {
                Kind::Object(properties) => {
                    let Some(name) = self.key(at, step) else {
                        return Self::unknown();
                    };
                    if let Some(child) = properties.get(name) {
                        from = *child;
                        continue;
                    }
                    match self.base(from) {
                        Some(base) if base.may_be_object() => {
                            return self.below_value(at, base, &steps[position..]);
                        }
                        _ => {
                            let names = properties.keys().map(|name| &**name);
                            let summary = unknown_property(name, names);
                            return self.fail(at, step, &summary);
                        }
                    }
                }
                Kind::List(items) => match self.index(at, step, Some(items.len())) {
                    Some(index) => from = items[index],
                    None => return Self::unknown(),
                },
                Kind::Call(Call::Ciphertext(_)) => {
                    // ESC looks through secrets for a text that is not there.
                    self.error("internal error: no receiver".to_owned(), at);
                    return Self::unknown();
                }
                Kind::Call(Call::Secret(_)) => {
                    // The text in it has no base, not even one that is final.
                    let value = self.evaluate_alone(from, None);
                    return self.below_value(at, value, &steps[position..]);
                }
                _ => {
                    let value = self.evaluate(from);
                    return self.below_value(at, value, &steps[position..]);
                }
            }
        }
        self.evaluate(from)
    }

    fn below_value(&mut self, at: Id, from: Rc<Computed>, steps: &[Step]) -> Rc<Computed> {
        let mut value = from;
        for (position, step) in steps.iter().enumerate() {
            if value.unknown {
                return self.below_unknown(at, &value, &steps[position..]);
            }
            let found = match &value.shape {
                Shape::Array(items) => match self.index(at, step, Some(items.len())) {
                    Some(index) => Rc::clone(&items[index]),
                    None => return Self::unknown(),
                },
                Shape::Object { under, .. } => {
                    let Some(name) = self.key(at, step) else {
                        return Self::unknown();
                    };
                    match (value.entry(name), under) {
                        (Some(found), _) => Rc::clone(found),
                        (None, Under::Unknown(base)) if base.may_be_object() => {
                            let base = Rc::clone(base);
                            return self.below_unknown(at, &base, &steps[position..]);
                        }
                        (None, _) => {
                            if let Some(found) = self.renamed(at, step, &value, name) {
                                found
                            } else {
                                // The names in a secret are secret too.
                                let names = bottom(&value).own_names();
                                let names = names.filter(|_| !value.secret);
                                let summary = unknown_property(name, names);
                                return self.fail(at, step, &summary);
                            }
                        }
                    }
                }
                _ => return self.fail(at, step, NO_RECEIVER),
            };
            value = found;
        }
        value
    }

    /// What is known of a place in a value that is not known.
    fn below_unknown(&mut self, at: Id, from: &Rc<Computed>, steps: &[Step]) -> Rc<Computed> {
        let mut schema = from.schema();
        for (position, step) in steps.iter().enumerate() {
            if schema.is_any() {
                break;
            }
            schema = match schema.rules().kind {
                Some(Type::Array) => match self.index(at, step, schema.length()) {
                    Some(index) => schema.item(index),
                    None => return Self::unknown(),
                },
                Some(Type::Object) => {
                    let Some(name) = self.key(at, step) else {
                        return Self::unknown();
                    };
                    let present = if position == 0 && !schema.names_property(name) {
                        self.renamed(at, step, from, name)
                    } else {
                        None
                    };
                    present.map_or_else(|| schema.property(name), |value| value.schema())
                }
                _ => return self.fail(at, step, NO_RECEIVER),
            };
        }
        Rc::new(Computed::unknown(schema))
    }

    /// The property that an older name of a provider's output means, with a warning, where the
    /// value has none of the older name itself.
    fn renamed(
        &mut self,
        at: Id,
        step: &Step,
        value: &Rc<Computed>,
        name: &str,
    ) -> Option<Rc<Computed>> {
        let provider = value.provider.as_ref()?;
        let provider = self.session.providers.provider(provider).ok()?;
        let present = provider.renamed_output(name)?;
        let property = value.property(present)?;
        let summary = format!("`{name}` is `{present}` in Pulumi Cloud; rename it");
        self.report(Severity::Warning, summary, step.span, at);
        Some(property)
    }

    /// The name that a step into an object has; an index is an error.
    fn key<'s>(&mut self, at: Id, step: &'s Step) -> Option<&'s str> {
        match &step.accessor {
            Accessor::Name(name) => Some(name),
            Accessor::Index(_) => {
                self.fail(at, step, INDEX_OF_OBJECT);
                None
            }
        }
    }

    /// The index that a step into an array of `length` has, if that is known; else an error.
    fn index(&mut self, at: Id, step: &Step, length: Option<usize>) -> Option<usize> {
        let index = match step.accessor {
            Accessor::Index(index) => index,
            Accessor::Name(_) => {
                self.fail(at, step, NAME_OF_ARRAY);
                return None;
            }
        };
        let Ok(position) = usize::try_from(index) else {
            self.fail(at, step, NEGATIVE_INDEX);
            return None;
        };
        match length {
            Some(length) if position >= length => {
                let summary =
                    format!("array index {index} out-of-bounds for array of length {length}");
                self.fail(at, step, &summary);
                None
            }
            _ => Some(position),
        }
    }

    fn fail(&mut self, at: Id, step: &Step, summary: &str) -> Rc<Computed> {
        self.report(Severity::Error, summary.to_owned(), step.span, at);
        Self::unknown()
    }

    pub(super) fn unknown() -> Rc<Computed> {
        Rc::new(Computed::unknown(Schema::any()))
    }
}

const INDEX_OF_OBJECT: &str = "cannot access an object property using an integer index";
const NAME_OF_ARRAY: &str = "cannot access an array element using a property name";
const NEGATIVE_INDEX: &str = "array indices must not be negative";
const NO_RECEIVER: &str = "receiver must be an array or an object";

/// The object whose names are suggested: the lowest of those that one lies over.
fn bottom(value: &Rc<Computed>) -> &Rc<Computed> {
    match &value.shape {
        Shape::Object {
            under: Under::Open(Some(bottom)) | Under::Closed(Some(bottom)),
            ..
        } => bottom,
        _ => value,
    }
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
