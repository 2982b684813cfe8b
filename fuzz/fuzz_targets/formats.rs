//! Output formats: other readers read back the value that was written, and nothing of a secret is
//! written if secrets are redacted.

#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use esc::format::{Secrets, json, string, variables, yaml};
use esc::{Data, Environment, Number, Value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

#[derive(Arbitrary, Debug)]
struct Tree<'a> {
    kind: Kind<'a>,
    secret: bool,
    unknown: bool,
}

#[derive(Arbitrary, Debug)]
enum Kind<'a> {
    Null,
    Bool(bool),
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    List(Vec<Tree<'a>>),
    Map(Vec<(&'a str, Tree<'a>)>),
}

fuzz_target!(|tree: Tree<'_>| {
    let value = value(&tree, 0);
    for (text, secrets) in [
        (json::compact(&value, Secrets::Revealed), Secrets::Revealed),
        (json::indented(&value, Secrets::Revealed), Secrets::Revealed),
        (json::compact(&value, Secrets::Redacted), Secrets::Redacted),
        (json::indented(&value, Secrets::Redacted), Secrets::Redacted),
    ] {
        let read: Json = serde_json::from_slice(text.as_bytes()).unwrap();
        assert_eq!(read, expected(&value, secrets));
    }
    for secrets in [Secrets::Revealed, Secrets::Redacted] {
        let read: Json =
            serde_json::from_slice(json::detailed(&value, secrets).as_bytes()).unwrap();
        assert!(read.is_object());
        check_yaml(&value.with_placeholders(secrets));
        let _ = string::plain(&value, secrets);
        check_lines(&value, secrets);
    }
    let debug = format!("{value:?}");
    if !value.secret && !value.unknown {
        assert!(!debug.is_empty());
    }
});

fn value(tree: &Tree<'_>, depth: usize) -> Value {
    let below = |tree: &Tree<'_>| value(tree, depth + 1);
    let data = match &tree.kind {
        _ if depth > 60 => Data::Null,
        Kind::Null => Data::Null,
        Kind::Bool(value) => Data::Bool(*value),
        Kind::Number(number) => Data::Number(Number::from_text(number.to_string())),
        Kind::Text(text) => Data::String((*text).into()),
        Kind::Bytes(bytes) => Data::String(bytes.to_vec().into()),
        Kind::List(items) => Data::Array(items.iter().map(below).collect()),
        Kind::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(name, tree)| ((*name).to_owned(), below(tree)));
            Data::Object(entries.collect())
        }
    };
    Value {
        data,
        secret: tree.secret,
        unknown: tree.unknown,
    }
}

/// What a reader of JSON has to see.
fn expected(value: &Value, secrets: Secrets) -> Json {
    if value.secret && secrets == Secrets::Redacted {
        return "[secret]".into();
    }
    if value.unknown {
        return "[unknown]".into();
    }
    match &value.data {
        Data::Null => Json::Null,
        Data::Bool(value) => (*value).into(),
        Data::Number(number) => serde_json::from_str(number.as_str()).unwrap(),
        // Go writes a replacement character for each byte that is not UTF-8.
        Data::String(text) => {
            let chunks = text.as_bytes().utf8_chunks();
            let text: String = chunks
                .flat_map(|chunk| {
                    [
                        chunk.valid().to_owned(),
                        "\u{fffd}".repeat(chunk.invalid().len()),
                    ]
                })
                .collect();
            text.into()
        }
        Data::Array(items) => items.iter().map(|item| expected(item, secrets)).collect(),
        Data::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| (name.clone(), expected(value, secrets)));
            Json::Object(entries.collect())
        }
    }
}

/// Both readers of YAML see the value, of which numbers are strings.
fn check_yaml(value: &Value) {
    if is_lossy(value) {
        return;
    }
    for indent in [yaml::FUNCTION_INDENT, yaml::OPEN_INDENT] {
        let text = yaml::text(value, indent);
        let text = text.as_str().expect("YAML is UTF-8");
        if let Err(error) = esc_yaml::parse(text, &esc_yaml::Limits::default()) {
            panic!("{error}: {text:?}");
        }
        let read = serde_yaml::from_str::<serde_yaml::Value>(text);
        let read = read.unwrap_or_else(|error| panic!("{error}: {text:?}"));
        assert!(is_same(value, &read), "{text:?} is read as {read:?}");
    }
}

