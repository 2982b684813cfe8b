//! Reads the diagnostics that the API reports for an environment.

use std::sync::Arc;

use crate::http::redacted;
use esc::{Data, Diagnostic, Position, Range, Severity, Value};

/// Any further diagnostics are dropped.
const MAX_DIAGNOSTICS: usize = 1_000;

/// The maximum length of each text of a diagnostic, in characters. The rest is dropped.
const MAX_TEXT_CHARS: usize = 2_000;

/// Reads the list `diagnostics` of a response. Malformed items are dropped. `secrets` are redacted if the
/// server repeats them.
pub(super) fn read_diagnostics(response: &Value, secrets: &[&str]) -> Vec<Diagnostic> {
    match response.property("diagnostics").map(|list| &list.data) {
        Some(Data::Array(items)) => {
            let items = items.iter().take(MAX_DIAGNOSTICS);
            items
                .filter_map(|item| read_diagnostic(item, secrets))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn read_diagnostic(item: &Value, secrets: &[&str]) -> Option<Diagnostic> {
    let text = |item: &Value, name: &str| text(item, name, secrets);
    let summary = match (text(item, "summary"), text(item, "detail")) {
        (Some(summary), Some(detail)) => format!("{summary}: {detail}"),
        (Some(either), None) | (None, Some(either)) => either,
        (None, None) => return None,
    };
    let severity = match text(item, "severity").as_deref() {
        Some("warning") => Severity::Warning,
        // As in upstream ESC, a missing severity means an error.
        _ => Severity::Error,
    };
    Some(Diagnostic {
        severity,
        summary,
        range: item
            .property("range")
            .and_then(|range| read_range(range, text(range, "environment"))),
        path: text(item, "path"),
        hint: None,
        failure: None,
    })
}

/// The start of a text without `secrets`; `None` if it is empty.
fn text(item: &Value, name: &str, secrets: &[&str]) -> Option<String> {
    let text = item.property(name)?.as_str()?;
    let text: String = redacted(text, secrets)
        .chars()
        .take(MAX_TEXT_CHARS)
        .collect();
    (!text.is_empty()).then_some(text)
}

/// Reads a range; `None` if it is all zeros.
fn read_range(range: &Value, environment: Option<String>) -> Option<Range> {
    let position = |name: &str| -> Option<Position> {
        let position = range.property(name)?;
        let number = |name: &str| match &position.property(name)?.data {
            Data::Number(number) => number.as_str().parse().ok(),
            _ => None,
        };
        Some(Position {
            line: number("line").filter(|line| *line > 0)?,
            column: number("column").unwrap_or(1).max(1),
            byte: number("byte").unwrap_or(0),
        })
    };
    let begin = position("begin")?;
    Some(Range {
        environment: Arc::from(environment.unwrap_or_default()),
        begin,
        end: position("end").unwrap_or(begin),
    })
}
