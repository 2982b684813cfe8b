//! Builds the syntax tree from YAML: resolves scalars, and rejects what ESC does not support.

use std::mem;
use std::rc::Rc;

use esc_yaml::{Error, ErrorKind, NodeKind, ScalarStyle};

use crate::base64;
use crate::evaluator::document_path::{PathStep, join_step};
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_NAME_BYTES, MAXIMUM_NESTING, MAXIMUM_NODES,
};
use crate::evaluator::syntax::{
    Span, SyntaxEntry, SyntaxError, SyntaxKey, SyntaxKind, SyntaxNode, SyntaxTree,
};
use crate::text::Text;
use crate::yaml_scalar::{self, Scalar};
use crate::{Number, Position};

/// Reads the first document of `text`.
pub(in crate::evaluator) fn parse(text: &str) -> SyntaxTree {
    parse_within(text, MAXIMUM_NODES)
}

/// Reads the first document of `text`, which may hold up to `max_nodes` keys and values.
pub(in crate::evaluator) fn parse_within(text: &str, max_nodes: usize) -> SyntaxTree {
    let limits = esc_yaml::Limits {
        max_depth: MAXIMUM_NESTING,
        max_nodes,
        max_key_bytes: MAXIMUM_NAME_BYTES,
    };
    let mut reader = Reader::default();
    reader.tree.is_empty = text.is_empty();
    match esc_yaml::parse(text, &limits) {
        Ok(root) => {
            reader.tree.root = root.map(|root| reader.node(root, None));
            reader.tree.is_valid = true;
        }
        Err(error) => {
            if error.kind == ErrorKind::TooManyNodes {
                reader.tree.nodes = max_nodes;
            }
            reader.tree.errors.push(syntax_error(&error));
        }
    }
    reader.tree
}

/// Words an error of the YAML reader. A syntax error has upstream's text, except for the name of an
/// unknown anchor, which may be an unquoted secret that begins with `*`.
fn syntax_error(error: &Error) -> SyntaxError {
    let summary = match error.kind {
        ErrorKind::TooManyNodes => {
            format!("the definitions hold more than {MAXIMUM_NODES} names and values")
        }
        ErrorKind::KeyTooLong => format!("a name is longer than {MAXIMUM_NAME_BYTES} bytes"),
        ErrorKind::TooDeep => format!("lists and maps nest deeper than {MAXIMUM_NESTING} levels"),
        ErrorKind::UnknownAnchor => "yaml: unknown anchor referenced".to_owned(),
        _ => error.to_string(),
    };
    let begin = position(error.position);
    SyntaxError {
        summary,
        span: Span { begin, end: begin },
        path: None,
    }
}

/// The path of a node as its last step and the path of its parent, so that no path is built unless an
/// error has it.
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: PathStep,
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
        matches!(&self.step, PathStep::Name(name) if name.eq_ignore_ascii_case("fn::secret"))
            || self.parent.is_some_and(Path::is_secret)
    }
}

#[derive(Default)]
struct Reader {
    tree: SyntaxTree,
}

impl Reader {
    fn node(&mut self, node: esc_yaml::Node, path: Option<&Path<'_>>) -> SyntaxNode {
        if let Some((scalar, span, is_plain)) = self.scalar(&node, path) {
            let kind = match (scalar, node.into_kind()) {
                (Scalar::Null, _) => SyntaxKind::Null,
                (Scalar::Bool(value), _) => SyntaxKind::Bool(value),
                (Scalar::Number(number), _) => SyntaxKind::Number(Number::from_text(number)),
                (Scalar::Text, NodeKind::Scalar { mut value, .. }) => {
                    SyntaxKind::Text(Text::from(mem::take(&mut *value)))
                }
                (Scalar::NotFinite | Scalar::Text, _) => SyntaxKind::Invalid,
            };
            return SyntaxNode {
                kind,
                span,
                is_plain,
            };
        }
        self.tree.nodes += 1;
        let begin = position(node.start);
        // An empty list or map ends after its opening bracket, but ESC does not count that column.
        let empty_end = Position {
            byte: node.span.start + 1,
            ..begin
        };
        let bytes = node.span.clone();
        let (kind, end) = match node.into_kind() {
            NodeKind::Sequence(items) => {
                let items = self.list(items, path);
                let end = items.last().map(|item| item.span.end);
                (SyntaxKind::List(items), end.unwrap_or(empty_end))
            }
            NodeKind::Mapping(entries) => {
                let (entries, end) = self.object(entries, path);
                (SyntaxKind::Object(entries), end.unwrap_or(empty_end))
            }
            NodeKind::Scalar { value: name, .. } | NodeKind::Alias(name) => {
                // ESC counts the name without its `*`.
                let end = Position {
                    line: begin.line,
                    column: begin.column + name.len(),
                    byte: bytes.end,
                };
                self.error("alias nodes are not supported", Span { begin, end }, path);
                (SyntaxKind::Invalid, end)
            }
        };
        SyntaxNode {
            kind,
            span: Span { begin, end },
            is_plain: false,
        }
    }

    fn list(&mut self, items: Vec<esc_yaml::Node>, parent: Option<&Path<'_>>) -> Vec<SyntaxNode> {
        let items = items.into_iter().enumerate().map(|(index, item)| {
            let step = PathStep::Index(index);
            self.node(item, Some(&Path { parent, step }))
        });
        items.collect()
    }

