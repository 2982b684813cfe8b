//! Expressions: the syntax tree with interpolations and function calls recognised.
//!
//! All expressions of one definition lie in a [`Program`] and refer to each other by [`Id`], so
//! that evaluation can keep its state beside them and go from any place to its parent.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::environment::path::Accessor as PathStep;
use crate::environment::{Number, PropertyPath, Severity};
use crate::evaluator::builtins::{self, Call, Reading};
use crate::evaluator::convert::quoted;
use crate::evaluator::interpolation::{self, Access, Part};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::syntax::{self, Entry, Node, Span};
use crate::secret::Text;

/// An expression of a [`Program`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Id(usize);

/// The expressions of a definition's `values`.
#[derive(Debug, Default)]
pub(super) struct Program {
    expressions: Vec<Expression>,
}

/// An expression, and where it stands.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) span: Span,
    parent: Option<(Id, PathStep)>,
}

/// The kinds of expression.
#[derive(Debug)]
pub(super) enum Kind {
    /// What could not be read. Its value is unknown; a diagnostic says why.
    Invalid,
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    /// A text with accesses in it.
    Interpolation(Vec<Part>),
    /// A text that is one access and nothing else: the value itself, of any type.
    Symbol(Access),
    List(Vec<Id>),
    Object(BTreeMap<Rc<str>, Id>),
    Call(Call),
}

/// What is wrong with a definition, before it is evaluated.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) summary: String,
    pub(super) span: Span,
    pub(super) path: Option<String>,
    /// Whether an import with this finding is left out. ESC tells what it finds while it reads a
    /// definition from what it finds while it evaluates it, and drops an import for the former.
    pub(super) drops_import: bool,
}

impl Program {
    pub(super) fn expression(&self, id: Id) -> &Expression {
        &self.expressions[id.0]
    }

    /// How many expressions there are; each [`Id`]'s index is below it.
    pub(super) fn len(&self) -> usize {
        self.expressions.len()
    }

    /// The object or call that an expression is in, and its name or index there.
    pub(super) fn parent(&self, id: Id) -> Option<(Id, &PathStep)> {
        let (parent, step) = self.expression(id).parent.as_ref()?;
        Some((*parent, step))
    }

    /// The path below `values`, such as `aws.creds["fn::open"].inputs`.
    pub(super) fn path_in_values(&self, id: Id) -> PropertyPath {
        let mut steps = Vec::new();
        let mut next = self.parent(id);
        while let Some((parent, step)) = next {
            steps.push(step.clone());
            next = self.parent(parent);
        }
        steps.into_iter().rev().collect()
    }

    /// The path in the definition: `values.aws.creds`.
    pub(super) fn path(&self, id: Id) -> String {
        below_values(&self.path_in_values(id))
    }
}

impl Id {
    pub(super) fn index(self) -> usize {
        self.0
    }
}

fn below_values(path: &PropertyPath) -> String {
    let values = PathStep::Name("values".to_owned());
    let steps = std::iter::once(values).chain(path.accessors().iter().cloned());
    steps.collect::<PropertyPath>().to_string()
}

/// Builds a [`Program`].
#[derive(Debug, Default)]
pub(super) struct Lowering {
    program: Program,
    findings: Vec<Finding>,
}

impl Lowering {
    /// Lowers the entries of `values`, whose names are taken as they are. The root has the first
    /// [`Id`].
    pub(super) fn values(
        mut self,
        entries: &[Entry],
        span: Span,
        reserved: &[&str],
    ) -> (Program, Id, Vec<Finding>) {
        let root = self.add(span, None);
        let mut properties = BTreeMap::new();
        for Entry { key, value } in entries {
            let step = PathStep::Name(key.name.clone());
            let path = Some(below_values(&std::iter::once(step.clone()).collect()));
            let summary = if builtins::has_prefix(&key.name) {
                let name = quoted(&key.name);
                format!("builtin function call {name} not allowed at the top level")
            } else if reserved.contains(&key.name.as_str()) {
                format!("{} is a reserved key", quoted(&key.name))
            } else if properties.contains_key(key.name.as_str()) {
                duplicate_key(&key.name)
            } else {
                let id = self.expression(value, root, step);
                properties.insert(Rc::from(key.name.as_str()), id);
                continue;
            };
            self.add_finding(summary, key.span, path, false);
        }
        self.program.expressions[root.0].kind = Kind::Object(properties);
        (self.program, root, self.findings)
    }

