//! Validates values against schemas.
//!
//! A violation is reported at the expression that produced the value, which may be in another definition.
//! Of an unknown value only the schema is known; `unknown` rejects it only if no value of that schema can
//! be valid.

mod explained;
mod unknown;

use std::rc::Rc;

use explained::{misspelling, such_as};

use crate::evaluator::decimal::Decimal;
use crate::evaluator::limits::Budget;
use crate::evaluator::module::Origin;
use crate::evaluator::schema::Schema;
use crate::evaluator::value::{EvalValue, ValueKind};
use crate::format::string::quoted;
use crate::format::{Secrets, json};
use crate::text::REDACTED;
use crate::{Data, Number, Value};

/// How many schemas may be followed into each other. A schema that refers to itself at the same value
/// would never end.
const MAXIMUM_DEPTH: usize = 512;

const TOO_DEEP: &str = "a check against a schema goes deeper than 512 levels";

/// The steps of one check, which may look at many keywords.
const STEPS_PER_CHECK: usize = 4;

/// The steps of a violation, which is kept even while another alternative may match.
const STEPS_PER_VIOLATION: usize = 8;

/// How many bytes are compared or copied in one step.
const BYTES_PER_STEP: usize = 64;

const NO_SUBSCHEMA_MATCHES: &str = "at least one subschema must match";

/// A way in which a value does not match a schema. The message does not quote the value.
#[derive(Debug)]
pub(super) struct Violation {
    /// The expression that produced the value, or `None` if it comes from no definition.
    pub(super) origin: Option<Origin>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The wording of violations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wording {
    /// As in ESC: every alternative that does not match is explained, and a value that the schema `false`
    /// rejects is not.
    Esc,
    /// Fewer and more specific violations, for the inputs of providers.
    Explained,
}

/// Returns whether `value` matches `schema`, and the violations. With [`Wording::Esc`], there may be no
/// violation although the value does not match.
pub(super) fn validate(
    budget: &mut Budget,
    value: &Rc<EvalValue>,
    schema: &Schema,
    wording: Wording,
) -> (bool, Vec<Violation>) {
    let mut validator = Validator {
        budget,
        wording,
        violations: Vec::new(),
        depth: 0,
    };
    let is_valid = validator.value(value, schema);
    (is_valid, validator.violations)
}

type NumberCheck = fn(&Decimal, &Decimal) -> bool;

/// The limits of numbers, in the order in which ESC checks them: the keyword, the number that it
/// expects, and the check. ESC leaves out the space after "equal to".
const NUMBER_LIMITS: [(&str, &str, NumberCheck); 5] = [
    ("multipleOf", "multiple of ", Decimal::is_multiple_of),
    (
        "minimum",
        "number greater than or equal to ",
        |value, limit| value.compare(limit).is_ge(),
    ),
    (
        "exclusiveMinimum",
        "number greater than ",
        |value, limit| value.compare(limit).is_gt(),
    ),
    ("maximum", "number less than or equal to", |value, limit| {
        value.compare(limit).is_le()
    }),
    ("exclusiveMaximum", "number less than ", |value, limit| {
        value.compare(limit).is_lt()
    }),
];

struct Validator<'b> {
    budget: &'b mut Budget,
    wording: Wording,
    violations: Vec<Violation>,
    depth: usize,
}

