//! The comparison with Go's `regexp`: `tests/oracle/patterns/run`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::class::{Class, LAST};
use super::{Pattern, unicode};

/// A name in `\p{…}`, and its code points as Go has them: plain, and where case does not count.
#[derive(Deserialize)]
struct Named {
    name: String,
    plain: Vec<(u32, u32)>,
    folded: Vec<(u32, u32)>,
}

/// A code point that has other cases, and all of them.
#[derive(Deserialize)]
struct Orbit {
    code_point: u32,
    orbit: Vec<(u32, u32)>,
}

#[derive(Deserialize)]
struct Trial {
    pattern: String,
    error: Option<String>,
    #[serde(default)]
    texts: Vec<String>,
    #[serde(default)]
    matches: Vec<bool>,
}

#[test]
#[ignore = "takes what Go makes of patterns: tests/oracle/patterns/run"]
#[expect(clippy::disallowed_methods, reason = "where the script put it")]
fn patterns_match_what_go_matches() {
    let folder = std::env::var_os("KUBECTL_ESC_PATTERNS").expect("KUBECTL_ESC_PATTERNS");
    let folder = PathBuf::from(folder);
    let mut differences = Vec::new();
    let mut classes = 0;
    for Named {
        name,
        plain,
        folded,
    } in lines(&folder.join("classes"))
    {
        classes += 1;
        match unicode::class(&name) {
            Some(ours) if ours.class.ranges() == plain && ours.folded().ranges() == folded => {}
            _ => differences.push(format!("\\p{{{name}}}")),
        }
    }
    let mut folds = 0;
    for Orbit { code_point, orbit } in lines(&folder.join("folds")) {
        folds += 1;
        let ours = Class::of(&[(code_point, code_point)]).folded();
        if ours.ranges() != orbit {
            differences.push(format!("other cases of U+{code_point:04X}"));
        }
    }
    // Whatever else our table holds, too.
    let mut others = 0;
    unicode::for_each_fold(0, LAST, |_| others += 1);
    let mut trials = 0;
    for trial in lines::<Trial>(&folder.join("cases")) {
        trials += 1;
        compare_trial(&trial, &mut differences);
    }
    println!(
        "{classes} classes, {folds} code points with other cases, {trials} patterns: {} differences",
        differences.len()
    );
    assert!(classes > 100 && folds > 2_000 && others >= folds && trials > 0);
    let shown = differences.len().min(40);
    assert!(
        differences.is_empty(),
        "{}",
        differences[..shown].join("\n")
    );
}

fn lines<T: DeserializeOwned>(path: &Path) -> impl Iterator<Item = T> {
    let lines = BufReader::new(File::open(path).unwrap()).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

fn compare_trial(trial: &Trial, differences: &mut Vec<String>) {
    let written = &trial.pattern;
    let ours = Pattern::read(written);
    match (&ours, &trial.error) {
        (Ok(pattern), None) => {
            for (text, want) in trial.texts.iter().zip(&trial.matches) {
                if pattern.matches(text.as_bytes()) != *want {
                    differences.push(format!("{written:?} on {text:?}: Go says {want}"));
                }
            }
        }
        (Err(ours), Some(go)) if ours == go => {}
        (ours, go) => {
            let ours = ours.as_ref().map(|_| "fine");
            differences.push(format!("{written:?}: ours {ours:?}, Go {go:?}"));
        }
    }
}
