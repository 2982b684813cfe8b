//! Shrinks a case while it keeps its difference.

use crate::document::{Body, Document, Entry, Item, Layout, Node, Style};
use crate::generate::Draft;

/// The maximum number of smaller cases to try for one difference.
const MAXIMUM_TRIES: usize = 1_500;

/// The number of cases to try at once.
const BATCH: usize = 24;

/// Returns the smallest case candidates that still differs. `first_that_differs` returns the index of
/// the first case that differs.
pub fn shrink<E>(
    mut draft: Draft,
    mut first_that_differs: impl FnMut(&[Draft]) -> Result<Option<usize>, E>,
) -> Result<Draft, E> {
    let mut tries = 0;
    let mut start = 0;
    while tries < MAXIMUM_TRIES {
        let all = candidates(&draft);
        let rest = all.get(start..).unwrap_or_default();
        let mut better = None;
        for (batch, candidates) in rest.chunks(BATCH).enumerate() {
            tries += candidates.len();
            if let Some(index) = first_that_differs(candidates)? {
                better = Some(batch * BATCH + index);
                break;
            }
        }
        match better {
            // Candidates that did not differ before rarely differ now: continue from here.
            Some(index) => {
                draft = rest[index].clone();
                start += index;
            }
            None if start > 0 => start = 0,
            None => break,
        }
    }
    Ok(draft)
}

/// Smaller cases, those that remove most first.
fn candidates(draft: &Draft) -> Vec<Draft> {
    let mut candidates = all_candidates(draft);
    candidates.retain(|candidate| candidate != draft);
    candidates
}

fn all_candidates(draft: &Draft) -> Vec<Draft> {
    let mut candidates = Vec::new();
    for name in draft.environments.keys() {
        if *name != draft.root {
            let mut smaller = draft.clone();
            smaller.environments.remove(name);
            candidates.push(smaller);
            let mut smaller = draft.clone();
            name.clone_into(&mut smaller.root);
            candidates.push(smaller);
        }
    }
    if draft.root != "root" && !draft.environments.contains_key("root") {
        let mut smaller = draft.clone();
        if let Some(document) = smaller.environments.remove(&draft.root) {
            smaller.environments.insert("root".to_owned(), document);
            "root".clone_into(&mut smaller.root);
            candidates.push(smaller);
        }
    }
    if draft.context != serde_json::json!({}) {
        let mut smaller = draft.clone();
        smaller.context = serde_json::json!({});
        candidates.push(smaller);
    }
    for (name, document) in &draft.environments {
        for smaller in smaller_documents(document) {
            let mut changed = draft.clone();
            changed.environments.insert(name.clone(), smaller);
            candidates.push(changed);
        }
    }
    candidates
}

fn smaller_documents(document: &Document) -> Vec<Document> {
    let mut candidates = Vec::new();
    let mut layouts = vec![Layout::default()];
    let layout = &document.layout;
    let default = Layout::default();
    layouts.push(Layout {
        head: String::new(),
        ..layout.clone()
    });
    layouts.push(Layout {
        tail: String::new(),
        ..layout.clone()
    });
    layouts.push(Layout {
        final_newline: true,
        ..layout.clone()
    });
    layouts.push(Layout {
        carriage_returns: false,
        ..layout.clone()
    });
    layouts.push(Layout {
        step: default.step,
        ..layout.clone()
    });
    layouts.push(Layout {
        indented_lists: default.indented_lists,
        ..layout.clone()
    });
    for layout in layouts {
        if layout != document.layout {
            candidates.push(Document {
                root: document.root.clone(),
                layout,
            });
        }
    }
    for root in smaller_nodes(&document.root) {
        candidates.push(Document {
            root,
            layout: document.layout.clone(),
        });
    }
    candidates
}

fn smaller_nodes(node: &Node) -> Vec<Node> {
    let mut candidates = Vec::new();
    let with = |body: Body| Node {
        body,
        ..node.clone()
    };
    if !node.properties.is_empty() {
        candidates.push(Node {
            properties: String::new(),
            ..node.clone()
        });
    }
    if !node.comment.is_empty() {
        candidates.push(Node {
            comment: String::new(),
            ..node.clone()
        });
    }
    match &node.body {
        Body::Inline(text) => {
            candidates.extend(
                smaller_texts(text)
                    .into_iter()
                    .map(|text| with(Body::Inline(text))),
            );
        }
        Body::Block(header, lines) => {
            candidates.push(with(Body::Inline(lines.join(" "))));
            for index in 0..lines.len() {
                if lines.len() > 1 {
                    let mut fewer = lines.clone();
                    fewer.remove(index);
                    candidates.push(with(Body::Block(header.clone(), fewer)));
                }
                for text in smaller_texts(&lines[index]) {
                    let mut shorter = lines.clone();
                    shorter[index] = text;
                    candidates.push(with(Body::Block(header.clone(), shorter)));
                }
            }
        }
        Body::Map(entries, style) => map_candidates(node, entries, *style, &mut candidates),
        Body::List(items, style) => list_candidates(node, items, *style, &mut candidates),
    }
    candidates
}

