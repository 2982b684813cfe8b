//! Checks values against a schema, and says at which expression each violation lies.
//!
//! Of a value that is not known only its own schema can be checked: what may turn out valid is
//! valid.

use std::rc::Rc;

use crate::environment::path::Accessor as PathStep;
use crate::environment::{Data, Number, PropertyPath, Value, json};
use crate::evaluator::computed::{Computed, Shape};
use crate::evaluator::convert;
use crate::evaluator::expression::{Id, Kind, Program};
use crate::evaluator::schema::{Limit, Schema, Type, to_f64};
use crate::secret::REDACTED;

/// How deep schemas are followed. One that refers to itself without going down in the value would
/// never end.
const MAXIMUM_DEPTH: usize = 512;

/// A way in which a value does not satisfy a schema. The message does not quote the value.
#[derive(Debug)]
pub(super) struct Violation {
    /// The expression at fault.
    pub(super) at: Id,
    pub(super) message: String,
}

/// Checks `value`, which the expression `at` gave.
pub(super) fn validate(
    program: &Program,
    at: Id,
    value: &Rc<Computed>,
    schema: &Schema,
) -> Vec<Violation> {
    let mut validation = Validation {
        program,
        violations: Vec::new(),
        depth: 0,
    };
    let place = Place {
        at,
        below: PropertyPath::default(),
    };
    validation.value(&place, value, schema);
    validation.violations
}

/// A value's place: the nearest expression, and the path from its value to this one, which is empty
/// for a value that is written in the definition.
struct Place {
    at: Id,
    below: PropertyPath,
}

struct Validation<'p> {
    program: &'p Program,
    violations: Vec<Violation>,
    depth: usize,
}

