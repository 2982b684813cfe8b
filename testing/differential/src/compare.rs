//! What differs between two answers, and which differences are intended.

mod explained;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::case::{Answer, Case, Diagnostic};

pub use explained::EXPLAINED;

/// The result of comparing two answers.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    pub differences: Vec<Difference>,
    /// The classes of [`EXPLAINED`] that applied.
    pub explained: Vec<&'static str>,
    /// Whether a definition splits something.
    splits: bool,
    /// Whether a definition has secrets, or uses a provider that has.
    has_secrets: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Differences with the same signature probably have the same cause.
    pub signature: String,
    pub theirs: String,
    pub ours: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Value,
    Diagnostic,
    /// Only the end of a diagnostic's range.
    End,
}

impl Comparison {
    pub fn equal(&self, kind: Kind) -> bool {
        self.differences
            .iter()
            .all(|difference| difference.kind != kind)
    }
}

/// Compares upstream's answer to a case with ours.
pub fn compare(case: &Case, theirs: &Answer, ours: &Answer) -> Comparison {
    let mentions = |word: &str| {
        let mut definitions = case.environments.values();
        definitions.any(|text| text.to_lowercase().contains(word))
    };
    let mut comparison = Comparison {
        splits: mentions("fn::split"),
        has_secrets: mentions("secret"),
        ..Comparison::default()
    };
    if let Some(class) = explained::explains_whole_answer(theirs, ours) {
        comparison.explain(class);
        return comparison;
    }
    for (name, theirs, ours) in [
        ("revealed", &theirs.revealed, &ours.revealed),
        ("redacted", &theirs.redacted, &ours.redacted),
        ("check", &theirs.check, &ours.check),
    ] {
        comparison.values(name, theirs.as_deref(), ours.as_deref());
    }
    for (phase, theirs_after_load, ours) in [
        ("open", &theirs.open, &ours.open),
        ("check", &theirs.checked, &ours.checked),
    ] {
        let theirs = theirs.load.iter().chain(theirs_after_load).cloned();
        comparison.diagnostics(phase, theirs.collect(), ours.clone());
    }
    comparison
}

impl Comparison {
    /// The signatures of the differences, and on request the explained classes.
    pub fn signatures(&self, with_explained: bool) -> BTreeSet<String> {
        let differences = self.differences.iter();
        let mut signatures: BTreeSet<_> = differences
            .map(|difference| difference.signature.clone())
            .collect();
        if with_explained {
            let classes = self.explained.iter();
            signatures.extend(classes.map(|class| format!("explained: {class}")));
        }
        signatures
    }

    fn explain(&mut self, class: &'static str) {
        if !self.explained.contains(&class) {
            self.explained.push(class);
        }
    }

    fn values(&mut self, phase: &str, theirs: Option<&str>, ours: Option<&str>) {
        // Without values, upstream prints `null` and ours nothing.
        let [theirs, ours] = [theirs, ours].map(|text| match text {
            None | Some("null") => "{}",
            Some(text) => text,
        });
        if theirs == ours {
            return;
        }
        if theirs.starts_with("json: invalid number literal") {
            self.explain("no JSON");
            return;
        }
        let parsed = [theirs, ours].map(serde_json::from_str::<Value>);
        if let ("redacted" | "check", true, [Ok(theirs), Ok(ours)]) = (phase, self.splits, &parsed)
            && self.differences.is_empty()
            && explained::differs_in_hidden_values_only(theirs, ours)
        {
            self.explain("split");
            return;
        }
        // A difference in opened values shows up in the check too.
        let name = if phase == "check" && self.differences.is_empty() {
            "checked"
        } else {
            "value"
        };
        self.differences.push(Difference {
            signature: format!("{name}: {}", first_difference(theirs, ours)),
            theirs: format!("{phase}: {theirs}"),
            ours: format!("{phase}: {ours}"),
            kind: Kind::Value,
        });
    }

    fn diagnostics(&mut self, phase: &str, theirs: Vec<Diagnostic>, ours: Vec<Diagnostic>) {
        let (theirs, ours) = without_common(theirs, ours, Diagnostic::clone);
        let (theirs, ours) = self.without_explained_pairs(theirs, ours);
        let (theirs_by_begin, ours_by_begin) =
            without_common(theirs.clone(), ours.clone(), |diagnostic| Diagnostic {
                end: None,
                ..diagnostic.clone()
            });
        let (kind, theirs, ours) = if theirs_by_begin.is_empty() && ours_by_begin.is_empty() {
            (Kind::End, theirs, ours)
        } else {
            (Kind::Diagnostic, theirs_by_begin, ours_by_begin)
        };
        if theirs.is_empty() && ours.is_empty() {
            return;
        }
        self.differences.push(Difference {
            signature: signature(kind, &theirs, &ours),
            theirs: listing(phase, &theirs),
            ours: listing(phase, &ours),
            kind,
        });
    }

    fn without_explained_pairs(
        &mut self,
        mut theirs: Vec<Diagnostic>,
        mut ours: Vec<Diagnostic>,
    ) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        for (class, explains) in explained::pair_classes(self.has_secrets) {
            theirs.retain(|their| {
                let pair = ours.iter().position(|our| explains(their, our));
                if let Some(index) = pair {
                    ours.remove(index);
                    self.explain(class);
                }
                pair.is_none()
            });
        }
        (theirs, ours)
    }
}

