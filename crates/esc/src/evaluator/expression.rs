//! Expressions: the syntax tree with interpolations and function calls recognised.
//!
//! All expressions of one definition lie in a [`Program`] and refer to each other by [`Id`], so
//! that evaluation can keep its state beside them and go from any place to its parent.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::evaluator::builtins::{self, Call, Reading};
use crate::evaluator::document_path::{join_name, join_step};
use crate::evaluator::interpolation::{self, Access, Part};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::syntax::{self, Entry, Key, Node, Problem, Span};
use crate::format::string::quoted;
use crate::property_path::Accessor as PathStep;
use crate::text::Text;
use crate::{Number, Severity};

/// An expression of a [`Program`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Id(usize);

/// The expressions of a definition's `values`.
#[derive(Debug, Default)]
pub(super) struct Program {
    expressions: Vec<Expression>,
    /// The path of the first expression.
    path: String,
}

/// An expression, and where it stands.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) span: Span,
    parent: Option<Parent>,
}

/// What an expression is in.
#[derive(Debug)]
struct Parent {
    id: Id,
    /// Its name or index there, as the definition writes it.
    step: PathStep,
    /// Its name where it is an entry of a plain object.
    name: Option<Rc<str>>,
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
    /// `None` for what stands nowhere.
    pub(super) span: Option<Span>,
    pub(super) path: Option<String>,
    pub(super) phase: Phase,
}

/// When ESC finds what is wrong. It drops an import for what it finds while it reads it, and does
/// not look further.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Reading,
    /// When expressions are declared for evaluation, just those that can be reached.
    Declaring,
}

impl Program {
    pub(super) fn expression(&self, id: Id) -> &Expression {
        &self.expressions[id.0]
    }

    /// How many expressions there are; each [`Id`]'s index is below it.
    pub(super) fn len(&self) -> usize {
        self.expressions.len()
    }

    /// The plain object that an expression is an entry of, and its name there.
    pub(super) fn owner(&self, id: Id) -> Option<(Id, &Rc<str>)> {
        let parent = self.expression(id).parent.as_ref()?;
        Some((parent.id, parent.name.as_ref()?))
    }

    /// Whether it is the expression of all values.
    pub(super) fn is_root(&self, id: Id) -> bool {
        self.expression(id).parent.is_none()
    }

    /// The path in the definition: `values.aws.creds["fn::open"].inputs`.
    pub(super) fn path(&self, id: Id) -> String {
        let mut steps = Vec::new();
        let mut next = &self.expression(id).parent;
        while let Some(Parent { id, step, .. }) = next {
            steps.push(step);
            next = &self.expression(*id).parent;
        }
        let mut path = self.path.clone();
        for step in steps.into_iter().rev() {
            join_step(&mut path, step);
        }
        path
    }

    /// The path of a value below `values`, as a message about a cycle writes it: the first name
    /// stands as it is.
    pub(super) fn path_in_values(&self, id: Id) -> String {
        let mut steps = Vec::new();
        let mut next = &self.expression(id).parent;
        while let Some(Parent { id, step, name }) = next {
            steps.push(match name {
                Some(name) => PathStep::Name(name.to_string()),
                None => step.clone(),
            });
            next = &self.expression(*id).parent;
        }
        let mut path = match steps.pop() {
            Some(PathStep::Name(name)) => name,
            _ => String::new(),
        };
        for step in steps.iter().rev() {
            join_step(&mut path, step);
        }
        path
    }
}

impl Id {
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// Builds a [`Program`].
#[derive(Debug)]
pub(super) struct Lowering {
    program: Program,
    findings: Vec<Finding>,
}

impl Lowering {
    /// Builds the program of what stands at `path`.
    pub(super) fn new(path: impl Into<String>) -> Self {
        let program = Program {
            path: path.into(),
            ..Program::default()
        };
        Self {
            program,
            findings: Vec::new(),
        }
    }

