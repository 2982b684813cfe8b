//! An edit changes only the requested entries and keeps every other byte, or fails.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use kubeconfig::{Changes, Cluster, EntryChange, Section, edit, new_kubeconfig};
use serde::Deserialize;
use serde_json::json;
use serde_yaml::{Mapping, Value};

const FILES: [&str; 6] = [
    "aws.yaml",
    "eksctl.yaml",
    "gke.yaml",
    "kind.yaml",
    "rancher.yaml",
    "tabbed.json",
];

fn read_data(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/kubeconfigs");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

/// Adds or changes the cluster, the user and the context of this name.
fn entries(name: &str) -> Changes {
    let cluster = Cluster {
        server: "https://0123.gr7.eu-west-1.eks.amazonaws.com".to_owned(),
        certificate_authority_data: Some("QUJD".to_owned()),
        ..Cluster::default()
    };
    let args = ["get-token", "acme/platform/shop", "--cluster-name", "shop"];
    let user = EntryChange {
        section: Section::Users,
        name: name.to_owned(),
        set: vec![
            ("exec.apiVersion", json!("client.authentication.k8s.io/v1")),
            ("exec.args", json!(args)),
            ("exec.command", json!("kubectl-esc")),
            ("exec.installHint", json!("install kubectl-esc")),
            ("exec.interactiveMode", json!("Never")),
        ],
        remove: vec!["client-certificate-data", "client-key-data", "token"],
    };
    Changes {
        entries: vec![
            cluster.entry(name),
            user,
            EntryChange::context(name, name, name, None),
        ],
        current_context: None,
    }
}

/// Parses the first document with another YAML reader.
fn parse(text: &str) -> Option<Value> {
    // That reader rejects a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    let document = serde_yaml::Deserializer::from_str(text).next()?;
    Value::deserialize(document).ok()
}

/// Parses a text and removes the entries of this name. Missing lists become empty ones, and keys are
/// sorted.
fn parse_without(text: &str, name: &str) -> Option<Value> {
    let mut root = parse(text)?;
    if root.is_null() {
        root = Value::Mapping(Mapping::new());
    }
    for section in ["clusters", "contexts", "users"] {
        let list = root.get_mut(section).and_then(Value::as_sequence_mut);
        let mut list = list.map(std::mem::take).unwrap_or_default();
        list.retain(|entry| entry.get("name").and_then(Value::as_str) != Some(name));
        root.as_mapping_mut()?.insert(section.into(), list.into());
    }
    let mut entries: Vec<_> = root.as_mapping()?.clone().into_iter().collect();
    entries.sort_by_key(|(key, _)| serde_yaml::to_string(key).unwrap());
    Some(Value::Mapping(entries.into_iter().collect()))
}

/// The lines of `after` that are not in `before`. Fails if a line of `before` is missing or moved.
#[track_caller]
fn added_lines<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
    let mut old_lines = before.split_inclusive('\n').peekable();
    let mut added = Vec::new();
    for line in after.split_inclusive('\n') {
        if old_lines.peek().is_some_and(|old| *old == line) {
            old_lines.next();
        } else {
            added.push(line);
        }
    }
    assert_eq!(old_lines.next(), None, "a line is missing:\n{after}");
    added
}

#[track_caller]
fn assert_has_entries(text: &str, name: &str, case: &str) {
    let root = parse(text).unwrap_or_else(|| panic!("{case}: cannot be parsed:\n{text}"));
    for (section, content_key, expected) in [
        (
            "clusters",
            "cluster",
            "server: https://0123.gr7.eu-west-1.eks.amazonaws.com",
        ),
        ("contexts", "context", &format!("cluster: {name}")[..]),
        ("users", "user", "command: kubectl-esc"),
    ] {
        let list = root[section]
            .as_sequence()
            .unwrap_or_else(|| panic!("{case}: {section}:\n{text}"));
        let entries: Vec<_> = list.iter().filter(|entry| entry["name"] == name).collect();
        assert_eq!(entries.len(), 1, "{case}: {section}");
        let content = serde_yaml::to_string(&entries[0][content_key]).unwrap();
        assert!(content.contains(expected), "{case}: {content}");
    }
}

#[track_caller]
fn assert_unchanged_by(text: &str, changes: &Changes, case: &str) {
    assert_eq!(edit(text, changes).unwrap(), text, "{case}: second edit");
}

/// Each file with the variations that editors make.
fn variants() -> Vec<(String, String)> {
    let mut variants = Vec::new();
    for name in FILES {
        let text = read_data(name);
        for (variation, text) in [
            ("unchanged", text.clone()),
            ("CRLF", text.replace('\n', "\r\n")),
            ("no line break at the end", text.trim_end().to_owned()),
            ("byte order mark", format!("\u{feff}{text}")),
            ("document start", format!("---\n{text}")),
            ("two documents", format!("{text}---\nkind: Other # é\n")),
            ("document end", format!("{text}...\n")),
            ("comment at the end", format!("{text}\n\n  # bye")),
        ] {
            let is_json = matches!(variation, "unchanged" | "CRLF" | "no line break at the end");
            if is_json || name != "tabbed.json" {
                variants.push((format!("{name}, {variation}"), text));
            }
        }
    }
    variants
}

