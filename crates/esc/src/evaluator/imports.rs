//! Evaluates environments and their imports.

use std::rc::Rc;
use std::sync::Arc;

use crate::Severity;
use crate::evaluator::definition::ImportEntry;
use crate::evaluator::evaluate::{DefinitionEvaluator, too_deep};
use crate::evaluator::expression::ExprId;
use crate::evaluator::limits::{MAXIMUM_EVALUATION_DEPTH, MAXIMUM_IMPORTS};
use crate::evaluator::merge::MergeStack;
use crate::evaluator::provider::Definition;
use crate::evaluator::session::{EvalSession, ImportState};
use crate::evaluator::syntax::Span;
use crate::evaluator::value::{EvalValue, InheritedListing, Property};

/// The name of a root environment without a name. The first named environment that it imports, on
/// each path, counts as the root.
const ANONYMOUS: &str = "<yaml>";

impl EvalSession<'_> {
    /// Evaluates an environment. `importing_root` is the name of the root environment, for an import.
    ///
    /// Returns `None` for an import that is dropped because of errors, and for a root that cannot be
    /// evaluated.
    pub(super) fn evaluate_environment(
        &mut self,
        definition: Definition,
        importing_root: Option<&str>,
    ) -> Option<Rc<EvalValue>> {
        let name = definition.name.clone();
        let (imports, module) = self.load(definition, importing_root.is_some())?;
        let is_root = importing_root.is_none();
        let root_name = importing_root.filter(|root| *root != ANONYMOUS);
        let root_name = root_name.unwrap_or(&name).to_owned();
        let context = self.context_of(&name, &root_name);
        if is_root {
            // So that an import of the root is a cycle.
            self.imports.insert(name, ImportState::Evaluating);
        }
        let mut evaluator = DefinitionEvaluator::new(self, module, is_root, root_name, context);
        evaluator.evaluate_imports(&imports);
        Some(evaluator.evaluate(ExprId::ROOT))
    }
}

impl DefinitionEvaluator<'_, '_> {
    fn evaluate_imports(&mut self, imports: &[ImportEntry]) {
        let mut by_name = Vec::new();
        let mut merged = MergeStack::default();
        for import in imports {
            let value = self.import(&import.name, import.span, import.path.clone());
            let Some(value) = value else {
                continue;
            };
            let name = Rc::from(import.name.as_str());
            by_name.push((name, Property::own(Rc::clone(&value))));
            if import.merge {
                let value = match value.inherited {
                    InheritedListing::Listed => value,
                    _ => Rc::new(value.listing_copy()),
                };
                merged.push(&mut self.session.budget, value);
            }
        }
        self.merged_imports = merged.finish(&mut self.session.budget);
        self.imports = Rc::new(EvalValue::object(by_name.into_iter().collect()));
    }

    /// Imports an environment, which is evaluated once. Returns `None`, with a diagnostic at `span`,
    /// if it has no values.
    pub(super) fn import(&mut self, name: &str, span: Span, path: String) -> Option<Rc<EvalValue>> {
        match self.session.imports.get(name).cloned() {
            Some(ImportState::Evaluated(value)) => return Some(value),
            Some(ImportState::Evaluating) => {
                return self.import_error(format!("cyclic import of {name}"), span, path);
            }
            Some(ImportState::Dropped(diagnostics)) => {
                // ESC parses such a definition again each time it is imported.
                for diagnostic in diagnostics.iter() {
                    self.session.add_diagnostic(diagnostic.clone());
                }
                return None;
            }
            Some(ImportState::Failed(error)) => {
                self.report_failure(error, span, path);
                return None;
            }
            None => {}
        }
        // The root is in the map, but is not an import.
        if self.session.imports.len() > MAXIMUM_IMPORTS {
            let summary = format!("more than {MAXIMUM_IMPORTS} environments are imported");
            return self.import_error(summary, span, path);
        }
        if self.session.depth >= MAXIMUM_EVALUATION_DEPTH {
            return self.import_error(too_deep(), span, path);
        }
        match self.session.host.importer.import(name) {
            Ok(definition) => self.evaluate_import(name, definition),
            Err(error) => {
                let error = Arc::from(error);
                let failed = ImportState::Failed(Arc::clone(&error));
                self.session.imports.insert(name.to_owned(), failed);
                self.report_failure(error, span, path);
                None
            }
        }
    }

    fn evaluate_import(&mut self, name: &str, definition: Definition) -> Option<Rc<EvalValue>> {
        let session = &mut *self.session;
        session
            .imports
            .insert(name.to_owned(), ImportState::Evaluating);
        session.depth += 1;
        let diagnostics_before = session.diagnostics.len();
        let value = session.evaluate_environment(definition, Some(&self.root_name));
        session.depth -= 1;
        let state = match &value {
            Some(value) => ImportState::Evaluated(Rc::clone(value)),
            None => ImportState::Dropped(session.diagnostics[diagnostics_before..].into()),
        };
        session.imports.insert(name.to_owned(), state);
        value
    }

    /// Reports why there is no import. Returns `None`, the result.
    fn import_error<T>(&mut self, summary: String, span: Span, path: String) -> Option<T> {
        let range = self.module.range(span);
        self.session
            .report(Severity::Error, summary, Some(range), Some(path));
        None
    }
}
