//! Reading the inputs of providers. Messages must not quote an input: it may be secret.

use crate::error::{Error, Kind, Result};
use crate::secret::Text;
use esc::Value;

/// The text of the input `name`, as UTF-8.
pub(super) fn string<'a>(inputs: &'a Value, name: &str) -> Result<&'a str> {
    let text = text(inputs, name)?;
    text.as_str()
        .ok_or_else(|| invalid(format!("`{name}` is not valid UTF-8")))
}

/// The text of the input `name`.
pub(super) fn text<'a>(inputs: &'a Value, name: &str) -> Result<&'a Text> {
    let text = inputs.property(name).and_then(Value::as_text);
    text.ok_or_else(|| invalid(format!("`{name}` is missing or not a string")))
}

/// An error that the schemas do not catch.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::Definition, message)
}
