//! The top level of a definition: `description`, `imports` and `values`.

use crate::Severity;
use crate::evaluator::document_path::join_name;
use crate::evaluator::expression::{Finding, Id, Kind, Lowering, Phase, Program};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::suggest;
use crate::evaluator::syntax::{self, Document, Entry, Key, Node, Span};
use crate::format::string::quoted;

/// The names that `${…}` gives a meaning of its own, and that `values` therefore cannot have.
pub(super) const RESERVED: [&str; 3] = ["context", "environments", "imports"];

/// The names that a definition may have at its top, in the order in which messages list them.
const FIELDS: [&str; 3] = ["description", "imports", "values"];

/// A definition, read.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) imports: Vec<Import>,
    /// Whether anything stands in `imports`, be it wrong.
    has_imports: bool,
    /// Whether anything stands in `values`, be it wrong.
    has_values: bool,
    /// The expressions of `values` and their root; `None` where there are no values.
    pub(super) values: Option<(Program, Id)>,
    pub(super) findings: Vec<Finding>,
    /// Whether the text is no tree of what the language knows, so that nothing can be evaluated.
    is_unreadable: bool,
}

/// An entry of `imports`.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) name: String,
    /// Whether the import's values become those of this environment.
    pub(super) merge: bool,
    pub(super) span: Span,
    pub(super) path: String,
}

/// Reads the top level of a document.
pub(super) fn outline(document: &Document) -> Outline {
    let mut outline = Outline::default();
    for problem in &document.problems {
        let path = problem.path.clone();
        outline.error(&problem.summary, problem.span, path);
    }
    outline.is_unreadable = !document.problems.is_empty();
    if outline.is_unreadable || document.is_empty {
        return outline;
    }
    let root = document.root.as_ref();
    let Some(entries) = root.and_then(Node::entries) else {
        // ESC reads no node where there is none or a `null`.
        let root = root.filter(|root| !matches!(root.kind, syntax::Kind::Null));
        outline.add(Finding {
            severity: Severity::Error,
            summary: "environment must be an object".to_owned(),
            span: root.map(|root| root.span),
            path: Some(String::new()),
            phase: Phase::Reading,
        });
        return outline;
    };
    let mut seen: Vec<&str> = Vec::new();
    for Entry { key, value } in entries {
        if seen.contains(&key.name.as_str()) {
            outline.warn(&format!("duplicate key {}", quoted(&key.name)), key, "");
        } else if seen.len() < MAXIMUM_DIAGNOSTICS {
            seen.push(&key.name);
        }
        let field = FIELDS
            .iter()
            .position(|field| field.eq_ignore_ascii_case(&key.name));
        match field {
            Some(0) => outline.description(key, value),
            Some(1) => outline.imports(key, value),
            Some(_) => outline.values(key, value),
            None => outline.warn(&unknown_field(&key.name), key, ""),
        }
    }
    outline
}

/// The expressions of a definition without `values`: an empty object.
pub(super) fn no_values() -> (Program, Id) {
    let (program, root, _) = Lowering::new("values").values(&[], Span::default(), &RESERVED);
    (program, root)
}