    /// Lowers the entries of `values`, whose names are taken as they are. The root has the first
    /// [`Id`].
    pub(super) fn values(
        mut self,
        entries: &[Entry],
        span: Span,
        reserved: &[&str],
    ) -> (Program, Id, Vec<Finding>) {
        let root = self.add(span, None, None);
        let mut properties = BTreeMap::new();
        for Entry { key, value } in entries {
            if builtins::is_call(&key.name) {
                let name = quoted(&key.name);
                let summary = format!("builtin function call {name} not allowed at the top level");
                let path = self.path_of_key(root, key);
                self.add_finding(summary, key.span, path, Phase::Reading);
            }
            let refused = if reserved.contains(&key.name.as_str()) {
                Some(format!("{} is a reserved key", quoted(&key.name)))
            } else if properties.contains_key(key.name.as_str()) {
                Some(duplicate_key(&key.name))
            } else {
                None
            };
            let name = Rc::from(key.name.as_str());
            if let Some(id) = self.entry(root, key, &name, value, refused) {
                properties.insert(name, id);
            }
        }
        self.program.expressions[root.0].kind = Kind::Object(properties);
        (self.program, root, self.findings)
    }

    /// Lowers a single expression, whose path is the program's.
    pub(super) fn single(mut self, node: &Node) -> (Kind, Vec<Finding>) {
        let id = self.add(node.span, None, None);
        self.lower(node, id);
        let kind = std::mem::replace(&mut self.program.expressions[id.0].kind, Kind::Invalid);
        (kind, self.findings)
    }

    /// Lowers `node`, which is `step` of `parent`.
    pub(super) fn expression(&mut self, node: &Node, parent: Id, step: PathStep) -> Id {
        let id = self.add(node.span, Some((parent, step)), None);
        self.lower(node, id);
        id
    }

    /// Lowers the argument of a call that reads these `names` of an object. Of several entries of a
    /// name the last one counts, and others are no part of the program.
    pub(super) fn record(&mut self, node: &Node, parent: Id, step: PathStep, names: &[&str]) -> Id {
        let id = self.add(node.span, Some((parent, step)), None);
        let syntax::Kind::Object(entries) = &node.kind else {
            self.lower(node, id);
            return id;
        };
        if let Some(call) = self.call(entries, node.span, id) {
            self.program.expressions[id.0].kind = Kind::Call(call);
            return id;
        }
        let mut properties = BTreeMap::new();
        for (position, Entry { key, value }) in entries.iter().enumerate() {
            let name = self.key(id, key);
            let is_last = |name: &str| {
                let mut later = entries[position + 1..].iter();
                later.all(|later| later.key.name != name)
            };
            let step = PathStep::Name(key.name.clone());
            let mark = self.mark();
            let value = self.expression(value, id, step);
            match name.filter(|name| names.contains(&&**name)) {
                Some(name) if is_last(&key.name) => {
                    properties.insert(name, value);
                }
                _ => self.undeclare(mark),
            }
        }
        self.program.expressions[id.0].kind = Kind::Object(properties);
        id
    }

    /// Lowers the entry `key` of an object. One that is refused is read for what is wrong with it,
    /// but is no part of the object.
    fn entry(
        &mut self,
        parent: Id,
        key: &Key,
        name: &Rc<str>,
        value: &Node,
        refused: Option<String>,
    ) -> Option<Id> {
        let step = PathStep::Name(key.name.clone());
        let id = self.add(value.span, Some((parent, step)), Some(Rc::clone(name)));
        let mark = self.mark();
        self.lower(value, id);
        let Some(summary) = refused else {
            return Some(id);
        };
        self.undeclare(mark);
        let path = self.path_of_key(parent, key);
        self.add_finding(summary, key.span, path, Phase::Declaring);
        None
    }

    fn lower(&mut self, node: &Node, id: Id) {
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
            syntax::Kind::Object(entries) => match self.call(entries, node.span, id) {
                Some(call) => Kind::Call(call),
                None => self.object(entries, id),
            },
        };
        self.program.expressions[id.0].kind = kind;
    }

