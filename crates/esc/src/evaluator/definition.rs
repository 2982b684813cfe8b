//! Parses the top level of a definition: `description`, `imports` and `values`.

use esc_yaml::{Node, NodeKind};

use crate::Severity;
use crate::evaluator::document_path::join_name;
use crate::evaluator::expression::{ExprKind, Program};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::parser::{self, ParseDiagnostic, Phase, duplicate_key};
use crate::evaluator::suggest;
use crate::evaluator::syntax::{self, Span, SyntaxTree, span};
use crate::yaml_scalar::Scalar;

/// Names with a special meaning in `${…}`, which `values` therefore cannot define.
const RESERVED_NAMES: [&str; 3] = ["context", "environments", "imports"];

/// The top-level keys, in the order in which messages list them.
const TOP_LEVEL_KEYS: [&str; 3] = ["description", "imports", "values"];

const IMPORT_FORM: &str = "write `- NAME`, or `- NAME: {merge: false}` to import without merging";

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

/// Parses a document, and drops it on the way, so that a large definition is not in memory twice.
pub(super) fn parse(document: SyntaxTree<'_>) -> ParsedDefinition {
    let mut definition = ParsedDefinition::default();
    for error in &document.errors {
        definition.error(&error.summary, error.span, error.path.clone());
        definition.hint(error.hint.as_deref());
    }
    definition.is_unreadable = !document.errors.is_empty();
    if definition.is_unreadable || document.is_empty {
        return definition;
    }
    let root = document.root;
    // For an empty document and for `null`, ESC reports no location.
    let located = root.as_ref();
    let located = located.filter(|root| syntax::resolve(root) != Some(Scalar::Null));
    let span = located.map(span);
    let Some(NodeKind::Mapping(entries)) = root.map(Node::into_kind) else {
        let summary = "environment must be an object";
        definition.report(Severity::Error, summary, span, Some(String::new()));
        definition.hint(Some(
            "start the definition with `values:`, and indent the values below it",
        ));
        return definition;
    };
    definition.warn_of_duplicates(&entries, "");
    for (key, value) in entries {
        match syntax::name(&key).to_ascii_lowercase().as_str() {
            "description" => definition.description(&key, &value),
            "imports" => definition.imports(&key, &value),
            "values" => definition.values(&key, value),
            name => {
                definition.warn(&unknown_key(syntax::name(&key)), &key, "");
                definition.hint(Some(&unknown_key_hint(name)));
            }
        }
    }
    definition
}