impl Validation<'_> {
    fn value(&mut self, place: &Place, value: &Rc<Computed>, schema: &Schema) {
        if self.depth == MAXIMUM_DEPTH {
            return;
        }
        self.depth += 1;
        self.value_at_depth(place, value, schema);
        self.depth -= 1;
    }

    fn value_at_depth(&mut self, place: &Place, value: &Rc<Computed>, schema: &Schema) {
        let rules = schema.rules();
        let kind = match (&value.shape, value.kind()) {
            (Shape::Unknown { schema: known, .. }, _) => {
                if let Some(message) = incompatible(known, schema, 0) {
                    self.violation(place, message);
                }
                return;
            }
            (_, Some(kind)) => kind,
            (_, None) => return,
        };
        if rules.rejects {
            return self.violation(place, format!("expected never, got {kind}"));
        }
        if let Some(message) = type_mismatch(&rules.types, kind) {
            return self.violation(place, message);
        }
        if let Some(constant) = &rules.constant
            && !equals(value, constant)
        {
            return self.violation(place, format!("expected {}", json_text(constant)));
        }
        if let Some(allowed) = &rules.enumeration
            && !allowed.iter().any(|allowed| equals(value, allowed))
        {
            let list = json_text(&Value::new(Data::Array(allowed.clone())));
            return self.violation(place, format!("expected one of {list}"));
        }
        self.any_of(place, value, schema);
        self.one_of(place, value, schema);
        match &value.shape {
            Shape::Number(number) => self.number(place, number, schema),
            Shape::Text(text) => self.text(place, text.as_bytes(), schema),
            Shape::Array(items) => self.array(place, items, schema),
            Shape::Object { .. } => self.object(place, value, schema),
            Shape::Unknown { .. } | Shape::Null | Shape::Bool(_) => {}
        }
    }

    fn any_of(&mut self, place: &Place, value: &Rc<Computed>, schema: &Schema) {
        let branches = schema.any_of();
        if !branches.is_empty() && !branches.iter().any(|it| self.is_valid(place, value, it)) {
            self.violation(place, "at least one subschema must match".to_owned());
        }
    }

    /// Of alternatives that are objects the message says which properties tell them apart; and
    /// where the value has those of one of them alone, what is wrong with it as that one.
    fn one_of(&mut self, place: &Place, value: &Rc<Computed>, schema: &Schema) {
        let branches = schema.one_of();
        if branches.is_empty() {
            return;
        }
        let matching = branches
            .iter()
            .filter(|it| self.is_valid(place, value, it))
            .count();
        // What is not known yet may come out so that one alternative alone holds.
        if matching == 1 || (matching > 1 && value.all.unknown) {
            return;
        }
        let told_by: Vec<_> = branches
            .iter()
            .map(|branch| distinguishing(branch, &branches))
            .collect();
        let meant: Vec<_> = branches
            .iter()
            .zip(&told_by)
            .filter(|(_, names)| names.iter().any(|name| value.property(name).is_some()))
            .map(|(branch, _)| branch)
            .collect();
        if let ([branch], 0) = (meant.as_slice(), matching) {
            return self.value(place, value, branch);
        }
        let names: Vec<_> = told_by.iter().filter_map(|names| names.first()).collect();
        let names = names.iter().map(|name| format!("`{name}`"));
        let names = names.collect::<Vec<_>>().join(" or ");
        let how_many = if matching == 0 {
            "exactly one subschema must match"
        } else {
            "exactly one subschema may match"
        };
        let is_record = value.kind() == Some(Type::Object) && !names.is_empty();
        self.violation(
            place,
            match (is_record, meant.len()) {
                (false, _) => how_many.to_owned(),
                (true, 0) => format!("{how_many}: expected {names}"),
                (true, _) => format!("{how_many}: expected {names}, not both"),
            },
        );
    }

    fn number(&mut self, place: &Place, number: &Number, schema: &Schema) {
        let rules = schema.rules();
        let Some(value) = to_f64(number) else {
            return;
        };
        let mut check = |limit: &Option<Limit>, holds: fn(f64, f64) -> bool, expected: &str| {
            if let Some(limit) = limit
                && !holds(value, limit.value)
            {
                self.violation(place, format!("expected a {expected}{}", limit.text));
            }
        };
        check(
            &rules.multiple_of,
            |v, l| l != 0.0 && v % l == 0.0,
            "multiple of ",
        );
        check(
            &rules.minimum,
            |v, l| v >= l,
            "number greater than or equal to ",
        );
        check(
            &rules.exclusive_minimum,
            |v, l| v > l,
            "number greater than ",
        );
        // The missing space is ESC's.
        check(
            &rules.maximum,
            |v, l| v <= l,
            "number less than or equal to",
        );
        check(&rules.exclusive_maximum, |v, l| v < l, "number less than ");
    }

    fn text(&mut self, place: &Place, text: &[u8], schema: &Schema) {
        let rules = schema.rules();
        if let Some(limit) = rules.minimum_length.filter(|limit| text.len() < *limit) {
            self.violation(
                place,
                format!("expected a string of at least length {limit}"),
            );
        }
        if let Some(limit) = rules.maximum_length.filter(|limit| text.len() > *limit) {
            self.violation(
                place,
                format!("expected a string of at most length {limit}"),
            );
        }
        if let Some(pattern) = &rules.pattern
            && !std::str::from_utf8(text).is_ok_and(|text| pattern.is_match(text))
        {
            let pattern = convert::quoted(pattern.as_str());
            self.violation(place, format!("string must match the pattern {pattern}"));
        }
    }

    fn array(&mut self, place: &Place, items: &[Rc<Computed>], schema: &Schema) {
        let rules = schema.rules();
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = schema.declared_item(index) {
                let place = self.below(place, PathStep::Index(index));
                self.value(&place, item, &schema);
            }
        }
        if let Some(limit) = rules.minimum_items.filter(|limit| items.len() < *limit) {
            self.violation(
                place,
                format!("expected an array with at least {limit} items"),
            );
        }
        if let Some(limit) = rules.maximum_items.filter(|limit| items.len() > *limit) {
            self.violation(
                place,
                format!("expected an array with at most {limit} items"),
            );
        }
    }

    fn object(&mut self, place: &Place, owner: &Rc<Computed>, schema: &Schema) {
        let rules = schema.rules();
        let mut count = 0;
        for name in owner.names() {
            count += 1;
            if let (Some(schema), Some(value)) =
                (schema.declared_property(name), owner.property(name))
            {
                // The names in a secret are secret too.
                let shown = if owner.secret { REDACTED } else { name };
                let place = self.below(place, PathStep::Name(shown.to_owned()));
                if schema.rules().rejects {
                    let name = convert::quoted(shown);
                    self.violation(&place, format!("unexpected property {name}"));
                } else {
                    self.value(&place, &value, &schema);
                }
            }
        }
        if let Some(limit) = rules.minimum_properties.filter(|limit| count < *limit) {
            let message = format!("expected an object with at least {limit} properties");
            self.violation(place, message);
        }
        if let Some(limit) = rules.maximum_properties.filter(|limit| count > *limit) {
            let message = format!("expected an object with at most {limit} properties");
            self.violation(place, message);
        }
        let mut missing = Vec::new();
        let dependent = rules.dependent_required.iter();
        let dependent = dependent.filter(|(name, _)| owner.property(name).is_some());
        let required = rules
            .required
            .iter()
            .chain(dependent.flat_map(|(_, names)| names));
        for name in required {
            if owner.property(name).is_none() && !missing.contains(&name.as_str()) {
                missing.push(name.as_str());
            }
        }
        if !missing.is_empty() {
            let message = format!("missing required properties: {}", missing.join(", "));
            self.violation(place, message);
        }
    }

    fn is_valid(&mut self, place: &Place, value: &Rc<Computed>, schema: &Schema) -> bool {
        let mut attempt = Validation {
            program: self.program,
            violations: Vec::new(),
            depth: self.depth,
        };
        attempt.value(place, value, schema);
        attempt.violations.is_empty()
    }

    fn below(&self, place: &Place, step: PathStep) -> Place {
        if place.below.accessors().is_empty() {
            let child = match (&self.program.expression(place.at).kind, &step) {
                (Kind::Object(properties), PathStep::Name(name)) => properties.get(name.as_str()),
                (Kind::List(items), PathStep::Index(index)) => items.get(*index),
                _ => None,
            };
            if let Some(child) = child {
                return Place {
                    at: *child,
                    below: PropertyPath::default(),
                };
            }
        }
        Place {
            at: place.at,
            below: place.below.join(step),
        }
    }

    fn violation(&mut self, place: &Place, message: String) {
        let message = if place.below.accessors().is_empty() {
            message
        } else {
            format!("{}: {message}", place.below)
        };
        let at = place.at;
        self.violations.push(Violation { at, message });
    }
}

