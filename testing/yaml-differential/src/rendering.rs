//! Renders how `esc_yaml` reads a text, in the form that the Go program prints.

use std::fmt::Write;

use esc_yaml::{Limits, Node, NodeKind, ScalarStyle};

/// The prefix of YAML's own tags.
const CORE_PREFIX: &str = "tag:yaml.org,2002:";

/// How our reader reads `text`.
pub(crate) fn read(text: &str) -> String {
    match esc_yaml::parse(text, &Limits::default()) {
        Err(error) => format!("error: {error}"),
        Ok(None) => "no document".to_owned(),
        Ok(Some(root)) => render(&root),
    }
}

fn render(root: &Node<'_>) -> String {
    let mut lines = String::new();
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        write_node(&mut lines, node);
        pending.extend(node.items().iter().rev());
        for (key, value) in node.entries().iter().rev() {
            pending.extend([value, key]);
        }
    }
    lines
}

fn write_node(lines: &mut String, node: &Node<'_>) {
    let (kind, style, children, value) = match &node.kind {
        NodeKind::Scalar { value, style } => ("scalar", scalar_style(*style), 0, &**value),
        NodeKind::Sequence(items) => ("sequence", flow_style(node), items.len(), ""),
        NodeKind::Mapping(entries) => ("mapping", flow_style(node), 2 * entries.len(), ""),
        NodeKind::Alias(name) => ("alias", "plain", 0, *name),
    };
    let (line, column) = (node.start().line, node.start().column);
    let tag = tag(node);
    let anchor = quoted(node.anchor().unwrap_or_default());
    let value = quoted(value);
    let written = writeln!(
        lines,
        "{kind} {line}:{column} {style} tag {tag} anchor {anchor} children {children} value {value}"
    );
    debug_assert!(written.is_ok());
}

/// The tag as it is shown, short and long. yaml.v3 does not show a lone `!`.
fn tag(node: &Node<'_>) -> String {
    match node.tag() {
        None | Some("!") => "-".to_owned(),
        Some(tag) => {
            let long = match tag.strip_prefix("!!") {
                Some(name) => [CORE_PREFIX, name].concat(),
                None => tag.to_owned(),
            };
            format!("{} {} {}", quoted(tag), quoted(tag), quoted(&long))
        }
    }
}

fn flow_style(node: &Node<'_>) -> &'static str {
    if node.flow { "flow" } else { "plain" }
}

fn scalar_style(style: ScalarStyle) -> &'static str {
    match style {
        ScalarStyle::Plain => "plain",
        ScalarStyle::SingleQuoted => "single",
        ScalarStyle::DoubleQuoted => "double",
        ScalarStyle::Literal => "literal",
        ScalarStyle::Folded => "folded",
    }
}

/// The text on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
