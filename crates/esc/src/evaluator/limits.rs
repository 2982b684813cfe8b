//! What a definition may cost: named limits, and the budget that counts against them.
//!
//! A definition is input from elsewhere. Whatever it holds, evaluating it ends soon, with a
//! diagnostic, and without exhausting the stack or the memory.

/// The largest definition, in bytes.
pub const MAXIMUM_SOURCE_BYTES: usize = 16 << 20;

/// How large all definitions of an evaluation may be together, in bytes.
pub const MAXIMUM_SOURCES_BYTES: usize = 32 << 20;

/// How many names and values (scalars, lists and maps) all definitions of an evaluation may hold
/// together. Each takes up to a kilobyte while it is evaluated.
pub const MAXIMUM_NODES: usize = 1_000_000;

/// The longest name in a map, in bytes: what YAML allows for one that stands before its colon.
pub const MAXIMUM_NAME_BYTES: usize = 1_024;

/// How deep lists and maps may nest in a definition, and in JSON text that one decodes.
pub const MAXIMUM_NESTING: usize = 128;

/// How deep a value may nest, references resolved. Whoever gets the value walks it on an ordinary
/// stack.
pub const MAXIMUM_VALUE_NESTING: usize = 200;

/// How many environments one evaluation may import, itself not counted.
pub const MAXIMUM_IMPORTS: usize = 2_000;

/// How deep evaluation may go: each reference, nesting level and import on the way counts as one.
pub const MAXIMUM_EVALUATION_DEPTH: usize = 1_000;

/// How many steps an evaluation may take: expressions, values merged, checks against schemas, values
/// copied out.
pub const MAXIMUM_STEPS: usize = 4_000_000;

/// The memory limit for the compiled patterns of a schema, in bytes.
pub(super) const MAXIMUM_PATTERN_BYTES: usize = 4 << 20;

/// How many bytes of memory that the patterns of a schema take count as one step.
pub(super) const PATTERN_BYTES_PER_STEP: usize = 1 << 8;

/// How many bytes of text an evaluation may produce in all, the indentation of its values included.
pub const MAXIMUM_TEXT_BYTES: usize = 32 << 20;

/// How many diagnostics are kept. What comes after them is not evaluated.
pub const MAXIMUM_DIAGNOSTICS: usize = 1_000;

/// The stack of the thread that evaluates, in bytes. A thousand levels take less than a quarter of
/// it, even in a debug build; what is never touched costs nothing.
pub(super) const STACK_BYTES: usize = 64 << 20;

/// How much work an evaluation may be. Lower limits than those by default let an evaluation end
/// sooner; the depth of what is evaluated does not depend on them.
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

/// What is left of the limits on work.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
    text: usize,
    sources: usize,
    nodes: usize,
    exhausted: Option<&'static str>,
    reported: bool,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            steps: limits.steps,
            text: limits.text_bytes,
            sources: limits.sources_bytes,
            nodes: MAXIMUM_NODES,
            exhausted: None,
            reported: false,
        }
    }

    /// Takes `count` steps; false once there are none left.
    pub(super) fn spend_steps(&mut self, count: usize) -> bool {
        if !take(&mut self.steps, count) {
            self.exhaust("the environment takes too many steps to evaluate");
        }
        !self.is_exhausted()
    }

    /// Takes `bytes` of text; false once there are none left.
    pub(super) fn spend_text(&mut self, bytes: usize) -> bool {
        if !take(&mut self.text, bytes) {
            self.exhaust("the environment's values are too large");
        }
        !self.is_exhausted()
    }

    /// Takes a definition of so many bytes; false where it is too much.
    pub(super) fn spend_source(&mut self, bytes: usize) -> bool {
        take(&mut self.sources, bytes)
    }

    /// How many names and values further definitions may hold.
    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    /// Takes the names and values of a definition.
    pub(super) fn spend_nodes(&mut self, count: usize) {
        self.nodes = self.nodes.saturating_sub(count);
    }

    /// Ends the evaluation for a reason that is reported elsewhere.
    pub(super) fn give_up(&mut self) {
        self.exhaust("");
        self.reported = true;
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted.is_some()
    }

    /// The reason to report, once.
    pub(super) fn report(&mut self) -> Option<&'static str> {
        let reason = self.exhausted.filter(|_| !self.reported);
        self.reported |= reason.is_some();
        reason
    }

    /// Ends the evaluation for this reason, if it has not ended for another.
    pub(super) fn exhaust(&mut self, reason: &'static str) {
        self.exhausted.get_or_insert(reason);
    }
}

/// Takes `count` of what is left, if that is enough.
fn take(left: &mut usize, count: usize) -> bool {
    let rest = left.checked_sub(count);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_and_says_so_once() {
        let mut budget = Budget::new(Limits::default());
        assert!(budget.spend_steps(MAXIMUM_STEPS));
        assert_eq!(budget.report(), None);
        assert!(!budget.spend_steps(1));
        assert!(!budget.spend_text(1));
        assert!(budget.report().is_some_and(|why| why.contains("steps")));
        assert_eq!(budget.report(), None);
    }
}
