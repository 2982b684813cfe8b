//! `docs/errors.md` has every error message of the source, in the section of its exit code, and no other.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What precedes the message of an error, and its exit code if that is known.
const STARTS: [(&str, Option<u8>); 14] = [
    ("Error::configuration(", Some(2)),
    ("Kind::Configuration,", Some(2)),
    ("Kind::Definition,", Some(3)),
    ("Kind::Denied,", Some(4)),
    ("Kind::Unavailable,", Some(5)),
    ("Error::of_system(", Some(5)),
    ("Kind::Credentials,", Some(6)),
    ("Kind::Internal,", Some(70)),
    ("Kind::CommandNotExecutable,", None),
    ("Kind::CommandNotFound,", None),
    ("Kind::OutputClosed,", None),
    ("(kind,", None),
    (" invalid(", None),
    ("let message =", None),
];

/// A message in the documentation, and the exit codes in the heading of its section.
struct Documented {
    message: String,
    codes: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source files without their tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    folders.push(path);
                }
            } else if !path.ends_with("tests.rs") && !path.ends_with("fuzzing.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
                sources.push((path, text[..end].to_owned()));
            }
        }
    }
    sources
}

/// The string literal at the start of `source`, perhaps that of a format macro, with `…` for placeholders.
fn literal(source: &str) -> Option<String> {
    let mut rest = source.trim_start();
    for macro_start in ["format!(", "format_args!("] {
        rest = rest.strip_prefix(macro_start).unwrap_or(rest).trim_start();
    }
    let mut characters = rest.strip_prefix('"')?.chars().peekable();
    let mut text = String::new();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => match characters.next()? {
                '\n' => while characters.next_if(|next| next.is_whitespace()).is_some() {},
                escaped => text.push(escaped),
            },
            '{' if characters.next_if_eq(&'{').is_some() => text.push('{'),
            '}' if characters.next_if_eq(&'}').is_some() => text.push('}'),
            '{' => {
                characters.by_ref().find(|next| *next == '}')?;
                text.push('…');
            }
            other => text.push(other),
        }
    }
}

/// The literals after each occurrence of `start`.
fn literals_after<'s>(source: &'s str, start: &'s str) -> impl Iterator<Item = String> + 's {
    source
        .match_indices(start)
        .filter_map(move |(at, _)| literal(&source[at + start.len()..]))
}

fn documented() -> Vec<Documented> {
    let text = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let mut documented = Vec::new();
    let mut codes = "";
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            codes = heading.split(':').next().unwrap();
        }
        let Some(row) = line.strip_prefix("| ") else {
            continue;
        };
        let mut cells = row.split(" | ");
        let first = cells.next().unwrap();
        let is_code = first.starts_with(|c: char| c.is_ascii_digit());
        let message = if is_code {
            cells.next().unwrap()
        } else {
            first
        };
        if !["message", "cause", "code", "---"].contains(&message) {
            let message = message.to_owned();
            let codes = codes.to_owned();
            documented.push(Documented { message, codes });
        }
    }
    documented
}

#[test]
fn every_message_is_documented_in_the_section_of_its_exit_code() {
    let documented = documented();
    let mut problems = BTreeSet::new();
    for (path, source) in sources() {
        for (start, code) in STARTS {
            for message in literals_after(&source, start) {
                // Names of inputs are no messages.
                if !message.contains(' ') || !message.contains(|c: char| c.is_alphabetic()) {
                    continue;
                }
                let mut found = documented.iter().filter(|it| it.message == message);
                let is_in_section =
                    |it: &Documented| code.is_none_or(|code| it.codes == code.to_string());
                if !found.any(is_in_section) {
                    let path = path.strip_prefix(root()).unwrap().display().to_string();
                    problems.insert(format!("{path}: {message} (exit code {code:?})"));
                }
            }
        }
    }
    let problems: Vec<_> = problems.into_iter().collect();
    assert!(
        problems.is_empty(),
        "not in docs/errors.md:\n{}",
        problems.join("\n")
    );
}

#[test]
fn every_documented_message_exists_once() {
    let sources = sources();
    let literals: BTreeSet<_> = sources
        .iter()
        .flat_map(|(_, source)| source.match_indices('"').map(|(at, _)| &source[at..]))
        .filter_map(literal)
        .collect();
    let documented = documented();
    let unknown = documented
        .iter()
        .filter(|it| !literals.contains(&it.message));
    let unknown: Vec<_> = unknown.map(|it| it.message.as_str()).collect();
    assert!(unknown.is_empty(), "not in the source: {unknown:#?}");
    let mut seen = BTreeSet::new();
    let repeated = documented
        .iter()
        .filter(|it| !seen.insert((&it.message, &it.codes)));
    let repeated: Vec<_> = repeated.map(|it| it.message.as_str()).collect();
    assert!(repeated.is_empty(), "documented twice: {repeated:#?}");
}
