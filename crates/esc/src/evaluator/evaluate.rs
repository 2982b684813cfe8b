//! Lazy evaluation: each expression once, when it is first asked for.
//!
//! A [`Session`] is one evaluation with all that it imports; a [`Scope`] is one definition in it.
//! Nothing stops at an error: what failed is unknown, and a diagnostic says why.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::error::Failure;
use crate::evaluator::builtins::{self, Call};
use crate::evaluator::definition::{self, Outline};
use crate::evaluator::export;
use crate::evaluator::expression::{Finding, Id, Kind, Phase, Program};
use crate::evaluator::interpolation::Part;
use crate::evaluator::limits::{
    Budget, Limits, MAXIMUM_DIAGNOSTICS, MAXIMUM_EVALUATION_DEPTH, MAXIMUM_IMPORTS,
    MAXIMUM_SOURCE_BYTES, MAXIMUM_VALUE_NESTING,
};
use crate::evaluator::merge::{inherit, merge};
use crate::evaluator::provider::{Decrypter, Definition, Importer, Providers};
use crate::evaluator::redaction;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::syntax::{self, Span};
use crate::evaluator::value::{
    Computed, Content, Entries, Entry, Origin, Place, Shape, Source, Under,
};
use crate::text::Text;
use crate::{Diagnostic, Range, Severity, Sources, TextBuilder};

/// What is done with providers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// They are opened.
    Open,
    /// They are not; their results are unknown.
    Check,
}

/// The name of a root environment that has none. Where it is the root, the first environment with a
/// name on the way down counts as the root.
const ANONYMOUS: &str = "<yaml>";

/// One evaluation, with all that it imports.
pub(super) struct Session<'a> {
    pub(super) importer: &'a dyn Importer,
    pub(super) providers: &'a dyn Providers,
    pub(super) decrypter: &'a dyn Decrypter,
    pub(super) mode: Mode,
    /// Whether ciphertexts are decrypted in a check too.
    pub(super) shows_secrets: bool,
    /// What `${context}` has besides the names of environments.
    context: Rc<Computed>,
    /// By the name that imports use.
    imported: BTreeMap<String, Imported>,
    /// How deep evaluation is.
    depth: usize,
    limits: Limits,
    pub(super) budget: Budget,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) sources: Sources,
    /// The schemas that providers and rotators have given, by their text.
    pub(super) schemas: BTreeMap<String, Schema>,
}

enum Imported {
    Evaluating,
    Done(Rc<Computed>),
    /// It was left out, with these diagnostics.
    LeftOut(Rc<[Diagnostic]>),
    Failed(Arc<dyn Failure>),
}

/// One definition in evaluation.
pub(super) struct Scope<'s, 'a> {
    pub(super) session: &'s mut Session<'a>,
    /// Whether it is not imported.
    is_root: bool,
    /// The name of the root, as `${context.rootEnvironment.name}`.
    root_name: String,
    pub(super) source: Rc<Source>,
    pub(super) root: Id,
    states: Vec<State>,
    /// What `values` lie over: the imports, merged.
    inherited: Option<Rc<Computed>>,
    pub(super) context: Rc<Computed>,
    pub(super) imports: Rc<Computed>,
}

#[derive(Clone)]
enum State {
    New,
    Evaluating,
    Done(Rc<Computed>),
}

impl<'a> Session<'a> {
    pub(super) fn new(
        importer: &'a dyn Importer,
        providers: &'a dyn Providers,
        decrypter: &'a dyn Decrypter,
        mode: Mode,
        context: Rc<Computed>,
    ) -> Self {
        Self {
            importer,
            providers,
            decrypter,
            mode,
            shows_secrets: false,
            context,
            imported: BTreeMap::new(),
            depth: 0,
            limits: Limits::default(),
            budget: Budget::new(Limits::default()),
            diagnostics: Vec::new(),
            sources: Sources::default(),
            schemas: BTreeMap::new(),
        }
    }

