//! Behavior of the reader, in tables of texts. The expected trees, positions and errors are those of
//! yaml.v3.

#![expect(clippy::panic, reason = "it fails the test")]

mod errors;
mod limits;
mod positions;
mod robustness;
mod spans;
mod values;

use esc_yaml::{Limits, Node, NodeKind, ScalarStyle};

/// The root of a text that holds a document.
fn root(text: &str) -> Node<'_> {
    match esc_yaml::parse(text, &Limits::default()) {
        Ok(Some(root)) => root,
        Ok(None) => panic!("no document in {text}"),
        Err(error) => panic!("{error} in {text}"),
    }
}

/// The error of a text that is rejected.
fn error(text: &str) -> esc_yaml::Error {
    match esc_yaml::parse(text, &Limits::default()) {
        Ok(_) => panic!("no error in {text}"),
        Err(error) => error,
    }
}

/// All nodes of a tree, in the order of the text.
fn nodes<'n>(root: &'n Node<'n>) -> Vec<&'n Node<'n>> {
    let mut nodes = Vec::new();
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        nodes.push(node);
        pending.extend(node.items().iter().rev());
        for (key, value) in node.entries().iter().rev() {
            pending.extend([value, key]);
        }
    }
    nodes
}

/// A short form of a tree: flow style, with a mark for the style of scalars, the tag and the anchor.
fn outline(node: &Node<'_>) -> String {
    let anchor = node.anchor().map(|anchor| format!("&{anchor} "));
    let tag = node.tag().map(|tag| format!("{tag} "));
    let content = match &node.kind {
        NodeKind::Scalar { value, style } => {
            let mark = match style {
                ScalarStyle::Plain => "",
                ScalarStyle::SingleQuoted => "'",
                ScalarStyle::DoubleQuoted => "\"",
                ScalarStyle::Literal => "|",
                ScalarStyle::Folded => ">",
            };
            format!("{mark}{}", value.escape_debug())
        }
        NodeKind::Alias(name) => format!("*{name}"),
        NodeKind::Sequence(items) => {
            let items: Vec<_> = items.iter().map(outline).collect();
            format!("[{}]", items.join(","))
        }
        NodeKind::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}={}", outline(key), outline(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    };
    [anchor.unwrap_or_default(), tag.unwrap_or_default(), content].concat()
}
