//! Evaluates the expressions of a definition lazily: each once, when its value is first needed.
//!
//! An error does not stop evaluation. The value of the expression becomes unknown, and a diagnostic
//! says why.

use std::rc::Rc;
use std::sync::Arc;

use crate::error::{Failure, HostResult};
use crate::evaluator::export;
use crate::evaluator::expression::{BuiltinCall, ExprId, ExprKind, Program};
use crate::evaluator::interpolation::Segment;
use crate::evaluator::limits::{MAXIMUM_EVALUATION_DEPTH, MAXIMUM_VALUE_NESTING};
use crate::evaluator::merge::{inherit, merge};
use crate::evaluator::module::{Module, Origin};
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::session::{EvalSession, Mode};
use crate::evaluator::syntax::Span;
use crate::evaluator::value::{
    EvalValue, InheritedListing, Marks, Properties, Property, ValueKind,
};
use crate::{Diagnostic, Severity, TextBuilder};

/// Evaluates one definition.
pub(super) struct DefinitionEvaluator<'s, 'a> {
    pub(super) session: &'s mut EvalSession<'a>,
    /// Whether the definition is the root, and not imported.
    pub(super) is_root: bool,
    /// The value of `${context.rootEnvironment.name}`.
    pub(super) root_name: String,
    pub(super) module: Rc<Module>,
    /// The value of each expression that was evaluated, by the index of its [`ExprId`].
    values: Vec<Option<Rc<EvalValue>>>,
    /// Stands for the value of an expression that is being evaluated.
    evaluating: Rc<EvalValue>,
    /// The merged imports, which `values` are merged over.
    pub(super) merged_imports: Option<Rc<EvalValue>>,
    /// The value of `${context}`.
    pub(super) context: Rc<EvalValue>,
    /// The value of `${imports}`.
    pub(super) imports: Rc<EvalValue>,
}

impl<'s, 'a> DefinitionEvaluator<'s, 'a> {
    pub(super) fn new(
        session: &'s mut EvalSession<'a>,
        module: Rc<Module>,
        is_root: bool,
        root_name: String,
        context: Rc<EvalValue>,
    ) -> Self {
        Self {
            session,
            is_root,
            root_name,
            values: vec![None; module.program.len()],
            evaluating: EvalValue::unknown_any(),
            module,
            merged_imports: None,
            context,
            imports: Rc::new(EvalValue::object(Properties::from_iter([]))),
        }
    }

    pub(super) fn program(&self) -> &Program {
        &self.module.program
    }

    /// The expression as the origin of a value.
    pub(super) fn origin(&self, id: ExprId) -> Origin {
        self.module.origin(id)
    }

    /// Evaluates an expression.
    pub(super) fn evaluate(&mut self, id: ExprId) -> Rc<EvalValue> {
        self.evaluate_input(id, None)
    }

    /// Evaluates an expression that is an input with the schema `accept`, if any.
    ///
    /// Inputs that only a rotation reads are skipped, except in a check of the root environment,
    /// which could be rotated.
    pub(super) fn evaluate_input(&mut self, id: ExprId, accept: Option<&Schema>) -> Rc<EvalValue> {
        match &self.values[id.index()] {
            Some(value) if Rc::ptr_eq(value, &self.evaluating) => {
                let path = self.program().path_in_values(id);
                self.error(format!("cyclic reference to {path}"), id);
                return EvalValue::unknown_any();
            }
            Some(value) => return Rc::clone(value),
            None => {}
        }
        if accept.is_some_and(Schema::is_rotate_only)
            && (self.session.mode == Mode::Open || !self.is_root)
        {
            let value = Rc::new(EvalValue::skipped_rotate_only());
            self.values[id.index()] = Some(Rc::clone(&value));
            return value;
        }
        if !self.session.budget.spend_steps(1) {
            self.report_budget(id);
            return EvalValue::unknown_any();
        }
        if self.session.depth >= MAXIMUM_EVALUATION_DEPTH {
            self.error(too_deep(), id);
            return EvalValue::unknown_any();
        }
        self.values[id.index()] = Some(Rc::clone(&self.evaluating));
        self.session.depth += 1;
        let mut value = self.evaluate_over_base(id, accept);
        self.session.depth -= 1;
        if usize::from(value.depth) > MAXIMUM_VALUE_NESTING {
            let summary = format!("the value nests deeper than {MAXIMUM_VALUE_NESTING} levels");
            self.error(summary, id);
            value = EvalValue::unknown_any();
        }
        self.report_budget(id);
        self.values[id.index()] = Some(Rc::clone(&value));
        value
    }