    /// The call that an object is, if it is one. What looks like a call and is none is an error.
    fn call(&mut self, entries: &[Entry], span: Span, id: Id) -> Option<Call> {
        if let [Entry { key, value }] = entries {
            return match builtins::read(self, id, key, value) {
                Reading::Call(call) => Some(call),
                Reading::Unknown => {
                    self.error("'fn::' is a reserved prefix", key.span, id);
                    None
                }
                Reading::None => None,
            };
        }
        for Entry { key, .. } in entries {
            if builtins::is_call(&key.name) {
                let summary = format!(
                    "illegal call to builtin function: {} must be the only key within its \
                     containing object",
                    quoted(&key.name)
                );
                self.error(&summary, span, id);
            }
        }
        None
    }

    fn object(&mut self, entries: &[Entry], id: Id) -> Kind {
        let mut properties = BTreeMap::new();
        for Entry { key, value } in entries {
            let Some(name) = self.key(id, key) else {
                let mark = self.mark();
                self.expression(value, id, PathStep::Name(key.name.clone()));
                self.undeclare(mark);
                continue;
            };
            let refused = properties.contains_key(&name).then(|| duplicate_key(&name));
            if let Some(value) = self.entry(id, key, &name, value, refused) {
                properties.insert(name, value);
            }
        }
        Kind::Object(properties)
    }

    /// The name that a key of the object `parent` stands for; `None`, with an error, where it is no
    /// literal.
    fn key(&mut self, parent: Id, key: &Key) -> Option<Rc<str>> {
        let (parts, problems) = interpolation::parse(&key.name, key.span, key.plain);
        let path = self.path_of_key(parent, key);
        for Problem { summary, span, .. } in problems {
            self.add_finding(summary, span, path.clone(), Phase::Reading);
        }
        match parts.as_slice() {
            [] => return Some(Rc::from("")),
            [Part::Text(text)] => {
                if let Some(name) = text.as_str() {
                    return Some(Rc::from(name));
                }
            }
            _ => {}
        }
        let summary = "object keys must be strings".to_owned();
        self.add_finding(summary, key.span, path, Phase::Reading);
        None
    }

    fn path_of_key(&self, parent: Id, key: &Key) -> String {
        let mut path = self.program.path(parent);
        join_name(&mut path, &key.name);
        path
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
    pub(super) fn add(
        &mut self,
        span: Span,
        parent: Option<(Id, PathStep)>,
        name: Option<Rc<str>>,
    ) -> Id {
        let id = Id(self.program.len());
        self.program.expressions.push(Expression {
            kind: Kind::Invalid,
            span,
            parent: parent.map(|(id, step)| Parent { id, step, name }),
        });
        id
    }

    /// A point to which [`Lowering::undeclare`] can go back.
    pub(super) fn mark(&self) -> usize {
        self.findings.len()
    }

    /// Forgets what was found since the mark about expressions that are read but never declared.
    pub(super) fn undeclare(&mut self, mark: usize) {
        let mut at = 0;
        self.findings.retain(|finding| {
            at += 1;
            at <= mark || finding.phase == Phase::Reading
        });
    }

    /// Reports an error at a place in the expression `id`.
    pub(super) fn error(&mut self, summary: &str, span: Span, id: Id) {
        // What is not shown needs no path, which may be long.
        if self.findings.len() > MAXIMUM_DIAGNOSTICS {
            return;
        }
        let path = self.program.path(id);
        self.add_finding(summary.to_owned(), span, path, Phase::Reading);
    }

    fn add_finding(&mut self, summary: String, span: Span, path: String, phase: Phase) {
        // Those beyond are not shown; one more tells that there are.
        if self.findings.len() <= MAXIMUM_DIAGNOSTICS {
            self.findings.push(Finding {
                severity: Severity::Error,
                summary,
                span: Some(span),
                path: Some(path),
                phase,
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
