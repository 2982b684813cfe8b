//! Builds the syntax tree from YAML: resolves scalars, and rejects what ESC does not support.

use std::mem;

use esc_yaml::{Error, ErrorKind, NodeKind, ScalarStyle};

use crate::base64;
use crate::evaluator::document_path::{join_name, join_step};
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_NAME_BYTES, MAXIMUM_NESTING, MAXIMUM_NODES,
};
use crate::evaluator::syntax::{Document, Entry, Key, Kind, Node, Problem, Span};
use crate::property_path::Accessor;
use crate::text::Text;
use crate::yaml_scalar::{self, Scalar};
use crate::{Number, Position};

/// Reads the first document of `text`.
#[cfg(test)]
pub(in crate::evaluator) fn parse(text: &str) -> Document {
    parse_within(text, MAXIMUM_NODES)
}

/// Reads the first document of `text`, which may hold up to `max_nodes` keys and values.
pub(in crate::evaluator) fn parse_within(text: &str, max_nodes: usize) -> Document {
    let limits = esc_yaml::Limits {
        max_depth: MAXIMUM_NESTING,
        max_nodes,
        max_key_bytes: MAXIMUM_NAME_BYTES,
    };
    let mut reader = Reader::default();
    reader.document.is_empty = text.is_empty();
    match esc_yaml::parse(text, &limits) {
        Ok(root) => {
            reader.document.root = root.map(|root| reader.node(root, None));
            reader.document.readable = true;
        }
        Err(error) => {
            if error.kind == ErrorKind::TooManyNodes {
                reader.document.nodes = max_nodes;
            }
            reader.document.problems.push(reading_problem(&error));
        }
    }
    reader.document
}

/// Words an error of the YAML reader. A syntax error has upstream's text, except for the name of an
/// unknown anchor, which may be an unquoted secret that begins with `*`.
fn reading_problem(error: &Error) -> Problem {
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
    Problem {
        summary,
        span: Span { begin, end: begin },
        path: None,
    }
}

/// The path of a node, without allocations: its last step, and the path of its parent.
#[derive(Clone, Copy)]
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl Path<'_> {
    fn append_to(&self, path: &mut String) {
        if let Some(parent) = self.parent {
            parent.append_to(path);
        }
        match self.step {
            Step::Name(name) => join_name(path, name),
            Step::Index(index) => join_step(path, &Accessor::Index(index)),
        }
    }

    /// Whether the node is in the argument of `fn::secret`.
    fn is_secret(&self) -> bool {
        matches!(self.step, Step::Name(name) if name.eq_ignore_ascii_case("fn::secret"))
            || self.parent.is_some_and(Path::is_secret)
    }
}

#[derive(Default)]
struct Reader {
    document: Document,
}

impl Reader {
    fn node(&mut self, mut node: esc_yaml::Node, path: Option<&Path<'_>>) -> Node {
        self.document.nodes += 1;
        let begin = position(node.start);
        let empty_end = Position {
            byte: node.span.start + "[".len(),
            ..begin
        };
        let mut plain = false;
        let (kind, end) = match &mut node.kind {
            NodeKind::Scalar { value, style } => {
                let tag = node.properties.as_ref().and_then(|it| it.tag.as_ref());
                // yaml.v3 ignores a lone `!`.
                let tag = tag.map(|tag| tag.as_str()).filter(|tag| *tag != "!");
                plain = *style == ScalarStyle::Plain && tag.is_none();
                let mut end = scalar_end(begin, value, *style, tag);
                end.byte = node.span.end.max(begin.byte);
                let span = Span { begin, end };
                let scalar = match tag {
                    Some(tag) => self.tagged(value, tag, span, path),
                    None if plain => yaml_scalar::resolve(value),
                    None => Scalar::Text,
                };
                (self.scalar(scalar, value, span, path), end)
            }
            NodeKind::Alias(name) => {
                // ESC counts the name without its `*`.
                let end = Position {
                    line: begin.line,
                    column: begin.column + name.len(),
                    byte: node.span.end,
                };
                self.problem("alias nodes are not supported", Span { begin, end }, path);
                (Kind::Invalid, end)
            }
            NodeKind::Sequence(items) => {
                let items = self.list(mem::take(items), path);
                let end = items.last().map(|item| item.span.end);
                (Kind::List(items), end.unwrap_or(empty_end))
            }
            NodeKind::Mapping(entries) => {
                let (entries, end) = self.object(mem::take(entries), path);
                (Kind::Object(entries), end.unwrap_or(empty_end))
            }
        };
        Node {
            kind,
            span: Span { begin, end },
            plain,
        }
    }

