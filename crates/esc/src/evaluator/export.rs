//! From one kind of value to another: to text, to the values of an environment and back.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::evaluator::limits::Budget;
use crate::evaluator::schema::Schema;
use crate::evaluator::value::{Computed, Entry, Origin, Shape, Under};
use crate::format::string::quote;
use crate::text::{Text, UNKNOWN};
use crate::{Data, TextBuilder, Value};

/// A value as text, as interpolation and `fn::toString` give it: `null` is empty, numbers keep
/// their digits, an array is `"a","b"`, an object `"k"="v","l"="w"`, all in Go's quotes.
///
/// Of an object only its own entries count, not those it inherits from an import. (`fn::toJSON`
/// has them all. So it is in ESC.)
pub(super) fn to_text(budget: &mut Budget, value: &Computed) -> Text {
    let mut text = TextBuilder::default();
    append_text(budget, value, &mut text);
    text.finish()
}

/// Appends the text of `value`. Stops early once the budget is spent.
pub(super) fn append_text(budget: &mut Budget, value: &Computed, into: &mut TextBuilder) {
    if !budget.spend_steps(1) {
        return;
    }
    let bytes = match &value.shape {
        _ if value.unknown => UNKNOWN.as_bytes(),
        Shape::Null => b"",
        Shape::Bool(true) => b"true",
        Shape::Bool(false) => b"false",
        Shape::Number(number) => number.as_str().as_bytes(),
        Shape::Text(text) => text.as_bytes(),
        Shape::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    into.push(b",");
                }
                append_quoted(budget, item, into);
            }
            return;
        }
        Shape::Object { entries, .. } => {
            let own = entries.iter().filter(|(_, entry)| entry.own);
            for (position, (name, entry)) in own.enumerate() {
                if position > 0 {
                    into.push(b",");
                }
                quote(name.as_bytes(), into);
                into.push(b"=");
                append_quoted(budget, &entry.value, into);
            }
            return;
        }
    };
    if budget.spend_text(bytes.len()) {
        into.push(bytes);
    }
}

fn append_quoted(budget: &mut Budget, value: &Computed, into: &mut TextBuilder) {
    let before = into.len();
    let text = to_text(budget, value);
    // Quotes in quotes double with each level, so that a small value can become a huge text.
    if budget.spend_text(text.as_bytes().len()) {
        quote(text.as_bytes(), into);
        budget.spend_text(into.len() - before);
    }
}

/// A public text, in Go's quotes, for a message.
pub(super) fn quoted(text: &str) -> String {
    let mut builder = TextBuilder::default();
    quote(text.as_bytes(), &mut builder);
    builder.finish().as_str().unwrap_or_default().to_owned()
}

/// The value for those who ask for an environment. Once the budget is spent, what is left becomes
/// unknown.
pub(super) fn to_value(budget: &mut Budget, value: &Computed) -> Value {
    to_value_at(budget, value, 0)
}

/// What a map costs: it takes the room of many scalars, however small it is.
const STEPS_PER_MAP: usize = 8;

fn to_value_at(budget: &mut Budget, value: &Computed, depth: usize) -> Value {
    let steps = match value.shape {
        Shape::Object { .. } => STEPS_PER_MAP,
        _ => 1,
    };
    // A value may be printed on a line of its own, which is indented.
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
    let data = match &value.shape {
        Shape::Null => Data::Null,
        Shape::Bool(value) => Data::Bool(*value),
        Shape::Number(number) => Data::Number(number.clone()),
        Shape::Text(text) => Data::String(text.clone()),
        Shape::Array(items) => {
            let items = items
                .iter()
                .map(|item| to_value_at(budget, item, depth + 1));
            Data::Array(items.collect())
        }
        Shape::Object { entries, .. } => {
            let mut values = BTreeMap::new();
            let is_listed = |entry: &Entry| entry.own || !value.hides_inherited;
            for (name, entry) in entries.iter().filter(|(_, entry)| is_listed(entry)) {
                if budget.spend_text(name.len()) {
                    let value = to_value_at(budget, &entry.value, depth + 1);
                    values.insert(name.to_string(), value);
                }
            }
            Data::Object(values)
        }
    };
    Value {
        data,
        secret: value.secret,
        unknown: false,
    }
}

/// A value from outside: JSON text, a provider's result, the context. Where `secret` is set or the
/// value is a secret, so is all that is in it. All of it comes from the expression `origin`.
pub(super) fn from_value(value: Value, secret: bool, origin: Option<&Origin>) -> Rc<Computed> {
    let secret = secret || value.secret;
    let shape = match value.data {
        _ if value.unknown => {
            let mut unknown = Computed::unknown(Schema::any()).with_secret(secret);
            unknown.origin = origin.cloned();
            return Rc::new(unknown);
        }
        Data::Null => Shape::Null,
        Data::Bool(value) => Shape::Bool(value),
        Data::Number(number) => Shape::Number(number),
        Data::String(text) => Shape::Text(text),
        Data::Array(items) => {
            let items = items.into_iter();
            let items = items.map(|item| from_value(item, secret, origin));
            Shape::Array(items.collect())
        }
        Data::Object(entries) => {
            let entries = entries.into_iter().map(|(name, value)| {
                let value = from_value(value, secret, origin);
                (Rc::from(name), Entry { value, own: true })
            });
            Shape::Object {
                entries: Rc::new(entries.collect()),
                under: Under::Open(None),
            }
        }
    };
    let mut value = Computed::new(shape).with_secret(secret);
    value.origin = origin.cloned();
    Rc::new(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_quotes_end_with_the_budget() {
        let mut value = Value::from("x");
        for _ in 0..100 {
            value = Value::new(Data::Array(vec![value]));
        }
        let value = from_value(value, false, None);
        let mut budget = Budget::new(crate::evaluator::limits::Limits::default());
        let text = to_text(&mut budget, &value);
        assert!(budget.is_exhausted());
        assert!(text.as_bytes().len() < 3 * crate::evaluator::limits::MAXIMUM_TEXT_BYTES);
    }
}