impl Outline {
    /// Whether reading found errors, for which an import is left out.
    pub(super) fn has_reading_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.phase == Phase::Reading && finding.severity == Severity::Error)
    }

    /// Whether there is nothing that could be evaluated.
    pub(super) fn is_empty(&self) -> bool {
        self.is_unreadable || !(self.has_imports || self.has_values)
    }

    fn description(&mut self, key: &Key, node: &Node) {
        let path = path_of(key);
        let (kind, findings) = Lowering::new(path.as_str()).single(node);
        self.reading(findings);
        if !matches!(kind, Kind::Text(_)) {
            self.error("description must be a string", node.span, Some(path));
        }
    }

    /// Reads `imports`. Of several the last one counts, as for `values`.
    fn imports(&mut self, key: &Key, node: &Node) {
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

    fn import(&mut self, item: &Node, mut path: String) {
        let (name, merge, span) = match &item.kind {
            syntax::Kind::Text(_) => (item.as_str().unwrap_or_default(), true, item.span),
            syntax::Kind::Object(entries) => {
                let [Entry { key, value }] = entries.as_slice() else {
                    return self.error("import must have a single key", item.span, Some(path));
                };
                join_name(&mut path, &key.name);
                let merge = self.import_options(value, &path);
                (key.name.as_str(), merge, key.span)
            }
            _ => {
                let summary = "import must be a string or an object";
                return self.error(summary, item.span, Some(path));
            }
        };
        self.imports.push(Import {
            name: name.to_owned(),
            merge,
            span,
            path,
        });
    }

    /// The `merge` option of an import. Options of other names say nothing, as in ESC.
    fn import_options(&mut self, options: &Node, path: &str) -> bool {
        let Some(entries) = options.entries() else {
            let path = Some(path.to_owned());
            self.error("import must be an object", options.span, path);
            return true;
        };
        let mut merge = true;
        let mut seen: Vec<&str> = Vec::new();
        for Entry { key, value } in entries {
            if seen.contains(&key.name.as_str()) {
                self.warn(&format!("duplicate key {}", quoted(&key.name)), key, path);
            } else if seen.len() < MAXIMUM_DIAGNOSTICS {
                seen.push(&key.name);
            }
            if key.name.eq_ignore_ascii_case("merge") {
                let mut path = path.to_owned();
                join_name(&mut path, &key.name);
                let (kind, findings) = Lowering::new(path.as_str()).single(value);
                self.reading(findings);
                merge = matches!(kind, Kind::Bool(true));
                if !matches!(kind, Kind::Bool(_)) {
                    self.error("merge must be a boolean value", value.span, Some(path));
                }
            }
        }
        merge
    }

    fn values(&mut self, key: &Key, node: &Node) {
        self.values = None;
        self.has_values = false;
        self.findings
            .retain(|finding| finding.phase == Phase::Reading);
        let path = path_of(key);
        let Some(entries) = node.entries() else {
            self.error("values must be an object", node.span, Some(path));
            return;
        };
        self.has_values = !entries.is_empty();
        let (program, root, findings) = Lowering::new(path).values(entries, node.span, &RESERVED);
        self.findings.extend(findings);
        self.values = Some((program, root));
    }

    /// Takes what reading found, of an expression that is never declared.
    fn reading(&mut self, findings: Vec<Finding>) {
        let reading = findings.into_iter();
        let reading = reading.filter(|finding| finding.phase == Phase::Reading);
        self.findings.extend(reading);
    }

    fn error(&mut self, summary: &str, span: Span, path: Option<String>) {
        self.add(Finding {
            severity: Severity::Error,
            summary: summary.to_owned(),
            span: Some(span),
            path,
            phase: Phase::Reading,
        });
    }

    /// Warns at a key of what is at `path`.
    fn warn(&mut self, summary: &str, key: &Key, path: &str) {
        let mut path = path.to_owned();
        join_name(&mut path, &key.name);
        self.add(Finding {
            severity: Severity::Warning,
            summary: summary.to_owned(),
            span: Some(key.span),
            path: Some(path),
            phase: Phase::Reading,
        });
    }

    fn add(&mut self, finding: Finding) {
        // Those beyond are not shown, but an error counts.
        let is_shown = self.findings.len() <= MAXIMUM_DIAGNOSTICS;
        if is_shown || (finding.severity == Severity::Error && !self.has_reading_errors()) {
            self.findings.push(finding);
        }
    }
}

fn path_of(key: &Key) -> String {
    let mut path = String::new();
    join_name(&mut path, &key.name);
    path
}

fn unknown_field(name: &str) -> String {
    let mut fields = FIELDS.map(|field| format!("'{field}'"));
    fields.sort_by_key(|field| suggest::folded_distance(name, field));
    let list = fields.join(", ");
    format!("Field '{name}' does not exist on Object 'environment'. Existing fields are: {list}")
}
