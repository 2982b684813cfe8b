//! One edit of the tree, and how it changes the text.

use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::text_edit::{
    TextEdit, after_colon, column, entry_end, flow_layout, insert_in_brackets, line_break,
    line_end, line_start,
};
use crate::tree::{Entry, Kind, Node};
use crate::yaml_writer;

/// One edit of the tree.
#[derive(Clone, Debug)]
pub(crate) enum TreeEdit {
    /// Sets a key of the mapping at `path`.
    Set {
        path: Vec<PathSegment>,
        key: &'static str,
        value: Json,
    },
    /// Appends an item to a list of the root.
    Append { list_key: &'static str, value: Json },
    /// Removes a key from the mapping at `path`.
    Remove {
        path: Vec<PathSegment>,
        key: &'static str,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum PathSegment {
    Key(&'static str),
    Index(usize),
}

impl TreeEdit {
    /// Makes the edit in the tree that the new text is expected to have.
    pub(crate) fn apply(&self, root: &mut Node) {
        match self {
            Self::Set { path, key, value } => {
                if let Some(entries) = entries_at(root, path) {
                    match entries.iter_mut().find(|entry| entry.has_key(key)) {
                        Some(entry) => entry.value = Node::new(value),
                        None => entries.push(Entry::new(key, value)),
                    }
                }
            }
            Self::Append { list_key, value } => {
                let list = entries_at(root, &[])
                    .and_then(|entries| entries.iter_mut().find(|entry| entry.has_key(list_key)));
                if let Some(Kind::Sequence(items)) = list.map(|entry| &mut entry.value.kind) {
                    items.push(Node::new(value));
                }
            }
            Self::Remove { path, key } => {
                if let Some(entries) = entries_at(root, path) {
                    entries.retain(|entry| !entry.has_key(key));
                }
            }
        }
    }

    /// Returns the edit of the text that makes this edit. `root` is the tree of `text`.
    ///
    /// The result need not be right for every layout, because the caller reads the new text again.
    pub(crate) fn to_text_edit(&self, text: &str, root: &Node) -> Result<TextEdit> {
        match self {
            Self::Set { path, key, value } => {
                let map = mapping_at(root, path)?;
                match map.entry(key) {
                    Some(entry) => replace_value(text, map, entry, value),
                    None => insert_entry(text, map, key, value),
                }
            }
            Self::Append { list_key, value } => {
                let list = root.get(list_key).ok_or_else(Error::unsupported_layout)?;
                append_item(text, list, value)
            }
            Self::Remove { path, key } => remove_entry(text, mapping_at(root, path)?, key),
        }
    }
}

/// The entries of the mapping at `path`; `None` if an alias is on the way.
fn entries_at<'a>(root: &'a mut Node, path: &[PathSegment]) -> Option<&'a mut Vec<Entry>> {
    let mut node = root;
    for segment in path {
        node = match (&mut node.kind, segment) {
            (Kind::Mapping(entries), PathSegment::Key(key)) => {
                &mut entries.iter_mut().find(|entry| entry.has_key(key))?.value
            }
            (Kind::Sequence(items), PathSegment::Index(index)) => items.get_mut(*index)?,
            _ => return None,
        };
    }
    match &mut node.kind {
        Kind::Mapping(entries) => Some(entries),
        _ => None,
    }
}

/// The mapping at `path`. Fails if an alias is on the way: its node is used elsewhere too.
fn mapping_at<'a>(root: &'a Node, path: &[PathSegment]) -> Result<&'a Node> {
    let mut node = Some(root);
    for segment in path {
        node = match (node, segment) {
            (Some(alias), _) if matches!(alias.kind, Kind::Alias(_)) => break,
            (Some(node), PathSegment::Key(key)) => node.get(key),
            (Some(node), PathSegment::Index(index)) => node.items().get(*index),
            (None, _) => None,
        };
    }
    match node.map(|node| &node.kind) {
        Some(Kind::Mapping(_)) => node.ok_or_else(Error::unsupported_layout),
        Some(Kind::Alias(_)) => Err(Error::not_editable(
            "the entry is an alias; other entries use its anchor",
        )),
        _ => Err(Error::unsupported_layout()),
    }
}

fn replace_value(text: &str, map: &Node, entry: &Entry, value: &Json) -> Result<TextEdit> {
    let colon_end = after_colon(text, &entry.key)?;
    let old = &entry.value.span;
    let between = text.get(colon_end..old.start).unwrap_or_default();
    // Right after the colon, without tag, anchor, comment or line break.
    let is_inline = !old.is_empty()
        && between.trim_matches([' ', '\t']).is_empty()
        && text.get(old.clone()).is_some_and(|old| !old.contains('\n'));
    let is_scalar = match value {
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
        _ => true,
    };
    let whole = colon_end..entry_end(text, entry);
    Ok(if map.flow {
        let value = yaml_writer::flow(value, &flow_layout(text, map));
        if is_inline {
            TextEdit::new(old.clone(), value)
        } else {
            TextEdit::new(whole, format!(" {value}"))
        }
    } else if is_scalar && is_inline {
        TextEdit::new(old.clone(), yaml_writer::block(value, 0, ""))
    } else {
        let column = column(text, entry.key.span.start);
        let value = yaml_writer::block_value(value, column, line_break(text));
        TextEdit::new(whole, value)
    })
}

fn insert_entry(text: &str, map: &Node, key: &str, value: &Json) -> Result<TextEdit> {
    if map.flow {
        let layout = flow_layout(text, map).nested();
        let entry = yaml_writer::flow_entry(key, value, &layout);
        return insert_in_brackets(text, map, entry, &layout);
    }
    let column = column(text, map.span.start);
    let line_break = line_break(text);
    let entry = yaml_writer::block_entry(key, value, column, line_break);
    let end = line_end(text, map.span.end);
    let new_line = format!("{line_break}{:column$}{entry}", "");
    Ok(TextEdit::new(end..end, new_line))
}

fn append_item(text: &str, list: &Node, value: &Json) -> Result<TextEdit> {
    if list.flow {
        let layout = flow_layout(text, list).nested();
        let item = yaml_writer::flow(value, &layout);
        return insert_in_brackets(text, list, item, &layout);
    }
    let column = column(text, list.span.start);
    let line_break = line_break(text);
    let item = yaml_writer::block(&json!([value]), column, line_break);
    let end = line_end(text, list.span.end);
    let new_line = format!("{line_break}{:column$}{item}", "");
    Ok(TextEdit::new(end..end, new_line))
}

fn remove_entry(text: &str, map: &Node, key: &str) -> Result<TextEdit> {
    let entries = map.entries();
    let index = entries.iter().position(|entry| entry.has_key(key));
    let index = index.ok_or_else(Error::unsupported_layout)?;
    let entry = &entries[index];
    let previous = index.checked_sub(1).map(|index| &entries[index]);
    let (start, end) = (entry.key.span.start, entry_end(text, entry));
    let range = match (previous, entries.get(index + 1)) {
        (Some(previous), _) if map.flow => entry_end(text, previous)..end,
        (Some(_), _) => {
            let first = line_start(text, start);
            if !text[first..start].trim().is_empty() {
                return Err(Error::unsupported_layout());
            }
            let last = line_end(text, end);
            match text[last..].find('\n') {
                Some(line_break) => first..last + line_break + 1,
                // The last line of the text: the line break before it goes instead.
                None => line_end(text, first.saturating_sub(1))..text.len(),
            }
        }
        (None, Some(next)) => start..next.key.span.start,
        (None, None) => return Err(Error::unsupported_layout()),
    };
    Ok(TextEdit::new(range, String::new()))
}
