//! Parses the top level of a definition: `description`, `imports` and `values`.

use crate::Severity;
use crate::evaluator::document_path::join_name;
use crate::evaluator::expression::{ExprKind, Program};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::parser::{self, ParseDiagnostic, Phase, duplicate_key};
use crate::evaluator::suggest;
use crate::evaluator::syntax::{Span, SyntaxEntry, SyntaxKey, SyntaxKind, SyntaxNode, SyntaxTree};

/// Names with a special meaning in `${…}`, which `values` therefore cannot define.
const RESERVED_NAMES: [&str; 3] = ["context", "environments", "imports"];

/// The top-level keys, in the order in which messages list them.
const TOP_LEVEL_KEYS: [&str; 3] = ["description", "imports", "values"];

/// A parsed definition.
#[derive(Debug, Default)]
pub(super) struct ParsedDefinition {
    pub(super) imports: Vec<ImportEntry>,
    /// Whether `imports` has entries, valid or not.
    has_imports: bool,
    /// Whether `values` has entries, valid or not.
    has_values: bool,
    /// The expressions of `values`. `None` if there are no values.
    pub(super) values: Option<Program>,
    pub(super) diagnostics: Vec<ParseDiagnostic>,
    /// Whether the text is not YAML, or uses YAML that ESC does not support.
    is_unreadable: bool,
}

/// An entry of `imports`.
#[derive(Debug)]
pub(super) struct ImportEntry {
    pub(super) name: String,
    /// Whether the values of the import are merged into this environment.
    pub(super) merge: bool,
    pub(super) span: Span,
    pub(super) path: String,
}

/// Parses a document.
pub(super) fn parse(document: &SyntaxTree) -> ParsedDefinition {
    let mut definition = ParsedDefinition::default();
    for error in &document.errors {
        definition.error(&error.summary, error.span, error.path.clone());
    }
    definition.is_unreadable = !document.errors.is_empty();
    if definition.is_unreadable || document.is_empty {
        return definition;
    }
    let root = document.root.as_ref();
    let Some(entries) = root.and_then(SyntaxNode::entries) else {
        // For an empty document and for `null`, ESC reports no location.
        let root = root.filter(|root| !matches!(root.kind, SyntaxKind::Null));
        let span = root.map(|root| root.span);
        let summary = "environment must be an object";
        definition.report(Severity::Error, summary, span, Some(String::new()));
        return definition;
    };
    definition.warn_of_duplicates(entries, "");
    for SyntaxEntry { key, value } in entries {
        match key.name.to_ascii_lowercase().as_str() {
            "description" => definition.description(key, value),
            "imports" => definition.imports(key, value),
            "values" => definition.values(key, value),
            _ => definition.warn(&unknown_key(&key.name), key, ""),
        }
    }
    definition
}

/// The expressions of a definition without `values`: an empty object.
pub(super) fn no_values() -> Program {
    parser::parse_values("values".to_owned(), &[], Span::default(), &[]).0
}

