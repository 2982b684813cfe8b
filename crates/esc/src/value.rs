//! Values: JSON data that may be secret or unknown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::format::Secrets;
use crate::property_path::{Accessor, PropertyPath};
use crate::text::{REDACTED, Text, UNKNOWN};

/// A value of an environment.
///
/// `Debug` redacts secrets. There is no `Display`: choose a [`format`](crate::format) to print a value.
#[derive(Clone, Eq, PartialEq)]
pub struct Value {
    /// The data. Meaningless if `unknown` is set.
    pub data: Data,
    /// Whether the value is a secret. An object that contains a secret is not itself a secret.
    pub secret: bool,
    /// Whether the value could not be computed, because of an error or because a check does not call
    /// providers.
    pub unknown: bool,
}

/// The data of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Data {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, which may hold any bytes.
    String(Text),
    /// A list.
    Array(Vec<Value>),
    /// A map from names to values.
    Object(BTreeMap<String, Value>),
}

/// A number as its JSON text. It is never converted to a float, so no digit is lost.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Number(Arc<str>);

impl Number {
    /// Wraps the text of a valid JSON number.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value {
    /// A known, public value.
    #[must_use]
    pub fn new(data: Data) -> Self {
        Self {
            data,
            secret: false,
            unknown: false,
        }
    }

    /// A known secret string.
    pub fn secret(text: impl Into<Text>) -> Self {
        Self {
            secret: true,
            ..Self::new(Data::String(text.into()))
        }
    }

    /// A public value that is unknown.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            unknown: true,
            ..Self::new(Data::Null)
        }
    }

    /// Whether the value is known and `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        !self.unknown && self.data == Data::Null
    }

    /// Copies the value with placeholders for unknown values and, if they are redacted, for secrets.
    #[must_use]
    pub fn with_placeholders(&self, secrets: Secrets) -> Self {
        if self.secret && secrets == Secrets::Redacted {
            return Self::from(REDACTED);
        }
        if self.unknown {
            return Self::from(UNKNOWN);
        }
        Self::new(match &self.data {
            Data::Array(items) => Data::Array(
                items
                    .iter()
                    .map(|item| item.with_placeholders(secrets))
                    .collect(),
            ),
            Data::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(name, value)| (name.clone(), value.with_placeholders(secrets)));
                Data::Object(entries.collect())
            }
            data => data.clone(),
        })
    }

    /// The entry `name` of an object.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Self> {
        match &self.data {
            Data::Object(entries) => entries.get(name),
            _ => None,
        }
    }

    /// The value at `path` below this one.
    #[must_use]
    pub fn get(&self, path: &PropertyPath) -> Option<&Self> {
        path.accessors()
            .iter()
            .try_fold(self, |value, accessor| match (accessor, &value.data) {
                (Accessor::Name(name), Data::Object(entries)) => entries.get(name),
                (Accessor::Index(index), Data::Array(items)) => items.get(*index),
                _ => None,
            })
    }

    /// The text of a known string, or `None` for any other value.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        match &self.data {
            Data::String(text) if !self.unknown => Some(text),
            _ => None,
        }
    }

    /// The text of a known string that is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_text()?.as_str()
    }

    /// The text of a scalar: empty for `null`. `None` for lists and maps.
    #[must_use]
    pub fn scalar_text(&self) -> Option<Text> {
        match &self.data {
            Data::Null => Some(Text::default()),
            Data::Bool(value) => Some(Text::from(if *value { "true" } else { "false" })),
            Data::Number(number) => Some(Text::from(number.as_str())),
            Data::String(text) => Some(text.clone()),
            Data::Array(_) | Data::Object(_) => None,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { secret: true, .. } => formatter.write_str(REDACTED),
            Self { unknown: true, .. } => formatter.write_str(UNKNOWN),
            Self { data, .. } => data.fmt(formatter),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::new(Data::String(text.into()))
    }
}
