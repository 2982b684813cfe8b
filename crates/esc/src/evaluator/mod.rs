//! A local evaluator for environment definitions, which reads and opens nothing by itself: files,
//! providers and context are handed in.
//!
//! The way of a definition: text → `syntax` tree → `definition` outline and `expression`s →
//! lazy evaluation (`evaluate`) to computed values → an [`Environment`] and [`Diagnostic`]s.

mod access;
mod builtins;
mod decimal;
mod definition;
mod document_path;
mod evaluate;
mod export;
mod expression;
mod interpolation;
pub mod limits;
mod merge;
mod pattern;
pub mod provider;
mod redaction;
mod schema;
mod suggest;
mod syntax;
mod validate;
mod value;

use std::collections::BTreeMap;

pub use provider::{Decrypter, Definition, Importer, Provider, Providers, Rotator};

use crate::{Data, Diagnostic, Environment, Sources, Value};
use evaluate::{Mode, Session};
use limits::Limits;
use provider::NoDecrypter;

/// Evaluates definitions with an importer and providers.
#[derive(Clone)]
pub struct Evaluator<'a> {
    importer: &'a dyn Importer,
    providers: &'a dyn Providers,
    decrypter: &'a dyn Decrypter,
    context: Value,
    shows_secrets: bool,
    limits: Limits,
}

/// What a definition gave.
#[derive(Debug)]
pub struct Evaluation {
    /// The values. Where there are errors, what depends on them is unknown; whether such an
    /// environment may be used is the caller's decision.
    pub environment: Environment,
    /// What is wrong with the definition and its imports, by file and place. What has no place
    /// comes first.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts, to show the diagnostics with.
    pub sources: Sources,
}

impl<'a> Evaluator<'a> {
    /// An evaluator without a context of its own: `${context}` has the environments' names alone.
    pub fn new(importer: &'a dyn Importer, providers: &'a dyn Providers) -> Self {
        Self {
            importer,
            providers,
            decrypter: &NoDecrypter,
            context: Value::new(Data::Object(BTreeMap::new())),
            shows_secrets: false,
            limits: Limits::default(),
        }
    }

    /// Decrypts secrets with `decrypter`. Without one, an error says what can decrypt them.
    #[must_use]
    pub fn with_decrypter(mut self, decrypter: &'a dyn Decrypter) -> Self {
        self.decrypter = decrypter;
        self
    }

    /// Whether a check decrypts secrets as well.
    #[must_use]
    pub fn with_secrets_in_checks(mut self, shows_secrets: bool) -> Self {
        self.shows_secrets = shows_secrets;
        self
    }

    /// Lets an evaluation take no more work than this.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds the entries of `context`, an object, to what `${context}` has.
    #[must_use]
    pub fn with_context(mut self, context: Value) -> Self {
        self.context = context;
        self
    }

    /// Evaluates `definition`; providers are opened.
    #[must_use]
    pub fn open(&self, definition: Definition) -> Evaluation {
        self.evaluate(definition, Mode::Open)
    }

    /// Evaluates `definition`; providers are not opened, and what they would give is unknown.
    #[must_use]
    pub fn check(&self, definition: Definition) -> Evaluation {
        self.evaluate(definition, Mode::Check)
    }

    /// Evaluates on a thread with a stack that is large enough for what the limits allow.
    fn evaluate(&self, definition: Definition, mode: Mode) -> Evaluation {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name("evaluator".to_owned())
                .stack_size(limits::STACK_BYTES)
                .spawn_scoped(scope, || self.evaluate_here(definition, mode));
            match thread {
                Ok(thread) => match thread.join() {
                    Ok(evaluation) => evaluation,
                    Err(panic) => std::panic::resume_unwind(panic),
                },
                Err(error) => {
                    let summary = format!("cannot start a thread to evaluate on: {error}");
                    let mut session = self.session(mode);
                    session.report_without_place(summary);
                    finish(session, None)
                }
            }
        })
    }

    fn evaluate_here(&self, definition: Definition, mode: Mode) -> Evaluation {
        let mut session = self.session(mode);
        let values = session.environment(definition, None);
        let values = values.map(|values| export::to_value(&mut session.budget, &values));
        if let Some(reason) = session.budget.report() {
            session.report_without_place(reason.to_owned());
        }
        finish(session, values)
    }

    fn session(&self, mode: Mode) -> Session<'a> {
        let context = export::from_value(self.context.clone(), false, None);
        let mut session =
            Session::new(self.importer, self.providers, self.decrypter, mode, context)
                .within(self.limits);
        session.shows_secrets = self.shows_secrets;
        session
    }
}

fn finish(session: Session<'_>, values: Option<Value>) -> Evaluation {
    let mut diagnostics = session.diagnostics;
    diagnostics.sort_by(|a, b| {
        let place = |diagnostic: &Diagnostic| {
            let range = diagnostic.range.as_ref()?;
            let at = range.begin;
            Some((range.environment.to_string(), at.line, at.column))
        };
        place(a).cmp(&place(b))
    });
    let values = values.unwrap_or_else(|| Value::new(Data::Object(BTreeMap::new())));
    Evaluation {
        environment: Environment { values },
        diagnostics,
        sources: session.sources,
    }
}

impl std::fmt::Debug for Evaluator<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Evaluator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