    /// Lowers `node`, which is `step` of `parent`.
    pub(super) fn expression(&mut self, node: &Node, parent: Id, step: PathStep) -> Id {
        let id = self.add(node.span, Some((parent, step)));
        let kind = match &node.kind {
            syntax::Kind::Invalid => Kind::Invalid,
            syntax::Kind::Null => Kind::Null,
            syntax::Kind::Bool(value) => Kind::Bool(*value),
            syntax::Kind::Number(number) => Kind::Number(number.clone()),
            syntax::Kind::Text(_) => self.text(node, id),
            syntax::Kind::List(items) => {
                let items = items.iter().enumerate();
                Kind::List(
                    items
                        .map(|(index, item)| self.expression(item, id, PathStep::Index(index)))
                        .collect(),
                )
            }
            syntax::Kind::Object(entries) => match entries.as_slice() {
                [Entry { key, value }] if builtins::has_prefix(&key.name) => {
                    match builtins::read(self, id, key, value) {
                        Reading::Call(call) => Kind::Call(call),
                        Reading::Malformed => Kind::Invalid,
                        Reading::Unknown => {
                            self.error("'fn::' is a reserved prefix", key.span, id);
                            self.object(entries, id)
                        }
                    }
                }
                _ => self.object(entries, id),
            },
        };
        self.program.expressions[id.0].kind = kind;
        id
    }

    fn object(&mut self, entries: &[Entry], id: Id) -> Kind {
        let mut properties = BTreeMap::new();
        for Entry { key, value } in entries {
            if entries.len() > 1 && builtins::has_prefix(&key.name) {
                let summary = format!(
                    "illegal call to builtin function: {} must be the only key within its \
                     containing object",
                    quoted(&key.name)
                );
                self.error(&summary, key.span, id);
            }
            let (parts, problems) = interpolation::parse(&key.name, key.span, key.plain);
            for problem in problems {
                self.error(&problem.summary, problem.span, id);
            }
            let name = match parts.as_slice() {
                [] => Some(""),
                [Part::Text(text)] => text.as_str(),
                _ => None,
            };
            let Some(name) = name else {
                self.error("object keys must be strings", key.span, id);
                continue;
            };
            let step = PathStep::Name(name.to_owned());
            if properties.contains_key(name) {
                let path = self.program.path_in_values(id).join(step);
                let path = Some(below_values(&path));
                self.add_finding(duplicate_key(name), key.span, path, false);
                continue;
            }
            let value = self.expression(value, id, step);
            properties.insert(Rc::from(name), value);
        }
        Kind::Object(properties)
    }

    fn text(&mut self, node: &Node, id: Id) -> Kind {
        let parts = self.interpolation(node, id);
        match parts.len() {
            0 => Kind::Text(Text::default()),
            1 => match parts.into_iter().next() {
                Some(Part::Text(text)) => Kind::Text(text),
                Some(Part::Access(access)) => Kind::Symbol(access),
                None => Kind::Invalid,
            },
            _ => Kind::Interpolation(parts),
        }
    }

    /// The parts of a string; what is wrong with them is reported at the expression `id`.
    pub(super) fn interpolation(&mut self, node: &Node, id: Id) -> Vec<Part> {
        let text = node.as_str().unwrap_or_default();
        let (parts, problems) = interpolation::parse(text, node.span, node.plain);
        for problem in problems {
            self.error(&problem.summary, problem.span, id);
        }
        parts
    }

    /// Adds an expression whose kind comes later.
    pub(super) fn add(&mut self, span: Span, parent: Option<(Id, PathStep)>) -> Id {
        let id = Id(self.program.len());
        self.program.expressions.push(Expression {
            kind: Kind::Invalid,
            span,
            parent,
        });
        id
    }

    /// Reports an error at a place in the expression `id`.
    pub(super) fn error(&mut self, summary: &str, span: Span, id: Id) {
        // What is not shown needs no path, which may be long.
        if self.findings.len() > MAXIMUM_DIAGNOSTICS {
            return;
        }
        let path = Some(self.program.path(id));
        self.add_finding(summary.to_owned(), span, path, true);
    }

    fn add_finding(&mut self, summary: String, span: Span, path: Option<String>, drops: bool) {
        // Those beyond are not shown; one more tells that there are.
        if self.findings.len() <= MAXIMUM_DIAGNOSTICS {
            self.findings.push(Finding {
                severity: Severity::Error,
                summary,
                span,
                path,
                drops_import: drops,
            });
        }
    }

    /// Reports an error at the whole of the expression `id`.
    pub(super) fn error_at(&mut self, summary: &str, id: Id) {
        self.error(summary, self.program.expression(id).span, id);
    }

    pub(super) fn kind(&self, id: Id) -> &Kind {
        &self.program.expression(id).kind
    }
}

fn duplicate_key(name: &str) -> String {
    format!("duplicate key {}", quoted(name))
}
