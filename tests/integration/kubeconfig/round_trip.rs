//! Editing leaves everything but our entries as it was, to the byte, or refuses.

use kubeconfig::{Changes, Cluster, EntryChange, edit, new_kubeconfig};
use kubectl_esc::kubernetes::plugin_user::PluginUser;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use crate::support::aws::project_file;

const FILES: [&str; 6] = [
    "aws.yaml",
    "eksctl.yaml",
    "gke.yaml",
    "kind.yaml",
    "rancher.yaml",
    "tabbed.json",
];

fn data(name: &str) -> String {
    project_file(&format!("tests/data/kubeconfigs/{name}"))
}

/// Cluster, user and context of one name.
fn entries(name: &str) -> Changes {
    let cluster = Cluster {
        server: "https://0123.gr7.eu-west-1.eks.amazonaws.com".to_owned(),
        certificate_authority_data: Some("QUJD".to_owned()),
        ..Cluster::default()
    };
    let args = ["get-token", "acme/platform/shop", "--cluster-name", "shop"];
    let user = PluginUser {
        args: args.map(str::to_owned).to_vec(),
        env: None,
    };
    Changes {
        entries: vec![
            cluster.entry(name),
            user.entry(name),
            EntryChange::context(name, name, name, None),
        ],
        current_context: None,
    }
}

/// What a text means to an independent reader: that of serde.
fn meaning(text: &str) -> Option<Value> {
    // This reader does not know the byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    let document = serde_yaml::Deserializer::from_str(text).next()?;
    Value::deserialize(document).ok()
}

/// The meaning without the entries of a name; lists that are empty, or not there, count as one.
fn without(text: &str, name: &str) -> Option<Value> {
    let mut root = meaning(text)?;
    if root.is_null() {
        root = Value::Mapping(Mapping::new());
    }
    for section in ["clusters", "contexts", "users"] {
        let list = root.get_mut(section).and_then(Value::as_sequence_mut);
        let mut list = list.map(std::mem::take).unwrap_or_default();
        list.retain(|entry| entry.get("name").and_then(Value::as_str) != Some(name));
        root.as_mapping_mut()?.insert(section.into(), list.into());
    }
    let mut keys: Vec<_> = root.as_mapping()?.clone().into_iter().collect();
    keys.sort_by_key(|(key, _)| serde_yaml::to_string(key).unwrap());
    Some(Value::Mapping(keys.into_iter().collect()))
}

/// The lines of `after` that are not those of `before`, in order. Fails if one of `before` is gone
/// or out of order.
#[track_caller]
fn added<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
    let mut old = before.split_inclusive('\n').peekable();
    let mut added = Vec::new();
    for line in after.split_inclusive('\n') {
        if old.peek().is_some_and(|old| *old == line) {
            old.next();
        } else {
            added.push(line);
        }
    }
    assert_eq!(old.next(), None, "a line is gone:\n{after}");
    added
}

/// Each file, and what an editor may make of it.
fn variants() -> Vec<(String, String)> {
    let mut variants = Vec::new();
    for name in FILES {
        let text = data(name);
        for (kind, text) in [
            ("as it is", text.clone()),
            ("CRLF", text.replace('\n', "\r\n")),
            ("no line break at the end", text.trim_end().to_owned()),
            ("byte order mark", format!("\u{feff}{text}")),
            ("document start", format!("---\n{text}")),
            ("two documents", format!("{text}---\nkind: Other # é\n")),
            ("document end", format!("{text}...\n")),
            ("comment at the end", format!("{text}\n\n  # bye")),
        ] {
            if name == "tabbed.json"
                && !matches!(kind, "as it is" | "CRLF" | "no line break at the end")
            {
                continue;
            }
            variants.push((format!("{name}, {kind}"), text));
        }
    }
    variants
}