    /// The same evaluation, before it begins, with other limits.
    pub(super) fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.budget = Budget::new(limits);
        self
    }

    /// Whether ciphertexts are decrypted.
    pub(super) fn decrypts(&self) -> bool {
        self.mode == Mode::Open || self.shows_secrets
    }

    /// Evaluates a definition; `root` is the name of the root where this one is imported.
    ///
    /// `None` for an import that is left out because of errors, and for a root that is no YAML.
    pub(super) fn environment(
        &mut self,
        definition: Definition,
        root: Option<&str>,
    ) -> Option<Rc<Computed>> {
        let Definition {
            name,
            shown_as,
            text,
        } = definition;
        if text.len() > MAXIMUM_SOURCE_BYTES {
            let summary =
                format!("the definition `{shown_as}` is larger than {MAXIMUM_SOURCE_BYTES} bytes");
            self.report_without_place(summary);
            return None;
        }
        if !self.budget.spend_source(text.len()) {
            let limit = self.limits.sources_bytes;
            let summary = format!("the definitions are larger than {limit} bytes together");
            self.report_without_place(summary);
            return None;
        }
        let document = syntax::parse_within(&text, self.budget.nodes());
        self.budget.spend_nodes(document.nodes);
        let hidden = redaction::of(&document, &text);
        if !document.readable {
            // Without a tree nothing tells where else such a text is meant.
            for range in &hidden {
                let likely = text.get(range.clone()).unwrap_or_default();
                let likely = likely.trim_matches(|c: char| !c.is_alphanumeric());
                self.sources.hide_text(&Text::from(likely));
            }
        }
        let environment = self.sources.add(&name, &shown_as, text);
        for hidden in hidden {
            self.sources.hide(&environment, hidden);
        }
        let outline = definition::outline(&document);
        let is_left_out = if root.is_some() {
            outline.has_reading_errors()
        } else {
            outline.is_empty()
        };
        drop(document);
        let Outline {
            imports,
            values,
            findings,
            ..
        } = outline;
        for finding in findings {
            let Finding {
                severity,
                summary,
                span,
                path,
                phase,
            } = finding;
            if phase == Phase::Reading || !is_left_out {
                let range = span.map(|span| range(&environment, span));
                self.report(severity, summary, range, path);
            }
        }
        if is_left_out {
            return None;
        }
        let is_root = root.is_none();
        let root_name = match root {
            Some(root) if root != ANONYMOUS => root.to_owned(),
            _ => name.clone(),
        };
        if is_root {
            // An import of the root goes in a circle as well.
            self.imported.insert(name.clone(), Imported::Evaluating);
        }
        let context = self.context_of(&name, &root_name);
        // A definition without values has nothing that could be asked for.
        let (program, root) = values.unwrap_or_else(definition::no_values);
        let mut scope = Scope {
            session: self,
            is_root,
            root_name,
            states: vec![State::New; program.len()],
            source: Rc::new(Source {
                environment,
                program,
            }),
            root,
            inherited: None,
            context,
            imports: Rc::new(Computed::object(Entries::new())),
        };
        scope.evaluate_imports(&imports);
        Some(scope.evaluate(root))
    }

    fn context_of(&self, current: &str, root: &str) -> Rc<Computed> {
        let mut entries = match &self.context.shape {
            Shape::Object { entries, .. } => (**entries).clone(),
            _ => Entries::new(),
        };
        for (key, name) in [("currentEnvironment", current), ("rootEnvironment", root)] {
            let name = Rc::new(Computed::text(name));
            let object = Computed::object(Entries::from([own_entry("name", name)]));
            entries.extend([own_entry(key, Rc::new(object))]);
        }
        Rc::new(Computed::object(entries))
    }

    pub(super) fn report(
        &mut self,
        severity: Severity,
        summary: String,
        range: Option<Range>,
        path: Option<String>,
    ) {
        self.add(Diagnostic {
            severity,
            summary,
            range,
            path,
            failure: None,
        });
    }

    pub(super) fn report_without_place(&mut self, summary: String) {
        self.report(Severity::Error, summary, None, None);
    }

    fn add(&mut self, diagnostic: Diagnostic) {
        match self.diagnostics.len() {
            ..MAXIMUM_DIAGNOSTICS => self.diagnostics.push(diagnostic),
            MAXIMUM_DIAGNOSTICS => {
                self.budget.give_up();
                self.diagnostics.push(Diagnostic {
                    severity: Severity::Error,
                    summary: format!("there are more than {MAXIMUM_DIAGNOSTICS} problems"),
                    range: None,
                    path: None,
                    failure: None,
                });
            }
            _ => {}
        }
    }
}

