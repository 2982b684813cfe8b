//! Redaction of a kubeconfig's text.

use std::ops::Range;

use crate::text_edit::{self, TextEdit};
use crate::tree::{self, Kind, Node};

/// The keys whose values are secret, at any depth.
const SECRET_KEYS: [&str; 8] = [
    "access-token",
    "client-key-data",
    "client-secret",
    "id-token",
    "password",
    "refresh-token",
    "secret",
    "token",
];

/// The words that mark an environment variable as secret.
const SECRET_WORDS: [&str; 5] = ["secret", "token", "password", "key", "credential"];

/// Returns the text with `placeholder` instead of tokens, passwords and private keys, and of
/// variables whose names suggest a secret. A document that cannot be read is replaced as a whole.
#[must_use]
pub fn redact(text: &str, placeholder: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    for document in documents(text) {
        let mut secrets = Vec::new();
        match tree::parse(document) {
            Ok(Some(root)) => collect_secrets(&root, &mut secrets),
            Ok(None) => {}
            Err(_) => secrets.push(0..document.trim_end().len()),
        }
        let edit = |range| TextEdit::new(range, placeholder.to_owned());
        let document = text_edit::apply(document, secrets.into_iter().map(edit).collect());
        redacted.push_str(document.as_deref().unwrap_or(placeholder));
    }
    redacted
}

/// Splits the text before each `---` and after each `...`, which end a document wherever they begin a
/// line. Directives stay with their document.
fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut end) = (0, 0);
    let mut has_content = false;
    for line in text.split_inclusive('\n') {
        let word = line.split_ascii_whitespace().next().unwrap_or_default();
        let is_marker = |marker| word == marker && line.starts_with(marker);
        if is_marker("---") && has_content {
            documents.push(&text[start..end]);
            start = end;
        }
        end += line.len();
        has_content |= !word.is_empty() && !line.starts_with(['%', '#']);
        if is_marker("...") {
            documents.push(&text[start..end]);
            start = end;
            has_content = false;
        }
    }
    documents.push(&text[start..]);
    documents
}

fn collect_secrets(node: &Node, secrets: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::Scalar { .. } | Kind::Alias(_) => {}
        Kind::Sequence(items) => items.iter().for_each(|item| collect_secrets(item, secrets)),
        Kind::Mapping(entries) => {
            let name = node.get("name").and_then(Node::text).map(str::to_lowercase);
            let has_secret_name = name.is_some_and(|name| {
                // A variable such as AZURE_FEDERATED_TOKEN_FILE has the path of the secret.
                let is_path = name.ends_with("_file");
                !is_path && SECRET_WORDS.iter().any(|word| name.contains(word))
            });
            for entry in entries {
                let key = entry.key.text().unwrap_or_default();
                let is_secret = SECRET_KEYS.contains(&key) || (key == "value" && has_secret_name);
                match &entry.value.kind {
                    Kind::Scalar { .. } if is_secret && !entry.value.is_null() => {
                        secrets.push(entry.value.span.clone());
                    }
                    _ => collect_secrets(&entry.value, secrets),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_are_redacted() {
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
      - {name: AZURE_FEDERATED_TOKEN_FILE, value: /run/identity}
---
users: [{user: {token: hunter2}}]
...
%YAML 1.1
---
token: hunter2
---
token: [hunter2
";
        let redacted = redact(text, "[secret]");
        assert!(!redacted.contains("hunter2"), "{redacted}");
        assert_eq!(redacted.matches("[secret]").count(), 7, "{redacted}");
        for kept in [
            " # kept\n",
            "AA==",
            "    token:\n",
            "value: demo",
            "value: /run/identity",
            "    client-certificate",
            "...\n%YAML 1.1\n---\ntoken: [secret]\n[secret]\n",
        ] {
            assert!(redacted.contains(kept), "{kept}: {redacted}");
        }
    }
}