    /// Reads the entries of a map. Returns the end of the last one as well.
    fn object(
        &mut self,
        entries: Vec<(esc_yaml::Node, esc_yaml::Node)>,
        parent: Option<&Path<'_>>,
    ) -> (Vec<SyntaxEntry>, Option<Position>) {
        let mut read = Vec::with_capacity(entries.len());
        let mut end = None;
        for (key, value) in entries {
            let key = self.key(key, parent);
            let step = PathStep::Name(match &key {
                Ok(key) => Rc::clone(&key.name),
                Err(name) => Rc::clone(name),
            });
            let value = self.node(value, Some(&Path { parent, step }));
            end = Some(value.span.end);
            match key {
                Ok(key) => read.push(SyntaxEntry { key, value }),
                Err(_) => self.tree.dropped.push(value.span),
            }
        }
        (read, end)
    }

    /// Reads a key. If it is not a string, returns the name that stands for it in paths.
    fn key(
        &mut self,
        key: esc_yaml::Node,
        parent: Option<&Path<'_>>,
    ) -> Result<SyntaxKey, Rc<str>> {
        let name = Rc::from(key.as_str().unwrap_or_default());
        let span = match self.scalar(&key, parent) {
            Some((Scalar::Text, span, is_plain)) => {
                return Ok(SyntaxKey {
                    name,
                    span,
                    is_plain,
                });
            }
            Some((_, span, _)) => span,
            None => self.node(key, parent).span,
        };
        self.tree.dropped.push(span);
        let step = PathStep::Name(Rc::clone(&name));
        let path = Path { parent, step };
        self.error("mapping keys must be strings", span, Some(&path));
        Err(name)
    }

    /// Resolves a scalar. Also returns its span, and whether it has neither quotes nor a tag. Returns
    /// `None` for any other node.
    fn scalar(
        &mut self,
        node: &esc_yaml::Node,
        path: Option<&Path<'_>>,
    ) -> Option<(Scalar, Span, bool)> {
        let NodeKind::Scalar { value, style } = &node.kind else {
            return None;
        };
        self.tree.nodes += 1;
        // yaml.v3 ignores a lone `!`.
        let tag = node.tag().filter(|tag| *tag != "!");
        let is_plain = *style == ScalarStyle::Plain && tag.is_none();
        let begin = position(node.start);
        let mut end = scalar_end(begin, value, *style, tag);
        end.byte = node.span.end.max(begin.byte);
        let span = Span { begin, end };
        let scalar = match tag {
            Some(tag) => self.tagged(value, tag, span, path),
            None if is_plain => yaml_scalar::resolve(value),
            None => Scalar::Text,
        };
        if scalar == Scalar::NotFinite {
            let summary = "a number must be finite: JSON has no infinity";
            self.error(summary, span, path);
        }
        Some((scalar, span, is_plain))
    }

    /// Resolves a scalar with a tag. One of YAML's own tags requires a value of its type; others mean
    /// nothing to ESC.
    fn tagged(&mut self, value: &str, tag: &str, span: Span, path: Option<&Path<'_>>) -> Scalar {
        let resolved = yaml_scalar::resolve(value);
        let found = yaml_scalar::tag_of(value);
        let (matches, scalar) = match tag {
            "!!binary" => {
                if base64::decode(value.as_bytes()).is_err() {
                    let summary = "yaml: !!binary value contains invalid base64 data";
                    self.error(summary, span, path);
                }
                return Scalar::Text;
            }
            "!!float" if found == "!!int" => {
                let exceeds_i64 = value.parse::<u64>().is_ok() && value.parse::<i64>().is_err();
                (!exceeds_i64, yaml_scalar::as_float(resolved))
            }
            "!!null" | "!!bool" | "!!int" | "!!float" => (found == tag, resolved),
            "!!timestamp" => {
                let is_timestamp = found == "!!str" && yaml_scalar::is_timestamp(value);
                (is_timestamp, Scalar::Text)
            }
            _ => return Scalar::Text,
        };
        if matches {
            return scalar;
        }
        let summary = if path.is_some_and(Path::is_secret) {
            format!("yaml: cannot decode {found} as a {tag}")
        } else {
            format!("yaml: cannot decode {found} `{value}` as a {tag}")
        };
        self.error(summary, span, path);
        Scalar::Text
    }

    fn error(&mut self, summary: impl Into<String>, span: Span, path: Option<&Path<'_>>) {
        if self.tree.errors.len() > MAXIMUM_DIAGNOSTICS {
            return;
        }
        let mut text = String::new();
        if let Some(path) = path {
            path.append_to(&mut text);
        }
        self.tree.errors.push(SyntaxError {
            summary: summary.into(),
            span,
            path: Some(text),
        });
    }
}

/// The end of a scalar as ESC reports it, without its byte.
fn scalar_end(begin: Position, value: &str, style: ScalarStyle, tag: Option<&str>) -> Position {
    let (lines, length) = match (style, tag) {
        (ScalarStyle::Literal, None) => {
            let last_line = value.rsplit('\n').next().unwrap_or_default();
            (value.matches('\n').count(), last_line.len())
        }
        (ScalarStyle::Plain, Some(tag)) => (0, tag.len() + " ".len() + value.len()),
        _ => (0, value.len()),
    };
    Position {
        line: begin.line + lines,
        column: begin.column + length,
        byte: begin.byte,
    }
}

fn position(position: esc_yaml::Position) -> Position {
    let esc_yaml::Position { line, column, byte } = position;
    Position { line, column, byte }
}

#[cfg(test)]
mod tests;