/// Values each of which lies over those before it, merged.
///
/// Merging is associative. A value is merged with one that is made of as many, so that of a
/// thousand values each is copied ten times, not a thousand times.
#[derive(Default)]
struct Stack {
    /// Of how many values each is made; fewer from bottom to top.
    merged: Vec<(usize, Rc<Computed>)>,
}

impl Stack {
    fn push(&mut self, budget: &mut Budget, top: Rc<Computed>) {
        let (mut count, mut top) = (1, top);
        while let Some((below, base)) = self.merged.pop_if(|(below, _)| *below == count) {
            top = merge(budget, &top, &base);
            count += below;
        }
        self.merged.push((count, top));
    }

    /// All of them, merged; `None` where there are none.
    fn finish(mut self, budget: &mut Budget) -> Option<Rc<Computed>> {
        let (_, mut top) = self.merged.pop()?;
        while let Some((_, base)) = self.merged.pop() {
            top = merge(budget, &top, &base);
        }
        Some(top)
    }
}

impl Scope<'_, '_> {
    fn evaluate_imports(&mut self, imports: &[definition::Import]) {
        let mut by_name = Entries::new();
        let mut inherited = Stack::default();
        for import in imports {
            let value = self.import(&import.name, import.span, import.path.clone());
            let Some(value) = value else {
                continue;
            };
            by_name.extend([own_entry(&import.name, Rc::clone(&value))]);
            if import.merge {
                let value = if value.all.hides {
                    Rc::new(value.copied())
                } else {
                    value
                };
                inherited.push(&mut self.session.budget, value);
            }
        }
        self.inherited = inherited.finish(&mut self.session.budget);
        self.imports = Rc::new(Computed::object(by_name));
    }

    pub(super) fn program(&self) -> &Program {
        &self.source.program
    }

    /// The expression `id` as the origin of a value.
    pub(super) fn origin(&self, id: Id) -> Origin {
        Origin {
            source: Rc::clone(&self.source),
            id,
        }
    }

    /// The values of the environment that `name` means; `None`, with a diagnostic at `span`, where
    /// there are none. Each environment is evaluated once.
    pub(super) fn import(&mut self, name: &str, span: Span, path: String) -> Option<Rc<Computed>> {
        let range = range(&self.source.environment, span);
        match self.session.imported.get(name) {
            Some(Imported::Done(value)) => return Some(Rc::clone(value)),
            Some(Imported::Evaluating) => {
                let summary = format!("cyclic import of {name}");
                self.session
                    .report(Severity::Error, summary, Some(range), Some(path));
                return None;
            }
            Some(Imported::LeftOut(diagnostics)) => {
                // ESC reads such a definition each time that it is imported.
                for diagnostic in Rc::clone(diagnostics).iter() {
                    self.session.add(diagnostic.clone());
                }
                return None;
            }
            Some(Imported::Failed(error)) => {
                let error = Arc::clone(error);
                self.report_failure(error, span, path);
                return None;
            }
            None => {}
        }
        // The root is among them.
        let too_much = if self.session.imported.len() > MAXIMUM_IMPORTS {
            Some(format!(
                "more than {MAXIMUM_IMPORTS} environments are imported"
            ))
        } else if self.session.depth >= MAXIMUM_EVALUATION_DEPTH {
            Some(too_deep())
        } else {
            None
        };
        if let Some(summary) = too_much {
            self.session
                .report(Severity::Error, summary, Some(range), Some(path));
            return None;
        }
        match self.session.importer.import(name) {
            Ok(definition) => {
                self.session
                    .imported
                    .insert(name.to_owned(), Imported::Evaluating);
                self.session.depth += 1;
                let before = self.session.diagnostics.len();
                let value = self.session.environment(definition, Some(&self.root_name));
                self.session.depth -= 1;
                let imported = match &value {
                    Some(value) => Imported::Done(Rc::clone(value)),
                    None => Imported::LeftOut(self.session.diagnostics[before..].into()),
                };
                self.session.imported.insert(name.to_owned(), imported);
                value
            }
            Err(error) => {
                let error = Arc::from(error);
                self.session
                    .imported
                    .insert(name.to_owned(), Imported::Failed(Arc::clone(&error)));
                self.report_failure(error, span, path);
                None
            }
        }
    }

    /// The value of an expression.
    pub(super) fn evaluate(&mut self, id: Id) -> Rc<Computed> {
        self.evaluate_for(id, None)
    }

