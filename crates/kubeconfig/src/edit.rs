//! Editing a kubeconfig in place: everything but the changed entries stays as it is, to the byte.
//!
//! Each edit is verified: the new text is read again, and must mean the old text with the change and
//! nothing else. Otherwise, the edit fails.

use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

use crate::changes::{Changes, EntryChange, Section, new_document};
use crate::error::{Error, Result};
use crate::text_edit::{self, TextEdit};
use crate::tree::{self, Kind, Node};
use crate::tree_edit::{PathSegment, TreeEdit};

/// More rounds than any list of changes needs: each round makes at least one of the edits.
const MAX_ROUNDS: usize = 10_000;

/// Returns the text with the changes, or the same text if it already has them.
///
/// Comments, order, style, line breaks and unknown fields stay as they are. Fails if the text is not
/// a kubeconfig, or if its layout cannot be edited safely.
pub fn edit(text: &str, changes: &Changes) -> Result<String> {
    let Some(mut root) = tree::parse(text)?.filter(|root| !root.is_null()) else {
        return append_document(text, changes);
    };
    check_root(&root)?;
    let mut expected = root.clone();
    let mut edited = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let edits = next_edits(&root, changes)?;
        if edits.is_empty() {
            return check_json(text, edited);
        }
        // Edits that overlap or touch wait for the next round.
        let mut accepted: Vec<TextEdit> = Vec::new();
        for edit in edits {
            let text_edit = edit.to_text_edit(&edited, &root)?;
            if !accepted.iter().any(|other| other.touches(&text_edit)) {
                edit.apply(&mut expected);
                accepted.push(text_edit);
            }
        }
        edited = text_edit::apply(&edited, accepted)?;
        root = match tree::parse(&edited) {
            Ok(Some(root)) if root == expected => root,
            _ => return Err(Error::unsupported_layout()),
        };
    }
    Err(Error::unsupported_layout())
}

/// Fails if the old text is JSON, as some clients require, and the new one is not.
fn check_json(old: &str, new: String) -> Result<String> {
    let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_json(old) && !is_json(&new) {
        return Err(Error::not_editable("the result would not be JSON"));
    }
    Ok(new)
}

/// Writes the first document after the comments of a text that has none.
fn append_document(text: &str, changes: &Changes) -> Result<String> {
    let line_break = text_edit::line_break(text);
    let document = new_document(changes, line_break);
    let mut edited = text.to_owned();
    if !edited.is_empty() && !edited.ends_with('\n') {
        edited.push_str(line_break);
    }
    edited.push_str(&document);
    match (tree::parse(&edited), tree::parse(&document)) {
        (Ok(Some(found)), Ok(Some(expected))) if found == expected => Ok(edited),
        _ => Err(Error::not_editable("its first document is empty")),
    }
}

fn check_root(root: &Node) -> Result<()> {
    if !matches!(root.kind, Kind::Mapping(_)) {
        return Err(Error::not_editable("it is not a kubeconfig"));
    }
    for (key, expected) in [("kind", "Config"), ("apiVersion", "v1")] {
        if let Some(found) = root.get(key).filter(|found| !found.is_null())
            && found.text() != Some(expected)
        {
            return Err(Error::not_editable(format!(
                "its `{key}` is not `{expected}`"
            )));
        }
    }
    for section in Section::ALL {
        let entries = root.entries().iter();
        if entries.filter(|entry| entry.has_key(section.key())).count() > 1 {
            return Err(Error::not_editable(format!(
                "it has `{}` twice",
                section.key()
            )));
        }
    }
    Ok(())
}

/// The next edits, at most one for each entry; none if the tree has all changes.
fn next_edits(root: &Node, changes: &Changes) -> Result<Vec<TreeEdit>> {
    let mut edits = Vec::new();
    for change in &changes.entries {
        edits.extend(next_entry_edit(root, change)?);
    }
    if let Some(context) = &changes.current_context {
        let (key, value) = ("current-context", json!(context));
        if !root.get(key).is_some_and(|current| current.means(&value)) {
            let path = Vec::new();
            edits.push(TreeEdit::Set { path, key, value });
        }
    }
    Ok(edits)
}

