//! Parses syntax nodes into expressions: recognizes interpolations and builtin calls, and reports
//! what is malformed.

mod builtins;

use std::collections::btree_map::Entry as MapEntry;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use esc_yaml::{Node, NodeKind};

use crate::evaluator::document_path::join_name;
use crate::evaluator::expression::{ExprId, ExprKind, KeyId, Parent, Program, Step};
use crate::evaluator::interpolation::{self, Segment};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::syntax::{self, Span, is_plain, name, span};
use crate::format::string::quoted;
use crate::text::Text;
use crate::yaml_scalar::Scalar;
use crate::{Number, Severity};

/// How many different keys are shared where they repeat.
const MAXIMUM_SHARED_KEYS: usize = 1_000;

/// A diagnostic about a definition that was found before evaluation.
#[derive(Debug)]
pub(super) struct ParseDiagnostic {
    pub(super) severity: Severity,
    pub(super) summary: String,
    /// `None` if the diagnostic has no location in the text.
    pub(super) span: Option<Span>,
    pub(super) path: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) phase: Phase,
}

/// The phase in which ESC finds a problem. It drops an import that has errors of the first phase,
/// and does not start the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Parse,
    /// Declaring expressions for evaluation, only those that can be reached.
    Declare,
}

/// Parses the entries of `values`, and drops each of them when it is parsed. Names at this level are not
/// interpolated, and cannot be one of `reserved`.
pub(super) fn parse_values(
    path: String,
    entries: Vec<(Node<'_>, Node<'_>)>,
    span: Span,
    reserved: &[&str],
) -> (Program, Vec<ParseDiagnostic>) {
    let mut parser = Parser::new(path);
    let root = parser.program.add(span, None);
    let mut properties = BTreeMap::new();
    for (key, value) in entries {
        let (key, value) = (&key, &value);
        let name: Rc<str> = Rc::from(name(key));
        if builtins::is_call(&name) {
            let name = quoted(&name);
            let summary = format!("builtin function call {name} not allowed at the top level");
            let before = parser.diagnostics.len();
            parser.key_error(summary, root, key, Phase::Parse);
            parser.add_hint(before, || {
                "put the function below a name, such as `aws:`".to_owned()
            });
        }
        let rejection = if reserved.contains(&&*name) {
            Some(format!("{} is a reserved key", quoted(&name)))
        } else if properties.contains_key(&name) {
            Some(duplicate_key(&name))
        } else {
            None
        };
        let before_value = parser.diagnostics.len();
        let step = Step::Property(parser.program.add_key(Rc::clone(&name)));
        let id = parser.expression(value, root, step);
        match rejection {
            None => {
                properties.insert(name, id);
            }
            Some(summary) => parser.reject_property(summary, root, key, before_value),
        }
    }
    *parser.program.kind_mut(root) = ExprKind::Object(properties.into_iter().collect());
    (parser.program, parser.diagnostics)
}

/// Parses a single expression at `path`.
pub(super) fn parse_single(path: String, node: &Node<'_>) -> (ExprKind, Vec<ParseDiagnostic>) {
    let mut parser = Parser::new(path);
    let id = parser.program.add(span(node), None);
    let kind = parser.parse(node, id);
    (kind, parser.diagnostics)
}

struct Parser {
    program: Program,
    /// Keys that may repeat.
    keys: HashMap<Rc<str>, KeyId>,
    diagnostics: Vec<ParseDiagnostic>,
}