fn map_candidates(node: &Node, entries: &[Entry], style: Style, candidates: &mut Vec<Node>) {
    let with = |entries: Vec<Entry>| Node {
        body: Body::Map(entries, style),
        ..node.clone()
    };
    candidates.push(Node::inline("1"));
    if entries.len() > 3 {
        let (left, right) = entries.split_at(entries.len() / 2);
        candidates.push(with(left.to_vec()));
        candidates.push(with(right.to_vec()));
    }
    for index in 0..entries.len() {
        let mut fewer = entries.to_vec();
        fewer.remove(index);
        candidates.push(with(fewer));
    }
    candidates.extend(entries.iter().map(|entry| entry.value.clone()));
    if style != Style::Block {
        candidates.push(Node {
            body: Body::Map(entries.to_vec(), Style::Block),
            ..node.clone()
        });
    }
    for (index, entry) in entries.iter().enumerate() {
        let mut try_entry = |changed: Entry| {
            let mut other = entries.to_vec();
            other[index] = changed;
            candidates.push(with(other));
        };
        for value in smaller_nodes(&entry.value) {
            try_entry(Entry {
                value,
                ..entry.clone()
            });
        }
        let plain = Entry::new(entry.key.clone(), entry.value.clone());
        if plain != *entry {
            try_entry(plain);
        }
        for key in smaller_nodes(&entry.key) {
            try_entry(Entry {
                key,
                ..entry.clone()
            });
        }
    }
}

fn list_candidates(node: &Node, items: &[Item], style: Style, candidates: &mut Vec<Node>) {
    let with = |items: Vec<Item>| Node {
        body: Body::List(items, style),
        ..node.clone()
    };
    candidates.push(Node::inline("1"));
    for index in 0..items.len() {
        let mut fewer = items.to_vec();
        fewer.remove(index);
        candidates.push(with(fewer));
    }
    candidates.extend(items.iter().map(|item| item.value.clone()));
    if style != Style::Block {
        candidates.push(Node {
            body: Body::List(items.to_vec(), Style::Block),
            ..node.clone()
        });
    }
    for (index, item) in items.iter().enumerate() {
        let mut try_item = |changed: Item| {
            let mut other = items.to_vec();
            other[index] = changed;
            candidates.push(with(other));
        };
        if !item.before.is_empty() {
            try_item(Item {
                before: Vec::new(),
                value: item.value.clone(),
            });
        }
        for value in smaller_nodes(&item.value) {
            try_item(Item {
                before: item.before.clone(),
                value,
            });
        }
    }
}

fn smaller_texts(text: &str) -> Vec<String> {
    let mut candidates = Vec::new();
    for simple in ["1", "a", "a1"] {
        if text.len() > simple.len() {
            candidates.push(simple.to_owned());
        }
    }
    let characters: Vec<char> = text.chars().collect();
    for quote in ['"', '\''] {
        if characters.len() > 2 && characters[0] == quote && characters.last() == Some(&quote) {
            candidates.push(characters[1..characters.len() - 1].iter().collect());
        }
    }
    let mut length = characters.len() / 2;
    while length > 0 {
        let mut start = 0;
        while start < characters.len() {
            let end = (start + length).min(characters.len());
            candidates.push(
                characters[..start]
                    .iter()
                    .chain(&characters[end..])
                    .collect(),
            );
            start += length;
        }
        length /= 2;
    }
    candidates
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn shrinking_keeps_the_cause() {
        let entry = |key: &str, value| (Node::inline(key), value);
        let inner = Node::list(
            vec![Node::inline("xyz"), Node::inline("cause!")],
            Style::Flow,
        );
        let values = Node::map(
            vec![entry("a", Node::inline("1")), entry("b", inner)],
            Style::Block,
        );
        let document = Document {
            root: Node::map(vec![entry("values", values)], Style::Block),
            layout: Layout {
                tail: "# end".to_owned(),
                ..Layout::default()
            },
        };
        let environments: BTreeMap<_, _> = ["base", "main"]
            .map(|name| (name.to_owned(), document.clone()))
            .into();
        let draft = Draft {
            environments,
            root: "main".to_owned(),
            context: serde_json::json!({"a": 1}),
            show_secrets: false,
        };
        let differs = |draft: &Draft| {
            let text = draft.environments[&draft.root].text();
            text.contains("cause") && text.contains("values")
        };
        let small = shrink(draft, |drafts| Ok::<_, ()>(drafts.iter().position(differs))).unwrap();
        assert_eq!(small.environments.len(), 1);
        assert_eq!(small.environments["root"].text(), "values: cause\n");
        assert_eq!(small.context, serde_json::json!({}));
    }
}
