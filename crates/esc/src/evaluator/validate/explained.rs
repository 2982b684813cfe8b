//! The wording of violations for the inputs of providers: fewer and more specific than ESC's.

use std::rc::Rc;

use super::Validator;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::suggest;
use crate::evaluator::value::EvalValue;
use crate::format::string::quoted;
use crate::{Data, Value};

impl Validator<'_> {
    /// Names the properties that distinguish the alternatives. If the value has those of a single
    /// alternative, reports the violations of that one instead.
    pub(super) fn one_of_explained(&mut self, value: &Rc<EvalValue>, schema: &Schema) -> bool {
        let branches = schema.one_of();
        if branches.is_empty() {
            return true;
        }
        let mut matches = 0;
        for branch in &branches {
            matches += usize::from(self.attempt(|it| it.value(value, branch)).0);
        }
        // Once everything is known, a single alternative may match.
        if matches == 1 || (matches > 1 && value.marks.has_unknown()) {
            return true;
        }
        let (mut names, mut chosen) = (Vec::new(), Vec::new());
        for branch in &branches {
            let distinguishing = distinguishing_names(branch, &branches);
            if distinguishing
                .iter()
                .any(|name| value.property(name).is_some())
            {
                chosen.push(branch);
            }
            names.extend(distinguishing.first().map(|name| format!("`{name}`")));
        }
        if matches == 0
            && let [branch] = chosen.as_slice()
        {
            return self.value(value, branch);
        }
        let names = names.join(" or ");
        let message = if value.known_type() != Some(Type::Object) || names.is_empty() {
            "exactly one subschema must match".to_owned()
        } else if chosen.is_empty() {
            format!("missing {names}")
        } else {
            format!("expected {names}, not both")
        };
        self.violation(value, message)
    }
}

/// The message for a value that is not like the example of its schema.
pub(super) fn such_as(example: &Value) -> String {
    if let Data::Number(number) = &example.data {
        return format!("expected a number such as {}", number.as_str());
    }
    let text = example.as_str().unwrap_or_default();
    format!("expected text such as {}", quoted(text))
}

/// The hint for missing properties of an object that has a property with a similar name.
pub(super) fn misspelling(owner: &EvalValue, schema: &Schema, missing: &[&str]) -> Option<String> {
    let public = owner
        .properties()
        .filter(|(_, property)| !owner.hides_name_of(property));
    let names = public.map(|(name, _)| &**name);
    let mut unknown = names.filter(|name| !schema.names_property(name));
    unknown.find_map(|name| {
        let nearest = suggest::nearest(name, missing.iter().copied())?;
        Some(format!("rename `{name}` to `{nearest}`"))
    })
}

/// The properties that only this branch names, the required ones first.
fn distinguishing_names(branch: &Schema, branches: &[Schema]) -> Vec<String> {
    let is_shared = |name: &str| {
        let owners = branches.iter().filter(|other| other.names_property(name));
        owners.count() > 1
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
