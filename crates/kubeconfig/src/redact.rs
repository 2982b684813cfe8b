//! A kubeconfig's text without its secrets, to be shown to people.

use std::ops::Range;

use crate::tree::{self, Kind, Node};

/// The keys whose values are secrets, wherever they stand.
const SECRETS: [&str; 8] = [
    "access-token",
    "client-key-data",
    "client-secret",
    "id-token",
    "password",
    "refresh-token",
    "secret",
    "token",
];

/// The text with a placeholder in the place of tokens, passwords and keys, and of the variables of a
/// login program whose names speak of such. Lines stay lines.
#[must_use]
pub fn redacted(text: &str, placeholder: &str) -> String {
    let mut hidden = Vec::new();
    for root in tree::parse_stream(text) {
        search(&root, &mut hidden);
    }
    hidden.sort_by_key(|range: &Range<usize>| range.start);
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for range in hidden {
        let (Some(before), Some(secret)) = (text.get(at..range.start), text.get(range.clone()))
        else {
            continue;
        };
        shown.push_str(before);
        shown.push_str(placeholder);
        // A block scalar's line breaks after its text are not part of it.
        shown.push_str(&secret[secret.trim_end().len()..]);
        at = range.end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    shown
}

fn search(node: &Node, hidden: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::Scalar { .. } | Kind::Alias(_) => {}
        Kind::List(items) => items.iter().for_each(|item| search(item, hidden)),
        Kind::Map(entries) => {
            let variable = node.get("name").and_then(Node::text).map(str::to_lowercase);
            let is_secret_variable = variable.is_some_and(|name| {
                let words = ["secret", "token", "password", "key", "credential"];
                words.iter().any(|word| name.contains(word))
            });
            for entry in entries {
                let key = entry.key.text().unwrap_or_default();
                let is_secret = SECRETS.contains(&key) || (key == "value" && is_secret_variable);
                match &entry.value.kind {
                    Kind::Scalar { .. } if is_secret && !entry.value.is_null() => {
                        hidden.push(entry.value.span.clone());
                    }
                    _ => search(&entry.value, hidden),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let text = "\
users:
- name: a
  user: {token: hunter2, \"password\": \"hunter2\"} # kept
- name: b
  user:
    client-key-data: |
      hunter2
      hunter2
    client-certificate-data: AA==
    token:
    exec:
      env:
      - {name: AWS_SECRET_ACCESS_KEY, value: hunter2}
      - name: AWS_PROFILE
        value: demo
---
users: [{user: {token: hunter2}}]
";
        let shown = redacted(text, "[secret]");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(shown.matches("[secret]").count(), 5, "{shown}");
        for kept in [
            " # kept\n",
            "AA==",
            "    token:\n",
            "value: demo",
            "    client-certificate",
        ] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }
}
