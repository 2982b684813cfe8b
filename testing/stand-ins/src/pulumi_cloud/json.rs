//! JSON that keeps the digits of numbers.

use std::fmt;

/// A JSON value.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// JSON text, such as a number, `true` or `null`.
    Raw(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object with its entries in order.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn null() -> Self {
        Self::Raw("null".to_owned())
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn object<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Object(entries.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// An object of the entries that have a value.
    pub(super) fn some<const N: usize>(entries: [(&str, Option<Self>); N]) -> Self {
        let entries = entries.into_iter();
        Self::Object(
            entries
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
        )
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::Raw(value.to_string())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw(text) => formatter.write_str(text),
            Self::Text(text) => write!(formatter, "{}", serde_json::Value::from(text.as_str())),
            Self::List(items) => {
                formatter.write_str("[")?;
                for (position, item) in items.iter().enumerate() {
                    let comma = if position > 0 { "," } else { "" };
                    write!(formatter, "{comma}{item}")?;
                }
                formatter.write_str("]")
            }
            Self::Object(entries) => {
                formatter.write_str("{")?;
                for (position, (name, value)) in entries.iter().enumerate() {
                    let comma = if position > 0 { "," } else { "" };
                    let name = serde_json::Value::from(name.as_str());
                    write!(formatter, "{comma}{name}:{value}")?;
                }
                formatter.write_str("}")
            }
        }
    }
}
