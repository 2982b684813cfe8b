//! `${path}` in the arguments of a command.
//!
//! `$$` is a literal `$`; `${` begins a path that `}` ends; any other `$` is literal. The path has the
//! shape that it has in a definition: names of any characters but `.`, `[`, `}` and blanks, keys in
//! `["…"]`, indices in `[…]`.

use crate::PropertyPath;
use crate::property_path::Accessor;

/// A part of an argument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// Text, with `$$` replaced.
    Text(String),
    /// `${…}`.
    Path(PropertyPath),
}

/// The parts of `text`; `None` where a path in it cannot be read. ESC then leaves the argument alone.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (path, after) = path(after)?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Path(path));
            rest = after;
        } else {
            literal.push('$');
            rest = after;
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Some(parts)
}

/// Reads a path and its closing brace.
fn path(text: &str) -> Option<(PropertyPath, &str)> {
    let mut accessors = Vec::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            // `${}` is the entry without a name, as in ESC.
            if accessors.is_empty() {
                accessors.push(Accessor::Name(String::new()));
            }
            return Some((accessors.into_iter().collect(), after));
        }
        let (accessor, after) = if let Some(key) = rest.strip_prefix("[\"") {
            let (key, after) = quoted_key(key)?;
            (Accessor::Name(key), after.strip_prefix(']')?)
        } else if let Some(subscript) = rest.strip_prefix('[') {
            let (index, after) = subscript.split_once(']')?;
            if accessors.is_empty() {
                return None;
            }
            // A negative index can be written and leads nowhere; so does the largest.
            let index = index.parse::<i64>().ok()?;
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            (Accessor::Index(index), after)
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(|c: char| matches!(c, '.' | '[' | '}') || c.is_whitespace())?;
            if end == 0 {
                return None;
            }
            (Accessor::Name(name[..end].to_owned()), &name[end..])
        };
        accessors.push(accessor);
        rest = after;
    }
}

/// Reads up to the closing quote. `\"` is a quote; nothing else is escaped.
fn quoted_key(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut rest = text;
    loop {
        let at = rest.find(['"', '\\'])?;
        key.push_str(&rest[..at]);
        let (found, after) = rest.split_at(at).1.split_at(1);
        rest = after;
        if found == "\"" {
            return (!key.is_empty()).then_some((key, rest));
        }
        match rest.strip_prefix('"') {
            Some(after) => {
                key.push('"');
                rest = after;
            }
            None => key.push('\\'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text again, each path as `<path>`.
    fn shown(text: &str) -> Option<String> {
        let parts = parse(text)?;
        let shown = parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Path(path) => format!("<{path}>"),
        });
        Some(shown.collect())
    }

    /// As `ast.Interpolate` of ESC 0.26.0 does.
    #[test]
    fn arguments_are_split_as_in_esc() {
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("${a}", "<a>"),
            ("x${a.b}y${c}", "x<a.b>y<c>"),
            ("$$", "$"),
            ("$$$$", "$$"),
            ("$${a}", "${a}"),
            ("$$${a}", "$<a>"),
            ("$HOME $", "$HOME $"),
            ("${a[0].b[\"c.d\"]}", "<a[0].b[\"c.d\"]>"),
            ("${[\"a\"]b}", "<a.b>"),
            ("${a[\"x\\\"y\\z\"]}", "<a[\"x\\\"y\\\\z\"]>"),
            ("${HOME:-/root}", "<[\"HOME:-/root\"]>"),
            ("${}", "<[\"\"]>"),
            ("${.a}", "<a>"),
            ("${a[007]}", "<a[7]>"),
            ("${é.ß}", "<[\"é\"][\"ß\"]>"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_leaves_the_argument_alone() {
        for text in [
            "${a",
            "${",
            "${a b}",
            "${ a}",
            "${a..b}",
            "${a.}",
            "${[0]}",
            "${a[x]}",
            "${a[0}",
            "${a[\"b}",
            "${a[\"\"]}",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