#[test]
fn new_entries_leave_every_other_byte() {
    for (name, before) in variants() {
        let after =
            edit(&before, &entries("demo")).unwrap_or_else(|error| panic!("{name}: {error}"));
        if name.starts_with("tabbed.json") {
            serde_json::from_str::<serde_json::Value>(&after).unwrap();
        } else {
            // The last line of a file may get a line break; compared as if it had one.
            let ended = |text: &str| format!("{}\n", text.trim_end_matches('\n'));
            let added: String = added(&ended(&before), &ended(&after)).concat();
            assert_eq!(added.lines().count(), 4 + 12 + 4, "{name}:\n{added}");
            assert_eq!(before.contains("\r\n"), added.contains("\r\n"), "{name}");
            assert_eq!(
                added.replace("\r\n", "").contains('\n'),
                !before.contains("\r\n"),
                "{name}"
            );
        }
        assert_eq!(
            before.ends_with('\n'),
            after.ends_with('\n'),
            "{name}: the end of the file"
        );
        assert_eq!(without(&before, "demo"), without(&after, "demo"), "{name}");
        assert_entries(&after, "demo", &name);
        assert_eq!(
            edit(&after, &entries("demo")).unwrap(),
            after,
            "{name}: again"
        );
    }
}

#[track_caller]
fn assert_entries(text: &str, name: &str, of: &str) {
    let root = meaning(text).unwrap_or_else(|| panic!("{of}: cannot be read:\n{text}"));
    for (section, entry, wanted) in [
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
            .unwrap_or_else(|| panic!("{of}: {section}:\n{text}"));
        let found: Vec<_> = list.iter().filter(|it| it["name"] == name).collect();
        assert_eq!(found.len(), 1, "{of}: {section}");
        let content = serde_yaml::to_string(&found[0][entry]).unwrap();
        assert!(content.contains(wanted), "{of}: {content}");
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
            let before = data(file).replace('\n', line_break);
            let after = edit(&before, &entries(name)).unwrap();
            assert_eq!(without(&before, name), without(&after, name), "{file}");
            assert_entries(&after, name, file);
            assert_eq!(
                edit(&after, &entries(name)).unwrap(),
                after,
                "{file}: again"
            );
        }
    }
    // Comments, unknown fields, and hand-made order stay in the entry.
    let before = data("kind.yaml");
    let after = edit(&before, &entries("kind-one")).unwrap();
    let expected = before
        .replace("https://127.0.0.1:40001", "https://0123.gr7.eu-west-1.eks.amazonaws.com")
        .replacen("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", "QUJD", 1)
        .replace(
            "      client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==\n      client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=\n",
            "      exec:\n        apiVersion: client.authentication.k8s.io/v1\n        args:\n        - get-token\n        - acme/platform/shop\n        - --cluster-name\n        - shop\n        command: kubectl-esc\n        installHint: kubectl-esc is not installed, or not on the PATH\n        interactiveMode: Never\n",
        );
    assert_eq!(after, expected);
}

