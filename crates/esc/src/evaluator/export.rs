//! Converts evaluated values: to text, and to and from the values of an environment.

use std::rc::Rc;

use crate::evaluator::limits::Budget;
use crate::evaluator::module::Origin;
use crate::evaluator::schema::Schema;
use crate::evaluator::value::{EvalValue, InheritedListing, Properties, Property, ValueKind};
use crate::format::string::quote;
use crate::text::{Text, UNKNOWN};
use crate::{Data, TextBuilder, Value};

/// The cost of exporting an object, which takes as much memory as many scalars.
const STEPS_PER_OBJECT: usize = 12;

/// Converts a value to text, as interpolation and `fn::toString` do: `null` is empty, numbers keep
/// their digits, an array is `"a","b"`, and an object is `"k"="v","l"="w"`, in Go's quotes.
///
/// As in ESC, inherited properties are left out, although `fn::toJSON` includes them.
pub(super) fn to_text(budget: &mut Budget, value: &EvalValue) -> Text {
    let mut text = TextBuilder::default();
    append_text(budget, value, &mut text);
    text.finish()
}

/// Appends the text of `value`. Stops once the budget is spent.
pub(super) fn append_text(budget: &mut Budget, value: &EvalValue, text: &mut TextBuilder) {
    if !budget.spend_steps(1) {
        return;
    }
    let bytes = match &value.kind {
        _ if value.unknown => UNKNOWN.as_bytes(),
        ValueKind::Null => b"",
        ValueKind::Bool(true) => b"true",
        ValueKind::Bool(false) => b"false",
        ValueKind::Number(number) => number.as_str().as_bytes(),
        ValueKind::Text(text) => text.as_bytes(),
        ValueKind::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(b",");
                }
                append_quoted(budget, item, text);
            }
            return;
        }
        ValueKind::Object { properties, .. } => {
            let own = properties.iter().filter(|(_, property)| property.is_own);
            for (position, (name, property)) in own.enumerate() {
                if position > 0 {
                    text.push(b",");
                }
                quote(name.as_bytes(), text);
                text.push(b"=");
                append_quoted(budget, &property.value, text);
            }
            return;
        }
    };
    if budget.spend_text(bytes.len()) {
        text.push(bytes);
    }
}

fn append_quoted(budget: &mut Budget, value: &EvalValue, text: &mut TextBuilder) {
    let start = text.len();
    let unquoted = to_text(budget, value);
    // Nested quotes double at each level, so that a small value can become a huge text.
    if budget.spend_text(unquoted.as_bytes().len()) {
        quote(unquoted.as_bytes(), text);
        budget.spend_text(text.len() - start);
    }
}

/// Converts to a value of an environment. Once the budget is spent, the rest becomes unknown.
///
/// Parts that nothing else refers to are dropped on the way, so that large values are not in memory twice.
pub(super) fn to_value(budget: &mut Budget, value: Rc<EvalValue>) -> Value {
    to_value_at_depth(budget, value, 0)
}

fn to_value_at_depth(budget: &mut Budget, value: Rc<EvalValue>, depth: usize) -> Value {
    let steps = match value.kind {
        ValueKind::Object { .. } => STEPS_PER_OBJECT,
        _ => 1,
    };
    // The value may be printed on a separate line, indented by its depth.
    let bytes = value.as_text().map_or(0, |text| text.as_bytes().len()) + 2 * depth;
    if !budget.spend_steps(steps) || !budget.spend_text(bytes) {
        return Value::unknown();
    }
    if value.unknown {
        return Value {
            secret: value.secret,
            ..Value::unknown()
        };
    }
    let secret = value.secret;
    let lists_inherited = value.inherited != InheritedListing::Hidden;
    let kind = match Rc::try_unwrap(value) {
        Ok(value) => value.kind,
        Err(shared) => shared.kind.clone(),
    };
    let data = match kind {
        ValueKind::Null => Data::Null,
        ValueKind::Bool(value) => Data::Bool(value),
        ValueKind::Number(number) => Data::Number(number),
        ValueKind::Text(text) => Data::String(text),
        ValueKind::Array(items) => {
            let items = items.iter().cloned();
            let items = items.map(|item| to_value_at_depth(budget, item, depth + 1));
            Data::Array(items.collect())
        }
        ValueKind::Object { properties, .. } => {
            let entries = Rc::unwrap_or_clone(properties).into_iter();
            let entries = entries.filter_map(|(name, property)| {
                let is_listed = property.is_own || lists_inherited;
                (is_listed && budget.spend_text(name.len())).then(|| {
                    let value = to_value_at_depth(budget, property.value, depth + 1);
                    (str::to_owned(&name), value)
                })
            });
            Data::Object(entries.collect())
        }
    };
    Value {
        data,
        secret,
        unknown: false,
    }
}

/// Converts a value from outside the definition: decoded JSON, a provider's result, the context. If
/// `secret` is set or the value is a secret, everything in it is one. `origin` is the expression that
/// the value comes from.
pub(super) fn from_value(value: Value, secret: bool, origin: Option<Origin>) -> Rc<EvalValue> {
    let secret = secret || value.secret;
    let kind = match value.data {
        _ if value.unknown => {
            let mut unknown = EvalValue::unknown(Schema::any()).with_secret(secret);
            unknown.origin = origin;
            return Rc::new(unknown);
        }
        Data::Null => ValueKind::Null,
        Data::Bool(value) => ValueKind::Bool(value),
        Data::Number(number) => ValueKind::Number(number),
        Data::String(text) => ValueKind::Text(text),
        Data::Array(items) => {
            let items = items.into_iter();
            let items = items.map(|item| from_value(item, secret, origin));
            ValueKind::Array(items.collect())
        }
        Data::Object(entries) => {
            let properties: Properties = entries
                .into_iter()
                .map(|(name, value)| {
                    let value = from_value(value, secret, origin);
                    (Rc::from(name), Property::own(value))
                })
                .collect();
            ValueKind::object(properties)
        }
    };
    let mut value = EvalValue::new(kind).with_secret(secret);
    value.origin = origin;
    Rc::new(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::limits::{Limits, MAXIMUM_TEXT_BYTES};

    #[test]
    fn nested_quotes_stop_at_the_budget() {
        let mut value = Value::from("x");
        for _ in 0..100 {
            value = Value::new(Data::Array(vec![value]));
        }
        let value = from_value(value, false, None);
        let mut budget = Budget::new(Limits::default());
        let text = to_text(&mut budget, &value);
        assert!(budget.is_exhausted());
        assert!(text.as_bytes().len() < 3 * MAXIMUM_TEXT_BYTES);
    }
}
