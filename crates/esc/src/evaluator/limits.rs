//! Limits on the size and the work of an evaluation.
//!
//! Definitions are untrusted input. Evaluating one ends soon, with a diagnostic if a limit is
//! exceeded, and never exhausts the stack or the memory.

/// The largest definition, in bytes.
pub const MAXIMUM_SOURCE_BYTES: usize = 16 << 20;

/// The total size of all definitions of an evaluation, in bytes.
pub const MAXIMUM_SOURCES_BYTES: usize = 32 << 20;

/// The total number of names, values (scalars, lists and maps) and references in all definitions of an
/// evaluation. A string with one reference counts as one. Each takes about 250 bytes during evaluation, besides
/// its text.
pub const MAXIMUM_NODES: usize = 1_000_000;

/// The longest name in a map, in bytes: YAML's limit for a key on the line of its colon.
pub const MAXIMUM_NAME_BYTES: usize = 1_024;

/// How deep lists and maps may nest in a definition, and in JSON text that it decodes.
pub const MAXIMUM_NESTING: usize = 128;

/// How deep a value may nest after references are resolved. Callers traverse values recursively on an
/// ordinary stack.
pub const MAXIMUM_VALUE_NESTING: usize = 200;

/// How many steps of a reference are evaluated: more than any value nests, with the project and the name of
/// an environment.
pub(crate) const MAXIMUM_PATH_STEPS: usize = MAXIMUM_VALUE_NESTING + 10;

/// The number of environments that one evaluation may import.
pub const MAXIMUM_IMPORTS: usize = 2_000;

/// How deep evaluation may recurse. Each reference, nesting level and import counts as one.
pub const MAXIMUM_EVALUATION_DEPTH: usize = 1_000;

/// The number of steps of an evaluation: expressions evaluated, values merged, values validated
/// against schemas, and values exported.
pub const MAXIMUM_STEPS: usize = 4_000_000;

/// The memory limit for the compiled patterns of a schema, in bytes.
pub(super) const MAXIMUM_PATTERN_BYTES: usize = 4 << 20;

/// How many bytes of memory that the patterns of a schema take count as one step.
pub(super) const PATTERN_BYTES_PER_STEP: usize = 1 << 8;

/// The total text that an evaluation may produce, in bytes, including the indentation of its values.
pub const MAXIMUM_TEXT_BYTES: usize = 32 << 20;

/// The number of diagnostics after which evaluation stops.
pub const MAXIMUM_DIAGNOSTICS: usize = 1_000;

/// Limits on the work of an evaluation. The defaults are the constants of this module; lower limits
/// stop an evaluation sooner. Limits on depth cannot be changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// See [`MAXIMUM_STEPS`].
    pub steps: usize,
    /// See [`MAXIMUM_TEXT_BYTES`].
    pub text_bytes: usize,
    /// See [`MAXIMUM_SOURCES_BYTES`].
    pub sources_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: MAXIMUM_STEPS,
            text_bytes: MAXIMUM_TEXT_BYTES,
            sources_bytes: MAXIMUM_SOURCES_BYTES,
        }
    }
}

/// The remaining work of an evaluation.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
    text: usize,
    sources: usize,
    nodes: usize,
    /// Why evaluation stopped, if it did.
    reason: Option<&'static str>,
    is_reported: bool,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            steps: limits.steps,
            text: limits.text_bytes,
            sources: limits.sources_bytes,
            nodes: MAXIMUM_NODES,
            reason: None,
            is_reported: false,
        }
    }

    /// Spends `count` steps. Returns false once the budget is exhausted.
    pub(super) fn spend_steps(&mut self, count: usize) -> bool {
        if !spend(&mut self.steps, count) {
            self.exhaust("the environment takes too many steps to evaluate");
        }
        !self.is_exhausted()
    }

    /// Spends `bytes` of text. Returns false once the budget is exhausted.
    pub(super) fn spend_text(&mut self, bytes: usize) -> bool {
        if !spend(&mut self.text, bytes) {
            self.exhaust("the environment's values are too large");
        }
        !self.is_exhausted()
    }

    /// Spends the size of a definition. Returns false, and spends nothing, if it exceeds the limit.
    pub(super) fn spend_source(&mut self, bytes: usize) -> bool {
        spend(&mut self.sources, bytes)
    }

    /// The number of names, values and references that further definitions may have.
    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    /// Spends the names, values and references of a definition.
    pub(super) fn spend_nodes(&mut self, count: usize) {
        self.nodes = self.nodes.saturating_sub(count);
    }

    /// Stops the evaluation for a reason that is already reported.
    pub(super) fn stop(&mut self) {
        self.exhaust("");
        self.is_reported = true;
    }

    /// Stops the evaluation for this reason, unless it has stopped already.
    pub(super) fn exhaust(&mut self, reason: &'static str) {
        self.reason.get_or_insert(reason);
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.reason.is_some()
    }

    /// The reason why evaluation stopped, returned once, to be reported.
    pub(super) fn take_reason(&mut self) -> Option<&'static str> {
        if self.is_reported {
            return None;
        }
        self.is_reported = self.reason.is_some();
        self.reason
    }
}

/// Subtracts `count` from the remainder. Returns false, and subtracts nothing, if it is too small.
fn spend(remaining: &mut usize, count: usize) -> bool {
    let rest = remaining.checked_sub(count);
    *remaining = rest.unwrap_or(*remaining);
    rest.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exhausted_budget_is_reported_once() {
        let mut budget = Budget::new(Limits::default());
        assert!(budget.spend_steps(MAXIMUM_STEPS));
        assert_eq!(budget.take_reason(), None);
        assert!(!budget.spend_steps(1));
        assert!(!budget.spend_text(1));
        let reason = budget.take_reason();
        assert!(reason.is_some_and(|reason| reason.contains("steps")));
        assert_eq!(budget.take_reason(), None);
    }
}
