//! Renders diagnostics for programs, as a JSON document.
//!
//! An entry has the shape of Pulumi Cloud's diagnostics, plus the file, the hint and the causes. It quotes
//! no source text, so it cannot leak a secret of the definition.

use serde::Serialize;

use crate::error::causes;
use crate::{Diagnostic, Position, Range, Severity, Sources};

impl Sources {
    /// Renders the diagnostics as indented JSON. No newline at the end.
    ///
    /// The document is an object with the list `diagnostics`, whose objects have these members:
    /// - `severity`: `error` or `warning`
    /// - `summary`: one sentence
    /// - `path`: the property, such as `values.aws.creds`
    /// - `range`: `environment` (the name), `file` (the display name), `begin` and `end`, each with `line`
    ///   and `column` from 1 and `byte` from 0; the end is exclusive
    /// - `hint`: what to do about it
    /// - `causes`: a list of strings, the nearest cause first
    ///
    /// A member without a value is left out.
    #[must_use]
    pub fn render_json(&self, diagnostics: &[Diagnostic]) -> String {
        let diagnostics = diagnostics.iter().map(|it| self.diagnostic_json(it));
        let document = Document {
            diagnostics: diagnostics.collect(),
        };
        // invariant: strings and numbers always serialize.
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }

    fn diagnostic_json<'a>(&'a self, diagnostic: &'a Diagnostic) -> DiagnosticJson<'a> {
        let failure = diagnostic.failure.as_deref();
        DiagnosticJson {
            severity: diagnostic.severity,
            summary: &diagnostic.summary,
            path: diagnostic.path.as_deref(),
            range: diagnostic
                .range
                .as_ref()
                .map(|range| self.range_json(range)),
            hint: failure.and_then(|failure| failure.hint()),
            causes: failure.map_or_else(Vec::new, |failure| causes(failure).collect()),
        }
    }

    fn range_json<'a>(&'a self, range: &'a Range) -> RangeJson<'a> {
        RangeJson {
            environment: &range.environment,
            file: self.shown_as(&range.environment),
            begin: range.begin,
            end: range.end,
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    diagnostics: Vec<DiagnosticJson<'a>>,
}

#[derive(Serialize)]
struct DiagnosticJson<'a> {
    severity: Severity,
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<RangeJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
}

#[derive(Serialize)]
struct RangeJson<'a> {
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    begin: Position,
    end: Position,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::error::Error;

    #[test]
    fn members_without_a_value_are_left_out() {
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
        let document = sources.render_json(&[bare, full]);
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
        assert_eq!(sources.render_json(&[]), "{\n  \"diagnostics\": []\n}");
    }
}
