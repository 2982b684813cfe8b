//! Diagnostics for programs: one JSON document.
//!
//! The shape of an entry is that of Pulumi Cloud's own diagnostics, with the file, the hint and the
//! causes besides. No source text is in it, so that no secret of a definition can be.

use serde::Serialize;

use crate::error::causes;
use crate::{Diagnostic, Position, Range, Severity, Sources};

impl Sources {
    /// The diagnostics as JSON text, indented by two spaces a level; ends without a newline.
    ///
    /// An object with `diagnostics`, a list of objects in the order of the diagnostics:
    /// - `severity`: `error` or `warning`
    /// - `summary`: one sentence
    /// - `path`: the property, such as `values.aws.creds`
    /// - `range`: `environment` (the name), `file` (what a person calls it), `begin` and `end`, each
    ///   with `line` and `column` from 1 and `byte` from 0; the end is the first place after it
    /// - `hint`: what to do
    /// - `causes`: a list of texts, nearest first
    ///
    /// What there is nothing to say of is left out.
    #[must_use]
    pub fn document(&self, diagnostics: &[Diagnostic]) -> String {
        let entries = diagnostics.iter().map(|it| self.entry(it));
        let document = Document {
            diagnostics: entries.collect(),
        };
        // invariant: texts and numbers under fixed names always serialise.
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }

    fn entry<'a>(&'a self, diagnostic: &'a Diagnostic) -> Entry<'a> {
        let failure = diagnostic.failure.as_deref();
        Entry {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            summary: &diagnostic.summary,
            path: diagnostic.path.as_deref(),
            range: diagnostic.range.as_ref().map(|range| self.stretch(range)),
            hint: failure.and_then(|failure| failure.hint()),
            causes: failure.map_or_else(Vec::new, |failure| causes(failure).collect()),
        }
    }

    fn stretch<'a>(&'a self, range: &'a Range) -> Stretch<'a> {
        Stretch {
            environment: &range.environment,
            file: self.shown_as(&range.environment),
            begin: range.begin.into(),
            end: range.end.into(),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    diagnostics: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    severity: &'static str,
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Stretch<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
}

#[derive(Serialize)]
struct Stretch<'a> {
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    begin: Point,
    end: Point,
}

#[derive(Serialize)]
struct Point {
    line: usize,
    column: usize,
    byte: usize,
}

impl From<Position> for Point {
    fn from(position: Position) -> Self {
        let Position { line, column, byte } = position;
        Self { line, column, byte }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::error::Error;

    #[test]
    fn what_there_is_nothing_to_say_of_is_left_out() {
        let mut sources = Sources::default();
        sources.add("env", "./env.yaml", "a: 1\n".to_owned().into());
        let begin = Position {
            line: 1,
            column: 4,
            byte: 3,
        };
        let failure = Error::new("no").caused_by("why").with_hint("do");
        let bare = Diagnostic {
            severity: Severity::Warning,
            summary: "odd".to_owned(),
            range: None,
            path: None,
            failure: None,
        };
        let full = Diagnostic {
            severity: Severity::Error,
            range: Some(Range {
                environment: "env".into(),
                begin,
                end: Position { column: 5, ..begin },
            }),
            path: Some("values.a".to_owned()),
            failure: Some(Arc::new(failure)),
            ..bare.clone()
        };
        let document = sources.document(&[bare, full]);
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let want = json!({"diagnostics": [
            {"severity": "warning", "summary": "odd"},
            {
                "severity": "error",
                "summary": "odd",
                "path": "values.a",
                "range": {
                    "environment": "env",
                    "file": "./env.yaml",
                    "begin": {"line": 1, "column": 4, "byte": 3},
                    "end": {"line": 1, "column": 5, "byte": 3},
                },
                "hint": "do",
                "causes": ["why"],
            },
        ]});
        assert_eq!(document, want);
        assert_eq!(sources.document(&[]), "{\n  \"diagnostics\": []\n}");
    }
}