impl Validator<'_> {
    fn value(&mut self, value: &Rc<EvalValue>, schema: &Schema) -> bool {
        self.nested(schema, |validator| validator.value_rules(value, schema))
    }

    /// Runs a check one level deeper. A check that exceeds a limit passes: the budget reports the limit.
    fn nested(&mut self, schema: &Schema, check: impl FnOnce(&mut Self) -> bool) -> bool {
        if self.depth == MAXIMUM_DEPTH {
            self.budget.exhaust(TOO_DEEP);
        }
        if !self.budget.spend_steps(STEPS_PER_CHECK + schema.breadth()) {
            return true;
        }
        self.depth += 1;
        let is_valid = check(self);
        self.depth -= 1;
        is_valid
    }

    fn value_rules(&mut self, value: &Rc<EvalValue>, schema: &Schema) -> bool {
        let rules = schema.rules();
        if schema.is_any() {
            return true;
        }
        if rules.rejects {
            return match (self.wording, value.known_type()) {
                (Wording::Explained, Some(kind)) => {
                    self.violation(value, format!("expected never, got {kind}"))
                }
                _ => false,
            };
        }
        let Some(kind) = value.known_type() else {
            return self.unknown_value(value, schema);
        };
        let mismatch = rules
            .kind
            .filter(|expected| *expected != kind)
            .map(|expected| format!("expected {expected}, got {kind}"));
        if self.wording == Wording::Explained
            && let Some(message) = mismatch
        {
            let message = rules.example.as_ref().map_or(message, such_as);
            return self.violation(value, message);
        }
        let mut is_valid = self.combined_schemas(value, schema);
        is_valid &= self.constants(value, schema);
        if let Some(message) = mismatch {
            return self.violation(value, message);
        }
        is_valid
            & match &value.kind {
                ValueKind::Number(number) => self.number(value, number, schema),
                ValueKind::Text(text) => self.string(value, text.as_bytes(), schema),
                ValueKind::Array(items) => self.array(value, items, schema),
                ValueKind::Object { .. } => self.object(value, schema),
                ValueKind::Null | ValueKind::Bool(_) => true,
            }
    }

    /// Checks `$ref`, `anyOf` and `oneOf`.
    fn combined_schemas(&mut self, value: &Rc<EvalValue>, schema: &Schema) -> bool {
        let mut is_valid = true;
        if let Some(reference) = schema.reference() {
            is_valid &= self.value(value, &reference);
        }
        if !self.any_of(&schema.any_of(), |it, branch| it.value(value, branch)) {
            is_valid = self.violation(value, NO_SUBSCHEMA_MATCHES.to_owned());
        }
        is_valid
            & match self.wording {
                Wording::Esc => self.one_of(value, schema),
                Wording::Explained => self.one_of_explained(value, schema),
            }
    }

    /// Checks `const` and `enum`.
    fn constants(&mut self, value: &Rc<EvalValue>, schema: &Schema) -> bool {
        let rules = schema.rules();
        let mut is_valid = true;
        for allowed in [rules.constant.as_slice(), &rules.enumeration] {
            if allowed.is_empty() || allowed.iter().any(|it| self.equals(value, it)) {
                continue;
            }
            let message = if let [only] = allowed {
                format!("expected {}", json_text(only))
            } else {
                let list = Value::new(Data::Array(allowed.to_vec()));
                format!("expected one of {}", json_text(&list))
            };
            is_valid = self.violation(value, message);
        }
        is_valid
    }

    /// Runs a check whose violations may be discarded. Returns its result and its violations.
    fn attempt(&mut self, check: impl FnOnce(&mut Self) -> bool) -> (bool, Vec<Violation>) {
        let earlier = std::mem::take(&mut self.violations);
        let is_valid = check(self);
        let violations = std::mem::replace(&mut self.violations, earlier);
        (is_valid, violations)
    }

    /// Whether one of the schemas matches, or there are none. Otherwise, adds the violations of all.
    fn any_of(&mut self, schemas: &[Schema], matches: impl Fn(&mut Self, &Schema) -> bool) -> bool {
        let mut violations_of_all = Vec::new();
        for schema in schemas {
            let (is_valid, violations) = self.attempt(|it| matches(it, schema));
            if is_valid {
                return true;
            }
            violations_of_all.extend(violations);
        }
        if self.wording == Wording::Esc {
            self.violations.extend(violations_of_all);
        }
        schemas.is_empty()
    }

    fn one_of(&mut self, value: &Rc<EvalValue>, schema: &Schema) -> bool {
        let branches = schema.one_of();
        if branches.is_empty() {
            return true;
        }
        let mut violations_of_all = Vec::new();
        let mut matches = 0;
        for branch in &branches {
            let (is_valid, violations) = self.attempt(|it| it.value(value, branch));
            matches += usize::from(is_valid);
            if matches > 1 {
                return self.violation(value, "exactly one subschema may match".to_owned());
            }
            violations_of_all.extend(violations);
        }
        if matches == 1 {
            return true;
        }
        self.violations.extend(violations_of_all);
        self.violation(value, "exactly one subschema must match".to_owned())
    }

    fn number(&mut self, owner: &Rc<EvalValue>, number: &Number, schema: &Schema) -> bool {
        let limits = &schema.rules().number_limits;
        let bytes = limits.values().chain([number]);
        self.spend_bytes(bytes.map(|number| number.as_str().len()).sum());
        let Some(value) = Decimal::parse(number) else {
            return true;
        };
        let mut is_valid = true;
        for (keyword, expected, matches) in NUMBER_LIMITS {
            if let Some(number) = limits.get(keyword)
                && let Some(limit) = Decimal::parse(number)
                && !matches(&value, &limit)
            {
                let message = format!("expected a {expected}{}", number.as_str());
                is_valid = self.violation(owner, message);
            }
        }
        is_valid
    }

    /// Checks a length or a count against its lower and its upper limit. `expected` describes what
    /// matches a limit such as `at least 2`.
    fn size(
        &mut self,
        owner: &Rc<EvalValue>,
        size: usize,
        [least, most]: [Option<&usize>; 2],
        expected: fn(&str, usize) -> String,
    ) -> bool {
        let mut is_valid = true;
        if let Some(limit) = least.filter(|limit| size < **limit) {
            is_valid = self.violation(owner, expected("at least", *limit));
        }
        if let Some(limit) = most.filter(|limit| size > **limit) {
            is_valid = self.violation(owner, expected("at most", *limit));
        }
        is_valid
    }

    fn string(&mut self, owner: &Rc<EvalValue>, text: &[u8], schema: &Schema) -> bool {
        let limits =
            ["minLength", "maxLength"].map(|keyword| schema.rules().size_limits.get(keyword));
        let earlier = self.violations.len();
        let mut is_valid = self.size(owner, text.len(), limits, |bound, limit| {
            format!("expected a string of {bound} length {limit}")
        });
        if let Some(pattern) = &schema.rules().pattern
            && self.budget.spend_steps(pattern.steps(text.len()))
            && !pattern.matches(text)
        {
            let pattern = quoted(pattern.as_str());
            let message = format!("string must match the pattern {pattern}");
            is_valid = self.violation(owner, message);
        }
        if let (false, Wording::Explained, Some(example)) =
            (is_valid, self.wording, &schema.rules().example)
        {
            self.violations.truncate(earlier);
            return self.violation(owner, such_as(example));
        }
        is_valid
    }

    fn array(&mut self, owner: &Rc<EvalValue>, items: &[Rc<EvalValue>], schema: &Schema) -> bool {
        let limits =
            ["minItems", "maxItems"].map(|keyword| schema.rules().size_limits.get(keyword));
        let mut is_valid = self.size(owner, items.len(), limits, |bound, limit| {
            format!("expected an array with {bound} {limit} items")
        });
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = schema.declared_item(index) {
                is_valid &= self.value(item, &schema);
            }
        }
        is_valid
    }

    fn object(&mut self, owner: &Rc<EvalValue>, schema: &Schema) -> bool {
        let rules = schema.rules();
        let count = owner.properties().count();
        let limits = ["minProperties", "maxProperties"]
            .map(|keyword| schema.rules().size_limits.get(keyword));
        let mut is_valid = self.size(owner, count, limits, |bound, limit| {
            format!("expected an object with {bound} {limit} properties")
        });
        for (name, _) in owner.properties() {
            let (Some(property), Some(schema)) =
                (owner.known_property(name), schema.declared_property(name))
            else {
                continue;
            };
            let value = &property.value;
            if schema.rules().rejects && self.wording == Wording::Explained {
                // The property names of a secret are secret too.
                let name = if owner.secret { REDACTED } else { name };
                let message = format!("unexpected property {}", quoted(name));
                is_valid = self.violation(value, message);
            } else {
                is_valid &= self.value(value, &schema);
            }
        }
        let dependent = rules
            .dependent_required
            .iter()
            .filter(|(name, _)| owner.known_property(name).is_some())
            .flat_map(|(_, names)| names);
        let missing: Vec<_> = rules
            .required
            .iter()
            .chain(dependent)
            .filter(|name| owner.known_property(name).is_none())
            .map(|name| &**name)
            .collect();
        if !missing.is_empty() {
            let message = format!("missing required properties: {}", missing.join(", "));
            is_valid = self.violation(owner, message);
            if self.wording == Wording::Explained
                && let Some(violation) = self.violations.last_mut()
            {
                violation.hint = misspelling(owner, schema, &missing);
            }
        }
        is_valid
    }

    /// Reports a violation. Always returns false, the result of the check.
    fn violation(&mut self, value: &EvalValue, message: String) -> bool {
        self.violation_at(value.origin, message)
    }

    fn violation_at(&mut self, origin: Option<Origin>, message: String) -> bool {
        if self.budget.spend_steps(STEPS_PER_VIOLATION) && self.budget.spend_text(message.len()) {
            let hint = None;
            self.violations.push(Violation {
                origin,
                message,
                hint,
            });
        }
        false
    }

    /// Spends the steps to read so many bytes.
    fn spend_bytes(&mut self, bytes: usize) {
        self.budget.spend_steps(bytes / BYTES_PER_STEP);
    }

    /// Whether a value equals a constant of a schema. Numbers are equal if their texts are.
    fn equals(&mut self, value: &EvalValue, constant: &Value) -> bool {
        if !self.budget.spend_steps(1) {
            return true;
        }
        match (&value.kind, &constant.data) {
            (ValueKind::Null, Data::Null) => true,
            (ValueKind::Bool(value), Data::Bool(constant)) => value == constant,
            (ValueKind::Number(value), Data::Number(constant)) => {
                self.spend_bytes(constant.as_str().len());
                value == constant
            }
            (ValueKind::Text(value), Data::String(constant)) => {
                self.spend_bytes(constant.as_bytes().len());
                value == constant
            }
            (ValueKind::Array(items), Data::Array(constants)) => {
                items.len() == constants.len()
                    && items
                        .iter()
                        .zip(constants)
                        .all(|(item, constant)| self.equals(item, constant))
            }
            (ValueKind::Object { properties, .. }, Data::Object(constants)) => {
                self.budget.spend_steps(properties.len());
                let own = properties.iter().filter(|(_, property)| property.is_own);
                own.count() == constants.len()
                    && constants.iter().all(|(name, constant)| {
                        let property = properties.get(name.as_str());
                        let own = property.filter(|property| property.is_own);
                        own.is_some_and(|property| self.equals(&property.value, constant))
                    })
            }
            _ => false,
        }
    }
}

fn json_text(value: &Value) -> String {
    let text = json::compact(value, Secrets::Redacted);
    text.as_str().unwrap_or_default().to_owned()
}
