//! Values: JSON's kinds, plus whether a value is secret or unknown.

use std::collections::BTreeMap;
use std::fmt;

use crate::format::json::{Secrets, UNKNOWN};
use crate::property_path::{Accessor, PropertyPath};
use crate::text::{REDACTED, Text};

/// A value of an environment.
///
/// `Debug` shows the shape and redacts secrets; nothing else prints a value by accident.
#[derive(Clone, Eq, PartialEq)]
pub struct Value {
    /// What it is. Meaningless where `unknown` is set.
    pub data: Data,
    /// Whether it must not be shown. It holds for this value alone: an object with a secret in it
    /// is not itself secret.
    pub secret: bool,
    /// Whether the value could not be computed: an error, or a check that opens no provider.
    pub unknown: bool,
}

/// The kinds of value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Data {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its text.
    Number(Number),
    /// A text, which may hold any bytes.
    String(Text),
    /// A list.
    Array(Vec<Value>),
    /// A map, by name.
    Object(BTreeMap<String, Value>),
}

/// A number as its JSON text. It is never turned into a float, so that no digit is lost.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Number(String);

impl Number {
    /// A number from text that the reader has found to be one.
    pub fn from_text(text: impl Into<String>) -> Self {
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

    /// A known text that is a secret.
    pub fn secret(text: impl Into<Text>) -> Self {
        Self {
            data: Data::String(text.into()),
            secret: true,
            unknown: false,
        }
    }

    /// A value that is not known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            data: Data::Null,
            secret: false,
            unknown: true,
        }
    }

    /// Whether this is a known `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        !self.unknown && self.data == Data::Null
    }

    /// The value as others may see it: a word in place of what is unknown and, where they are
    /// redacted, of each secret.
    #[must_use]
    pub fn shown(&self, secrets: Secrets) -> Self {
        if self.secret && secrets == Secrets::Redacted {
            return Self::from(REDACTED);
        }
        if self.unknown {
            return Self::from(UNKNOWN);
        }
        Self::new(match &self.data {
            Data::Array(items) => {
                Data::Array(items.iter().map(|item| item.shown(secrets)).collect())
            }
            Data::Object(entries) => {
                let entries = entries.iter();
                let shown = entries.map(|(name, value)| (name.clone(), value.shown(secrets)));
                Data::Object(shown.collect())
            }
            data => data.clone(),
        })
    }

    /// The entry `name`, where this is an object that has it.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Self> {
        match &self.data {
            Data::Object(entries) => entries.get(name),
            _ => None,
        }
    }

    /// The value at `path` below this one. A name and a key are the same thing here; an index
    /// counts from 0.
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

    /// The text of a known string.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        match &self.data {
            Data::String(text) if !self.unknown => Some(text),
            _ => None,
        }
    }

    /// A known string that is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_text()?.as_str()
    }

    /// The text of a scalar: `null` is empty, a number keeps its digits. `None` for lists and maps.
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
            Self { unknown: true, .. } => formatter.write_str("[unknown]"),
            Self { data, .. } => data.fmt(formatter),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::new(Data::String(text.into()))
    }
}