    fn list(&mut self, items: Vec<esc_yaml::Node>, parent: Option<&Path<'_>>) -> Vec<Node> {
        let items = items.into_iter().enumerate().map(|(index, item)| {
            let step = Step::Index(index);
            self.node(item, Some(&Path { parent, step }))
        });
        items.collect()
    }

    /// Reads the entries of a map. Returns the end of the last one as well.
    fn object(
        &mut self,
        entries: Vec<(esc_yaml::Node, esc_yaml::Node)>,
        parent: Option<&Path<'_>>,
    ) -> (Vec<Entry>, Option<Position>) {
        let mut read = Vec::with_capacity(entries.len());
        let mut end = None;
        for (key, value) in entries {
            let key = self.key(key, parent);
            let step = Step::Name(match &key {
                Ok(key) => &key.name,
                Err(name) => name,
            });
            let value = self.node(value, Some(&Path { parent, step }));
            end = Some(value.span.end);
            match key {
                Ok(key) => read.push(Entry { key, value }),
                Err(_) => self.document.dropped.push(value.span),
            }
        }
        (read, end)
    }

    /// Reads a key. If it is not a string, returns the name that stands for it in paths.
    fn key(&mut self, key: esc_yaml::Node, parent: Option<&Path<'_>>) -> Result<Key, String> {
        let name = key.as_str().unwrap_or_default().to_owned();
        let Node { kind, span, plain } = self.node(key, parent);
        if matches!(kind, Kind::Text(_)) {
            return Ok(Key { name, span, plain });
        }
        self.document.dropped.push(span);
        let step = Step::Name(&name);
        let path = Path { parent, step };
        self.problem("mapping keys must be strings", span, Some(&path));
        Err(name)
    }

    /// Makes a scalar a node, and takes its value if that is text.
    fn scalar(
        &mut self,
        scalar: Scalar,
        value: &mut String,
        span: Span,
        path: Option<&Path<'_>>,
    ) -> Kind {
        match scalar {
            Scalar::Null => Kind::Null,
            Scalar::Bool(value) => Kind::Bool(value),
            Scalar::Number(number) => Kind::Number(Number::from_text(number)),
            Scalar::Text => Kind::Text(Text::from(mem::take(value))),
            Scalar::NotFinite => {
                let summary = "a number must be finite: JSON has no infinity";
                self.problem(summary, span, path);
                Kind::Invalid
            }
        }
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
                    self.problem(summary, span, path);
                }
                return Scalar::Text;
            }
            "!!null" | "!!bool" | "!!int" => (found == tag, resolved),
            "!!float" if found == "!!int" => {
                let exceeds_i64 = value.parse::<u64>().is_ok() && value.parse::<i64>().is_err();
                (!exceeds_i64, yaml_scalar::as_float(resolved))
            }
            "!!float" => (found == tag, resolved),
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
        self.problem(summary, span, path);
        Scalar::Text
    }

    fn problem(&mut self, summary: impl Into<String>, span: Span, path: Option<&Path<'_>>) {
        if self.document.problems.len() > MAXIMUM_DIAGNOSTICS {
            return;
        }
        let mut text = String::new();
        if let Some(path) = path {
            path.append_to(&mut text);
        }
        self.document.problems.push(Problem {
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