/// The expressions of a definition without `values`: an empty object.
pub(super) fn no_values() -> Program {
    parser::parse_values("values".to_owned(), Vec::new(), Span::default(), &[]).0
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

    fn description(&mut self, key: &Node<'_>, node: &Node<'_>) {
        let path = path_of(key);
        let kind = self.literal(path.clone(), node);
        if !matches!(kind, ExprKind::Text(_)) {
            self.error("description must be a string", span(node), Some(path));
        }
    }

    /// Parses `imports`. If the key is repeated, the last one counts, as for `values`.
    fn imports(&mut self, key: &Node<'_>, node: &Node<'_>) {
        self.imports.clear();
        self.has_imports = false;
        let path = path_of(key);
        let NodeKind::Sequence(items) = &node.kind else {
            self.error("imports must be a list", span(node), Some(path));
            self.hint(Some("write `imports: [NAME]`"));
            return;
        };
        self.has_imports = !items.is_empty();
        for (index, item) in items.iter().enumerate() {
            self.import(item, format!("{path}[{index}]"));
        }
    }

    fn import(&mut self, item: &Node<'_>, mut path: String) {
        let (key, merge) = match &item.kind {
            NodeKind::Mapping(entries) => {
                let [(key, value)] = entries.as_slice() else {
                    self.error("import must have a single key", span(item), Some(path));
                    return self.hint(Some(IMPORT_FORM));
                };
                join_name(&mut path, syntax::name(key));
                (key, self.import_options(value, &path))
            }
            _ if syntax::is_text(item) => (item, true),
            _ => {
                let summary = "import must be a string or an object";
                self.error(summary, span(item), Some(path));
                return self.hint(Some(IMPORT_FORM));
            }
        };
        self.imports.push(ImportEntry {
            name: syntax::name(key).to_owned(),
            merge,
            span: span(key),
            path,
        });
    }

    /// Returns the `merge` option of an import. ESC ignores unknown options.
    fn import_options(&mut self, options: &Node<'_>, path: &str) -> bool {
        let NodeKind::Mapping(entries) = &options.kind else {
            let path = Some(path.to_owned());
            self.error("import must be an object", span(options), path);
            self.hint(Some(IMPORT_FORM));
            return true;
        };
        self.warn_of_duplicates(entries, path);
        let mut merge = true;
        for (key, value) in entries {
            let name = syntax::name(key);
            if name.eq_ignore_ascii_case("merge") {
                let mut path = path.to_owned();
                join_name(&mut path, name);
                let kind = self.literal(path.clone(), value);
                merge = matches!(kind, ExprKind::Bool(true));
                if !matches!(kind, ExprKind::Bool(_)) {
                    self.error("merge must be a boolean value", span(value), Some(path));
                }
            }
        }
        merge
    }

    fn values(&mut self, key: &Node<'_>, node: Node<'_>) {
        self.values = None;
        self.has_values = false;
        self.diagnostics
            .retain(|diagnostic| diagnostic.phase == Phase::Parse);
        let path = path_of(key);
        let span = span(&node);
        let NodeKind::Mapping(entries) = node.into_kind() else {
            self.error("values must be an object", span, Some(path));
            self.hint(Some(
                "indent the values below `values:`, each as `name: value`",
            ));
            return;
        };
        self.has_values = !entries.is_empty();
        let (program, diagnostics) = parser::parse_values(path, entries, span, &RESERVED_NAMES);
        self.diagnostics.extend(diagnostics);
        self.values = Some(program);
    }

    /// Parses a node that must be a literal and is never declared for evaluation.
    fn literal(&mut self, path: String, node: &Node<'_>) -> ExprKind {
        let (kind, mut diagnostics) = parser::parse_single(path, node);
        diagnostics.retain(|diagnostic| diagnostic.phase == Phase::Parse);
        self.diagnostics.extend(diagnostics);
        kind
    }

    fn warn_of_duplicates(&mut self, entries: &[(Node<'_>, Node<'_>)], path: &str) {
        let mut seen: Vec<&str> = Vec::new();
        for (key, _) in entries {
            let name = syntax::name(key);
            if seen.contains(&name) {
                self.warn(&duplicate_key(name), key, path);
            } else if seen.len() < MAXIMUM_DIAGNOSTICS {
                seen.push(name);
            }
        }
    }

    fn error(&mut self, summary: &str, span: Span, path: Option<String>) {
        self.report(Severity::Error, summary, Some(span), path);
    }

    /// Adds a hint to the last diagnostic.
    fn hint(&mut self, hint: Option<&str>) {
        if let Some(last) = self.diagnostics.last_mut() {
            last.hint = hint.map(str::to_owned);
        }
    }

    /// Reports a warning at a key of the object at `path`.
    fn warn(&mut self, summary: &str, key: &Node<'_>, path: &str) {
        let mut path = path.to_owned();
        join_name(&mut path, syntax::name(key));
        self.report(Severity::Warning, summary, Some(span(key)), Some(path));
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
                hint: None,
                phase: Phase::Parse,
            });
        }
    }
}

fn path_of(key: &Node<'_>) -> String {
    let mut path = String::new();
    join_name(&mut path, syntax::name(key));
    path
}

fn unknown_key(name: &str) -> String {
    let mut known = TOP_LEVEL_KEYS.map(|key| format!("'{key}'"));
    known.sort_by_key(|key| suggest::folded_distance(name, key));
    let known = known.join(", ");
    format!("Field '{name}' does not exist on Object 'environment'. Existing fields are: {known}")
}

/// What to do about an unknown top-level key, in lower case.
fn unknown_key_hint(name: &str) -> String {
    match suggest::nearest(name, TOP_LEVEL_KEYS) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "indent it below `values:`".to_owned(),
    }
}