impl Parser {
    fn new(path: String) -> Self {
        Self {
            program: Program::new(path),
            keys: HashMap::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Parses `node`, which is `step` of `parent`.
    fn expression(&mut self, node: &Node<'_>, id: ExprId, step: Step) -> ExprId {
        let parent = Parent { id, step };
        let id = self.program.add(span(node), Some(parent));
        *self.program.kind_mut(id) = self.parse(node, id);
        id
    }

    /// Parses the argument of a call that accepts an object with the properties `names`. The last of
    /// several entries of one name counts, and entries of other names are not part of the program.
    fn record(&mut self, node: &Node<'_>, parent: ExprId, step: Step, names: &[&str]) -> ExprId {
        let NodeKind::Mapping(entries) = &node.kind else {
            return self.expression(node, parent, step);
        };
        let parent = Parent { id: parent, step };
        let id = self.program.add(span(node), Some(parent));
        if let Some(call) = self.call(entries, id) {
            *self.program.kind_mut(id) = ExprKind::Call(call);
            return id;
        }
        let mut properties = BTreeMap::new();
        for (position, (key, value)) in entries.iter().enumerate() {
            let (written, property) = self.key(id, key);
            let before_value = self.diagnostics.len();
            let is_repeated = entries[position + 1..]
                .iter()
                .any(|(later, _)| name(later) == name(key));
            let value = self.expression(value, id, Step::Key(written));
            match property.filter(|property| names.contains(&&**property)) {
                Some(property) if !is_repeated => {
                    properties.insert(property, value);
                }
                _ => self.drop_declare_errors(before_value),
            }
        }
        *self.program.kind_mut(id) = ExprKind::Object(properties.into_iter().collect());
        id
    }

    /// Parses `node`, which is the expression `id`.
    fn parse(&mut self, node: &Node<'_>, id: ExprId) -> ExprKind {
        match &node.kind {
            NodeKind::Scalar { value, .. } => match syntax::resolve(node) {
                Some(Scalar::Null) => ExprKind::Null,
                Some(Scalar::Bool(value)) => ExprKind::Bool(value),
                Some(Scalar::Number(number)) => ExprKind::Number(Number::from_text(number)),
                Some(Scalar::Text) => self.text(value, node, id),
                Some(Scalar::NotFinite) | None => ExprKind::Invalid,
            },
            NodeKind::Alias(_) => ExprKind::Invalid,
            NodeKind::Sequence(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    let step = Step::Index(u32::try_from(index).unwrap_or(u32::MAX));
                    self.expression(item, id, step)
                });
                ExprKind::List(items.collect())
            }
            NodeKind::Mapping(entries) => match self.call(entries, id) {
                Some(call) => ExprKind::Call(call),
                None => self.object(entries, id),
            },
        }
    }

    fn object(&mut self, entries: &[(Node<'_>, Node<'_>)], id: ExprId) -> ExprKind {
        let mut properties = BTreeMap::new();
        for (key, value) in entries {
            let (written, name) = self.key(id, key);
            let before_value = self.diagnostics.len();
            let step = match &name {
                None => Step::Key(written),
                Some(name) if name == self.program.key(written) => Step::Property(written),
                Some(_) => Step::EscapedProperty(written),
            };
            let property = self.expression(value, id, step);
            let Some(name) = name else {
                self.drop_declare_errors(before_value);
                continue;
            };
            match properties.entry(name) {
                MapEntry::Vacant(entry) => {
                    entry.insert(property);
                }
                MapEntry::Occupied(entry) => {
                    self.reject_property(duplicate_key(entry.key()), id, key, before_value);
                }
            }
        }
        ExprKind::Object(properties.into_iter().collect())
    }

    /// Reports that an entry is not part of its object, although its value was parsed.
    fn reject_property(
        &mut self,
        summary: String,
        parent: ExprId,
        key: &Node<'_>,
        before_value: usize,
    ) {
        self.drop_declare_errors(before_value);
        self.key_error(summary, parent, key, Phase::Declare);
    }

    /// Parses a key of the object `parent`. Returns it as it is written, and the name that it means:
    /// `None`, with an error, unless it is a literal.
    fn key(&mut self, parent: ExprId, key: &Node<'_>) -> (KeyId, Option<Rc<str>>) {
        let id = self.shared_key(name(key));
        let written = Rc::clone(self.program.key(id));
        if !written.contains('$') {
            return (id, Some(written));
        }
        let (segments, problems) = interpolation::parse(&written, span(key), is_plain(key));
        if let [Segment::Text(name)] = segments.as_slice() {
            return (id, Some(Rc::from(name.as_str())));
        }
        let path = self.path_of_key(parent, key);
        for problem in problems {
            let summary = problem.summary.to_owned();
            self.push_error(summary, problem.location, path.clone(), Phase::Parse);
        }
        let summary = "object keys must be strings".to_owned();
        let before = self.diagnostics.len();
        self.push_error(summary, span(key), path, Phase::Parse);
        self.add_hint(before, || {
            "write the name without `${…}`, or `$$` for a dollar sign".to_owned()
        });
        (id, None)
    }