    /// The value of an expression that becomes an input of the schema `accept`. Without a rotation,
    /// what only rotation reads is not evaluated; a check reads it where it may be rotated: in the
    /// root.
    pub(super) fn evaluate_for(&mut self, id: Id, accept: Option<&Schema>) -> Rc<Computed> {
        match self.states[id.index()].clone() {
            State::Done(value) => return value,
            State::Evaluating => {
                let path = self.program().path_in_values(id);
                self.error(format!("cyclic reference to {path}"), id);
                return Self::unknown();
            }
            State::New => {}
        }
        if accept.is_some_and(Schema::is_rotate_only)
            && (self.session.mode == Mode::Open || !self.is_root)
        {
            let value = Rc::new(Computed::left_out());
            self.states[id.index()] = State::Done(Rc::clone(&value));
            return value;
        }
        if !self.session.budget.spend_steps(1) {
            self.report_budget(id);
            return Self::unknown();
        }
        if self.session.depth >= MAXIMUM_EVALUATION_DEPTH {
            self.error(too_deep(), id);
            return Self::unknown();
        }
        self.states[id.index()] = State::Evaluating;
        self.session.depth += 1;
        let value = self.evaluate_over_base(id, accept);
        self.session.depth -= 1;
        let value = if value.depth > MAXIMUM_VALUE_NESTING {
            let summary = format!("the value nests deeper than {MAXIMUM_VALUE_NESTING} levels");
            self.error(summary, id);
            Self::unknown()
        } else {
            value
        };
        self.report_budget(id);
        self.states[id.index()] = State::Done(Rc::clone(&value));
        value
    }

    fn evaluate_over_base(&mut self, id: Id, accept: Option<&Schema>) -> Rc<Computed> {
        let base = self.base(id);
        if let Some(base) = base.as_ref().filter(|base| base.is_final) {
            let span = self.program().expression(id).span;
            let summary = "cannot override final value".to_owned();
            self.report(Severity::Warning, summary, span, id);
            return Rc::clone(base);
        }
        let mut value = self.evaluate_alone(id, accept);
        if value.origin.is_none() {
            let mut told = Rc::unwrap_or_clone(value);
            told.origin = Some(self.origin(id));
            value = Rc::new(told);
        }
        let Some(base) = base else {
            return value;
        };
        // Each entry of an object was evaluated over its own base.
        let is_object = matches!(self.program().expression(id).kind, Kind::Object(_));
        let merge = if is_object { inherit } else { merge };
        let merged = merge(&mut self.session.budget, &value, &base);
        let kind = &self.program().expression(id).kind;
        let passes_on = matches!(kind, Kind::Call(Call::Final(_) | Call::Validate { .. }));
        if passes_on && matches!(merged.shape, Shape::Object { .. }) {
            return Rc::new(Rc::unwrap_or_clone(merged).hiding_inherited());
        }
        merged
    }

