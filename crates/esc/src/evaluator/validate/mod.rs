//! Checks values against a schema, and says at which expression each violation lies.
//!
//! A violation lies at the expression that gave the value, which may be in another definition. Of a
//! value that is not known only its own schema can be checked: what may turn out valid is valid.

use std::rc::Rc;

use crate::evaluator::decimal::Decimal;
use crate::evaluator::document_path::join_step;
use crate::evaluator::export;
use crate::evaluator::limits::Budget;
use crate::evaluator::pattern::Pattern;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::{Computed, Origin, Shape};
use crate::format::{Secrets, json};
use crate::property_path::Accessor as PathStep;
use crate::text::REDACTED;
use crate::{Data, Number, Value};

/// How deep schemas are followed. One that refers to itself without going down in the value would
/// never end.
const MAXIMUM_DEPTH: usize = 512;

/// What is said of deeper ones.
const TOO_DEEP: &str = "a check against a schema goes deeper than 512 levels";

/// What a check costs: it may look at many keywords.
const STEPS_PER_CHECK: usize = 4;

/// What a violation costs. It is kept even where an alternative may hold yet.
const STEPS_PER_VIOLATION: usize = 8;

/// Of how many bytes comparing or copying them takes a step.
const BYTES_PER_STEP: usize = 64;

/// A way in which a value does not satisfy a schema. The message does not quote the value.
#[derive(Debug)]
pub(super) struct Violation {
    /// The expression at fault; `None` where no definition has it.
    pub(super) at: Option<Origin>,
    pub(super) message: String,
}

/// In whose words violations are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wording {
    /// In ESC's: each alternative tells what it misses, and what the schema `false` refuses is
    /// refused without a word.
    Esc,
    /// In fewer words that say more.
    Explained,
}

/// Whether `value` satisfies `schema`, and the violations. In ESC's words there may be none for a
/// value that does not.
pub(super) fn validate(
    budget: &mut Budget,
    value: &Rc<Computed>,
    schema: &Schema,
    wording: Wording,
) -> (bool, Vec<Violation>) {
    let mut validation = Validation {
        budget,
        wording,
        violations: Vec::new(),
        depth: 0,
    };
    let is_valid = validation.value(value, schema);
    (is_valid, validation.violations)
}

struct Validation<'b> {
    budget: &'b mut Budget,
    wording: Wording,
    violations: Vec<Violation>,
    depth: usize,
}

/// Where something lies of which only the schema is known: the expression that gave the value, and
/// the path from there.
#[derive(Clone)]
struct Place {
    at: Option<Origin>,
    below: String,
}

