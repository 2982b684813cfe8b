//! The expected shapes of a definition's values.

use std::collections::BTreeMap;

/// A kind of value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Shape {
    /// Not known, or invalid.
    #[default]
    Unknown,
    Null,
    Boolean,
    Number,
    String,
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// The kind of value that an expression should have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Any,
    String,
    Array,
    Object,
    /// An array of strings.
    Strings,
}

impl Shape {
    pub fn of(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(items) => Self::Array(items.iter().map(Self::of).collect()),
            Value::Object(entries) => {
                let entries = entries.iter();
                Self::Object(entries.map(|(k, v)| (k.clone(), Self::of(v))).collect())
            }
        }
    }

    /// `over` merged over this.
    pub fn merge(self, over: Self) -> Self {
        match (self, over) {
            (Self::Object(mut base), Self::Object(over)) => {
                for (name, shape) in over {
                    let merged = base.remove(&name).unwrap_or_default().merge(shape);
                    base.insert(name, merged);
                }
                Self::Object(base)
            }
            (base, Self::Unknown) => base,
            (_, over) => over,
        }
    }

    pub fn satisfies(&self, kind: Kind) -> bool {
        match kind {
            Kind::Any => true,
            Kind::String => *self == Self::String,
            Kind::Array => matches!(self, Self::Array(_)),
            Kind::Object => matches!(self, Self::Object(_)),
            Kind::Strings => {
                matches!(self, Self::Array(items) if items.iter().all(|item| *item == Self::String))
            }
        }
    }
}
