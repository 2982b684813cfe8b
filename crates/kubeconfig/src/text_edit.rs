//! Replacing bytes of a YAML text, and finding the places for it.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::tree::{Entry, Kind, Node};
use crate::yaml_writer::FlowLayout;

/// A replacement of bytes.
pub(crate) struct TextEdit {
    range: Range<usize>,
    replacement: String,
}

impl TextEdit {
    pub(crate) fn new(range: Range<usize>, replacement: String) -> Self {
        Self { range, replacement }
    }

    /// Whether the ranges overlap or touch.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        self.range.start <= other.range.end && other.range.start <= self.range.end
    }
}

/// Makes edits that do not touch.
pub(crate) fn apply(text: &str, mut edits: Vec<TextEdit>) -> Result<String> {
    edits.sort_by_key(|edit| edit.range.start);
    let unchanged = |range: Range<usize>| text.get(range).ok_or_else(Error::unsupported_layout);
    let mut edited = String::with_capacity(text.len());
    let mut end = 0;
    for edit in edits {
        edited.push_str(unchanged(end..edit.range.start)?);
        edited.push_str(&edit.replacement);
        end = edit.range.end;
    }
    edited.push_str(unchanged(end..text.len())?);
    Ok(edited)
}

/// Adds an item or entry at the end of a list or map in brackets; `layout` is that of its items.
pub(crate) fn insert_in_brackets(
    text: &str,
    node: &Node,
    addition: String,
    layout: &FlowLayout,
) -> Result<TextEdit> {
    let last_end = match &node.kind {
        Kind::Sequence(items) => items.last().map(|item| item.span.end),
        Kind::Mapping(entries) => entries.last().map(|entry| entry_end(text, entry)),
        _ => None,
    };
    let Some(last_end) = last_end else {
        let inside = node.span.start + 1..node.span.end.saturating_sub(1);
        return match text.get(inside.clone()) {
            Some(inner) if inner.trim().is_empty() => Ok(TextEdit::new(inside, addition)),
            _ => Err(Error::unsupported_layout()),
        };
    };
    let rest = &text[last_end..];
    let comma = rest.len() - rest.trim_start().len();
    let (at, comma) = if rest[comma..].starts_with(',') {
        (last_end + comma + 1, "")
    } else {
        (last_end, ",")
    };
    let separator = match layout {
        FlowLayout::OneLine => " ".to_owned(),
        FlowLayout::MultiLine {
            indent, line_break, ..
        } => format!("{line_break}{indent}"),
    };
    let addition = format!("{comma}{separator}{addition}");
    Ok(TextEdit::new(at..at, addition))
}

/// The layout of a list or map in brackets.
pub(crate) fn flow_layout(text: &str, node: &Node) -> FlowLayout {
    let open = node.span.start;
    let first = match &node.kind {
        Kind::Sequence(items) => items.first(),
        Kind::Mapping(entries) => entries.first().map(|entry| &entry.key),
        _ => None,
    };
    let first = first.map(|first| first.span.start);
    let Some(first) = first.filter(|first| text[open..*first].contains('\n')) else {
        return FlowLayout::OneLine;
    };
    let indent = indentation(text, open);
    let step = indentation(text, first).strip_prefix(indent);
    FlowLayout::MultiLine {
        indent: indent.to_owned(),
        step: step
            .filter(|step| !step.is_empty())
            .unwrap_or("  ")
            .to_owned(),
        line_break: line_break(text),
    }
}

/// The spaces and tabs at the beginning of the line that contains `at`.
fn indentation(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..at];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The place after the colon of a key, which must be on the same line.
pub(crate) fn after_colon(text: &str, key: &Node) -> Result<usize> {
    let rest = text.get(key.span.end..).unwrap_or_default();
    let colon = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if rest[colon..].starts_with(':') {
        Ok(key.span.end + colon + 1)
    } else {
        Err(Error::unsupported_layout())
    }
}

pub(crate) fn entry_end(text: &str, entry: &Entry) -> usize {
    let value = &entry.value.span;
    if value.is_empty() {
        after_colon(text, &entry.key).unwrap_or(entry.key.span.end)
    } else {
        value.end
    }
}

/// The line break of the first line.
pub(crate) fn line_break(text: &str) -> &'static str {
    let first = text.find('\n').unwrap_or_default();
    if text[..first].ends_with('\r') {
        "\r\n"
    } else {
        "\n"
    }
}

/// The beginning of the line that contains `at`.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |previous| previous + 1)
}

/// The end of the line that contains `at`, before its line break.
pub(crate) fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    if end < text.len() && text[..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

/// The number of characters before `at` on its line. A byte order mark does not count.
pub(crate) fn column(text: &str, at: usize) -> usize {
    let line = &text[line_start(text, at)..at];
    line.chars().filter(|c| *c != '\u{feff}').count()
}
