//! The top level of a definition: `description`, `imports` and `values`.

use crate::environment::Severity;
use crate::evaluator::convert::quoted;
use crate::evaluator::expression::{Finding, Id, Lowering, Program};
use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::suggest;
use crate::evaluator::syntax::{Document, Entry, Key, Kind, Node, Span};

/// The names that `${…}` gives a meaning of its own, and that `values` therefore cannot have.
pub(super) const RESERVED: [&str; 3] = ["context", "environments", "imports"];

/// The names that a definition may have at its top, in the order in which messages list them.
const FIELDS: [&str; 3] = ["description", "imports", "values"];

/// A definition, read.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) imports: Vec<Import>,
    /// The expressions of `values` and their root; `None` where there are no values.
    pub(super) values: Option<(Program, Id)>,
    pub(super) findings: Vec<Finding>,
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
        outline.error(&problem.summary, problem.span, None);
    }
    let Some(root) = &document.root else {
        return outline;
    };
    let Some(entries) = root.entries() else {
        outline.error("environment must be an object", root.span, None);
        return outline;
    };
    let mut fields = [None; FIELDS.len()];
    for Entry { key, value } in entries {
        let field = FIELDS
            .iter()
            .position(|field| field.eq_ignore_ascii_case(&key.name));
        match field {
            None => outline.warn(&unknown_field(&key.name), key),
            Some(field) => {
                if fields[field].replace(value).is_some() {
                    outline.warn(&format!("duplicate key {}", quoted(&key.name)), key);
                }
            }
        }
    }
    let [description, imports, values] = fields;
    if let Some(node) = description
        && !matches!(node.kind, Kind::Text(_) | Kind::Null)
    {
        let path = Some("description".to_owned());
        outline.error("description must be a string literal", node.span, path);
    }
    if let Some(node) = imports {
        outline.imports(node);
    }
    if let Some(node) = values {
        outline.values(node);
    }
    outline
}

/// The expressions of a definition without `values`: an empty object.
pub(super) fn no_values() -> (Program, Id) {
    let (program, root, _) = Lowering::default().values(&[], Span::default(), &RESERVED);
    (program, root)
}

impl Outline {
    /// Whether an import of this definition is left out.
    pub(super) fn drops_import(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.drops_import && finding.severity == Severity::Error)
    }

    fn imports(&mut self, node: &Node) {
        let Some(items) = node.items() else {
            let path = Some("imports".to_owned());
            self.error("imports must be a list", node.span, path);
            return;
        };
        for (index, item) in items.iter().enumerate() {
            let path = format!("imports[{index}]");
            let import = match &item.kind {
                Kind::Text(text) => Ok((text.as_str().unwrap_or_default(), Ok(true), item.span)),
                Kind::Object(entries) => match entries.as_slice() {
                    [Entry { key, value }] => Ok((key.name.as_str(), merge(value), key.span)),
                    _ => Err("import must have a single key"),
                },
                _ => Err("import must be a string or an object"),
            };
            match import {
                Ok((name, Ok(merge), span)) => self.imports.push(Import {
                    name: name.to_owned(),
                    merge,
                    span,
                    path,
                }),
                Ok((_, Err((summary, span)), _)) => self.error(summary, span, Some(path)),
                Err(summary) => self.error(summary, item.span, Some(path)),
            }
        }
    }

    fn values(&mut self, node: &Node) {
        let Some(entries) = node.entries() else {
            let path = Some("values".to_owned());
            self.error("values must be an object", node.span, path);
            return;
        };
        let lowering = Lowering::default();
        let (program, root, findings) = lowering.values(entries, node.span, &RESERVED);
        self.findings.extend(findings);
        self.values = Some((program, root));
    }

    fn error(&mut self, summary: &str, span: Span, path: Option<String>) {
        self.add(Finding {
            severity: Severity::Error,
            summary: summary.to_owned(),
            span,
            path,
            drops_import: true,
        });
    }

    fn warn(&mut self, summary: &str, key: &Key) {
        self.add(Finding {
            severity: Severity::Warning,
            summary: summary.to_owned(),
            span: key.span,
            path: Some(key.name.clone()),
            drops_import: false,
        });
    }

    fn add(&mut self, finding: Finding) {
        // Those beyond are not shown, but an error counts.
        let is_shown = self.findings.len() <= MAXIMUM_DIAGNOSTICS;
        if is_shown || (finding.severity == Severity::Error && !self.drops_import()) {
            self.findings.push(finding);
        }
    }
}

/// The `merge` option of an import. Options of other names say nothing, as in ESC.
fn merge(options: &Node) -> Result<bool, (&'static str, Span)> {
    let Some(entries) = options.entries() else {
        return match options.kind {
            Kind::Null => Ok(true),
            _ => Err(("import options must be an object", options.span)),
        };
    };
    let option = entries
        .iter()
        .find(|entry| entry.key.name.eq_ignore_ascii_case("merge"));
    match option.map(|entry| &entry.value) {
        None => Ok(true),
        Some(Node {
            kind: Kind::Bool(merge),
            ..
        }) => Ok(*merge),
        Some(node) => Err(("merge must be a boolean literal", node.span)),
    }
}

fn unknown_field(name: &str) -> String {
    let mut fields = FIELDS;
    fields.sort_by_key(|field| suggest::distance(field.as_bytes(), name.as_bytes()));
    let list = fields.map(|field| format!("'{field}'")).join(", ");
    format!("Field '{name}' does not exist on Object 'environment'. Existing fields are: {list}")
}