fn is_same(value: &Value, read: &serde_yaml::Value) -> bool {
    use serde_yaml::Value as Yaml;
    match (&value.data, read) {
        (Data::Null, Yaml::Null) => true,
        (Data::Bool(value), Yaml::Bool(read)) => value == read,
        (Data::Number(number), Yaml::String(read)) => number.as_str() == read,
        (Data::String(text), Yaml::String(read)) if text.as_str().is_some() => {
            text.as_str() == Some(read)
        }
        // `!!binary`
        (Data::String(text), Yaml::String(read)) => {
            BASE64_STANDARD.decode(read.replace('\n', "")).as_deref() == Ok(text.as_bytes())
        }
        (Data::Array(items), Yaml::Sequence(read)) => {
            items.len() == read.len()
                && items
                    .iter()
                    .zip(read)
                    .all(|(item, read)| is_same(item, read))
        }
        (Data::Object(entries), Yaml::Mapping(read)) => {
            entries.len() == read.len()
                && entries.iter().all(|(name, value)| {
                    let mut read = read.iter();
                    let found = read.find(|(key, _)| key.as_str() == Some(name));
                    found.is_some_and(|(_, read)| is_same(value, read))
                })
        }
        _ => false,
    }
}

/// yaml.v3 writes a text of several lines as a literal block even if it begins with a line break, which
/// readers lose, a tab, which they reject, or a space, for which it miscounts the indentation in lists. ESC
/// does the same.
fn is_lossy(value: &Value) -> bool {
    let is_lossy_text =
        |text: &[u8]| text.contains(&b'\n') && matches!(text.first(), Some(b' ' | b'\t' | b'\n'));
    match &value.data {
        Data::String(text) => is_lossy_text(text.as_bytes()),
        Data::Array(items) => items.iter().any(is_lossy),
        Data::Object(entries) => {
            let mut entries = entries.iter();
            entries.any(|(name, value)| is_lossy_text(name.as_bytes()) || is_lossy(value))
        }
        _ => false,
    }
}

/// `environmentVariables` as lines for a shell and for dotenv.
fn check_lines(value: &Value, secrets: Secrets) {
    let values = Value::new(Data::Object(
        [("environmentVariables".to_owned(), value.clone())].into(),
    ));
    let environment = Environment { values };
    let mut expected = BTreeMap::new();
    for variable in environment.variables() {
        let is_hidden = variable.secret && secrets == Secrets::Redacted;
        let text = if is_hidden {
            "[secret]".into()
        } else {
            variable.text.clone()
        };
        expected.insert(variable.name.to_owned(), text.as_bytes().to_vec());
    }
    if let Ok(text) = variables::shell(&environment, secrets) {
        assert_eq!(read_shell(text.as_bytes()), expected);
    }
    if let Ok(text) = variables::dotenv(&environment, secrets) {
        let lines = text.as_str().expect("quotes are UTF-8").lines().count();
        assert_eq!(lines, expected.len());
    }
}

/// Reads `export NAME='value'` as a POSIX shell does.
fn read_shell(mut text: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut variables = BTreeMap::new();
    while !text.is_empty() {
        text = text.strip_prefix(b"export ").unwrap();
        let equals = text.iter().position(|byte| *byte == b'=').unwrap();
        let name = String::from_utf8(text[..equals].to_vec()).unwrap();
        text = &text[equals + 1..];
        let mut value = Vec::new();
        loop {
            match text {
                [b'\'', rest @ ..] => {
                    let end = rest.iter().position(|byte| *byte == b'\'').unwrap();
                    value.extend_from_slice(&rest[..end]);
                    text = &rest[end + 1..];
                }
                [b'\\', byte, rest @ ..] => {
                    value.push(*byte);
                    text = rest;
                }
                [b'\n', rest @ ..] => {
                    text = rest;
                    break;
                }
                [] => break,
                _ => panic!("unquoted: {text:?}"),
            }
        }
        variables.insert(name, value);
    }
    variables
}