#[test]
fn new_entries_leave_every_other_byte() {
    for (case, before) in variants() {
        let changes = entries("demo");
        let after = edit(&before, &changes).unwrap_or_else(|error| panic!("{case}: {error}"));
        if case.starts_with("tabbed.json") {
            serde_json::from_str::<serde_json::Value>(&after).unwrap();
        } else {
            // The last line may get a line break: compares as if it had one.
            let with_break = |text: &str| format!("{}\n", text.trim_end_matches('\n'));
            let added = added_lines(&with_break(&before), &with_break(&after)).concat();
            assert_eq!(added.lines().count(), 4 + 12 + 4, "{case}:\n{added}");
            let is_crlf = before.contains("\r\n");
            assert_eq!(added.contains("\r\n"), is_crlf, "{case}");
            assert_eq!(added.replace("\r\n", "").contains('\n'), !is_crlf, "{case}");
        }
        assert_eq!(
            before.ends_with('\n'),
            after.ends_with('\n'),
            "{case}: end of the file"
        );
        assert_eq!(
            parse_without(&before, "demo"),
            parse_without(&after, "demo"),
            "{case}"
        );
        assert_has_entries(&after, "demo", &case);
        assert_unchanged_by(&after, &changes, &case);
    }
}

#[test]
fn existing_entries_are_changed_in_place() {
    for (file, name) in [
        (
            "aws.yaml",
            "arn:aws:eks:eu-central-1:123456789012:cluster/shop",
        ),
        ("eksctl.yaml", "shop.eu-west-1.eksctl.io"),
        ("kind.yaml", "kind-one"),
        ("rancher.yaml", "shop"),
        ("tabbed.json", "json"),
    ] {
        for crlf in [false, true] {
            let line_break = if crlf { "\r\n" } else { "\n" };
            let before = read_data(file).replace('\n', line_break);
            let after = edit(&before, &entries(name)).unwrap();
            assert_eq!(
                parse_without(&before, name),
                parse_without(&after, name),
                "{file}"
            );
            assert_has_entries(&after, name, file);
            assert_unchanged_by(&after, &entries(name), file);
        }
    }
}

#[test]
fn comments_unknown_fields_and_order_stay_in_a_changed_entry() {
    let before = read_data("kind.yaml");
    let after = edit(&before, &entries("kind-one")).unwrap();
    let expected = before
        .replace("https://127.0.0.1:40001", "https://0123.gr7.eu-west-1.eks.amazonaws.com")
        .replacen("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", "QUJD", 1)
        .replace(
            "      client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==\n      client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=\n",
            "      exec:\n        apiVersion: client.authentication.k8s.io/v1\n        args:\n        - get-token\n        - acme/platform/shop\n        - --cluster-name\n        - shop\n        command: kubectl-esc\n        installHint: install kubectl-esc\n        interactiveMode: Never\n",
        );
    assert_eq!(after, expected);
}

#[test]
fn current_context_is_changed() {
    for (before, after) in [
        (
            "current-context: a # x\nkind: Config\n",
            "current-context: demo # x\nkind: Config\n",
        ),
        ("current-context: \"a\"\n", "current-context: demo\n"),
        (
            "current-context:\nkind: Config\n",
            "current-context: demo\nkind: Config\n",
        ),
        ("kind: Config", "kind: Config\ncurrent-context: demo"),
        (
            "{\"kind\": \"Config\"}",
            "{\"kind\": \"Config\", \"current-context\": \"demo\"}",
        ),
        ("{}", "{\"current-context\": \"demo\"}"),
        (
            "{kind: Config,}",
            "{kind: Config, \"current-context\": \"demo\"}",
        ),
        (
            "{\n  \"kind\": \"Config\"\n}\n",
            "{\n  \"kind\": \"Config\",\n  \"current-context\": \"demo\"\n}\n",
        ),
        ("current-context: demo\n", "current-context: demo\n"),
        ("current-context: 'demo'\n", "current-context: 'demo'\n"),
    ] {
        let changes = Changes {
            current_context: Some("demo".to_owned()),
            ..Changes::default()
        };
        assert_eq!(edit(before, &changes).unwrap(), after, "{before:?}");
    }
}

#[test]
fn text_without_a_document_gets_one() {
    let document = new_kubeconfig(&entries("demo"));
    for (before, expected) in [
        ("", document.clone()),
        ("# mine\n", format!("# mine\n{document}")),
        ("# mine", format!("# mine\n{document}")),
        ("---\n", format!("---\n{document}")),
        (
            "---\r\n",
            format!("---\r\n{}", document.replace('\n', "\r\n")),
        ),
    ] {
        let after = edit(before, &entries("demo")).unwrap();
        assert_eq!(after, expected, "{before:?}");
        assert_has_entries(&after, "demo", before);
    }
}

