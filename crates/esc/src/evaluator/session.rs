//! The state of one evaluation, which all of its environments share.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::evaluator::definition::{self, ImportEntry};
use crate::evaluator::limits::{Budget, Limits, MAXIMUM_DIAGNOSTICS, MAXIMUM_SOURCE_BYTES};
use crate::evaluator::module::{Module, Modules};
use crate::evaluator::parser::Phase;
use crate::evaluator::provider::{Definition, Host};
use crate::evaluator::redaction;
use crate::evaluator::schema::Schema;
use crate::evaluator::syntax;
use crate::evaluator::value::{EvalValue, Properties, Property};
use crate::text::Text;
use crate::{Diagnostic, Failure, Range, Severity, Sources};

/// Whether providers are called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    Open,
    /// Providers are not called, and their results are unknown.
    Check,
}

/// One evaluation: the root environment and everything that it imports.
pub(super) struct EvalSession<'a> {
    pub(super) host: Host<'a>,
    pub(super) mode: Mode,
    /// Whether encrypted secrets are decrypted.
    pub(super) decrypts: bool,
    /// The properties of `${context}`, apart from the names of environments.
    pub(super) context: Rc<EvalValue>,
    /// Imported environments, by the name that imports use. The root is among them.
    pub(super) imports: BTreeMap<String, ImportState>,
    /// The current depth of evaluation.
    pub(super) depth: usize,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) modules: Modules,
    pub(super) sources: Sources,
    /// The schemas of providers and rotators, by their JSON text.
    pub(super) schemas: BTreeMap<String, Schema>,
}

/// The state of an imported environment.
#[derive(Clone)]
pub(super) enum ImportState {
    Evaluating,
    Evaluated(Rc<EvalValue>),
    /// Dropped because its definition has errors, which are these diagnostics.
    Dropped(Rc<[Diagnostic]>),
    /// The importer failed.
    Failed(Arc<dyn Failure>),
}

impl EvalSession<'_> {
    /// Parses a definition and reports its problems. Returns its imports and expressions, or `None`
    /// if it cannot be evaluated, or is an import that ESC drops because it has errors.
    pub(super) fn load(
        &mut self,
        definition: Definition,
        is_import: bool,
    ) -> Option<(Vec<ImportEntry>, Rc<Module>)> {
        let text = definition.text;
        if let Some(summary) = self.exceeds_size_limit(&definition.shown_as, text.len()) {
            self.report_without_location(summary);
            return None;
        }
        let document = syntax::parse_within(&text, self.budget.nodes());
        self.budget.spend_nodes(document.nodes);
        let is_valid = document.is_valid;
        let parsed = definition::parse(document);
        if !is_valid {
            // Without a tree, other uses of a secret can only be found by its text.
            for range in redaction::hidden_ranges_of_invalid_yaml(&text) {
                let secret = text.get(range).unwrap_or_default();
                let secret = secret.trim_matches(|c: char| !c.is_alphanumeric());
                self.sources.hide_text(&Text::from(secret));
            }
        }
        let environment = self
            .sources
            .add(&definition.name, &definition.shown_as, text);
        let is_dropped = if is_import {
            parsed.has_parse_errors()
        } else {
            parsed.is_empty()
        };
        let program = parsed.values.unwrap_or_else(definition::no_values);
        let module = self.modules.add(environment, program);
        for diagnostic in parsed.diagnostics {
            if diagnostic.phase == Phase::Parse || !is_dropped {
                self.add_diagnostic(Diagnostic {
                    severity: diagnostic.severity,
                    summary: diagnostic.summary,
                    range: diagnostic.span.map(|span| module.range(span)),
                    path: diagnostic.path,
                    hint: diagnostic.hint,
                    failure: None,
                });
            }
        }
        (!is_dropped).then_some((parsed.imports, module))
    }

    /// Accounts for the size of a definition. Returns the error if it is too large.
    fn exceeds_size_limit(&mut self, shown_as: &str, bytes: usize) -> Option<String> {
        if bytes > MAXIMUM_SOURCE_BYTES {
            return Some(format!(
                "the definition `{shown_as}` is larger than {MAXIMUM_SOURCE_BYTES} bytes"
            ));
        }
        if !self.budget.spend_source(bytes) {
            let limit = self.limits.sources_bytes;
            return Some(format!(
                "the definitions are larger than {limit} bytes together"
            ));
        }
        None
    }

    /// The value of `${context}` in the environment `current`.
    pub(super) fn context_of(&self, current: &str, root: &str) -> Rc<EvalValue> {
        let own = [("currentEnvironment", current), ("rootEnvironment", root)];
        let own = own.map(|(key, name)| {
            let name = Property::own(Rc::new(EvalValue::text(name)));
            let environment = EvalValue::object(Properties::from_iter([(Rc::from("name"), name)]));
            (Rc::from(key), Property::own(Rc::new(environment)))
        });
        let host = self.context.properties();
        let host = host.map(|(name, property)| (Rc::clone(name), property.clone()));
        Rc::new(EvalValue::object(own.into_iter().chain(host).collect()))
    }

    pub(super) fn report(
        &mut self,
        severity: Severity,
        summary: String,
        range: Option<Range>,
        path: Option<String>,
    ) {
        self.add_diagnostic(Diagnostic {
            severity,
            summary,
            range,
            path,
            hint: None,
            failure: None,
        });
    }

    pub(super) fn report_without_location(&mut self, summary: String) {
        self.report(Severity::Error, summary, None, None);
    }

    /// Adds a diagnostic. Above the limit, evaluation stops and further diagnostics are dropped.
    pub(super) fn add_diagnostic(&mut self, diagnostic: Diagnostic) {
        match self.diagnostics.len() {
            ..MAXIMUM_DIAGNOSTICS => self.diagnostics.push(diagnostic),
            MAXIMUM_DIAGNOSTICS => {
                self.budget.stop();
                self.diagnostics.push(Diagnostic {
                    severity: Severity::Error,
                    summary: format!("there are more than {MAXIMUM_DIAGNOSTICS} problems"),
                    range: None,
                    path: None,
                    hint: None,
                    failure: None,
                });
            }
            _ => {}
        }
    }
}
