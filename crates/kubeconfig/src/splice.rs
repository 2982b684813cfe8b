//! One change to a YAML text, done to its bytes.
//!
//! What is done here is checked by the caller, who reads the new text again: a form that is not
//! thought of leads to a refusal, never to a wrong file.

use std::ops::Range;

use serde_json::Value as Json;

use crate::edit::line_break;
use crate::text::{self, Layout};
use crate::tree::{Entry, Kind, Node};

/// One change.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Gives a key of the map at `path` a value.
    Set {
        path: Vec<Place>,
        key: String,
        value: Json,
    },
    /// Adds an item to the list that is the value of a key of the outermost map.
    Push { key: String, value: Json },
    /// Takes a key out of the map at `path`.
    Remove { path: Vec<Place>, key: String },
}

/// A step on the way into a tree.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Key(String),
    Item(usize),
}

/// The reason why a change cannot be done.
type Refusal = String;

impl Step {
    /// The bytes that change. `root` is the text's tree.
    pub(super) fn change(&self, text: &str, root: &Node) -> Result<Change, Refusal> {
        match self {
            Self::Set { path, key, value } => {
                let map = find(root, path)?;
                match map.entries().iter().find(|entry| entry.is(key)) {
                    Some(entry) => replace(text, map, entry, value),
                    None => insert(text, map, key, value),
                }
            }
            Self::Push { key, value } => {
                let entry = root.entries().iter().find(|entry| entry.is(key));
                push(text, entry.ok_or_else(unusual)?, value)
            }
            Self::Remove { path, key } => remove(text, find(root, path)?, key),
        }
    }
}

/// A change of bytes: what they are, and what they become.
pub(super) type Change = (Range<usize>, String);

/// The text with the changes, which must neither overlap nor touch.
pub(super) fn splice(text: &str, mut changes: Vec<Change>) -> Result<String, Refusal> {
    changes.sort_by_key(|(range, _)| range.start);
    let mut spliced = String::with_capacity(text.len());
    let mut at = 0;
    for (range, replacement) in changes {
        spliced.push_str(text.get(at..range.start).ok_or_else(unusual)?);
        spliced.push_str(&replacement);
        at = range.end;
    }
    spliced.push_str(text.get(at..).ok_or_else(unusual)?);
    Ok(spliced)
}

fn unusual() -> Refusal {
    "its form is too unusual".to_owned()
}

/// The map at `path`. What stands behind an alias is not changed: it stands elsewhere, too.
fn find<'a>(root: &'a Node, path: &[Place]) -> Result<&'a Node, Refusal> {
    let mut node = root;
    for place in path {
        if let Kind::Alias(_) = node.kind {
            break;
        }
        node = match place {
            Place::Key(key) => node.get(key),
            Place::Item(index) => node.items().get(*index),
        }
        .ok_or_else(unusual)?;
    }
    match node.kind {
        Kind::Map(_) => Ok(node),
        Kind::Alias(_) => Err("what is to change is an alias, whose anchor others use".to_owned()),
        _ => Err(unusual()),
    }
}

fn replace(text: &str, map: &Node, entry: &Entry, value: &Json) -> Result<Change, Refusal> {
    let old = &entry.value;
    let whole = after_colon(text, &entry.key)?..content_end(text, old);
    if map.flow {
        let layout = layout(text, map);
        let value = text::flow_value(value, &layout);
        return Ok(if old.span.is_empty() {
            (whole.start..whole.start, format!(" {value}"))
        } else {
            (old.span.clone(), value)
        });
    }
    let is_simple = !matches!(value, Json::Array(items) if !items.is_empty())
        && !matches!(value, Json::Object(entries) if !entries.is_empty());
    if is_simple && is_on_one_line(text, old) {
        return Ok((old.span.clone(), text::block_scalar(value)));
    }
    let written = text::block_value(value, column(text, entry.key.span.start), line_break(text));
    // An empty value ends before its colon.
    Ok((whole.start..whole.end.max(whole.start), written))
}

/// Whether the node's span is all of it, on the line of its key.
fn is_on_one_line(text: &str, node: &Node) -> bool {
    let Some(written) = text.get(node.span.clone()) else {
        return false;
    };
    let is_block = match &node.kind {
        // The span of a block scalar is its content alone.
        Kind::Scalar { plain, .. } => !plain && !written.starts_with(['"', '\'', '&', '!']),
        Kind::List(_) | Kind::Map(_) => !node.flow,
        Kind::Alias(_) => false,
    };
    let line = &text[line_start(text, node.span.start)..node.span.start];
    !written.is_empty() && !is_block && !written.contains('\n') && line.contains(':')
}

fn insert(text: &str, map: &Node, key: &str, value: &Json) -> Result<Change, Refusal> {
    if map.flow {
        let layout = layout(text, map);
        let entry = text::flow_entry(key, value, &deeper(&layout));
        return insert_in_brackets(text, map, entry, &layout);
    }
    let (Some(first), Some(last)) = (map.entries().first(), map.entries().last()) else {
        return Err(unusual());
    };
    let column = column(text, first.key.span.start);
    let line_break = line_break(text);
    let entry = text::block_entry(key, value, column, line_break);
    let end = line_end(text, entry_end(text, last));
    Ok((end..end, format!("{line_break}{:column$}{entry}", "")))
}

fn push(text: &str, entry: &Entry, value: &Json) -> Result<Change, Refusal> {
    let list = &entry.value;
    if list.flow {
        let layout = layout(text, list);
        let item = text::flow_value(value, &deeper(&layout));
        return insert_in_brackets(text, list, item, &layout);
    }
    let Some(final_item) = list.items().last() else {
        return Err(unusual());
    };
    let dash = first_dash(text, after_colon(text, &entry.key)?).ok_or_else(unusual)?;
    let column = column(text, dash);
    let line_break = line_break(text);
    let item = text::block_item(value, column, line_break);
    let end = line_end(text, content_end(text, final_item));
    Ok((end..end, format!("{line_break}{:column$}{item}", "")))
}