    fn shared_key(&mut self, key: &str) -> KeyId {
        if let Some(known) = self.keys.get(key) {
            return *known;
        }
        let key = Rc::<str>::from(key);
        let id = self.program.add_key(Rc::clone(&key));
        if self.keys.len() < MAXIMUM_SHARED_KEYS {
            self.keys.insert(key, id);
        }
        id
    }

    fn text(&mut self, text: &str, node: &Node<'_>, id: ExprId) -> ExprKind {
        if !text.contains('$') {
            return ExprKind::Text(Text::from(text));
        }
        let (segments, problems) = interpolation::parse(text, span(node), is_plain(node));
        let before = self.diagnostics.len();
        for problem in problems {
            self.error(problem.summary, problem.location, id);
        }
        self.add_hint(before, || {
            "write `${name}`, `${name.part}` or `${list[0]}` without spaces, and `$$` for a dollar sign"
                .to_owned()
        });
        match <[Segment; 1]>::try_from(segments) {
            Ok([Segment::Text(text)]) => ExprKind::Text(Text::from(text.as_str())),
            Ok([Segment::Access(access)]) => ExprKind::Symbol(access),
            Err(segments) => ExprKind::Interpolation(segments.into()),
        }
    }

    fn kind(&self, id: ExprId) -> &ExprKind {
        &self.program.expression(id).kind
    }

    /// Drops errors of [`Phase::Declare`] after the first `kept` diagnostics: the expressions that were
    /// parsed since then are never declared.
    fn drop_declare_errors(&mut self, kept: usize) {
        let is_declare_error = |it: &mut ParseDiagnostic| it.phase == Phase::Declare;
        self.diagnostics
            .extract_if(kept.., is_declare_error)
            .for_each(drop);
    }

    /// Reports an error at a span of the expression `id`.
    fn error(&mut self, summary: &str, span: Span, id: ExprId) {
        // A path may be long, so it is not computed for diagnostics that are dropped.
        if self.diagnostics.len() <= MAXIMUM_DIAGNOSTICS {
            let path = self.program.path(id);
            self.push_error(summary.to_owned(), span, path, Phase::Parse);
        }
    }

    /// Reports an error at the whole of the expression `id`.
    fn error_at(&mut self, summary: &str, id: ExprId) {
        self.error(summary, self.program.expression(id).span, id);
    }

    /// Reports an error at a key of the object `parent`.
    fn key_error(&mut self, summary: String, parent: ExprId, key: &Node<'_>, phase: Phase) {
        let path = self.path_of_key(parent, key);
        self.push_error(summary, span(key), path, phase);
    }

    fn push_error(&mut self, summary: String, span: Span, path: String, phase: Phase) {
        // One more than is shown, so that evaluation can report that there are more.
        if self.diagnostics.len() <= MAXIMUM_DIAGNOSTICS {
            self.diagnostics.push(ParseDiagnostic {
                severity: Severity::Error,
                summary,
                span: Some(span),
                path: Some(path),
                hint: None,
                phase,
            });
        }
    }

    /// Adds a hint to the diagnostics after the first `kept`.
    fn add_hint(&mut self, kept: usize, hint: impl FnOnce() -> String) {
        if let Some(added @ [_, ..]) = self.diagnostics.get_mut(kept..) {
            let hint = hint();
            for diagnostic in added {
                diagnostic.hint.get_or_insert_with(|| hint.clone());
            }
        }
    }

    fn path_of_key(&self, parent: ExprId, key: &Node<'_>) -> String {
        let mut path = self.program.path(parent);
        join_name(&mut path, name(key));
        path
    }
}

pub(super) fn duplicate_key(name: &str) -> String {
    format!("duplicate key {}", quoted(name))
}
