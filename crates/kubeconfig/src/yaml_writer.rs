//! Writes values as YAML: in block style like kubectl, or in flow style, which is JSON.

use std::fmt::Write as _;

use serde_json::Value as Json;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The layout of a value in flow style.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum FlowLayout {
    /// All on one line.
    OneLine,
    /// One item or entry per line.
    MultiLine {
        /// What the line of the opening bracket begins with.
        indent: String,
        /// What each level adds.
        step: String,
        line_break: &'static str,
    },
}

impl FlowLayout {
    /// The layout of the items inside the brackets.
    pub(crate) fn nested(&self) -> Self {
        let mut nested = self.clone();
        if let Self::MultiLine { indent, step, .. } = &mut nested {
            indent.push_str(step);
        }
        nested
    }
}

/// Writes a value whose first line is at `column`. The first line is not indented, the last one has
/// no line break.
pub(crate) fn block(value: &Json, column: usize, line_break: &str) -> String {
    join(&lines(value), column, line_break)
}

/// Writes `key: value` like [`block`].
pub(crate) fn block_entry(key: &str, value: &Json, column: usize, line_break: &str) -> String {
    format!("{}:{}", scalar(key), block_value(value, column, line_break))
}

/// Writes what follows `key:`, with the space or line break before it; the key is at `column`.
pub(crate) fn block_value(value: &Json, column: usize, line_break: &str) -> String {
    join(&lines_after_colon(value), column, line_break)
}

fn join(lines: &[String], column: usize, line_break: &str) -> String {
    lines.join(&format!("{line_break}{:column$}", ""))
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

/// Writes `"key": value` in flow style.
pub(crate) fn flow_entry(key: &str, value: &Json, layout: &FlowLayout) -> String {
    let key = escaped(&Json::from(key).to_string());
    format!("{key}: {}", flow(value, layout))
}

/// Writes a value in flow style.
pub(crate) fn flow(value: &Json, layout: &FlowLayout) -> String {
    let step = match layout {
        FlowLayout::OneLine => "",
        FlowLayout::MultiLine { step, .. } => step,
    };
    let mut json = Vec::new();
    let formatter = PrettyFormatter::with_indent(step.as_bytes());
    let mut serializer = Serializer::with_formatter(&mut json, formatter);
    // Writing to memory does not fail, and the text is verified by reading it again.
    let _ = serde::Serialize::serialize(value, &mut serializer);
    let json = escaped(&String::from_utf8_lossy(&json));
    // Line breaks within strings are escaped.
    match layout {
        FlowLayout::OneLine => json.replace(",\n", ", ").replace('\n', ""),
        FlowLayout::MultiLine {
            indent, line_break, ..
        } => json.replace('\n', &format!("{line_break}{indent}")),
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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_like_kubectl() {
        let value = json!({
            "name": "demo",
            "user": {"exec": {"args": ["a", "--b", "1"], "env": [{"name": "X", "value": "é\n"}], "on": true}},
            "empty": {}, "none": [],
        });
        let expected = "\
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
        let list = json!([value]);
        assert_eq!(block(&list, 0, "\n"), expected);
        assert_eq!(serde_yaml::from_str::<Json>(expected).unwrap(), list);

        let one_line = flow(&value, &FlowLayout::OneLine);
        assert!(one_line.starts_with("{\"empty\": {}, \"name\": \"demo\", "));
        let multi_line = FlowLayout::MultiLine {
            indent: "\t".to_owned(),
            step: "\t".to_owned(),
            line_break: "\r\n",
        };
        let multi_line = flow(&value, &multi_line);
        assert!(multi_line.starts_with("{\r\n\t\t\"empty\": {},\r\n\t\t\"name\": \"demo\",\r\n"));
        assert!(multi_line.ends_with("\r\n\t}"));
        for text in [one_line, multi_line] {
            assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), value);
        }
    }

    #[test]
    fn every_character_is_read_back() {
        let text: String = (0..=0x2100_u32)
            .chain([0xfeff, 0xfffd, 0xfffe, 0x1f600])
            .filter_map(char::from_u32)
            .collect();
        let value = json!({"a": text});
        for written in [block(&value, 0, "\n"), flow(&value, &FlowLayout::OneLine)] {
            assert_eq!(serde_yaml::from_str::<Json>(&written).unwrap(), value);
        }
    }

    #[test]
    fn strings_that_need_quotes() {
        for (text, plain) in [
            ("demo", true),
            ("https://a.test:6443", true),
            ("LS0tLS1CRUdJTiBD+/==", true),
            ("--cluster-name", true),
            ("~/.kube/env.yaml", true),
            ("client.authentication.k8s.io/v1", true),
            ("not installed, or not on the PATH", true),
            ("arn:aws:eks:eu-west-1:123456789012:cluster/demo", true),
            ("", false),
            ("true", false),
            ("No", false),
            ("123", false),
            ("1e3", false),
            ("a: b", false),
            ("a #b", false),
            ("a ", false),
            ("~", false),
            ("-", false),
            ("--", false),
            ("---", false),
            ("*a", false),
            ("é", false),
            ("a:", false),
            ("a\nb", false),
        ] {
            assert_eq!(is_plain_text(text), plain, "{text:?}");
        }
    }
}
