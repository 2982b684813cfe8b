//! Reads a definition's text, and reports the YAML that ESC does not support.

use esc_yaml::{Error, ErrorKind, Node, NodeKind};

use super::{Span, hints, name, position, resolve, resolve_tagged, span, tag};
use crate::evaluator::document_path::{PathStep, join_step};
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_NAME_BYTES, MAXIMUM_NESTING, MAXIMUM_NODES,
};
use crate::yaml_scalar::{Scalar, tag_of};

/// The result of reading a definition's text.
#[derive(Debug, Default)]
pub(in crate::evaluator) struct SyntaxTree<'t> {
    /// The first document of the stream; `None` if there is none or the text is not valid YAML.
    pub(in crate::evaluator) root: Option<Node<'t>>,
    /// Errors in the text. A tree with errors is only used to find secrets.
    pub(in crate::evaluator) errors: Vec<SyntaxError>,
    /// The number of keys, values and further references in them.
    pub(in crate::evaluator) nodes: usize,
    /// Whether the text is valid YAML.
    pub(in crate::evaluator) is_valid: bool,
    /// Whether the text has no bytes.
    pub(in crate::evaluator) is_empty: bool,
    /// How many keys, values and references it may have.
    max_nodes: usize,
}

/// An error in the text.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::evaluator) struct SyntaxError {
    pub(in crate::evaluator) summary: String,
    pub(in crate::evaluator) span: Span,
    /// The path of the node with the error; `None` if the text is not valid YAML.
    pub(in crate::evaluator) path: Option<String>,
    pub(in crate::evaluator) hint: Option<String>,
}

/// Reads the first document of `text`.
pub(in crate::evaluator) fn parse(text: &str) -> SyntaxTree<'_> {
    parse_within(text, MAXIMUM_NODES)
}

/// Reads the first document of `text`, which may hold up to `max_nodes` keys, values and references.
pub(in crate::evaluator) fn parse_within(text: &str, max_nodes: usize) -> SyntaxTree<'_> {
    let limits = esc_yaml::Limits {
        max_depth: MAXIMUM_NESTING,
        max_nodes,
        max_key_bytes: MAXIMUM_NAME_BYTES,
    };
    let mut tree = SyntaxTree {
        is_empty: text.is_empty(),
        max_nodes,
        ..SyntaxTree::default()
    };
    match esc_yaml::parse(text, &limits) {
        Ok(root) => {
            if let Some(root) = &root {
                tree.check(root, None);
            }
            tree.root = root;
            tree.is_valid = true;
        }
        Err(error) => {
            if error.kind == ErrorKind::TooManyNodes {
                tree.nodes = max_nodes;
            }
            tree.errors.push(syntax_error(text, &error));
        }
    }
    tree
}

/// Words an error of the YAML reader. A syntax error has upstream's text, except for the name of an
/// unknown anchor, which may be an unquoted secret that begins with `*`.
fn syntax_error(text: &str, error: &Error) -> SyntaxError {
    let summary = match error.kind {
        ErrorKind::TooManyNodes => too_many_nodes(),
        ErrorKind::KeyTooLong => format!("a name is longer than {MAXIMUM_NAME_BYTES} bytes"),
        ErrorKind::TooDeep => format!("lists and maps nest deeper than {MAXIMUM_NESTING} levels"),
        ErrorKind::UnknownAnchor => "yaml: unknown anchor referenced".to_owned(),
        _ => error.to_string(),
    };
    let begin = position(error.position);
    SyntaxError {
        summary,
        span: Span::new(begin, begin),
        path: None,
        hint: hints::hint(text, error),
    }
}

fn too_many_nodes() -> String {
    format!("the definitions hold more than {MAXIMUM_NODES} names, values and references")
}

/// The path of a node as its last step and the path of its parent, so that no path is built unless an
/// error has it.
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: PathStep<&'a str>,
}

impl Path<'_> {
    fn append_to(&self, path: &mut String) {
        if let Some(parent) = self.parent {
            parent.append_to(path);
        }
        join_step(path, &self.step);
    }

    /// Whether the node is in the argument of `fn::secret`.
    fn is_secret(&self) -> bool {
        matches!(self.step, PathStep::Name(name) if name.eq_ignore_ascii_case("fn::secret"))
            || self.parent.is_some_and(Path::is_secret)
    }
}

impl SyntaxTree<'_> {
    /// Counts the nodes, and reports what ESC does not support. Returns whether the node is a string.
    fn check(&mut self, node: &Node<'_>, path: Option<&Path<'_>>) -> bool {
        self.nodes += 1;
        match &node.kind {
            NodeKind::Scalar { value, .. } => return self.check_scalar(node, value, path),
            NodeKind::Alias(_) => {
                let summary = "alias nodes are not supported";
                self.error(summary, Some(hints::NO_ALIASES), node, path);
            }
            NodeKind::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    let step = PathStep::Index(index);
                    self.check(item, Some(&Path { parent: path, step }));
                }
            }
            NodeKind::Mapping(entries) => {
                for (key, value) in entries {
                    let is_text = self.check(key, path);
                    let step = PathStep::Name(name(key));
                    let path = Path { parent: path, step };
                    if !is_text {
                        let summary = "mapping keys must be strings";
                        self.error(summary, Some(hints::KEY_IN_QUOTES), key, Some(&path));
                    }
                    self.check(value, Some(&path));
                }
            }
        }
        false
    }

    fn check_scalar(&mut self, node: &Node<'_>, value: &str, path: Option<&Path<'_>>) -> bool {
        if value.contains('$') {
            let before = self.nodes;
            // The first one is counted as the value.
            self.nodes += value.matches("${").skip(1).count();
            if before <= self.max_nodes && self.nodes > self.max_nodes {
                self.error(&too_many_nodes(), Some(hints::SPLIT_DEFINITION), node, path);
            }
        }
        let resolved = resolve(node);
        if let Some(tag) = tag(node)
            && resolve_tagged(value, tag).is_none()
        {
            let found = tag_of(value);
            let summary = if tag == "!!binary" {
                "yaml: !!binary value contains invalid base64 data".to_owned()
            } else if path.is_some_and(Path::is_secret) {
                format!("yaml: cannot decode {found} as a {tag}")
            } else {
                format!("yaml: cannot decode {found} `{value}` as a {tag}")
            };
            self.error(&summary, None, node, path);
        } else if resolved == Some(Scalar::NotFinite) {
            let summary = "a number must be finite: JSON has no infinity";
            self.error(summary, None, node, path);
        }
        resolved == Some(Scalar::Text)
    }

    fn error(
        &mut self,
        summary: &str,
        hint: Option<&str>,
        node: &Node<'_>,
        path: Option<&Path<'_>>,
    ) {
        if self.errors.len() > MAXIMUM_DIAGNOSTICS {
            return;
        }
        let mut text = String::new();
        if let Some(path) = path {
            path.append_to(&mut text);
        }
        self.errors.push(SyntaxError {
            summary: summary.to_owned(),
            span: span(node),
            path: Some(text),
            hint: hint.map(str::to_owned),
        });
    }
}

#[cfg(test)]
mod tests;
