//! Edits of kubeconfigs: other readers still read the file, everything but the changed entry is as it was,
//! and a second edit changes nothing. The first byte chooses the change, the second one the entry.
//!
//! With `FUZZ_KUBECTL=PROGRAM`, kubectl has to read the result too if it reads the original: slow.

#![no_main]

use std::process::Command;
use std::sync::LazyLock;

use esc_yaml::Node;
use kubeconfig::{
    Changes, Cluster, EntryChange, Kubeconfig, KubeconfigFile, MergedKubeconfig, Section, edit,
    redact,
};
use kubectl_esc_fuzz::scratch;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::json;
use serde_yaml::{Mapping, Value as Yaml};

const SECTIONS: [&str; 3] = ["clusters", "contexts", "users"];

static KUBECTL: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("FUZZ_KUBECTL").ok());

fuzz_target!(|input: (u8, u8, &str)| {
    let (kind, entry, before) = input;
    let section = SECTIONS[usize::from(kind) % SECTIONS.len()];
    let old = parse(before);
    let name = names(old.as_ref(), section, entry);
    let mut changes = Changes {
        entries: vec![change(section, &name, kind)],
        current_context: None,
    };
    if kind & 0x40 != 0 {
        changes.current_context = Some(name.clone());
    }
    check_readers(before);
    let after = match edit(before, &changes) {
        Ok(after) => after,
        Err(error) => {
            let text = format!("{error} {}", error.hint);
            assert!(text.len() < 8_192, "{text}");
            return;
        }
    };
    assert_eq!(
        edit(&after, &changes).as_ref(),
        Ok(&after),
        "the second edit of {before:?}"
    );
    if serde_json::from_str::<serde_json::Value>(before).is_ok() {
        serde_json::from_str::<serde_json::Value>(&after).unwrap();
    }
    if let Some(old) = old {
        if changes.current_context.is_none() {
            check_bytes(before, &old, &after, section, &name);
        }
        let new =
            parse(&after).unwrap_or_else(|| panic!("{after:?} is unreadable, unlike {before:?}"));
        let keeps_context = changes.current_context.is_none();
        assert_eq!(
            without(&new, section, &name, keeps_context),
            without(&old, section, &name, keeps_context),
            "{before:?} became {after:?}"
        );
        let list = new.get(section).and_then(Yaml::as_sequence).unwrap();
        let with_name = list.iter().filter(|entry| has_name(entry, &name));
        assert_eq!(with_name.count(), 1, "{after:?}");
    }
    if KUBECTL.is_some() && kubectl_reads(before) {
        assert!(
            kubectl_reads(&after),
            "kubectl cannot read {after:?}, unlike {before:?}"
        );
    }
});

fn change(section: &str, name: &str, kind: u8) -> EntryChange {
    match section {
        "clusters" => Cluster {
            server: "https://api.example.com".to_owned(),
            certificate_authority_data: (kind & 0x80 != 0).then(|| "QUJD".to_owned()),
            ..Cluster::default()
        }
        .entry(name),
        "contexts" => {
            EntryChange::context(name, "fuzz", "fuzz", (kind & 0x80 != 0).then_some("apps"))
        }
        _ => EntryChange {
            section: Section::Users,
            name: name.to_owned(),
            set: vec![
                ("exec.apiVersion", json!("client.authentication.k8s.io/v1")),
                (
                    "exec.args",
                    json!(["get-token", "acme/platform/shop", "--cluster-name", "a: b"]),
                ),
                ("exec.command", json!("kubectl-esc")),
                ("exec.env", json!([{"name": "A", "value": "#1"}])),
                ("exec.interactiveMode", json!("Never")),
            ],
            remove: vec!["client-key-data", "token", "exec.installHint"],
        },
    }
}

/// The name of an entry, mostly of an existing one.
fn names(root: Option<&Yaml>, section: &str, entry: u8) -> String {
    let list = root.and_then(|root| root.get(section)?.as_sequence());
    let names: Vec<_> = list
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("name")?.as_str())
        .collect();
    let name = names.get(usize::from(entry) % (names.len() + 1));
    name.map_or_else(|| format!("new-{entry}"), |name| (*name).to_owned())
}

/// Parses the first document with another reader, to which a key with a tag is another key. `None` too if a
/// later document has an error: this reader looks ahead, and may notice it while it reads the first one.
fn parse(text: &str) -> Option<Yaml> {
    let text = text.trim_start_matches('\u{feff}');
    let mut documents = serde_yaml::Deserializer::from_str(text).map(Yaml::deserialize);
    let root = documents.next()?.ok()?;
    let is_valid = documents.all(|document| document.is_ok());
    (is_valid && !has_tagged_key(&root)).then_some(root)
}

