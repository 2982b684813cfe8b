//! Property accesses: from the path in `${…}` to the value that it means.
//!
//! A path is followed through expressions as far as it goes, so that only what it leads to is
//! evaluated; from there on through values.

use std::rc::Rc;

use crate::environment::Severity;
use crate::evaluator::computed::{Computed, Shape};
use crate::evaluator::convert::quoted;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Kind};
use crate::evaluator::interpolation::{Access, Accessor, Step};
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::suggest;

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
        let [project, name, rest @ ..] = steps else {
            return Self::unknown();
        };
        let (Accessor::Name(project), Accessor::Name(name)) = (&project.accessor, &name.accessor)
        else {
            return Self::unknown();
        };
        let name = format!("{project}/{name}");
        let span = self.program.expression(at).span;
        let path = self.program.path(at);
        match self.import(&name, span, path) {
            Some(value) => self.below_value(at, value, rest),
            None => Self::unknown(),
        }
    }

    fn below_expression(&mut self, at: Id, from: Id, steps: &[Step]) -> Rc<Computed> {
        let program = Rc::clone(&self.program);
        let mut from = from;
        for (position, step) in steps.iter().enumerate() {
            let base = self.base(from);
            if base.as_ref().is_some_and(|base| base.is_final) {
                let value = self.evaluate(from);
                return self.below_value(at, value, &steps[position..]);
            }
            match (&program.expression(from).kind, &step.accessor) {
                (Kind::Object(properties), Accessor::Name(name)) => {
                    if let Some(child) = properties.get(name.as_str()) {
                        from = *child;
                    } else if let Some(value) = base.as_ref().and_then(|it| it.property(name)) {
                        return self.below_value(at, value, &steps[position + 1..]);
                    } else {
                        let own = properties.keys().map(|name| &**name);
                        let inherited = base.iter().flat_map(|base| base.names());
                        let summary = unknown_property(name, own.chain(inherited));
                        return self.fail(at, step, &summary);
                    }
                }
                (Kind::List(items), Accessor::Index(index)) => match element(*index, items.len()) {
                    Ok(index) => from = items[index],
                    Err(summary) => return self.fail(at, step, &summary),
                },
                (Kind::Object(_), Accessor::Index(_)) => {
                    return self.fail(at, step, INDEX_OF_OBJECT);
                }
                (Kind::List(_), Accessor::Name(_)) => {
                    return self.fail(at, step, NAME_OF_ARRAY);
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
        for step in steps {
            value = match (&value.shape, &step.accessor) {
                (Shape::Object { .. } | Shape::Unknown { .. }, Accessor::Name(name)) => {
                    if let Some(renamed) = self.renamed(at, step, &value, name) {
                        renamed
                    } else if let Some(property) = value.property(name) {
                        property
                    } else if value.is_unknown() {
                        return self.fail(at, step, NO_RECEIVER);
                    } else {
                        // The names in a secret are secret too.
                        let names = value.names().filter(|_| !value.secret);
                        let summary = unknown_property(name, names);
                        return self.fail(at, step, &summary);
                    }
                }
                (Shape::Unknown { schema, .. }, Accessor::Index(index)) => {
                    if *index < 0 {
                        return self.fail(at, step, NEGATIVE_INDEX);
                    }
                    if !schema.may_be(Type::Array) {
                        let is_object = schema.may_be(Type::Object);
                        let summary = if is_object {
                            INDEX_OF_OBJECT
                        } else {
                            NO_RECEIVER
                        };
                        return self.fail(at, step, summary);
                    }
                    let index = usize::try_from(*index).unwrap_or(usize::MAX);
                    Rc::new(Computed::unknown(schema.item(index)))
                }
                (Shape::Array(items), Accessor::Index(index)) => {
                    let item = element(*index, items.len())
                        .map(|index| value.item(index).unwrap_or_else(Self::unknown));
                    match item {
                        Ok(item) => item,
                        Err(summary) => return self.fail(at, step, &summary),
                    }
                }
                (Shape::Array(_), Accessor::Name(_)) => {
                    return self.fail(at, step, NAME_OF_ARRAY);
                }
                (Shape::Object { .. }, Accessor::Index(_)) => {
                    return self.fail(at, step, INDEX_OF_OBJECT);
                }
                _ => return self.fail(at, step, NO_RECEIVER),
            };
        }
        value
    }

    /// The property that an older name of a provider's output means, with a warning. A property
    /// that has the older name itself comes first.
    fn renamed(
        &mut self,
        at: Id,
        step: &Step,
        value: &Rc<Computed>,
        name: &str,
    ) -> Option<Rc<Computed>> {
        let provider = value.provider.as_ref()?;
        let present = self
            .session
            .providers
            .provider(provider)
            .ok()?
            .renamed_output(name)?;
        let has_older = match &value.shape {
            Shape::Unknown { schema, base } => {
                let inherits = |base: &Rc<Computed>| base.property(name).is_some();
                schema.names_property(name) || base.as_ref().is_some_and(inherits)
            }
            _ => value.property(name).is_some(),
        };
        if has_older {
            return None;
        }
        let property = value.property(present)?;
        let summary = format!("`{name}` is `{present}` in Pulumi Cloud; rename it");
        self.report(Severity::Warning, summary, step.span, at);
        Some(property)
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

fn element(index: i64, length: usize) -> Result<usize, String> {
    if index < 0 {
        return Err(NEGATIVE_INDEX.to_owned());
    }
    let element = usize::try_from(index).ok().filter(|index| *index < length);
    element.ok_or_else(|| format!("array index {index} out-of-bounds for array of length {length}"))
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
