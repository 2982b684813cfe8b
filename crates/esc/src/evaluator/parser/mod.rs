//! Parses syntax nodes into expressions: recognizes interpolations and builtin calls, and reports
//! what is malformed.

mod builtins;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::rc::Rc;

use crate::Severity;
use crate::evaluator::document_path::{PathStep, join_name};
use crate::evaluator::expression::{ExprId, ExprKind, Parent, Program};
use crate::evaluator::interpolation::{self, Segment};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::syntax::{Span, SyntaxEntry, SyntaxKey, SyntaxKind, SyntaxNode};
use crate::format::string::quoted;
use crate::text::Text;

/// A diagnostic about a definition that was found before evaluation.
#[derive(Debug)]
pub(super) struct ParseDiagnostic {
    pub(super) severity: Severity,
    pub(super) summary: String,
    /// `None` if the diagnostic has no location in the text.
    pub(super) span: Option<Span>,
    pub(super) path: Option<String>,
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

/// Parses the entries of `values`. Names at this level are not interpolated, and cannot be one of
/// `reserved`.
pub(super) fn parse_values(
    path: String,
    entries: &[SyntaxEntry],
    span: Span,
    reserved: &[&str],
) -> (Program, Vec<ParseDiagnostic>) {
    let mut parser = Parser::new(path);
    let root = parser.program.add(span, None);
    let mut properties = BTreeMap::new();
    for SyntaxEntry { key, value } in entries {
        if builtins::is_call(&key.name) {
            let name = quoted(&key.name);
            let summary = format!("builtin function call {name} not allowed at the top level");
            parser.key_error(summary, root, key, Phase::Parse);
        }
        let rejection = if reserved.contains(&&*key.name) {
            Some(format!("{} is a reserved key", quoted(&key.name)))
        } else if properties.contains_key(&key.name) {
            Some(duplicate_key(&key.name))
        } else {
            None
        };
        let before_value = parser.diagnostics.len();
        let step = PathStep::Name(Rc::clone(&key.name));
        let id = parser.expression(value, root, step, Some(Rc::clone(&key.name)));
        match rejection {
            None => {
                properties.insert(Rc::clone(&key.name), id);
            }
            Some(summary) => parser.reject_property(summary, root, key, before_value),
        }
    }
    *parser.program.kind_mut(root) = ExprKind::Object(properties);
    (parser.program, parser.diagnostics)
}

/// Parses a single expression at `path`.
pub(super) fn parse_single(path: String, node: &SyntaxNode) -> (ExprKind, Vec<ParseDiagnostic>) {
    let mut parser = Parser::new(path);
    let id = parser.program.add(node.span, None);
    let kind = parser.parse(node, id);
    (kind, parser.diagnostics)
}

struct Parser {
    program: Program,
    diagnostics: Vec<ParseDiagnostic>,
}

impl Parser {
    fn new(path: String) -> Self {
        Self {
            program: Program::new(path),
            diagnostics: Vec::new(),
        }
    }

    /// Parses `node`, which is `step` of `parent`, and its property of this name, if any.
    fn expression(
        &mut self,
        node: &SyntaxNode,
        id: ExprId,
        step: PathStep,
        property: Option<Rc<str>>,
    ) -> ExprId {
        let parent = Parent { id, step, property };
        let id = self.program.add(node.span, Some(parent));
        *self.program.kind_mut(id) = self.parse(node, id);
        id
    }

    /// Parses the argument of a call that accepts an object with the properties `names`. The last of
    /// several entries of one name counts, and entries of other names are not part of the program.
    fn record(
        &mut self,
        node: &SyntaxNode,
        parent: ExprId,
        step: PathStep,
        names: &[&str],
    ) -> ExprId {
        let Some(entries) = node.entries() else {
            return self.expression(node, parent, step, None);
        };
        let parent = Parent {
            id: parent,
            step,
            property: None,
        };
        let id = self.program.add(node.span, Some(parent));
        if let Some(call) = self.call(entries, node.span, id) {
            *self.program.kind_mut(id) = ExprKind::Call(call);
            return id;
        }
        let mut properties = BTreeMap::new();
        for (position, SyntaxEntry { key, value }) in entries.iter().enumerate() {
            let name = self.key(id, key);
            let before_value = self.diagnostics.len();
            let step = PathStep::Name(Rc::clone(&key.name));
            let value = self.expression(value, id, step, None);
            let is_repeated = |name: &str| {
                let mut later = entries[position + 1..].iter();
                later.any(|later| *later.key.name == *name)
            };
            match name.filter(|name| names.contains(&&**name)) {
                Some(name) if !is_repeated(&key.name) => {
                    properties.insert(name, value);
                }
                _ => self.drop_declare_errors(before_value),
            }
        }
        *self.program.kind_mut(id) = ExprKind::Object(properties);
        id
    }