fn has_tagged_key(node: &Yaml) -> bool {
    let in_entry = |(key, value): (&Yaml, &Yaml)| {
        matches!(key, Yaml::Tagged(_)) || has_tagged_key(key) || has_tagged_key(value)
    };
    match node {
        Yaml::Mapping(entries) => entries.iter().any(in_entry),
        Yaml::Sequence(items) => items.iter().any(has_tagged_key),
        Yaml::Tagged(tagged) => has_tagged_key(&tagged.value),
        _ => false,
    }
}

/// The file without the entry, with empty lists for missing ones. Keys are sorted.
fn without(root: &Yaml, section: &str, name: &str, keeps_context: bool) -> Yaml {
    let mut root = root.as_mapping().cloned().unwrap_or_default();
    let list = root.get(section).and_then(Yaml::as_sequence);
    let mut list = list.cloned().unwrap_or_default();
    list.retain(|entry| !has_name(entry, name));
    root.insert(section.into(), list.into());
    if !keeps_context {
        root.remove("current-context");
    }
    // A text without a document gets the kind and the version.
    for (key, value) in [("apiVersion", "v1"), ("kind", "Config")] {
        let is_default = root
            .get(key)
            .is_none_or(|found| found.is_null() || found == value);
        if is_default {
            root.remove(key);
        }
    }
    let mut entries: Vec<_> = root.into_iter().collect();
    entries.sort_by_key(|(key, _)| format!("{key:?}"));
    Yaml::Mapping(Mapping::from_iter(entries))
}

fn has_name(entry: &Yaml, name: &str) -> bool {
    entry.get("name").and_then(Yaml::as_str) == Some(name)
}

/// The bytes before and after a changed entry are the same. `old` is the document of `before`; it tells which entry
/// has the name, because in the tree with positions `null` is a text too.
fn check_bytes(before: &str, old: &Yaml, after: &str, section: &str, name: &str) {
    let list = old.get(section).and_then(Yaml::as_sequence);
    let index = list.and_then(|list| list.iter().position(|entry| has_name(entry, name)));
    let root = esc_yaml::parse(before, &esc_yaml::Limits::default());
    let Ok(Some(root)) = root else { return };
    let entry = index.and_then(|index| root.get(section)?.items().get(index));
    let is_written = |item: &&Node| item.get("name").and_then(Node::as_str) == Some(name);
    let Some(entry) = entry.filter(is_written) else {
        return;
    };
    // What follows the last value on its line belongs to the entry.
    let rest = &before[entry.span.end..];
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let is_remark = |text: &str| text.is_empty() || text.starts_with('#');
    let rest = if is_remark(rest[..line].trim_start()) {
        &rest[line..]
    } else {
        rest
    };
    // As does a carriage return, of which one may be a blank line.
    let rest = rest.trim_start_matches('\r');
    let is_kept = after.starts_with(&before[..entry.span.start]) && after.ends_with(rest);
    assert!(is_kept, "{before:?} became {after:?}");
}

/// What reads kubeconfigs does not fail, and a redacted file has no secret.
fn check_readers(text: &str) {
    if let Ok(kubeconfig) = Kubeconfig::parse(text) {
        let debug = format!("{kubeconfig:?}");
        assert!(debug.len() < 100, "{debug}");
    }
    let file = KubeconfigFile {
        path: "config".into(),
        text: Some(text.to_owned()),
    };
    if let Ok(merged) = MergedKubeconfig::parse(vec![file]) {
        for context in merged.contexts() {
            assert_eq!(merged.require_context(&context.name).as_ref(), Ok(&context));
            let _ = merged.server(&context.cluster);
        }
        assert!(
            merged
                .users()
                .iter()
                .all(|user| merged.user(&user.name).is_some())
        );
    }
    let redacted = redact(text, "REDACTED");
    if let Some(root) = parse(&redacted) {
        check_redacted(&root, text);
    }
}

fn check_redacted(node: &Yaml, text: &str) {
    for (key, value) in node.as_mapping().into_iter().flatten() {
        if matches!(key.as_str(), Some("token" | "password" | "client-key-data")) {
            let value = match value {
                Yaml::Tagged(tagged) => &tagged.value,
                value => value,
            };
            let is_hidden = match value {
                Yaml::Null | Yaml::Mapping(_) | Yaml::Sequence(_) => true,
                Yaml::String(text) => text.is_empty() || text == "REDACTED",
                _ => false,
            };
            assert!(is_hidden, "{value:?} of {text:?} is shown");
        }
        check_redacted(value, text);
    }
    node.as_sequence()
        .into_iter()
        .flatten()
        .for_each(|item| check_redacted(item, text));
}

fn kubectl_reads(text: &str) -> bool {
    let path = scratch().join("config");
    std::fs::write(&path, text).unwrap();
    let program = KUBECTL.as_deref().unwrap_or("kubectl");
    let mut command = Command::new(program);
    command
        .args(["config", "view", "--raw", "--kubeconfig"])
        .arg(path);
    command.output().unwrap().status.success()
}