fn type_mismatch(expected: &[Type], kind: Type) -> Option<String> {
    if expected.is_empty() || expected.contains(&kind) {
        return None;
    }
    let names: Vec<_> = expected.iter().map(ToString::to_string).collect();
    Some(format!("expected {}, got {kind}", names.join(" or ")))
}

/// Why no value of the schema `known` can be valid by `wanted`.
fn incompatible(known: &Schema, wanted: &Schema, depth: usize) -> Option<String> {
    let (known_rules, rules) = (known.rules(), wanted.rules());
    if depth == MAXIMUM_DEPTH || known_rules.rejects {
        return None;
    }
    if let [kind] = known_rules.types.as_slice()
        && let Some(message) = type_mismatch(&rules.types, *kind)
    {
        return Some(message);
    }
    for (branches, expected) in [
        (wanted.any_of(), "at least one subschema must match"),
        (wanted.one_of(), "exactly one subschema must match"),
    ] {
        let mut fits = branches
            .iter()
            .map(|it| incompatible(known, it, depth + 1).is_none());
        if !branches.is_empty() && !fits.any(|fits| fits) {
            return Some(expected.to_owned());
        }
    }
    // Only of a record is it known what it does not have.
    if known_rules.types == [Type::Object] && known.property_names().next().is_some() {
        for name in &rules.required {
            if known.declared_property(name).is_none() {
                return Some(format!("{name}: missing required property"));
            }
        }
        for name in known.property_names() {
            if let (Some(known), Some(wanted)) = (
                known.declared_property(name),
                wanted.declared_property(name),
            ) && let Some(message) = incompatible(&known, &wanted, depth + 1)
            {
                return Some(format!("{name}: {message}"));
            }
        }
    }
    None
}

/// The names that only this branch has, those that it requires first.
fn distinguishing(branch: &Schema, branches: &[Schema]) -> Vec<String> {
    let is_shared = |name: &str| {
        let having = branches.iter().filter(|other| other.names_property(name));
        having.count() > 1
    };
    let required = branch.rules().required.iter().map(String::as_str);
    let names = required.chain(branch.property_names());
    let mut distinguishing: Vec<String> = Vec::new();
    for name in names {
        if !is_shared(name) && !distinguishing.iter().any(|known| known == name) {
            distinguishing.push(name.to_owned());
        }
    }
    distinguishing
}

/// Whether a known value is the same as one of a schema. What is not known may be.
fn equals(value: &Computed, constant: &Value) -> bool {
    match (&value.shape, &constant.data) {
        (Shape::Unknown { .. }, _) | (Shape::Null, Data::Null) => true,
        (Shape::Bool(value), Data::Bool(constant)) => value == constant,
        (Shape::Number(value), Data::Number(constant)) => {
            value == constant || to_f64(value).is_some_and(|it| Some(it) == to_f64(constant))
        }
        (Shape::Text(value), Data::String(constant)) => value == constant,
        (Shape::Array(items), Data::Array(constants)) => {
            items.len() == constants.len()
                && items
                    .iter()
                    .zip(constants)
                    .all(|(item, constant)| equals(item, constant))
        }
        (Shape::Object { entries, .. }, Data::Object(constants)) => {
            entries.len() == constants.len()
                && constants.iter().all(|(name, constant)| {
                    let entry = entries.get(name.as_str());
                    entry.is_some_and(|entry| equals(&entry.value, constant))
                })
        }
        _ => false,
    }
}

fn json_text(value: &Value) -> String {
    let text = json::compact(value, json::Secrets::Redacted);
    text.as_str().unwrap_or_default().to_owned()
}