    fn evaluate_over_base(&mut self, id: ExprId, accept: Option<&Schema>) -> Rc<EvalValue> {
        let base = self.base(id);
        if let Some(base) = &base
            && base.is_final()
        {
            let span = self.program().expression(id).span;
            let summary = "cannot override final value".to_owned();
            self.report(Severity::Warning, summary, span, id);
            return Rc::clone(base);
        }
        let mut value = self.evaluate_without_base(id, accept);
        if value.origin.is_none() {
            Rc::make_mut(&mut value).origin = Some(self.origin(id));
        }
        let Some(base) = base else {
            return value;
        };
        let budget = &mut self.session.budget;
        match &self.module.program.expression(id).kind {
            // Each property was evaluated over its own base.
            ExprKind::Object(_) => inherit(budget, &value, &base),
            ExprKind::Call(BuiltinCall::Final(_) | BuiltinCall::Validate { .. }) => {
                let mut merged = merge(budget, &value, &base);
                // ESC lists only the properties of the call itself, unless it has none.
                if value.properties().next().is_some() {
                    Rc::make_mut(&mut merged).inherited = InheritedListing::Hidden;
                }
                merged
            }
            _ => merge(budget, &value, &base),
        }
    }

    /// Evaluates an expression without merging it over its base.
    pub(super) fn evaluate_without_base(
        &mut self,
        id: ExprId,
        accept: Option<&Schema>,
    ) -> Rc<EvalValue> {
        let module = Rc::clone(&self.module);
        let expression = module.program.expression(id);
        let kind = match &expression.kind {
            ExprKind::Invalid => return EvalValue::unknown_any(),
            ExprKind::Null => ValueKind::Null,
            ExprKind::Bool(value) => ValueKind::Bool(*value),
            ExprKind::Number(number) => ValueKind::Number(number.clone()),
            ExprKind::Text(text) => ValueKind::Text(text.clone()),
            ExprKind::Interpolation(segments) => return self.interpolate(id, segments),
            ExprKind::Symbol(access) => {
                let value = self.access(id, access);
                return self.reference_copy(&value);
            }
            ExprKind::List(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    let accept = accept.map(|accept| accept.item(index));
                    self.evaluate_input(*item, accept.as_ref())
                });
                ValueKind::Array(items.collect())
            }
            ExprKind::Object(expressions) => {
                let properties = expressions.iter().map(|(name, property)| {
                    let accept = accept.map(|accept| accept.property(name));
                    let value = self.evaluate_input(*property, accept.as_ref());
                    (Rc::clone(name), Property::own(value))
                });
                ValueKind::object(properties.collect())
            }
            ExprKind::Call(call) => return self.call_builtin(id, call),
        };
        let mut value = EvalValue::new(kind);
        if matches!(value.kind, ValueKind::Text(_) | ValueKind::Number(_)) {
            value.literal = Some(self.origin(id));
        }
        Rc::new(value)
    }

    /// The value of an expression that refers to another value.
    fn reference_copy(&mut self, value: &EvalValue) -> Rc<EvalValue> {
        // Copying a text takes as much memory as the text.
        let bytes = match &value.kind {
            ValueKind::Text(text) => text.as_bytes().len(),
            ValueKind::Number(number) => number.as_str().len(),
            _ => 0,
        };
        if !self.session.budget.spend_text(bytes) {
            return EvalValue::unknown_any();
        }
        let mut copy = value.listing_copy();
        copy.origin = None;
        Rc::new(copy)
    }

    fn interpolate(&mut self, id: ExprId, segments: &[Segment]) -> Rc<EvalValue> {
        let mut text = TextBuilder::default();
        let mut marks = Marks::default();
        for segment in segments {
            match segment {
                Segment::Text(literal) => text.push(literal.as_bytes()),
                Segment::Access(access) => {
                    let value = self.access(id, access);
                    marks = marks.union(value.own_marks);
                    if !marks.has_unknown() {
                        export::append_text(&mut self.session.budget, &value, &mut text);
                    }
                }
            }
        }
        let text = EvalValue::text(text.finish());
        let mut value = self.with_marks(text, marks, || Schema::of(Type::String));
        value.literal = Some(self.origin(id));
        Rc::new(value)
    }

    /// Applies the marks of the values that a result was computed from: it is unknown, with `schema`,
    /// or secret if one of them was.
    pub(super) fn with_marks(
        &self,
        result: EvalValue,
        marks: Marks,
        schema: impl FnOnce() -> Schema,
    ) -> EvalValue {
        let result = if marks.has_unknown() || self.session.budget.is_exhausted() {
            EvalValue::unknown(schema())
        } else {
            result
        };
        result.with_secret(marks.secret)
    }

    /// The value that an expression is merged over: what the imports define at the same path.
    pub(super) fn base(&self, id: ExprId) -> Option<Rc<EvalValue>> {
        match &self.program().expression(id).parent {
            Some(parent) => self
                .base(parent.id)?
                .property(&self.program().property_name(parent)?),
            None => self.merged_imports.clone(),
        }
    }

    /// Reports an error at an expression.
    pub(super) fn error(&mut self, summary: String, id: ExprId) {
        let span = self.program().expression(id).span;
        self.report(Severity::Error, summary, span, id);
    }

    /// Reports a problem at the expression that produced a value.
    pub(super) fn report_at_origin(
        &mut self,
        severity: Severity,
        summary: String,
        hint: Option<String>,
        origin: Option<Origin>,
    ) {
        self.session.add_diagnostic(Diagnostic {
            severity,
            summary,
            range: origin.map(|origin| self.session.modules.range(origin)),
            path: origin.map(|origin| self.session.modules.path(origin)),
            hint,
            failure: None,
        });
    }

    /// Reports a problem at a span of an expression.
    pub(super) fn report(&mut self, severity: Severity, summary: String, span: Span, id: ExprId) {
        let range = self.module.range(span);
        let path = self.program().path(id);
        self.session
            .report(severity, summary, Some(range), Some(path));
    }

    /// Returns the result of a provider or decrypter, or reports its failure at an expression.
    pub(super) fn ok_or_report<T>(&mut self, result: HostResult<T>, id: ExprId) -> Option<T> {
        let error = match result {
            Ok(result) => return Some(result),
            Err(error) => error,
        };
        let span = self.program().expression(id).span;
        let path = self.program().path(id);
        self.report_failure(Arc::from(error), span, path);
        None
    }

    pub(super) fn report_failure(&mut self, error: Arc<dyn Failure>, span: Span, path: String) {
        self.session.add_diagnostic(Diagnostic {
            severity: Severity::Error,
            // Line breaks are kept, as in ESC. They are folded when the diagnostic is displayed.
            summary: error.message(),
            range: Some(self.module.range(span)),
            path: Some(path),
            hint: None,
            failure: Some(error),
        });
    }

    /// Reports at an expression why evaluation stopped, if that is not reported yet.
    pub(super) fn report_budget(&mut self, id: ExprId) {
        if let Some(reason) = self.session.budget.take_reason() {
            self.error(reason.to_owned(), id);
        }
    }
}

pub(super) fn too_deep() -> String {
    format!("references and imports go deeper than {MAXIMUM_EVALUATION_DEPTH} levels")
}