#[test]
fn current_context_changes_alone() {
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
fn unusual_layouts_are_edited_or_rejected() {
    let fresh = new_kubeconfig(&entries("demo"));
    for (before, want) in [
        ("", Ok(fresh.clone())),
        ("# mine\n", Ok(format!("# mine\n{fresh}"))),
        ("# mine", Ok(format!("# mine\n{fresh}"))),
        ("---\n", Ok(format!("---\n{fresh}"))),
        (
            "---\r\n",
            Ok(format!("---\r\n{}", fresh.replace('\n', "\r\n"))),
        ),
        (
            "clusters: []\nusers:\ncontexts: null # none\n",
            Ok(String::new()),
        ),
        ("clusters: [ ]\nusers: ~\n", Ok(String::new())),
        (
            "users: [{name: demo, user: {token: x}}]\n",
            Ok(String::new()),
        ),
        ("users:\n- name: demo\n", Ok(String::new())),
        ("users:\n- name: demo\n  user:\n", Ok(String::new())),
        ("users:\n- name: demo\n  user: {}\n", Ok(String::new())),
        (
            "users:\n-   # x\n    user: {token: x}\n    name: demo\n",
            Ok(String::new()),
        ),
        (
            "users:\n- user:\n    token: x\n    exec: {command: y}\n  name: demo",
            Ok(String::new()),
        ),
        (
            "users:\n  -\n    name: demo\n    user: &u {token: x}\n",
            Ok(String::new()),
        ),
        ("users: &all # x\n  - name: a\n", Ok(String::new())),
        ("\"users\" : !!seq\n- name: a\n", Ok(String::new())),
        (
            "x: &e {command: a}\nusers:\n- name: demo\n  user: {exec: *e}\n- name: b\n  user: {exec: *e}\n",
            Ok(String::new()),
        ),
        ("[]", Err("is not a kubeconfig")),
        ("hello", Err("is not a kubeconfig")),
        ("kind: Pod\n", Err("`kind` is not `Config`")),
        ("apiVersion: v2\n", Err("`apiVersion` is not `v1`")),
        ("users: hello\n", Err("`users` is not a list")),
        ("users: {a: b}\n", Err("`users` is not a list")),
        (
            "users:\n- name: a\nusers:\n- name: b\n",
            Err("`users` twice"),
        ),
        (
            "users:\n- name: demo\n- name: demo\n",
            Err("two entries named `demo`"),
        ),
        ("users:\n\t- name: a\n", Err("cannot read")),
        ("users: [\n", Err("cannot read")),
        (
            "u: &u {token: x}\nusers:\n- name: demo\n  user: *u\n",
            Err("alias"),
        ),
        (
            "u: &u {token: x}\nusers:\n- name: demo\n  user: {<<: *u}\n",
            Err("merge key"),
        ),
        (
            "users:\n- name: demo\n  user: &u {token: x}\n- {name: b, user: *u}\n",
            Err("unsupported YAML layout"),
        ),
        ("l: &l [{name: a}]\nusers: *l\n", Err("`users` is an alias")),
        ("? users\n: - name: a\n", Ok(String::new())),
        (
            "users:\n- name: demo\n  ? user\n  : {}\n",
            Err("unsupported YAML layout"),
        ),
        ("null\n", Err("its first document is empty")),
        ("---\n...\n", Err("its first document is empty")),
    ] {
        match (edit(before, &entries("demo")), want) {
            (Ok(after), Ok(want)) => {
                if !want.is_empty() {
                    assert_eq!(after, want, "{before:?}");
                }
                assert_eq!(
                    without(before, "demo").map(stripped),
                    without(&after, "demo").map(stripped),
                    "{before:?}:\n{after}"
                );
                assert_entries(&after, "demo", &after);
                assert!(!after.contains("token:"), "{after}");
            }
            (Err(error), Err(want)) => {
                assert!(error.to_string().contains(want), "{before:?}: {error}");
            }
            (result, want) => panic!("{before:?}: {result:?}, not {want:?}"),
        }
    }
}

/// Without what a new file has beside the entries.
fn stripped(mut root: Value) -> Value {
    for key in ["apiVersion", "kind"] {
        root.as_mapping_mut().unwrap().remove(key);
    }
    root
}

/// Texts that are almost kubeconfigs: no panic, and whatever is edited means the same to the other
/// reader but for our entries.
#[test]
fn damaged_files_are_edited_correctly_or_rejected() {
    let pieces = [
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
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    let (mut edited, mut refused) = (0, 0);
    for round in 0..500 {
        let mut text: Vec<char> = data(FILES[round % FILES.len()]).chars().collect();
        for _ in 0..=random(3) {
            let at = random(text.len());
            match random(4) {
                0 => drop(text.drain(at..(at + 1 + random(30)).min(text.len()))),
                1 => {
                    let end = (at + random(60)).min(text.len());
                    let copy: Vec<_> = text[at..end].to_vec();
                    let to = random(text.len());
                    text.splice(to..to, copy);
                }
                _ => {
                    let piece = pieces[random(pieces.len())];
                    text.splice(at..at, piece.chars());
                }
            }
        }
        let before: String = text.into_iter().collect();
        let name = ["demo", "kind-one", "shop"][random(3)];
        match edit(&before, &entries(name)) {
            Ok(after) => {
                edited += 1;
                if let (Some(old), Some(new)) = (without(&before, name), meaning(&after)) {
                    assert_eq!(Some(old), without(&after, name), "{before}\n=====\n{after}");
                    drop(new);
                    assert_entries(&after, name, &after);
                }
            }
            Err(_) => refused += 1,
        }
    }
    println!("{edited} edited, {refused} refused");
    assert!(
        edited > 50 && refused > 50,
        "{edited} edited, {refused} refused"
    );
}
