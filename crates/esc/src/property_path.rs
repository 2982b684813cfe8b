//! Property paths: `aws.creds.accessKeyId`, `servers[0]["host.name"]`.

use std::fmt;
use std::str::FromStr;

/// One step of a path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Accessor {
    /// An entry of an object: `.name` or `["name"]`.
    Name(String),
    /// An item of an array, from 0: `[0]`.
    Index(usize),
}

/// A path from a value to one below it.
///
/// Parsed with `FromStr` and written with `Display`: an identifier after a dot, any other name in `["…"]` with
/// `"` and `\` escaped, and an index in `[…]`.
///
/// ```
/// let path: esc::PropertyPath = r#"servers[0]["host.name"]"#.parse()?;
/// assert_eq!(path.accessors().len(), 3);
/// assert_eq!(path.to_string(), r#"servers[0]["host.name"]"#);
/// # Ok::<(), esc::property_path::InvalidPath>(())
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct PropertyPath(Vec<Accessor>);

/// Why a text is not a property path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} at character {character}")]
pub struct InvalidPath {
    problem: &'static str,
    /// From 1.
    character: usize,
}

impl PropertyPath {
    /// The steps, from the outermost to the innermost.
    #[must_use]
    pub fn accessors(&self) -> &[Accessor] {
        &self.0
    }

    /// This path with one more step.
    #[must_use]
    pub fn join(&self, accessor: Accessor) -> Self {
        let mut accessors = self.0.clone();
        accessors.push(accessor);
        Self(accessors)
    }
}

impl FromIterator<Accessor> for PropertyPath {
    fn from_iter<I: IntoIterator<Item = Accessor>>(accessors: I) -> Self {
        Self(accessors.into_iter().collect())
    }
}

impl FromStr for PropertyPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let invalid = |problem, rest: &str| {
            let character = text[..text.len() - rest.len()].chars().count() + 1;
            Err(InvalidPath { problem, character })
        };
        let mut accessors = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(subscript) = rest.strip_prefix('[') {
                if let Some(quoted) = subscript.strip_prefix('"') {
                    let Some((key, tail)) = quoted_key(quoted) else {
                        return invalid("a key has no closing `\"`", rest);
                    };
                    let Some(tail) = tail.strip_prefix(']') else {
                        return invalid("a subscript has no closing `]`", tail);
                    };
                    accessors.push(Accessor::Name(key));
                    rest = tail;
                } else {
                    let Some((index, tail)) = subscript.split_once(']') else {
                        return invalid("a subscript has no closing `]`", rest);
                    };
                    let Ok(index) = index.parse() else {
                        return invalid("a subscript is neither a number nor a quoted key", rest);
                    };
                    accessors.push(Accessor::Index(index));
                    rest = tail;
                }
            } else {
                let name = match rest.strip_prefix('.') {
                    Some(name) if !accessors.is_empty() => name,
                    None if accessors.is_empty() => rest,
                    _ => return invalid("a name is missing or has no `.` before it", rest),
                };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                if end == 0 {
                    return invalid("a name is empty", name);
                }
                accessors.push(Accessor::Name(name[..end].to_owned()));
                rest = &name[end..];
            }
        }
        if accessors.is_empty() {
            return invalid("the path is empty", rest);
        }
        Ok(Self(accessors))
    }
}

/// Splits `key"tail` at the first unescaped quote.
fn quoted_key(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((key, &text[index + 1..])),
            '\\' => key.push(characters.next()?.1),
            _ => key.push(character),
        }
    }
    None
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, accessor) in self.0.iter().enumerate() {
            match accessor {
                Accessor::Name(name) if is_identifier(name) => {
                    let dot = if index == 0 { "" } else { "." };
                    write!(formatter, "{dot}{name}")?;
                }
                Accessor::Name(name) => {
                    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(formatter, "[\"{escaped}\"]")?;
                }
                Accessor::Index(item) => write!(formatter, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// Whether a name is written after a dot, without quotes.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