    /// Parses `node`, which is the expression `id`.
    fn parse(&mut self, node: &SyntaxNode, id: ExprId) -> ExprKind {
        match &node.kind {
            SyntaxKind::Invalid => ExprKind::Invalid,
            SyntaxKind::Null => ExprKind::Null,
            SyntaxKind::Bool(value) => ExprKind::Bool(*value),
            SyntaxKind::Number(number) => ExprKind::Number(number.clone()),
            SyntaxKind::Text(text) => self.text(text, node, id),
            SyntaxKind::List(items) => {
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.expression(item, id, PathStep::Index(index), None));
                ExprKind::List(items.collect())
            }
            SyntaxKind::Object(entries) => match self.call(entries, node.span, id) {
                Some(call) => ExprKind::Call(call),
                None => self.object(entries, id),
            },
        }
    }

    fn object(&mut self, entries: &[SyntaxEntry], id: ExprId) -> ExprKind {
        let mut properties = BTreeMap::new();
        for SyntaxEntry { key, value } in entries {
            let name = self.key(id, key);
            let before_value = self.diagnostics.len();
            let step = PathStep::Name(Rc::clone(&key.name));
            let property = self.expression(value, id, step, name.clone());
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
        ExprKind::Object(properties)
    }

    /// Reports that an entry is not part of its object, although its value was parsed.
    fn reject_property(
        &mut self,
        summary: String,
        parent: ExprId,
        key: &SyntaxKey,
        before_value: usize,
    ) {
        self.drop_declare_errors(before_value);
        self.key_error(summary, parent, key, Phase::Declare);
    }

    /// Parses a key of the object `parent`. Returns `None`, with an error, unless it is a literal.
    fn key(&mut self, parent: ExprId, key: &SyntaxKey) -> Option<Rc<str>> {
        if !key.name.contains('$') {
            return Some(Rc::clone(&key.name));
        }
        let (segments, problems) = interpolation::parse(&key.name, key.span, key.is_plain);
        if let [Segment::Text(text)] = segments.as_slice()
            && let Some(name) = text.as_str()
        {
            return Some(Rc::from(name));
        }
        let path = self.path_of_key(parent, key);
        for problem in problems {
            let summary = problem.summary.to_owned();
            self.push_error(summary, problem.location, path.clone(), Phase::Parse);
        }
        let summary = "object keys must be strings".to_owned();
        self.push_error(summary, key.span, path, Phase::Parse);
        None
    }

    fn text(&mut self, text: &Text, node: &SyntaxNode, id: ExprId) -> ExprKind {
        if !text.as_bytes().contains(&b'$') {
            return ExprKind::Text(text.clone());
        }
        let text = text.as_str().unwrap_or_default();
        let (segments, problems) = interpolation::parse(text, node.span, node.is_plain);
        for problem in problems {
            self.error(problem.summary, problem.location, id);
        }
        match <[Segment; 1]>::try_from(segments) {
            Ok([Segment::Text(text)]) => ExprKind::Text(text),
            Ok([Segment::Access(access)]) => ExprKind::Symbol(access),
            Err(segments) => ExprKind::Interpolation(segments),
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
    fn key_error(&mut self, summary: String, parent: ExprId, key: &SyntaxKey, phase: Phase) {
        let path = self.path_of_key(parent, key);
        self.push_error(summary, key.span, path, phase);
    }

    fn push_error(&mut self, summary: String, span: Span, path: String, phase: Phase) {
        // One more than is shown, so that evaluation can report that there are more.
        if self.diagnostics.len() <= MAXIMUM_DIAGNOSTICS {
            self.diagnostics.push(ParseDiagnostic {
                severity: Severity::Error,
                summary,
                span: Some(span),
                path: Some(path),
                phase,
            });
        }
    }

    fn path_of_key(&self, parent: ExprId, key: &SyntaxKey) -> String {
        let mut path = self.program.path(parent);
        join_name(&mut path, &key.name);
        path
    }
}

pub(super) fn duplicate_key(name: &str) -> String {
    format!("duplicate key {}", quoted(name))
}