/// The next edit of an entry: adds it, adds its content, or changes a field.
fn next_entry_edit(root: &Node, change: &EntryChange) -> Result<Option<TreeEdit>> {
    let (list_key, content_key) = (change.section.key(), change.section.content_key());
    let list = root.get(list_key).filter(|list| !list.is_null());
    let Some(list) = list.filter(|list| !is_empty(list)) else {
        return Ok(Some(TreeEdit::Set {
            path: Vec::new(),
            key: list_key,
            value: json!([change.new_entry()]),
        }));
    };
    match &list.kind {
        Kind::Sequence(_) => {}
        Kind::Alias(_) => return Err(Error::not_editable(format!("`{list_key}` is an alias"))),
        _ => return Err(Error::not_editable(format!("`{list_key}` is not a list"))),
    }
    let has_name = |item: &Node| item.get("name").and_then(Node::text) == Some(&change.name);
    let mut items = list.items().iter().enumerate();
    let Some((index, item)) = items.find(|(_, item)| has_name(item)) else {
        return Ok(Some(TreeEdit::Append {
            list_key,
            value: change.new_entry(),
        }));
    };
    if items.any(|(_, item)| has_name(item)) {
        return Err(Error::not_editable(format!(
            "`{list_key}` has two entries named `{}`",
            change.name
        )));
    }
    let mut path = vec![PathSegment::Key(list_key), PathSegment::Index(index)];
    let content = item.get(content_key).filter(|content| !content.is_null());
    let Some(content) = content.filter(|content| !is_empty(content)) else {
        return Ok(Some(TreeEdit::Set {
            path,
            key: content_key,
            value: change.new_content(),
        }));
    };
    check_content(content, change)?;
    path.push(PathSegment::Key(content_key));
    Ok(next_field_edit(content, change, path))
}

fn check_content(content: &Node, change: &EntryChange) -> Result<()> {
    let problem = if !content.is_mapping() {
        "is not a map"
    } else if !change.remove.is_empty() && content.get("<<").is_some() {
        "has a merge key (`<<`)"
    } else {
        return Ok(());
    };
    let kind = change.section.content_key();
    Err(Error::not_editable(format!(
        "{kind} `{}` {problem}",
        change.name
    )))
}

/// The edit for the next field to set or to remove; `path` is that of the content.
fn next_field_edit(
    content: &Node,
    change: &EntryChange,
    mut path: Vec<PathSegment>,
) -> Option<TreeEdit> {
    let find = |field: &str| {
        let mut keys = field.split('.');
        let node = keys.try_fold(content, |node, key| node.get(key));
        node.filter(|node| !node.is_null())
    };
    let differs =
        |(field, value): &&(&str, Json)| !find(field).is_some_and(|node| node.means(value));
    if let Some((field, value)) = change.set.iter().find(differs) {
        let (key, value) = match field.split_once('.') {
            None => (*field, value.clone()),
            Some((outer, inner)) if content.get(outer).is_some_and(is_own_mapping) => {
                path.push(PathSegment::Key(outer));
                (inner, value.clone())
            }
            // The outer field is missing, or is an alias: it is written as a whole.
            Some((outer, _)) => (outer, change.new_content()[outer].clone()),
        };
        return Some(TreeEdit::Set { path, key, value });
    }
    let field = change.remove.iter().find(|field| find(field).is_some())?;
    let key = match field.split_once('.') {
        None => field,
        Some((outer, inner)) => {
            path.push(PathSegment::Key(outer));
            inner
        }
    };
    Some(TreeEdit::Remove { path, key })
}

/// Whether the node is a mapping with entries, and neither an alias nor merged with another one.
fn is_own_mapping(node: &Node) -> bool {
    matches!(&node.kind, Kind::Mapping(entries) if !entries.is_empty()) && node.get("<<").is_none()
}

fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Sequence(items) => items.is_empty(),
        Kind::Mapping(entries) => entries.is_empty(),
        _ => false,
    }
}
