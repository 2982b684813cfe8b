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
            hint: diagnostic.hint(),
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
mod tests;
