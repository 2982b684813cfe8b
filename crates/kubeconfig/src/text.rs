//! Writing YAML: values in block style as kubectl writes them, and in flow style as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::tree::is_plain_text;

/// How flow style is laid out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// On one line.
    Line,
    /// An entry a line: what the lines begin with, what each level adds, and the line break.
    Lines {
        indent: String,
        step: String,
        line_break: &'static str,
    },
}

/// `key: value` at this column, without a line break at its end. The first line is not indented.
pub(super) fn block_entry(key: &str, value: &Json, column: usize, line_break: &str) -> String {
    let mut text = String::new();
    entry(&mut text, key, value, column, line_break);
    text
}

/// `- value`, its dash at this column, without a line break at its end. The first line is not
/// indented.
pub(super) fn block_item(value: &Json, column: usize, line_break: &str) -> String {
    let mut text = String::new();
    item(&mut text, value, column, line_break);
    text
}

/// The entries of a map at this column, without a line break at the end. The first line is not
/// indented.
pub(super) fn block_map(entries: &Map<String, Json>, column: usize, line_break: &str) -> String {
    let mut text = String::new();
    map(&mut text, entries, column, line_break);
    text
}

/// What follows `key:` in block style, blank or line break included.
pub(super) fn block_value(value: &Json, column: usize, line_break: &str) -> String {
    let mut text = String::new();
    after_colon(&mut text, value, column, line_break);
    text
}

fn entry(text: &mut String, key: &str, value: &Json, column: usize, line_break: &str) {
    text.push_str(&scalar(key));
    text.push(':');
    after_colon(text, value, column, line_break);
}

fn after_colon(text: &mut String, value: &Json, column: usize, line_break: &str) {
    match value {
        Json::Object(entries) if !entries.is_empty() => {
            new_line(text, column + 2, line_break);
            map(text, entries, column + 2, line_break);
        }
        Json::Array(items) if !items.is_empty() => {
            for value in items {
                new_line(text, column, line_break);
                item(text, value, column, line_break);
            }
        }
        other => {
            text.push(' ');
            text.push_str(&block_scalar(other));
        }
    }
}

fn map(text: &mut String, entries: &Map<String, Json>, column: usize, line_break: &str) {
    for (position, (key, value)) in sorted(entries).into_iter().enumerate() {
        if position > 0 {
            new_line(text, column, line_break);
        }
        entry(text, key, value, column, line_break);
    }
}

fn item(text: &mut String, value: &Json, column: usize, line_break: &str) {
    text.push_str("- ");
    match value {
        Json::Object(entries) if !entries.is_empty() => map(text, entries, column + 2, line_break),
        Json::Array(items) if !items.is_empty() => {
            for (position, value) in items.iter().enumerate() {
                if position > 0 {
                    new_line(text, column + 2, line_break);
                }
                item(text, value, column + 2, line_break);
            }
        }
        other => text.push_str(&block_scalar(other)),
    }
}

/// kubectl sorts the keys of what it writes.
fn sorted(entries: &Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn new_line(text: &mut String, column: usize, line_break: &str) {
    text.push_str(line_break);
    let _ = write!(text, "{:column$}", "");
}

/// A scalar, or an empty list or map, in block style.
pub(super) fn block_scalar(value: &Json) -> String {
    match value {
        Json::String(text) => scalar(text),
        other => other.to_string(),
    }
}

fn scalar(text: &str) -> String {
    if is_plain_text(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// In double quotes, as JSON and YAML both read it.
fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            // What YAML does not let stand in a text as it is, and JSON has no short form for.
            c if c.is_control()
                || matches!(
                    c,
                    '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                let _ = write!(written, "\\u{:04x}", u32::from(c));
            }
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

/// `"key": value` in flow style.
pub(super) fn flow_entry(key: &str, value: &Json, layout: &Layout) -> String {
    format!("{}: {}", quoted(key), flow_value(value, layout))
}

/// A value in flow style, which is JSON.
pub(super) fn flow_value(value: &Json, layout: &Layout) -> String {
    let inner = match layout {
        Layout::Line => Layout::Line,
        Layout::Lines {
            indent,
            step,
            line_break,
        } => Layout::Lines {
            indent: format!("{indent}{step}"),
            step: step.clone(),
            line_break,
        },
    };
    match value {
        Json::String(text) => quoted(text),
        Json::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| flow_value(item, &inner));
            brackets('[', &items.collect::<Vec<_>>(), ']', layout, &inner)
        }
        Json::Object(entries) if !entries.is_empty() => {
            let entries = sorted(entries).into_iter();
            let entries = entries.map(|(key, value)| flow_entry(key, value, &inner));
            brackets('{', &entries.collect::<Vec<_>>(), '}', layout, &inner)
        }
        other => other.to_string(),
    }
}

fn brackets(open: char, parts: &[String], close: char, outer: &Layout, inner: &Layout) -> String {
    match (outer, inner) {
        (
            Layout::Lines {
                indent, line_break, ..
            },
            Layout::Lines { indent: deeper, .. },
        ) => {
            let parts = parts.join(&format!(",{line_break}{deeper}"));
            format!("{open}{line_break}{deeper}{parts}{line_break}{indent}{close}")
        }
        _ => format!("{open}{}{close}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_kubectl_writes_them() {
        let value = json!({
            "name": "demo",
            "user": {"exec": {"args": ["a", "--b", "1"], "env": [{"name": "X", "value": "é\n"}], "on": true}},
            "empty": {}, "none": [],
        });
        let block = "\
- empty: {}
  name: demo
  none: []
  user:
    exec:
      args:
      - a
      - --b
      - \"1\"
      env:
      - name: X
        value: \"é\\n\"
      \"on\": true";
        assert_eq!(block_item(&value, 0, "\n"), block);
        let read: Json = serde_yaml::from_str(block).unwrap();
        assert_eq!(read, json!([value]));
        let layouts = [
            Layout::Line,
            Layout::Lines {
                indent: "\t".to_owned(),
                step: "\t".to_owned(),
                line_break: "\n",
            },
        ];
        for layout in layouts {
            let text = flow_value(&value, &layout);
            assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), value);
            assert_eq!(text.contains('\n'), layout != Layout::Line, "{text}");
        }
    }

    #[test]
    fn every_character_survives_quoting() {
        let text: String = (0..=0x2100_u32)
            .chain([0xfeff, 0xfffd, 0x1f600])
            .filter_map(char::from_u32)
            .collect();
        let written = format!("a: {}\n", scalar(&text));
        let read: Json = serde_yaml::from_str(&written).unwrap();
        assert_eq!(read, json!({"a": text}));
        assert_eq!(
            serde_json::from_str::<String>(&quoted(&text)).unwrap(),
            text
        );
    }
}