/// The signature of a difference in diagnostics, of which at least one list is not empty.
fn signature(kind: Kind, theirs: &[Diagnostic], ours: &[Diagnostic]) -> String {
    if kind == Kind::End {
        return format!("end of: {}", summary_class(&theirs[0].summary));
    }
    // A diagnostic that only moved is one difference, not a missing and an extra one.
    let (only_theirs, only_ours) =
        without_common(theirs.to_vec(), ours.to_vec(), |diagnostic| Diagnostic {
            begin: None,
            end: None,
            environment: None,
            path: String::new(),
            ..diagnostic.clone()
        });
    if let Some(missing) = only_theirs.iter().min() {
        let instead = only_ours.iter().find(|ours| ours.begin == missing.begin);
        let instead = instead.map(|ours| format!(", instead: {}", summary_class(&ours.summary)));
        let missing = summary_class(&missing.summary);
        format!("missing: {missing}{}", instead.unwrap_or_default())
    } else if let Some(extra) = only_ours.iter().min() {
        format!("extra: {}", summary_class(&extra.summary))
    } else {
        let moved = theirs.iter().min().unwrap();
        let same = |ours: &&Diagnostic| ours.summary == moved.summary;
        let ours = ours.iter().find(same).unwrap();
        let what = if ours.path == moved.path {
            "position"
        } else if ours.begin == moved.begin {
            "path"
        } else {
            "position and path"
        };
        format!("{what} of: {}", summary_class(&moved.summary))
    }
}

fn listing(phase: &str, diagnostics: &[Diagnostic]) -> String {
    let mut sorted: Vec<_> = diagnostics.iter().collect();
    sorted.sort();
    let mut text = String::new();
    for diagnostic in sorted {
        write!(text, "\n    {phase}: {diagnostic}").unwrap();
    }
    if text.is_empty() {
        format!("{phase}: nothing")
    } else {
        text
    }
}

/// Both lists without the diagnostics that, compared by `key`, are in both.
fn without_common(
    theirs: Vec<Diagnostic>,
    ours: Vec<Diagnostic>,
    key: impl Fn(&Diagnostic) -> Diagnostic,
) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut counts: BTreeMap<Diagnostic, isize> = BTreeMap::new();
    for diagnostic in &ours {
        *counts.entry(key(diagnostic)).or_default() += 1;
    }
    let mut common: BTreeMap<Diagnostic, isize> = BTreeMap::new();
    let theirs = theirs.into_iter().filter(|diagnostic| {
        let key = key(diagnostic);
        let left = counts.entry(key.clone()).or_default();
        *left -= 1;
        if *left >= 0 {
            *common.entry(key).or_default() += 1;
            return false;
        }
        true
    });
    let theirs: Vec<_> = theirs.collect();
    let ours = ours.into_iter().filter(|diagnostic| {
        let left = common.entry(key(diagnostic)).or_default();
        *left -= 1;
        *left < 0
    });
    (theirs, ours.collect())
}

/// A summary without names, numbers and text from the definition.
pub fn summary_class(summary: &str) -> String {
    const STARTS: [&str; 6] = [
        "cyclic reference to",
        "cyclic import of",
        "missing required properties:",
        "expected one of",
        "the provider fails:",
        "environment \"",
    ];
    if let Some(start) = STARTS.iter().find(|start| summary.starts_with(**start)) {
        return (*start).to_owned();
    }
    let mut class = String::new();
    let mut quote = None;
    for character in summary.chars().take(120) {
        if quote == Some(character) {
            quote = None;
            class.push(character);
        } else if quote.is_none() {
            match character {
                '"' | '`' => {
                    quote = Some(character);
                    class.push(character);
                }
                '0'..='9' if class.ends_with('N') => {}
                '0'..='9' => class.push('N'),
                _ => class.push(character),
            }
        }
    }
    class
}

/// The kinds of the first two JSON values that differ.
fn first_difference(theirs: &str, ours: &str) -> String {
    let [Ok(theirs), Ok(ours)] = [theirs, ours].map(serde_json::from_str::<Value>) else {
        return "no JSON".to_owned();
    };
    kinds_that_differ(&theirs, &ours).unwrap_or_else(|| "text".to_owned())
}

fn kinds_that_differ(theirs: &Value, ours: &Value) -> Option<String> {
    match (theirs, ours) {
        _ if theirs == ours => None,
        (Value::Object(theirs), Value::Object(ours)) => {
            let in_both = |(name, value)| kinds_that_differ(value, ours.get(name)?);
            let difference = theirs.iter().find_map(in_both);
            difference.or_else(|| Some("keys".to_owned()))
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            let mut pairs = theirs.iter().zip(ours);
            pairs.find_map(|(theirs, ours)| kinds_that_differ(theirs, ours))
        }
        _ => Some(format!("{}, ours {}", kind(theirs), kind(ours))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(text) if text == "[unknown]" => "unknown",
        Value::String(text) if text == "[secret]" => "secret",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
