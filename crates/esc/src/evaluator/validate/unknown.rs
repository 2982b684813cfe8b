//! Validates unknown values: compares the schema of a value with the schema that it has to match.

use std::rc::Rc;

use super::{NO_SUBSCHEMA_MATCHES, Validator};
use crate::evaluator::document_path::{PathStep, join_step};
use crate::evaluator::module::Origin;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::EvalValue;

/// The location of a part of an unknown value.
#[derive(Clone)]
struct Location {
    /// The expression that produced the value.
    origin: Option<Origin>,
    /// The path from the value to the part.
    path: String,
}

impl Validator<'_> {
    /// Whether an unknown value can match `schema`.
    pub(super) fn unknown_value(&mut self, value: &Rc<EvalValue>, schema: &Schema) -> bool {
        let location = Location {
            origin: value.origin,
            path: String::new(),
        };
        self.schema(&value.schema(), schema, &location)
    }

    /// Whether a value of the schema `known` can match the schema `wanted`.
    fn schema(&mut self, known: &Schema, wanted: &Schema, location: &Location) -> bool {
        self.nested(wanted, |validator| {
            validator.schema_rules(known, wanted, location)
        })
    }

    fn schema_rules(&mut self, known: &Schema, wanted: &Schema, location: &Location) -> bool {
        let (known_rules, rules) = (known.rules(), wanted.rules());
        if wanted.is_any() {
            return true;
        }
        if rules.rejects {
            return false;
        }
        if known.is_any() {
            return true;
        }
        if known_rules.rejects {
            return false;
        }
        let mut is_valid = true;
        if let Some(reference) = wanted.reference() {
            is_valid &= self.schema(known, &reference, location);
        }
        if let Some(reference) = known.reference() {
            is_valid &= self.schema(&reference, wanted, location);
        }
        for alternatives in [known.any_of(), known.one_of()] {
            if !self.any_of(&alternatives, |it, known| {
                it.schema(known, wanted, location)
            }) {
                is_valid = self.violation_in(location, NO_SUBSCHEMA_MATCHES);
            }
        }
        if let (Some(known), Some(wanted)) = (known_rules.kind, rules.kind)
            && known != wanted
        {
            is_valid = self.violation_in(location, &format!("expected {wanted}, got {known}"));
        }
        // Once the value is known, one alternative will match.
        for alternatives in [wanted.any_of(), wanted.one_of()] {
            if !self.any_of(&alternatives, |it, wanted| {
                it.schema(known, wanted, location)
            }) {
                is_valid = self.violation_in(location, NO_SUBSCHEMA_MATCHES);
            }
        }
        is_valid
            & match known_rules.kind {
                Some(Type::Array) => self.array_schema(known, wanted, location),
                Some(Type::Object) => self.object_schema(known, wanted, location),
                _ => true,
            }
    }

    /// Compares the schemas of items with the same index, and then those of all further items.
    fn array_schema(&mut self, known: &Schema, wanted: &Schema, location: &Location) -> bool {
        let mut is_valid = true;
        let named = known.prefix_items().len().max(wanted.prefix_items().len());
        for index in 0..named {
            if let Some(wanted) = wanted.declared_item(index) {
                let known = known.declared_item(index).unwrap_or_else(Schema::any);
                let location = self.below(location, &PathStep::Index(index));
                is_valid &= self.schema(&known, &wanted, &location);
            }
        }
        if let (Some(known), Some(wanted)) = (known.items(), wanted.items())
            && !known.rules().rejects
        {
            is_valid &= self.schema(&known, &wanted, location);
        }
        is_valid
    }

    fn object_schema(&mut self, known: &Schema, wanted: &Schema, location: &Location) -> bool {
        let mut is_valid = true;
        for (name, schema) in known.properties() {
            if let Some(wanted) = wanted.declared_property(&name) {
                let location = self.below(location, &PathStep::Name(name));
                is_valid &= self.schema(&schema, &wanted, &location);
            }
        }
        match known.additional() {
            None => {
                // A record lists all of its properties.
                let has = |name: &str| known.rules().required.iter().any(|it| **it == *name);
                let dependent = wanted.rules().dependent_required.iter();
                let dependent = dependent.filter(|(name, _)| has(name));
                let required = wanted.rules().required.iter();
                for name in required.chain(dependent.flat_map(|(_, names)| names)) {
                    if !has(name) {
                        let location = self.below(location, &PathStep::Name(Rc::clone(name)));
                        is_valid = self.violation_in(&location, "missing required property");
                    }
                }
            }
            Some(additional) if !additional.rules().rejects => {
                if let Some(wanted) = wanted.additional() {
                    is_valid &= self.schema(&additional, &wanted, location);
                }
            }
            Some(_) => {}
        }
        is_valid
    }

    /// Reports a violation. Always returns false, the result of the check.
    fn violation_in(&mut self, location: &Location, message: &str) -> bool {
        let message = if location.path.is_empty() {
            message.to_owned()
        } else {
            format!("{}: {message}", location.path)
        };
        self.violation_at(location.origin, message)
    }

    fn below(&mut self, location: &Location, step: &PathStep<Rc<str>>) -> Location {
        self.spend_bytes(location.path.len());
        let mut below = location.clone();
        join_step(&mut below.path, step);
        below
    }
}