fn remove(text: &str, map: &Node, key: &str) -> Result<Change, Refusal> {
    let entries = map.entries();
    let index = entries.iter().position(|entry| entry.is(key));
    let index = index.ok_or_else(unusual)?;
    let entry = &entries[index];
    let end = entry_end(text, entry);
    let range = match (
        index.checked_sub(1).map(|before| &entries[before]),
        entries.get(index + 1),
    ) {
        (Some(before), _) if map.flow => entry_end(text, before)..end,
        (Some(_), _) => {
            let start = line_start(text, entry.key.span.start);
            if !is_blank(&text[start..entry.key.span.start]) {
                return Err(unusual());
            }
            let line_end = line_end(text, end);
            let rest = &text[line_end..];
            match rest.find('\n') {
                Some(line_break) => start..line_end + line_break + 1,
                // The last line of the file goes with the line break before it.
                None => line_end_before(text, start)..text.len(),
            }
        }
        (None, Some(next)) => entry.key.span.start..next.key.span.start,
        (None, None) => return Err(unusual()),
    };
    Ok((range, String::new()))
}

fn insert_in_brackets(
    text: &str,
    node: &Node,
    addition: String,
    layout: &Layout,
) -> Result<Change, Refusal> {
    let last = match &node.kind {
        Kind::List(items) => items.last().map(|item| content_end(text, item)),
        Kind::Map(entries) => entries.last().map(|entry| entry_end(text, entry)),
        _ => return Err(unusual()),
    };
    let Some(last) = last else {
        let inside = node.span.start + 1..node.span.end.saturating_sub(1);
        return match text.get(inside.clone()) {
            Some(inner) if is_blank(inner) => Ok((inside, addition)),
            _ => Err(unusual()),
        };
    };
    let rest = &text[last..];
    let blank = rest.len() - rest.trim_start().len();
    let (at, comma) = if rest[blank..].starts_with(',') {
        (last + blank + 1, "")
    } else {
        (last, ",")
    };
    let separator = match deeper(layout) {
        Layout::Line => " ".to_owned(),
        Layout::Lines {
            indent, line_break, ..
        } => format!("{line_break}{indent}"),
    };
    Ok((at..at, format!("{comma}{separator}{addition}")))
}

/// How a list or map in brackets is laid out: that of the bracket's own line.
fn layout(text: &str, node: &Node) -> Layout {
    let first = match &node.kind {
        Kind::List(items) => items.first().map(|item| item.span.start),
        Kind::Map(entries) => entries.first().map(|entry| entry.key.span.start),
        _ => None,
    };
    let open = node.span.start;
    match first {
        Some(first) if text[open..first].contains('\n') => {
            let indent = indentation(text, open);
            let inner = indentation(text, first);
            let step = inner.strip_prefix(indent).filter(|step| !step.is_empty());
            Layout::Lines {
                indent: indent.to_owned(),
                step: step.unwrap_or("  ").to_owned(),
                line_break: line_break(text),
            }
        }
        _ => Layout::Line,
    }
}

fn deeper(layout: &Layout) -> Layout {
    match layout {
        Layout::Line => Layout::Line,
        Layout::Lines {
            indent,
            step,
            line_break,
        } => Layout::Lines {
            indent: format!("{indent}{step}"),
            step: step.clone(),
            line_break,
        },
    }
}

/// The blanks at the start of the line in which `at` is.
fn indentation(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..at];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The place after the colon of a key, which has to stand on the key's line.
fn after_colon(text: &str, key: &Node) -> Result<usize, Refusal> {
    let rest = text.get(key.span.end..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if rest[blank..].starts_with(':') {
        Ok(key.span.end + blank + 1)
    } else {
        Err(unusual())
    }
}

/// The first `-` of a block list, comments, a tag and an anchor before it left out.
fn first_dash(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        match trimmed.chars().next()? {
            '#' => at += trimmed.find('\n')?,
            '&' | '!' => at += trimmed.find(char::is_whitespace)?,
            '-' => return Some(at),
            _ => return None,
        }
    }
}

fn entry_end(text: &str, entry: &Entry) -> usize {
    // An empty value ends before its colon.
    let colon = after_colon(text, &entry.key).unwrap_or(entry.key.span.end);
    content_end(text, &entry.value).max(colon)
}

/// The end of what is written of a node: that of a block scalar holds line breaks after it.
fn content_end(text: &str, node: &Node) -> usize {
    let written = text.get(node.span.clone()).unwrap_or_default();
    node.span.start + written.trim_end().len()
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at]
        .rfind('\n')
        .map_or(0, |line_break| line_break + 1)
}

/// The end of the line in which `at` is, before its line break.
fn line_end(text: &str, at: usize) -> usize {
    match text[at..].find('\n') {
        Some(line_break) if text[at..at + line_break].ends_with('\r') => at + line_break - 1,
        Some(line_break) => at + line_break,
        None => text.len(),
    }
}

/// The end of the line before the one that starts at `start`.
fn line_end_before(text: &str, start: usize) -> usize {
    let before = &text[..start];
    let before = before.strip_suffix('\n').unwrap_or(before);
    before.strip_suffix('\r').unwrap_or(before).len()
}

/// How many characters stand before `at` in its line; a byte order mark is none.
fn column(text: &str, at: usize) -> usize {
    let line = &text[line_start(text, at)..at];
    line.chars().filter(|c| *c != '\u{feff}').count()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