impl Validation<'_> {
    /// Whether a check at one more level holds. Too deep or too expensive a check
    /// holds; the budget tells of it.
    fn deeper(&mut self, schema: &Schema, check: impl FnOnce(&mut Self) -> bool) -> bool {
        let steps = STEPS_PER_CHECK + schema.breadth();
        if self.depth == MAXIMUM_DEPTH {
            self.budget.exhaust(TOO_DEEP);
        }
        if !self.budget.spend_steps(steps) {
            return true;
        }
        self.depth += 1;
        let holds = check(self);
        self.depth -= 1;
        holds
    }

    fn value(&mut self, value: &Rc<Computed>, schema: &Schema) -> bool {
        self.deeper(schema, |validation| {
            validation.value_at_depth(value, schema)
        })
    }

    fn value_at_depth(&mut self, value: &Rc<Computed>, schema: &Schema) -> bool {
        let rules = schema.rules();
        if schema.is_any() {
            return true;
        }
        if rules.rejects {
            return match (self.wording, value.kind()) {
                (Wording::Explained, Some(kind)) => {
                    self.violation(value, format!("expected never, got {kind}"))
                }
                _ => false,
            };
        }
        let Some(kind) = value.kind() else {
            let place = Place {
                at: value.origin.clone(),
                below: String::new(),
            };
            return self.schema(&value.schema(), schema, &place);
        };
        let mismatch = rules.kind.filter(|expected| *expected != kind);
        let mismatch = mismatch.map(|expected| format!("expected {expected}, got {kind}"));
        if self.wording == Wording::Explained
            && let Some(message) = mismatch
        {
            return self.violation(value, message);
        }
        let mut holds = true;
        if let Some(reference) = schema.reference() {
            holds &= self.value(value, &reference);
        }
        holds &= self.any_of(value, schema);
        holds &= match self.wording {
            Wording::Esc => self.one_of(value, schema),
            Wording::Explained => self.one_of_explained(value, schema),
        };
        if let Some(constant) = &rules.constant
            && !self.equals(value, constant)
        {
            holds = self.violation(value, format!("expected {}", json_text(constant)));
        }
        if let [first, rest @ ..] = rules.enumeration.as_slice()
            && !rules.enumeration.iter().any(|it| self.equals(value, it))
        {
            let message = if rest.is_empty() {
                format!("expected {}", json_text(first))
            } else {
                let list = Value::new(Data::Array(rules.enumeration.clone()));
                format!("expected one of {}", json_text(&list))
            };
            holds = self.violation(value, message);
        }
        if let Some(message) = mismatch {
            return self.violation(value, message);
        }
        holds
            & match &value.shape {
                Shape::Number(number) => self.number(value, number, schema),
                Shape::Text(text) => self.text(value, text.as_bytes(), schema),
                Shape::Array(items) => self.array(value, items, schema),
                Shape::Object { .. } => self.object(value, schema),
                Shape::Null | Shape::Bool(_) => true,
            }
    }

    /// The violations of a check that is only tried, and whether it holds.
    fn attempt(&mut self, check: impl FnOnce(&mut Self) -> bool) -> (bool, Vec<Violation>) {
        let before = std::mem::take(&mut self.violations);
        let holds = check(self);
        let violations = std::mem::replace(&mut self.violations, before);
        (holds, violations)
    }

    fn any_of(&mut self, value: &Rc<Computed>, schema: &Schema) -> bool {
        let branches = schema.any_of();
        if branches.is_empty() {
            return true;
        }
        let mut all = Vec::new();
        for branch in &branches {
            let (holds, violations) = self.attempt(|it| it.value(value, branch));
            if holds {
                return true;
            }
            all.extend(violations);
        }
        if self.wording == Wording::Esc {
            self.violations.extend(all);
        }
        self.violation(value, "at least one subschema must match".to_owned())
    }

    fn one_of(&mut self, value: &Rc<Computed>, schema: &Schema) -> bool {
        let branches = schema.one_of();
        if branches.is_empty() {
            return true;
        }
        let mut all = Vec::new();
        let mut matching = 0;
        for branch in &branches {
            let (holds, violations) = self.attempt(|it| it.value(value, branch));
            matching += usize::from(holds);
            if matching > 1 {
                return self.violation(value, "exactly one subschema may match".to_owned());
            }
            all.extend(violations);
        }
        if matching == 1 {
            return true;
        }
        self.violations.extend(all);
        self.violation(value, "exactly one subschema must match".to_owned())
    }

    /// Of alternatives that are objects the message says which properties tell them apart; and
    /// where the value has those of one of them alone, what is wrong with it as that one.
    fn one_of_explained(&mut self, value: &Rc<Computed>, schema: &Schema) -> bool {
        let branches = schema.one_of();
        if branches.is_empty() {
            return true;
        }
        let mut matching = 0;
        for branch in &branches {
            matching += usize::from(self.attempt(|it| it.value(value, branch)).0);
        }
        // What is not known yet may come out so that one alternative alone holds.
        if matching == 1 || (matching > 1 && value.all.unknown) {
            return true;
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
            return self.value(value, branch);
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
        let message = match (is_record, meant.len()) {
            (false, _) => how_many.to_owned(),
            (true, 0) => format!("{how_many}: expected {names}"),
            (true, _) => format!("{how_many}: expected {names}, not both"),
        };
        self.violation(value, message)
    }

    fn number(&mut self, owner: &Rc<Computed>, number: &Number, schema: &Schema) -> bool {
        let rules = schema.rules();
        let limits = [
            &rules.multiple_of,
            &rules.minimum,
            &rules.exclusive_minimum,
            &rules.maximum,
            &rules.exclusive_maximum,
        ];
        let bytes = limits.into_iter().flatten().chain([number]);
        self.spend_bytes(bytes.map(|it| it.as_str().len()).sum());
        let Some(value) = Decimal::parse(number) else {
            return true;
        };
        let mut holds = true;
        let mut check =
            |limit: &Option<Number>, is_met: fn(&Decimal, &Decimal) -> bool, expected: &str| {
                if let Some(text) = limit
                    && let Some(limit) = Decimal::parse(text)
                    && !is_met(&value, &limit)
                {
                    let message = format!("expected a {expected}{}", text.as_str());
                    holds = self.violation(owner, message);
                }
            };
        check(&rules.multiple_of, Decimal::is_multiple_of, "multiple of ");
        check(
            &rules.minimum,
            |value, limit| value.compare(limit).is_ge(),
            "number greater than or equal to ",
        );
        check(
            &rules.exclusive_minimum,
            |value, limit| value.compare(limit).is_gt(),
            "number greater than ",
        );
        // The missing space is ESC's.
        check(
            &rules.maximum,
            |value, limit| value.compare(limit).is_le(),
            "number less than or equal to",
        );
        check(
            &rules.exclusive_maximum,
            |value, limit| value.compare(limit).is_lt(),
            "number less than ",
        );
        holds
    }

    fn text(&mut self, owner: &Rc<Computed>, text: &[u8], schema: &Schema) -> bool {
        let rules = schema.rules();
        let mut holds = true;
        if let Some(limit) = rules.minimum_length.filter(|limit| text.len() < *limit) {
            let message = format!("expected a string of at least length {limit}");
            holds = self.violation(owner, message);
        }
        if let Some(limit) = rules.maximum_length.filter(|limit| text.len() > *limit) {
            let message = format!("expected a string of at most length {limit}");
            holds = self.violation(owner, message);
        }
        if let Some(pattern) = &rules.pattern
            && self.affords(pattern, text)
            && !pattern.matches(text)
        {
            let pattern = export::quoted(pattern.as_str());
            let message = format!("string must match the pattern {pattern}");
            holds = self.violation(owner, message);
        }
        holds
    }

    /// Whether there are steps left to match a pattern against a text.
    fn affords(&mut self, pattern: &Pattern, text: &[u8]) -> bool {
        self.budget.spend_steps(pattern.steps(text.len()))
    }

    /// Takes the steps to go over so many bytes.
    fn spend_bytes(&mut self, bytes: usize) {
        self.budget.spend_steps(bytes / BYTES_PER_STEP);
    }

    fn array(&mut self, owner: &Rc<Computed>, items: &[Rc<Computed>], schema: &Schema) -> bool {
        let rules = schema.rules();
        let mut holds = true;
        if let Some(limit) = rules.minimum_items.filter(|limit| items.len() < *limit) {
            let message = format!("expected an array with at least {limit} items");
            holds = self.violation(owner, message);
        }
        if let Some(limit) = rules.maximum_items.filter(|limit| items.len() > *limit) {
            let message = format!("expected an array with at most {limit} items");
            holds = self.violation(owner, message);
        }
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = schema.declared_item(index) {
                holds &= self.value(item, &schema);
            }
        }
        holds
    }

    fn object(&mut self, owner: &Rc<Computed>, schema: &Schema) -> bool {
        let rules = schema.rules();
        let count = owner.names().count();
        let mut holds = true;
        if let Some(limit) = rules.minimum_properties.filter(|limit| count < *limit) {
            let message = format!("expected an object with at least {limit} properties");
            holds = self.violation(owner, message);
        }
        if let Some(limit) = rules.maximum_properties.filter(|limit| count > *limit) {
            let message = format!("expected an object with at most {limit} properties");
            holds = self.violation(owner, message);
        }
        for name in owner.names() {
            let (Some(value), Some(schema)) = (owner.entry(name), schema.declared_property(name))
            else {
                continue;
            };
            if schema.rules().rejects && self.wording == Wording::Explained {
                // The names in a secret are secret too.
                let shown = if owner.secret { REDACTED } else { name };
                let message = format!("unexpected property {}", export::quoted(shown));
                holds = self.violation(value, message);
            } else {
                holds &= self.value(value, &schema);
            }
        }
        let dependent = rules.dependent_required.iter();
        let dependent = dependent.filter(|(name, _)| owner.entry(name).is_some());
        let required = rules.required.iter();
        let missing: Vec<_> = required
            .chain(dependent.flat_map(|(_, names)| names))
            .filter(|name| owner.entry(name).is_none())
            .map(|name| &**name)
            .collect();
        if !missing.is_empty() {
            let message = format!("missing required properties: {}", missing.join(", "));
            holds = self.violation(owner, message);
        }
        holds
    }

    /// Whether a value of the schema `known` may be valid by `wanted`.
    fn schema(&mut self, known: &Schema, wanted: &Schema, place: &Place) -> bool {
        self.deeper(wanted, |validation| {
            validation.schema_at_depth(known, wanted, place)
        })
    }

    fn schema_at_depth(&mut self, known: &Schema, wanted: &Schema, place: &Place) -> bool {
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
        let mut holds = true;
        if let Some(reference) = wanted.reference() {
            holds &= self.schema(known, &reference, place);
        }
        if let Some(reference) = known.reference() {
            holds &= self.schema(&reference, wanted, place);
        }
        for alternatives in [known.any_of(), known.one_of()] {
            holds &= self.one_fits(&alternatives, place, |it, known| {
                it.schema(known, wanted, place)
            });
        }
        if let (Some(known), Some(wanted)) = (known_rules.kind, rules.kind)
            && known != wanted
        {
            holds = self.violation_at(place, &format!("expected {wanted}, got {known}"));
        }
        // Of what is not known yet, one alternative will hold.
        for alternatives in [wanted.any_of(), wanted.one_of()] {
            holds &= self.one_fits(&alternatives, place, |it, wanted| {
                it.schema(known, wanted, place)
            });
        }
        holds
            & match known_rules.kind {
                Some(Type::Array) => self.array_schema(known, wanted, place),
                Some(Type::Object) => self.object_schema(known, wanted, place),
                _ => true,
            }
    }

    /// Whether one of several schemas fits, or there are none.
    fn one_fits(
        &mut self,
        schemas: &[Schema],
        place: &Place,
        fits: impl Fn(&mut Self, &Schema) -> bool,
    ) -> bool {
        let mut all = Vec::new();
        for schema in schemas {
            let (holds, violations) = self.attempt(|it| fits(it, schema));
            if holds {
                return true;
            }
            all.extend(violations);
        }
        if schemas.is_empty() {
            return true;
        }
        if self.wording == Wording::Esc {
            self.violations.extend(all);
        }
        self.violation_at(place, "at least one subschema must match")
    }

    /// The schemas of items at the same place, as far as either names them; then those of the rest.
    fn array_schema(&mut self, known: &Schema, wanted: &Schema, place: &Place) -> bool {
        let mut holds = true;
        let named = known.prefix_items().len().max(wanted.prefix_items().len());
        for index in 0..named {
            if let Some(wanted) = wanted.declared_item(index) {
                let known = known.declared_item(index).unwrap_or_else(Schema::any);
                let place = self.below(place, &PathStep::Index(index));
                holds &= self.schema(&known, &wanted, &place);
            }
        }
        if let (Some(known), Some(wanted)) = (known.items(), wanted.items())
            && !known.rules().rejects
        {
            holds &= self.schema(&known, &wanted, place);
        }
        holds
    }

    fn object_schema(&mut self, known: &Schema, wanted: &Schema, place: &Place) -> bool {
        let mut holds = true;
        for (name, schema) in known.properties() {
            if let Some(wanted) = wanted.declared_property(&name) {
                let place = self.below(place, &PathStep::Name(name.to_string()));
                holds &= self.schema(&schema, &wanted, &place);
            }
        }
        match known.additional() {
            None => {
                // Only of a record is it known what it does not have.
                let has = |name: &str| known.rules().required.iter().any(|it| **it == *name);
                let dependent = wanted.rules().dependent_required.iter();
                let dependent = dependent.filter(|(name, _)| has(name));
                let required = wanted.rules().required.iter();
                for name in required.chain(dependent.flat_map(|(_, names)| names)) {
                    if !has(name) {
                        let place = self.below(place, &PathStep::Name(name.to_string()));
                        holds = self.violation_at(&place, "missing required property");
                    }
                }
            }
            Some(additional) if !additional.rules().rejects => {
                if let Some(wanted) = wanted.additional() {
                    holds &= self.schema(&additional, &wanted, place);
                }
            }
            Some(_) => {}
        }
        holds
    }

    /// Notes a violation; false, for what does not hold.
    fn violation(&mut self, value: &Computed, message: String) -> bool {
        self.add(value.origin.clone(), message)
    }

    fn violation_at(&mut self, place: &Place, message: &str) -> bool {
        let message = if place.below.is_empty() {
            message.to_owned()
        } else {
            format!("{}: {message}", place.below)
        };
        self.add(place.at.clone(), message)
    }

    fn add(&mut self, at: Option<Origin>, message: String) -> bool {
        if self.budget.spend_steps(STEPS_PER_VIOLATION) && self.budget.spend_text(message.len()) {
            self.violations.push(Violation { at, message });
        }
        false
    }

    fn below(&mut self, place: &Place, step: &PathStep) -> Place {
        self.spend_bytes(place.below.len());
        let mut below = place.below.clone();
        join_step(&mut below, step);
        let at = place.at.clone();
        Place { at, below }
    }

    /// Whether a value is the same as one of a schema. Numbers are the same if they are written so.
    fn equals(&mut self, value: &Computed, constant: &Value) -> bool {
        if !self.budget.spend_steps(1) {
            return true;
        }
        match (&value.shape, &constant.data) {
            (Shape::Null, Data::Null) => true,
            (Shape::Bool(value), Data::Bool(constant)) => value == constant,
            (Shape::Number(value), Data::Number(constant)) => {
                self.spend_bytes(constant.as_str().len());
                value == constant
            }
            (Shape::Text(value), Data::String(constant)) => {
                self.spend_bytes(constant.as_bytes().len());
                value == constant
            }
            (Shape::Array(items), Data::Array(constants)) => {
                items.len() == constants.len()
                    && items
                        .iter()
                        .zip(constants)
                        .all(|(item, constant)| self.equals(item, constant))
            }
            (Shape::Object { entries, .. }, Data::Object(constants)) => {
                self.budget.spend_steps(entries.len());
                let own = entries.iter().filter(|(_, entry)| entry.own);
                own.count() == constants.len()
                    && constants.iter().all(|(name, constant)| {
                        let entry = entries.get(name.as_str()).filter(|entry| entry.own);
                        entry.is_some_and(|entry| self.equals(&entry.value, constant))
                    })
            }
            _ => false,
        }
    }
}

/// The names that only this branch has, those that it requires first.
fn distinguishing(branch: &Schema, branches: &[Schema]) -> Vec<String> {
    let is_shared = |name: &str| {
        let having = branches.iter().filter(|other| other.names_property(name));
        having.count() > 1
    };
    let required = branch.rules().required.iter().cloned();
    let names = required.chain(branch.properties().map(|(name, _)| name));
    let mut distinguishing: Vec<String> = Vec::new();
    for name in names {
        if !is_shared(&name) && !distinguishing.iter().any(|known| **known == *name) {
            distinguishing.push(name.to_string());
        }
    }
    distinguishing
}

fn json_text(value: &Value) -> String {
    let text = json::compact(value, Secrets::Redacted);
    text.as_str().unwrap_or_default().to_owned()
}
