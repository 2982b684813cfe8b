//! One edit of the tree, and how it changes the text.

use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::text_edit::{
    TextEdit, after_colon, column, entry_end, flow_layout, insert_in_brackets, line_end, line_start,
};
use crate::tree::{Entry, Kind, Node};
use crate::yaml_writer;

/// One edit of the tree.
#[derive(Clone, Debug)]
pub(crate) struct TreeEdit {
    /// Leads to the node that is edited.
    pub(crate) path: Vec<PathSegment>,
    pub(crate) action: Action,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Sets a key of a mapping.
    Set(&'static str, Json),
    /// Appends an item to a list.
    Append(Json),
    /// Removes a key from a mapping.
    Remove(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum PathSegment {
    Key(&'static str),
    Index(usize),
}

impl TreeEdit {
    /// Makes the edit in the tree that the new text is expected to have.
    pub(crate) fn apply(&self, root: &mut Node) {
        let Some(node) = self.node_mut(root) else {
            return;
        };
        match (&mut node.kind, &self.action) {
            (Kind::Mapping(entries), Action::Set(key, value)) => {
                match entries.iter_mut().find(|entry| entry.has_key(key)) {
                    Some(entry) => entry.value = Node::new(value),
                    None => entries.push(Entry::new(key, value)),
                }
            }
            (Kind::Sequence(items), Action::Append(value)) => items.push(Node::new(value)),
            (Kind::Mapping(entries), Action::Remove(key)) => {
                entries.retain(|entry| !entry.has_key(key));
            }
            _ => {}
        }
    }

    /// Returns the edit of the text that makes this edit. `root` is the tree of `text`.
    ///
    /// The result need not be right for every layout, because the caller reads the new text again.
    pub(crate) fn to_text_edit(&self, text: &str, root: &Node) -> Result<TextEdit> {
        let node = self.node(root)?;
        match &self.action {
            Action::Set(key, value) => match node.entry(key) {
                Some(entry) => replace_value(text, node, entry, value),
                None => append(text, node, Some(key), value),
            },
            Action::Append(value) => append(text, node, None, value),
            Action::Remove(key) => remove_entry(text, node, key),
        }
    }

    /// The node to edit; `None` if an alias is on the way.
    fn node_mut<'a>(&self, root: &'a mut Node) -> Option<&'a mut Node> {
        let mut node = root;
        for segment in &self.path {
            node = match (&mut node.kind, segment) {
                (Kind::Mapping(entries), PathSegment::Key(key)) => {
                    &mut entries.iter_mut().find(|entry| entry.has_key(key))?.value
                }
                (Kind::Sequence(items), PathSegment::Index(index)) => items.get_mut(*index)?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// The node to edit. Fails if it or a node on the way is an alias: what an alias refers to is
    /// used elsewhere too.
    fn node<'a>(&self, root: &'a Node) -> Result<&'a Node> {
        let mut node = Some(root);
        let mut path = self.path.iter();
        while let Some(current) = node {
            if matches!(current.kind, Kind::Alias(_)) {
                let reason = "the entry is an alias; other entries use its anchor";
                return Err(Error::not_editable(reason));
            }
            node = match path.next() {
                Some(PathSegment::Key(key)) => current.get(key),
                Some(PathSegment::Index(index)) => current.items().get(*index),
                None => return Ok(current),
            };
        }
        Err(Error::unsupported_layout())
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
    let inline = if map.flow {
        Some(yaml_writer::flow(value, &flow_layout(text, map)))
    } else {
        is_scalar.then(|| yaml_writer::block(value, 0))
    };
    let whole = colon_end..entry_end(text, entry);
    Ok(match inline {
        Some(inline) if is_inline => TextEdit::new(old.clone(), inline),
        Some(inline) => TextEdit::new(whole, format!(" {inline}")),
        None => {
            let column = column(text, entry.key.span.start);
            TextEdit::new(whole, yaml_writer::block_value(value, column))
        }
    })
}

/// Adds `value` at the end of a list, or of a map with this key.
fn append(text: &str, node: &Node, key: Option<&str>, value: &Json) -> Result<TextEdit> {
    if node.flow {
        let layout = flow_layout(text, node).nested();
        let mut addition = yaml_writer::flow(value, &layout);
        if let Some(key) = key {
            addition = format!("{}: {addition}", yaml_writer::flow(&json!(key), &layout));
        }
        return insert_in_brackets(text, node, &addition, &layout);
    }
    let column = column(text, node.span.start);
    let addition = key.map_or_else(|| json!([value]), |key| json!({key: value}));
    let addition = yaml_writer::block(&addition, column);
    let end = line_end(text, node.span.end);
    let new_line = format!("\n{:column$}{addition}", "");
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