    /// The value without the base that it overrides.
    pub(super) fn evaluate_alone(&mut self, id: Id, accept: Option<&Schema>) -> Rc<Computed> {
        let source = Rc::clone(&self.source);
        let expression = source.program.expression(id);
        let shape = match &expression.kind {
            Kind::Invalid => return Self::unknown(),
            Kind::Null => Shape::Null,
            Kind::Bool(value) => Shape::Bool(*value),
            Kind::Number(number) => Shape::Number(number.clone()),
            Kind::Text(text) => Shape::Text(text.clone()),
            Kind::Interpolation(parts) => return self.interpolate(id, parts),
            Kind::Symbol(access) => {
                let value = self.access(id, access);
                // A copy of a long text takes as much memory as the text.
                let bytes = match &value.shape {
                    Shape::Text(text) => text.as_bytes().len(),
                    Shape::Number(number) => number.as_str().len(),
                    _ => 0,
                };
                if !self.session.budget.spend_text(bytes) {
                    return Self::unknown();
                }
                let mut copy = value.copied();
                copy.origin = None;
                return Rc::new(copy);
            }
            Kind::List(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    let accept = accept.map(|accept| accept.item(index));
                    self.evaluate_for(*item, accept.as_ref())
                });
                Shape::Array(items.collect())
            }
            Kind::Object(properties) => {
                let mut entries = Entries::new();
                for (name, property) in properties {
                    let accept = accept.map(|accept| accept.property(name));
                    let value = self.evaluate_for(*property, accept.as_ref());
                    entries.insert(Rc::clone(name), Entry { value, own: true });
                }
                Shape::Object {
                    entries: Rc::new(entries),
                    under: Under::Open(None),
                }
            }
            Kind::Call(call) => return builtins::evaluate(self, id, call),
        };
        let mut value = Computed::new(shape);
        if matches!(value.shape, Shape::Text(_) | Shape::Number(_)) {
            value.literal = Some(self.place(expression.span));
        }
        Rc::new(value)
    }

    fn interpolate(&mut self, id: Id, parts: &[Part]) -> Rc<Computed> {
        let mut text = TextBuilder::default();
        let mut content = Content::default();
        for part in parts {
            match part {
                Part::Text(literal) => text.push(literal.as_bytes()),
                Part::Access(access) => {
                    let value = self.access(id, access);
                    content = content.or(value.own);
                    if !content.unknown {
                        export::append_text(&mut self.session.budget, &value, &mut text);
                    }
                }
            }
        }
        let value = Computed::text(text.finish());
        let mut value = self.flagged(value, content, || Schema::of(Type::String));
        value.literal = Some(self.place(self.program().expression(id).span));
        Rc::new(value)
    }

    /// A result that is as secret and as unknown as what it was made of.
    pub(super) fn flagged(
        &self,
        value: Computed,
        content: Content,
        schema: impl FnOnce() -> Schema,
    ) -> Computed {
        let value = if content.unknown || self.session.budget.is_exhausted() {
            Computed::unknown(schema())
        } else {
            value
        };
        value.with_secret(content.secret)
    }

    /// The value that an expression lies over: what the imports have at its place.
    pub(super) fn base(&self, id: Id) -> Option<Rc<Computed>> {
        if self.program().is_root(id) {
            return self.inherited.clone();
        }
        let (owner, name) = self.program().owner(id)?;
        self.base(owner)?.property(name)
    }

    fn place(&self, span: Span) -> Place {
        Place {
            environment: Arc::clone(&self.source.environment),
            begin: span.begin.byte,
            end: span.end.byte,
        }
    }

    /// Reports an error at the whole of an expression.
    pub(super) fn error(&mut self, summary: String, id: Id) {
        let span = self.program().expression(id).span;
        self.report(Severity::Error, summary, span, id);
    }

    /// Reports an error at the whole of the expression that gave a value.
    pub(super) fn error_of(&mut self, summary: String, origin: Option<&Origin>) {
        let (range, path) = origin
            .map(|Origin { source, id }| {
                let span = source.program.expression(*id).span;
                (range(&source.environment, span), source.program.path(*id))
            })
            .unzip();
        self.session.report(Severity::Error, summary, range, path);
    }

    /// Reports something at a place in an expression.
    pub(super) fn report(&mut self, severity: Severity, summary: String, span: Span, id: Id) {
        let range = range(&self.source.environment, span);
        let path = self.program().path(id);
        self.session
            .report(severity, summary, Some(range), Some(path));
    }

    /// Reports the failure of a part of the world at the whole of an expression.
    pub(super) fn failure(&mut self, error: Box<dyn Failure>, id: Id) {
        let span = self.program().expression(id).span;
        let path = self.program().path(id);
        self.report_failure(Arc::from(error), span, path);
    }

    fn report_failure(&mut self, error: Arc<dyn Failure>, span: Span, path: String) {
        self.session.add(Diagnostic {
            severity: Severity::Error,
            // As the original has it; whoever shows it folds it.
            summary: error.message(),
            range: Some(range(&self.source.environment, span)),
            path: Some(path),
            failure: Some(error),
        });
    }

    fn report_budget(&mut self, id: Id) {
        if let Some(reason) = self.session.budget.report() {
            self.error(reason.to_owned(), id);
        }
    }
}

fn own_entry(name: &str, value: Rc<Computed>) -> (Rc<str>, Entry) {
    (Rc::from(name), Entry { value, own: true })
}

fn too_deep() -> String {
    format!("references and imports go deeper than {MAXIMUM_EVALUATION_DEPTH} levels")
}

fn range(environment: &Arc<str>, span: Span) -> Range {
    Range {
        environment: Arc::clone(environment),
        begin: span.begin,
        end: span.end,
    }
}
