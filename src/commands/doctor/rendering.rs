//! Prints the steps as text or JSON.

use anstyle::{AnsiColor, Style};
use serde_json::json;

use super::super::output;
use crate::authenticate::doctor::{Status, Step};
use crate::error::{Error, Kind, Result};
use crate::host::Host;

/// The width of the longest status and a space: where the text of each step starts.
const INDENT: usize = 8;

pub(super) fn print_json(steps: &[Step]) -> Result<()> {
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            json!({
                "name": step.name,
                "status": step.status.as_str(),
                "detail": step.detail,
                "hint": step.hint,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "steps": steps }))
        .map_err(|error| Error::new(Kind::Internal, "cannot write the report").caused_by(error))?;
    output::print(text)
}

pub(super) fn print_text(steps: &[Step], host: &Host) -> Result<()> {
    let is_colored = output::is_stdout_colored(host);
    let lines: Vec<_> = steps.iter().map(|step| text(step, is_colored)).collect();
    output::print(lines.join("\n"))
}

fn text(step: &Step, is_colored: bool) -> String {
    let style = if is_colored {
        style(step.status)
    } else {
        Style::new()
    };
    let status = step.status.as_str();
    let hint = step.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
    let text = format!("{}: {}{}", step.name, step.detail, hint.unwrap_or_default());
    // Names in a kubeconfig and messages of servers may contain control characters.
    let lines = text.lines().map(|line| line.replace(char::is_control, " "));
    let lines: Vec<_> = lines.collect();
    let separator = format!("\n{:INDENT$}", "");
    format!("{style}{status:INDENT$}{style:#}{}", lines.join(&separator))
}

fn style(status: Status) -> Style {
    match status {
        Status::Ok => AnsiColor::Green.on_default(),
        Status::Warning => AnsiColor::Yellow.on_default().bold(),
        Status::Failed => AnsiColor::Red.on_default().bold(),
        Status::Skipped => Style::new().dimmed(),
    }
}
