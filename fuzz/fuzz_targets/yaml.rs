//! YAML: every node is where the tree says, and the tree is the one that another YAML reader sees.

#![no_main]

use esc_yaml::{Limits, Node, NodeKind, parse};
use libfuzzer_sys::fuzz_target;
use serde_yaml::Value as Yaml;

fuzz_target!(|text: &str| {
    let limits = Limits {
        max_depth: 100,
        ..Limits::default()
    };
    let root = match parse(text, &limits) {
        Ok(root) => root,
        Err(error) => {
            assert!(
                error.position.byte <= text.len() && text.is_char_boundary(error.position.byte)
            );
            assert!(error.to_string().len() < 300, "{error}");
            return;
        }
    };
    let Some(root) = root else { return };
    let mut nodes = 0;
    check(&root, text, &mut nodes);
    // Limits are exact.
    for (max_nodes, is_enough) in [(nodes, true), (nodes - 1, false)] {
        let limits = Limits {
            max_nodes,
            ..limits
        };
        assert_eq!(parse(text, &limits).is_ok(), is_enough, "{nodes} nodes");
    }
    // In `{?:}`, libyaml sees another mapping than yaml.v3.
    if is_portable(&root) && !text.contains('?') {
        let document = serde_yaml::Deserializer::from_str(text).next();
        let theirs = document.map(<Yaml as serde::Deserialize>::deserialize);
        if let Some(Ok(theirs)) = theirs {
            assert!(
                is_same(&root, &theirs),
                "{} differs: {theirs:?}",
                outline(&root)
            );
        }
    }
});

fn check(node: &Node, text: &str, nodes: &mut usize) {
    *nodes += 1;
    assert!(text.get(node.span.clone()).is_some(), "{node:?}");
    assert!(text.is_char_boundary(node.start().byte), "{node:?}");
    for (key, value) in node.entries() {
        assert!(node.span.start <= key.span.start, "{node:?}");
        assert!(key.span.end <= value.span.start, "{node:?}");
        assert!(value.span.end <= node.span.end, "{node:?}");
        check(key, text, nodes);
        check(value, text, nodes);
    }
    let mut end = node.span.start;
    for item in node.items() {
        assert!(
            end <= item.span.start && item.span.end <= node.span.end,
            "{node:?}"
        );
        end = item.span.end;
        check(item, text, nodes);
    }
}

/// Whether both readers can agree: aliases, tags and merge keys are resolved by the other one only.
fn is_portable(node: &Node) -> bool {
    node.properties.is_none()
        && !matches!(node.kind, NodeKind::Alias(_))
        && node.items().iter().all(is_portable)
        && node.entries().iter().all(|(key, value)| {
            key.as_str().is_some()
                && key.as_str() != Some("<<")
                && is_portable(key)
                && is_portable(value)
        })
}

fn is_same(node: &Node, theirs: &Yaml) -> bool {
    match (&node.kind, theirs) {
        (NodeKind::Scalar { value, .. }, Yaml::String(theirs)) => **value == **theirs,
        // Resolved scalars are not compared.
        (NodeKind::Scalar { .. }, Yaml::Null | Yaml::Bool(_) | Yaml::Number(_)) => true,
        (NodeKind::Sequence(items), Yaml::Sequence(theirs)) => {
            let mut pairs = items.iter().zip(theirs);
            items.len() == theirs.len() && pairs.all(|(item, theirs)| is_same(item, theirs))
        }
        (NodeKind::Mapping(entries), Yaml::Mapping(theirs)) => {
            let mut pairs = entries.iter().zip(theirs);
            entries.len() == theirs.len()
                && pairs.all(|((key, value), (their_key, their_value))| {
                    is_same(key, their_key) && is_same(value, their_value)
                })
        }
        _ => false,
    }
}

fn outline(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar { value, .. } => format!("{:?}", &**value),
        NodeKind::Alias(name) => format!("*{}", name),
        NodeKind::Sequence(items) => {
            format!(
                "[{}]",
                items.iter().map(outline).collect::<Vec<_>>().join(", ")
            )
        }
        NodeKind::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| outline(key) + ": " + &outline(value));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
