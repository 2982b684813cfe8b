//! The definitions of an evaluation, and references to their expressions.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use crate::Range;
use crate::evaluator::expression::{ExprId, Program};
use crate::evaluator::syntax::Span;

/// The program of a definition, and the name of its environment in diagnostics.
#[derive(Debug)]
pub(super) struct Module {
    environment: Arc<str>,
    pub(super) program: Program,
    /// The position in [`Modules`], from 1.
    number: NonZeroU32,
}

/// The definitions of an evaluation.
#[derive(Debug, Default)]
pub(super) struct Modules(Vec<Rc<Module>>);

/// An expression of a definition in [`Modules`]. Each value has up to two of them, so they are small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    module: NonZeroU32,
    id: ExprId,
}

impl Module {
    /// The expression as the origin of a value.
    pub(super) fn origin(&self, id: ExprId) -> Origin {
        let module = self.number;
        Origin { module, id }
    }

    pub(super) fn range(&self, span: Span) -> Range {
        let environment = Arc::clone(&self.environment);
        Range {
            environment,
            begin: span.begin(),
            end: span.end(),
        }
    }
}

impl Modules {
    pub(super) fn add(&mut self, environment: Arc<str>, program: Program) -> Rc<Module> {
        let before = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let module = Rc::new(Module {
            environment,
            program,
            number: NonZeroU32::MIN.saturating_add(before),
        });
        self.0.push(Rc::clone(&module));
        module
    }

    pub(super) fn range(&self, origin: Origin) -> Range {
        let module = self.module(origin);
        module.range(module.program.expression(origin.id).span)
    }

    /// The path in the definition.
    pub(super) fn path(&self, origin: Origin) -> String {
        self.module(origin).program.path(origin.id)
    }

    fn module(&self, origin: Origin) -> &Module {
        &self.0[origin.module.get() as usize - 1]
    }
}
