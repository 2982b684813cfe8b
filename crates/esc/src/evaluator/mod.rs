//! The evaluator of environment definitions. It performs no I/O: definitions, providers and context
//! come from its host.
//!
//! # Pipeline
//!
//! 1. `syntax` parses a definition's text into a syntax tree: lists, maps and scalars, with their
//!    positions.
//! 2. `definition` parses the top level of the tree: `description`, `imports` and `values`.
//! 3. `parser` parses `values` into a program of expressions: literals, interpolations (`${…}`), and
//!    builtin calls (`fn::…`).
//! 4. `session`, `imports` and `evaluate` evaluate the environments that are imported, and then the
//!    expressions, each when its value is first needed (`access` and `builtins` hold most of the
//!    semantics). An environment's values are merged over those of its imports (`merge`).
//! 5. `export` converts the result to an [`Environment`]; [`Diagnostic`]s list what is wrong.
//!
//! # Values
//!
//! Evaluation does not stop at an error. Values carry these properties:
//!
//! - **unknown**: the value could not be computed, because of an error or because a check does not
//!   call providers. Values computed from it are unknown too. Its schema may be known, such as a
//!   provider's output schema, and is used to check accesses and arguments.
//! - **secret**: the value must not be displayed. Values computed from it are secret too. An object
//!   that contains a secret is not itself secret.
//! - **missing**: an argument is missing if the definition does not have it, which is reported when
//!   the call is parsed. It evaluates to an unknown value. Inputs of `fn::rotate` that only a rotation
//!   reads are skipped rather than missing: they are unknown, but `fn::rotate` works without them.
//! - **final**: importing environments cannot override the value (`fn::final`).

mod access;
mod builtins;
mod decimal;
mod definition;
mod document_path;
mod evaluate;
mod export;
mod expression;
mod ignored_entries;
mod imports;
mod interpolation;
pub mod limits;
mod merge;
mod module;
mod name_map;
mod parser;
mod pattern;
pub mod provider;
pub(crate) mod redaction;
mod schema;
mod session;
mod suggest;
mod syntax;
mod validate;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use provider::{
    ContextSource, Decrypter, Definition, Importer, InvalidInput, Provider, Providers, Rotator,
};

pub use suggest::nearest as nearest_name;

use crate::deep_stack::with_deep_stack;
use crate::{Data, Diagnostic, Environment, Error, Severity, Sources, Value};
use limits::{Budget, Limits};
use module::Modules;
use provider::{Host, NoContext, NoDecrypter};
use session::{EvalSession, Mode};

/// Evaluates definitions with the host's importer and providers, as the [example](crate#usage) shows.
#[derive(Clone)]
pub struct Evaluator<'a> {
    host: Host<'a>,
    context: Value,
    decrypts_in_checks: bool,
    warns_of_ignored_entries: bool,
    limits: Limits,
}

/// The result of an evaluation.
#[derive(Debug)]
pub struct Evaluation {
    /// The values. Values that depend on an error are unknown; whether to use such an environment is
    /// the caller's decision.
    pub environment: Environment,
    /// The problems of the definition and its imports, ordered by environment and position. Those
    /// without a location come first.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of all definitions, for displaying diagnostics.
    pub sources: Sources,
}

impl<'a> Evaluator<'a> {
    /// Creates an evaluator that cannot decrypt, and whose `${context}` contains only the names of
    /// environments.
    pub fn new(importer: &'a dyn Importer, providers: &'a dyn Providers) -> Self {
        Self {
            host: Host {
                importer,
                providers,
                decrypter: &NoDecrypter,
                context: &NoContext,
            },
            context: Value::new(Data::Object(BTreeMap::new())),
            decrypts_in_checks: false,
            warns_of_ignored_entries: false,
            limits: Limits::default(),
        }
    }

    /// Decrypts secrets with `decrypter`. The default is to report an error.
    #[must_use]
    pub fn with_decrypter(mut self, decrypter: &'a dyn Decrypter) -> Self {
        self.host.decrypter = decrypter;
        self
    }

