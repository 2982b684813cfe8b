//! Writes values as YAML: in block style like kubectl, or in flow style, which is JSON.

use std::fmt::Write as _;

use serde_json::Value as Json;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The layout of a value in flow style. By default, all is on one line.
#[derive(Clone, Default)]
pub(crate) struct FlowLayout {
    /// With one item or entry per line: a line break, and what the line of the opening bracket
    /// begins with.
    pub(crate) new_line: Option<String>,
    /// What each level adds.
    pub(crate) step: String,
}

impl FlowLayout {
    /// The layout of the items inside the brackets.
    pub(crate) fn nested(mut self) -> Self {
        self.new_line = self.new_line.map(|new_line| new_line + &self.step);
        self
    }
}

/// Writes a value whose first line is at `column`. The first line is not indented, the last one has
/// no line break.
pub(crate) fn block(value: &Json, column: usize) -> String {
    join(&lines(value), column)
}

/// Writes what follows `key:`, with the space or line break before it; the key is at `column`.
pub(crate) fn block_value(value: &Json, column: usize) -> String {
    join(&lines_after_colon(value), column)
}

fn join(lines: &[String], column: usize) -> String {
    lines.join(&format!("\n{:column$}", ""))
}

fn lines(value: &Json) -> Vec<String> {
    match value {
        Json::Object(entries) if !entries.is_empty() => {
            let entry = |(key, value): (&String, &Json)| {
                prefixed(lines_after_colon(value), &format!("{}:", scalar(key)), "")
            };
            entries.iter().flat_map(entry).collect()
        }
        Json::Array(items) if !items.is_empty() => {
            let item = |item| prefixed(lines(item), "- ", "  ");
            items.iter().flat_map(item).collect()
        }
        Json::String(text) => vec![scalar(text)],
        other => vec![other.to_string()],
    }
}

fn lines_after_colon(value: &Json) -> Vec<String> {
    let (first, indent) = match value {
        Json::Object(entries) if !entries.is_empty() => (String::new(), "  "),
        // kubectl does not indent lists.
        Json::Array(items) if !items.is_empty() => (String::new(), ""),
        _ => return prefixed(lines(value), " ", ""),
    };
    let mut all = vec![first];
    all.extend(prefixed(lines(value), indent, indent));
    all
}

fn prefixed(mut lines: Vec<String>, first: &str, others: &str) -> Vec<String> {
    for (number, line) in lines.iter_mut().enumerate() {
        line.insert_str(0, if number == 0 { first } else { others });
    }
    lines
}

fn scalar(text: &str) -> String {
    if is_plain_text(text) {
        text.to_owned()
    } else {
        escaped(&Json::from(text).to_string())
    }
}

/// Writes a value in flow style.
pub(crate) fn flow(value: &Json, layout: &FlowLayout) -> String {
    let mut json = Vec::new();
    let formatter = PrettyFormatter::with_indent(layout.step.as_bytes());
    let mut serializer = Serializer::with_formatter(&mut json, formatter);
    // Writing to memory does not fail, and the text is verified by reading it again.
    let _ = serde::Serialize::serialize(value, &mut serializer);
    let json = escaped(&String::from_utf8_lossy(&json));
    // Line breaks within strings are escaped.
    match &layout.new_line {
        None => json.replace(",\n", ", ").replace('\n', ""),
        Some(new_line) => json.replace('\n', new_line),
    }
}

/// Escapes what JSON allows in strings, and YAML either forbids or reads as a line break.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}')
        {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether every YAML reader takes these words, unquoted, as a string, wherever a value may be in
/// block style. False if in doubt.
pub(crate) fn is_plain_text(text: &str) -> bool {
    // Booleans, nulls and numbers in YAML 1.1, which kubectl reads.
    const RESERVED: [&str; 11] = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    let starts_with_letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
    let has_safe_start = starts_with_letter(text)
        || ["/", "~/", "./"]
            .iter()
            .any(|start| text.starts_with(start))
        || text.strip_prefix("--").is_some_and(starts_with_letter);
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_./:@+=,-".contains(c);
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(is_safe) && !word.ends_with(':');
    let is_reserved = RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word));
    has_safe_start && !is_reserved && text.trim_start_matches('~').split(' ').all(is_word)
}

#[cfg(test)]
mod tests;