impl ParsedDefinition {
    /// Whether there are errors of the parse phase, for which ESC drops an import.
    pub(super) fn has_parse_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| {
            diagnostic.phase == Phase::Parse && diagnostic.severity == Severity::Error
        })
    }

    /// Whether there is nothing to evaluate.
    pub(super) fn is_empty(&self) -> bool {
        self.is_unreadable || !(self.has_imports || self.has_values)
    }

    fn description(&mut self, key: &SyntaxKey, node: &SyntaxNode) {
        let path = path_of(key);
        let kind = self.literal(path.clone(), node);
        if !matches!(kind, ExprKind::Text(_)) {
            self.error("description must be a string", node.span, Some(path));
        }
    }

    /// Parses `imports`. If the key is repeated, the last one counts, as for `values`.
    fn imports(&mut self, key: &SyntaxKey, node: &SyntaxNode) {
        self.imports.clear();
        self.has_imports = false;
        let path = path_of(key);
        let Some(items) = node.items() else {
            self.error("imports must be a list", node.span, Some(path));
            return;
        };
        self.has_imports = !items.is_empty();
        for (index, item) in items.iter().enumerate() {
            self.import(item, format!("{path}[{index}]"));
        }
    }

    fn import(&mut self, item: &SyntaxNode, mut path: String) {
        let (name, merge, span) = match &item.kind {
            SyntaxKind::Text(_) => (item.as_str().unwrap_or_default(), true, item.span),
            SyntaxKind::Object(entries) => {
                let [SyntaxEntry { key, value }] = entries.as_slice() else {
                    return self.error("import must have a single key", item.span, Some(path));
                };
                join_name(&mut path, &key.name);
                let merge = self.import_options(value, &path);
                (&*key.name, merge, key.span)
            }
            _ => {
                let summary = "import must be a string or an object";
                return self.error(summary, item.span, Some(path));
            }
        };
        self.imports.push(ImportEntry {
            name: name.to_owned(),
            merge,
            span,
            path,
        });
    }

    /// Returns the `merge` option of an import. ESC ignores unknown options.
    fn import_options(&mut self, options: &SyntaxNode, path: &str) -> bool {
        let Some(entries) = options.entries() else {
            let path = Some(path.to_owned());
            self.error("import must be an object", options.span, path);
            return true;
        };
        self.warn_of_duplicates(entries, path);
        let mut merge = true;
        for SyntaxEntry { key, value } in entries {
            if key.name.eq_ignore_ascii_case("merge") {
                let mut path = path.to_owned();
                join_name(&mut path, &key.name);
                let kind = self.literal(path.clone(), value);
                merge = matches!(kind, ExprKind::Bool(true));
                if !matches!(kind, ExprKind::Bool(_)) {
                    self.error("merge must be a boolean value", value.span, Some(path));
                }
            }
        }
        merge
    }

    fn values(&mut self, key: &SyntaxKey, node: &SyntaxNode) {
        self.values = None;
        self.has_values = false;
        self.diagnostics
            .retain(|diagnostic| diagnostic.phase == Phase::Parse);
        let path = path_of(key);
        let Some(entries) = node.entries() else {
            self.error("values must be an object", node.span, Some(path));
            return;
        };
        self.has_values = !entries.is_empty();
        let (program, diagnostics) =
            parser::parse_values(path, entries, node.span, &RESERVED_NAMES);
        self.diagnostics.extend(diagnostics);
        self.values = Some(program);
    }

    /// Parses a node that must be a literal and is never declared for evaluation.
    fn literal(&mut self, path: String, node: &SyntaxNode) -> ExprKind {
        let (kind, mut diagnostics) = parser::parse_single(path, node);
        diagnostics.retain(|diagnostic| diagnostic.phase == Phase::Parse);
        self.diagnostics.extend(diagnostics);
        kind
    }

    fn warn_of_duplicates(&mut self, entries: &[SyntaxEntry], path: &str) {
        let mut seen: Vec<&str> = Vec::new();
        for SyntaxEntry { key, .. } in entries {
            if seen.contains(&&*key.name) {
                self.warn(&duplicate_key(&key.name), key, path);
            } else if seen.len() < MAXIMUM_DIAGNOSTICS {
                seen.push(&key.name);
            }
        }
    }

    fn error(&mut self, summary: &str, span: Span, path: Option<String>) {
        self.report(Severity::Error, summary, Some(span), path);
    }

    /// Reports a warning at a key of the object at `path`.
    fn warn(&mut self, summary: &str, key: &SyntaxKey, path: &str) {
        let mut path = path.to_owned();
        join_name(&mut path, &key.name);
        self.report(Severity::Warning, summary, Some(key.span), Some(path));
    }

    fn report(
        &mut self,
        severity: Severity,
        summary: &str,
        span: Option<Span>,
        path: Option<String>,
    ) {
        // Diagnostics above the limit are not shown, but the first error must not be lost.
        let is_shown = self.diagnostics.len() <= MAXIMUM_DIAGNOSTICS;
        if is_shown || (severity == Severity::Error && !self.has_parse_errors()) {
            self.diagnostics.push(ParseDiagnostic {
                severity,
                summary: summary.to_owned(),
                span,
                path,
                phase: Phase::Parse,
            });
        }
    }
}

fn path_of(key: &SyntaxKey) -> String {
    let mut path = String::new();
    join_name(&mut path, &key.name);
    path
}

fn unknown_key(name: &str) -> String {
    let mut known = TOP_LEVEL_KEYS.map(|key| format!("'{key}'"));
    known.sort_by_key(|key| suggest::folded_distance(name, key));
    let known = known.join(", ");
    format!("Field '{name}' does not exist on Object 'environment'. Existing fields are: {known}")
}