    /// Sets whether [`Evaluator::check`] decrypts secrets too. The default is that it does not.
    #[must_use]
    pub fn with_secrets_in_checks(mut self, decrypts: bool) -> Self {
        self.decrypts_in_checks = decrypts;
        self
    }

    /// Limits the work of an evaluation.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds the properties of `context`, an object, to `${context}`.
    #[must_use]
    pub fn with_context(mut self, context: Value) -> Self {
        self.context = context;
        self
    }

    /// Looks up properties of `${context}` in `source` first.
    #[must_use]
    pub fn with_context_source(mut self, source: &'a dyn ContextSource) -> Self {
        self.host.context = source;
        self
    }

    /// Warns of entries in `environmentVariables` and `files` that are not text, which ESC ignores without a
    /// warning. The default is as in ESC.
    #[must_use]
    pub fn with_warnings_of_ignored_entries(mut self) -> Self {
        self.warns_of_ignored_entries = true;
        self
    }

    /// Evaluates a definition and calls its providers.
    #[must_use]
    pub fn open(&self, definition: Definition) -> Evaluation {
        self.evaluate(definition, Mode::Open)
    }

    /// Evaluates a definition without calling providers. Their results are unknown.
    #[must_use]
    pub fn check(&self, definition: Definition) -> Evaluation {
        self.evaluate(definition, Mode::Check)
    }

    fn evaluate(&self, definition: Definition, mode: Mode) -> Evaluation {
        let evaluation = with_deep_stack("evaluator", || {
            let mut session = self.session(mode);
            let values = session.evaluate_environment(definition, None);
            session.imports.clear();
            if let (true, Some(values)) = (self.warns_of_ignored_entries, &values) {
                for ignored in ignored_entries::find(values, &session.modules) {
                    session.add_diagnostic(ignored);
                }
            }
            // A large definition and its result are not in memory at the same time.
            session.modules = Modules::default();
            let values = values.map(|values| export::to_value(&mut session.budget, values));
            if let Some(reason) = session.budget.take_reason() {
                session.report_without_location(reason.to_owned());
            }
            finish(session, values)
        });
        evaluation.unwrap_or_else(|error| {
            let mut session = self.session(mode);
            let failure = Error::new("cannot start the evaluator thread").caused_by(error);
            session.add_diagnostic(Diagnostic {
                severity: Severity::Error,
                summary: failure.to_string(),
                range: None,
                path: None,
                hint: None,
                failure: Some(Arc::new(failure)),
            });
            finish(session, None)
        })
    }

    fn session(&self, mode: Mode) -> EvalSession<'a> {
        EvalSession {
            host: self.host,
            mode,
            decrypts: mode == Mode::Open || self.decrypts_in_checks,
            context: export::from_value(self.context.clone(), false, None),
            imports: BTreeMap::new(),
            depth: 0,
            limits: self.limits,
            budget: Budget::new(self.limits),
            diagnostics: Vec::new(),
            modules: Modules::default(),
            sources: Sources::default(),
            schemas: BTreeMap::new(),
        }
    }
}

fn finish(session: EvalSession<'_>, values: Option<Value>) -> Evaluation {
    let EvalSession {
        mut diagnostics,
        sources,
        ..
    } = session;
    diagnostics.sort_by(|a, b| {
        let location = |diagnostic: &Diagnostic| {
            let range = diagnostic.range.as_ref()?;
            let begin = range.begin;
            Some((range.environment.to_string(), begin.line, begin.column))
        };
        location(a).cmp(&location(b))
    });
    // Takes much memory for a large text, which this thread already has.
    sources.find_hidden(&diagnostics);
    let values = values.unwrap_or_else(|| Value::new(Data::Object(BTreeMap::new())));
    Evaluation {
        environment: Environment { values },
        diagnostics,
        sources,
    }
}

impl std::fmt::Debug for Evaluator<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Evaluator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