#[test]
fn unusual_layouts_are_edited() {
    for before in [
        "clusters: []\nusers:\ncontexts: null # none\n",
        "clusters: [ ]\nusers: ~\n",
        "users: [{name: demo, user: {token: x}}]\n",
        "users:\n- name: demo\n",
        "users:\n- name: demo\n  user:\n",
        "users:\n- name: demo\n  user: {}\n",
        "users:\n-   # x\n    user: {token: x}\n    name: demo\n",
        "users:\n- user:\n    token: x\n    exec: {command: y}\n  name: demo",
        "users:\n  -\n    name: demo\n    user: &u {token: x}\n",
        "users: &all # x\n  - name: a\n",
        "\"users\" : !!seq\n- name: a\n",
        "x: &e {command: a}\nusers:\n- name: demo\n  user: {exec: *e}\n- name: b\n  user: {exec: *e}\n",
        "? users\n: - name: a\n",
    ] {
        let after = edit(before, &entries("demo")).unwrap();
        assert_eq!(
            parse_without(before, "demo"),
            parse_without(&after, "demo"),
            "{before:?}:\n{after}"
        );
        assert_has_entries(&after, "demo", before);
        assert!(!after.contains("token:"), "{after}");
    }
}

#[test]
fn layouts_that_cannot_be_edited_safely_are_rejected() {
    for (before, expected) in [
        ("[]", "is not a kubeconfig"),
        ("hello", "is not a kubeconfig"),
        ("kind: Pod\n", "`kind` is not `Config`"),
        ("apiVersion: v2\n", "`apiVersion` is not `v1`"),
        ("users: hello\n", "`users` is not a list"),
        ("users: {a: b}\n", "`users` is not a list"),
        ("users:\n- name: a\nusers:\n- name: b\n", "`users` twice"),
        (
            "users:\n- name: demo\n- name: demo\n",
            "two entries named `demo`",
        ),
        ("users:\n\t- name: a\n", "cannot read"),
        ("users: [\n", "cannot read"),
        (
            "u: &u {token: x}\nusers:\n- name: demo\n  user: *u\n",
            "alias",
        ),
        (
            "u: &u {token: x}\nusers:\n- name: demo\n  user: {<<: *u}\n",
            "merge key",
        ),
        (
            "users:\n- name: demo\n  user: &u {token: x}\n- {name: b, user: *u}\n",
            "unsupported YAML layout",
        ),
        ("l: &l [{name: a}]\nusers: *l\n", "`users` is an alias"),
        (
            "users:\n- name: demo\n  ? user\n  : {}\n",
            "unsupported YAML layout",
        ),
        ("null\n", "its first document is empty"),
        ("---\n...\n", "its first document is empty"),
    ] {
        let error = edit(before, &entries("demo")).unwrap_err();
        assert!(error.to_string().contains(expected), "{before:?}: {error}");
    }
}

/// Pieces of YAML that are inserted at random.
const PIECES: [&str; 26] = [
    " ",
    "\n",
    "\t",
    "- ",
    ": ",
    "#",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "!!x ",
    "|\n",
    "---\n",
    "é",
    "\r\n",
    "users:\n",
    "name: demo\n",
    "? ",
    "<<: ",
    "~",
    "\u{2028}",
];

/// A linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    /// Deletes, copies or inserts up to four pieces.
    fn damage(&mut self, text: &str) -> String {
        let mut text: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(text.len());
            match self.below(4) {
                0 => drop(text.drain(at..(at + 1 + self.below(30)).min(text.len()))),
                1 => {
                    let end = (at + self.below(60)).min(text.len());
                    let copy: Vec<_> = text[at..end].to_vec();
                    let to = self.below(text.len());
                    text.splice(to..to, copy);
                }
                _ => {
                    let piece = PIECES[self.below(PIECES.len())];
                    text.splice(at..at, piece.chars());
                }
            }
        }
        text.into_iter().collect()
    }
}

#[test]
fn damaged_files_are_edited_correctly_or_rejected() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut edited, mut rejected) = (0, 0);
    for round in 0..500 {
        let before = random.damage(&read_data(FILES[round % FILES.len()]));
        let name = ["demo", "kind-one", "shop"][random.below(3)];
        let Ok(after) = edit(&before, &entries(name)) else {
            rejected += 1;
            continue;
        };
        edited += 1;
        // Some of these texts can be read by only one of the two readers.
        if let (Some(old), Some(_)) = (parse_without(&before, name), parse(&after)) {
            let new = parse_without(&after, name);
            assert_eq!(Some(old), new, "{before}\n=====\n{after}");
            assert_has_entries(&after, name, &after);
        }
    }
    println!("{edited} edited, {rejected} rejected");
    assert!(
        edited > 50 && rejected > 50,
        "{edited} edited, {rejected} rejected"
    );
}
