//! What differs between two answers, and which differences are meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::case::{Answer, Case, Diagnostic};
use crate::upstream::CRASHED;

/// Differences that are meant: a name, and why.
pub const EXPLAINED: [(&str, &str); 12] = [
    (
        "no YAML",
        "of a text that is not valid YAML, both say the same: upstream without a position, ours with \
         one",
    ),
    (
        "limit",
        "ours bounds the work, the depth and the size that a definition may ask for",
    ),
    (
        "no JSON",
        "a number is NaN or infinite: upstream's values cannot be printed, ours says so",
    ),
    (
        "chance",
        "upstream's answer is one of several, as Go walks its maps: asked again, it gives ours",
    ),
    (
        "tie",
        "of several names that are as near upstream suggests any, as Go walks its maps; ours \
         the first",
    ),
    (
        "secret",
        "a text of a secret that cannot be read, by its tag or as JSON, and the names in one: ours \
         leaves them out of the message",
    ),
    (
        "unplaced",
        "upstream gives no place to what is wrong with the text of `fn::secret`; ours does",
    ),
    (
        "pattern",
        "ours compiles schema patterns with `regex-lite`: it rejects a few constructs of Go's `regexp` \
         and points to `--remote`, and words the errors of invalid patterns differently",
    ),
    (
        "split",
        "the parts of a secret that `fn::split` splits are public in upstream, secret in ours",
    ),
    ("panic", "upstream panics; ours has an answer"),
    ("crash", "upstream's stack overflows; ours has an answer"),
    (
        "internal",
        "upstream reports an internal error; ours has an answer",
    ),
];

/// What the diagnostics of our limits have in them.
const LIMITS: [&str; 7] = [
    "takes too many steps",
    "values are too large",
    "nest too deep",
    "nests deeper than",
    "nest deeper than",
    "go deeper than",
    "environments are imported",
];

/// How both report a pattern that does not compile.
const INVALID_PATTERN: &str = "invalid schema: error parsing regexp: ";

/// How our message about a pattern that only upstream supports points to Pulumi Cloud.
const REMOTE: &str = "`--remote`";

/// How two answers compare.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    pub differences: Vec<Difference>,
    /// The names out of [`EXPLAINED`] that were needed.
    pub explained: Vec<&'static str>,
    /// Whether a definition splits something.
    splits: bool,
    /// Whether there are secrets, of the definition or of a provider.
    has_secrets: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Differences with one signature are likely to have one cause.
    pub signature: String,
    pub theirs: String,
    pub ours: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Value,
    Diagnostic,
    /// A diagnostic that ends elsewhere.
    End,
}

impl Comparison {
    pub fn equal(&self, kind: Kind) -> bool {
        self.differences.iter().all(|it| it.kind != kind)
    }
}

/// Compares upstream's answer to a case with ours.
pub fn compare(case: &Case, theirs: &Answer, ours: &Answer) -> Comparison {
    let splits = |text: &String| text.to_lowercase().contains("fn::split");
    let mut comparison = Comparison {
        splits: case.environments.values().any(splits),
        has_secrets: case
            .environments
            .values()
            .any(|it| it.to_lowercase().contains("secret")),
        ..Comparison::default()
    };
    if let Some(panic) = &theirs.panic {
        let crashed = panic == CRASHED;
        comparison.explain(if crashed { "crash" } else { "panic" });
        return comparison;
    }
    let mut found = theirs
        .load
        .iter()
        .chain(&theirs.open)
        .chain(&theirs.checked);
    if found.any(|it| it.summary.starts_with("internal error: ")) {
        comparison.explain("internal");
        return comparison;
    }
    let limited = ours
        .open
        .iter()
        .chain(&ours.checked)
        .any(|it| LIMITS.iter().any(|limit| it.summary.contains(limit)));
    if limited {
        comparison.explained.push("limit");
        return comparison;
    }
    let infinite = ours.open.iter().chain(&ours.checked);
    if infinite
        .into_iter()
        .any(|it| it.summary.starts_with("a number must be finite"))
    {
        comparison.explained.push("no JSON");
        return comparison;
    }
    let mut unsupported = ours.open.iter().chain(&ours.checked);
    if unsupported.any(|it| it.summary.starts_with(INVALID_PATTERN) && it.summary.contains(REMOTE))
    {
        comparison.explain("pattern");
        return comparison;
    }
    for (name, theirs, ours) in [
        ("revealed", &theirs.revealed, &ours.revealed),
        ("redacted", &theirs.redacted, &ours.redacted),
        ("check", &theirs.check, &ours.check),
    ] {
        comparison.values(name, theirs.as_deref(), ours.as_deref());
    }
    for (phase, theirs_after, ours) in [
        ("open", &theirs.open, &ours.open),
        ("check", &theirs.checked, &ours.checked),
    ] {
        let theirs = theirs.load.iter().chain(theirs_after).cloned().collect();
        comparison.diagnostics(phase, theirs, ours.clone());
    }
    comparison
}

impl Comparison {
    /// The signatures of the differences, and of what is explained where that is asked for.
    pub fn signatures(&self, explained: bool) -> BTreeSet<String> {
        let differences = self.differences.iter().map(|it| it.signature.clone());
        let classes = self.explained.iter().filter(|_| explained);
        let classes = classes.map(|class| format!("explained: {class}"));
        differences.chain(classes).collect()
    }

    fn explain(&mut self, class: &'static str) {
        if !self.explained.contains(&class) {
            self.explained.push(class);
        }
    }

    fn values(&mut self, phase: &str, theirs: Option<&str>, ours: Option<&str>) {
        // Nothing evaluated: `null` for upstream, no values for ours.
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
            && same_but_hidden(theirs, ours)
        {
            self.explain("split");
            return;
        }
        // What differs once it is opened differs in a check too.
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
        let (mut theirs, mut ours) = without_common(theirs, ours, Diagnostic::clone);
        for (class, meant) in [
            ("tie", is_tie as fn(&Diagnostic, &Diagnostic) -> bool),
            ("secret", keeps_secret),
            ("secret", keeps_json),
            ("no YAML", is_no_yaml),
            ("secret", keeps_anchor),
            ("unplaced", is_unplaced),
            ("pattern", rejects_pattern),
            (
                "secret",
                if self.has_secrets {
                    keeps_names
                } else {
                    |_, _| false
                },
            ),
        ] {
            theirs.retain(|one| {
                let other = ours.iter().position(|other| meant(one, other));
                if let Some(other) = other {
                    ours.remove(other);
                    self.explain(class);
                }
                other.is_none()
            });
        }
        // The same but for the end.
        let (more_theirs, more_ours) =
            without_common(theirs.clone(), ours.clone(), |it| Diagnostic {
                end: None,
                ..it.clone()
            });
        let (kind, (theirs, ours)) = if more_theirs.is_empty() && more_ours.is_empty() {
            (Kind::End, (theirs, ours))
        } else {
            (Kind::Diagnostic, (more_theirs, more_ours))
        };
        if theirs.is_empty() && ours.is_empty() {
            return;
        }
        // What is the same but for its place belongs together.
        let (only_theirs, only_ours) =
            without_common(theirs.clone(), ours.clone(), |it| Diagnostic {
                begin: None,
                end: None,
                environment: None,
                path: String::new(),
                ..it.clone()
            });
        let signature = if kind == Kind::End {
            format!("end of: {}", summary_class(&theirs[0].summary))
        } else if only_theirs.is_empty() && only_ours.is_empty() {
            let moved = theirs.iter().min().unwrap();
            let same = |it: &&Diagnostic| it.summary == moved.summary;
            let other = ours.iter().find(same).unwrap();
            let what = if other.path == moved.path {
                "place"
            } else if other.begin == moved.begin {
                "path"
            } else {
                "place and path"
            };
            format!("{what} of: {}", summary_class(&moved.summary))
        } else if let Some(missing) = only_theirs.iter().min() {
            let instead = only_ours.iter().find(|it| it.begin == missing.begin);
            let instead = instead.map(|it| format!(", instead: {}", summary_class(&it.summary)));
            let missing = summary_class(&missing.summary);
            format!("missing: {missing}{}", instead.unwrap_or_default())
        } else {
            let extra = only_ours.iter().min().unwrap();
            format!("extra: {}", summary_class(&extra.summary))
        };
        self.differences.push(Difference {
            signature,
            theirs: shown(phase, &theirs),
            ours: shown(phase, &ours),
            kind,
        });
    }
}

/// Whether the values are equal but for what ours hides.
fn same_but_hidden(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let same = |(name, value)| ours.get(name).is_some_and(|it| same_but_hidden(value, it));
            theirs.len() == ours.len() && theirs.iter().all(same)
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            let mut pairs = theirs.iter().zip(ours);
            theirs.len() == ours.len() && pairs.all(|(theirs, ours)| same_but_hidden(theirs, ours))
        }
        (_, Value::String(ours)) if ours == "[secret]" => true,
        _ => theirs == ours,
    }
}

/// Whether both say the same but for the name that they suggest, and the two are as near.
fn is_tie(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    const SUGGESTS: &str = "; did you mean ";
    let without = |it: &Diagnostic| Diagnostic {
        summary: String::new(),
        ..it.clone()
    };
    let [Some((said, one)), Some((same, other))] =
        [theirs, ours].map(|it| it.summary.split_once(SUGGESTS))
    else {
        return false;
    };
    let [name, one, other] = [said, one, other].map(|it| {
        let quoted = it
            .trim_start_matches("unknown property ")
            .trim_end_matches('?');
        serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned())
    });
    said == same
        && without(theirs) == without(ours)
        && distance(&folded(&name), &folded(&one)) == distance(&folded(&name), &folded(&other))
}

fn folded(name: &str) -> Vec<u8> {
    name.to_lowercase().replace('_', "").into_bytes()
}

/// The Levenshtein distance of two texts, in bytes.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let replaced = row[j] + usize::from(a != b);
            next.push(replaced.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[other.len()]
}

/// Whether ours is theirs without the text that cannot be decoded.
fn keeps_secret(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    let quoted = theirs
        .summary
        .find(" `")
        .zip(theirs.summary.rfind("` as a !!"));
    let Some((begin, end)) = quoted else {
        return false;
    };
    if !theirs.summary.starts_with("yaml: cannot decode !!") || begin >= end {
        return false;
    }
    let without = [&theirs.summary[..begin], &theirs.summary[end + 1..]].concat();
    *ours
        == Diagnostic {
            summary: without,
            ..theirs.clone()
        }
}

/// Whether ours says of a text that is no JSON the same as theirs, but at which byte and not which
/// character.
fn keeps_json(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    const DECODING: &str = "decoding JSON string: ";
    let Some((said, _)) = ours.summary.rsplit_once(" at byte ") else {
        return false;
    };
    let meant = if theirs.summary == format!("{DECODING}EOF") {
        format!("{DECODING}unexpected end of JSON input")
    } else {
        let mut parts = theirs.summary.splitn(3, '\'');
        let (Some(before), Some(_), Some(after)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        format!("{}{after}", before.trim_end())
    };
    let without = |it: &Diagnostic| Diagnostic {
        summary: String::new(),
        ..it.clone()
    };
    said.starts_with(DECODING) && said == meant && without(theirs) == without(ours)
}

/// Whether ours is theirs without the name that it suggests.
fn keeps_names(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    theirs
        .summary
        .split_once("; did you mean ")
        .is_some_and(|(said, _)| {
            *ours
                == Diagnostic {
                    summary: said.to_owned(),
                    ..theirs.clone()
                }
        })
}

/// Whether ours is theirs with the place of a secret's text.
fn is_unplaced(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    theirs.environment.is_none()
        && theirs.path.is_empty()
        && (&theirs.severity, &theirs.summary) == (&ours.severity, &ours.summary)
        && ours.path.to_lowercase().ends_with("[\"fn::secret\"]")
}

/// Whether both reject a pattern at the same place, in different words.
fn rejects_pattern(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    let same_place = Diagnostic {
        summary: ours.summary.clone(),
        ..theirs.clone()
    };
    theirs.summary.starts_with(INVALID_PATTERN)
        && ours.summary.starts_with(INVALID_PATTERN)
        && *ours == same_place
}

/// Whether both say the same of a text that is not valid YAML, ours with a position.
fn is_no_yaml(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    is_about_text(theirs, ours) && theirs.summary == ours.summary
}

/// Whether ours says the same of a text that is not valid YAML, without the name of an unknown anchor.
fn keeps_anchor(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    is_about_text(theirs, ours)
        && theirs.summary.starts_with("yaml: unknown anchor '")
        && theirs.summary.ends_with("' referenced")
        && ours.summary == "yaml: unknown anchor referenced"
}

/// Whether upstream's diagnostic is about a whole text, and ours about a position in one.
fn is_about_text(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    theirs.summary.starts_with("yaml: ")
        && theirs.environment.is_none()
        && ours.begin.is_some()
        && (&theirs.severity, &theirs.path) == (&ours.severity, &ours.path)
}

fn shown(phase: &str, diagnostics: &[Diagnostic]) -> String {
    let mut sorted: Vec<_> = diagnostics.iter().collect();
    sorted.sort();
    let mut text = String::new();
    for one in sorted {
        write!(text, "\n    {phase}: {one}").unwrap();
    }
    if text.is_empty() {
        format!("{phase}: nothing")
    } else {
        text
    }
}

/// Both lists without what is in both, by `key`.
fn without_common(
    theirs: Vec<Diagnostic>,
    ours: Vec<Diagnostic>,
    key: impl Fn(&Diagnostic) -> Diagnostic,
) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut counts: BTreeMap<Diagnostic, isize> = BTreeMap::new();
    for one in &ours {
        *counts.entry(key(one)).or_default() += 1;
    }
    let mut common: BTreeMap<Diagnostic, isize> = BTreeMap::new();
    let theirs = theirs.into_iter().filter(|one| {
        let key = key(one);
        let left = counts.entry(key.clone()).or_default();
        *left -= 1;
        if *left >= 0 {
            *common.entry(key).or_default() += 1;
            return false;
        }
        true
    });
    let theirs: Vec<_> = theirs.collect();
    let ours = ours.into_iter().filter(|one| {
        let left = common.entry(key(one)).or_default();
        *left -= 1;
        *left < 0
    });
    (theirs, ours.collect())
}

/// A summary without names, numbers and what a text of the definition adds.
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
            let inner = |(name, value)| kinds_that_differ(value, ours.get(name)?);
            let both = theirs.iter().find_map(inner);
            both.or_else(|| Some("keys".to_owned()))
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
mod tests {
    use super::*;

    fn diagnostic(summary: &str, line: usize, end: usize) -> Diagnostic {
        Diagnostic {
            environment: Some("e".to_owned()),
            begin: Some((line, 1)),
            severity: "error".to_owned(),
            summary: summary.to_owned(),
            path: "values.a".to_owned(),
            end: Some((end, 1)),
        }
    }

    fn answer(value: &str, open: Vec<Diagnostic>) -> Answer {
        Answer {
            revealed: Some(value.to_owned()),
            open,
            ..Answer::default()
        }
    }

    #[test]
    fn each_difference_is_found() {
        let base = || answer("{}", vec![diagnostic("x", 1, 2), diagnostic("x", 1, 2)]);
        assert!(
            compare(&Case::default(), &base(), &base())
                .differences
                .is_empty()
        );
        let cases = [
            (answer("null", base().open), None),
            (answer("{\"a\":1.0}", base().open), Some(Kind::Value)),
            (
                answer("{}", vec![diagnostic("x", 1, 2)]),
                Some(Kind::Diagnostic),
            ),
            (
                answer("{}", vec![diagnostic("x", 1, 2), diagnostic("x", 2, 2)]),
                Some(Kind::Diagnostic),
            ),
            (
                answer("{}", vec![diagnostic("x", 1, 2), diagnostic("x", 1, 3)]),
                Some(Kind::End),
            ),
        ];
        for (ours, want) in cases {
            let found = compare(&Case::default(), &base(), &ours);
            let kind = found.differences.first().map(|it| it.kind);
            assert_eq!(kind, want, "{ours:?}");
        }
        let left = answer("{\"a\":1.0}", Vec::new());
        let right = answer("{\"a\":1.00}", Vec::new());
        assert!(
            !compare(&Case::default(), &left, &right)
                .differences
                .is_empty()
        );
    }

    #[test]
    fn suggestion_ties_need_equal_distance() {
        let suggests = |name: &str| {
            let summary = format!("unknown property \"oar\"; did you mean \"{name}\"?");
            answer("{}", vec![diagnostic(&summary, 1, 2)])
        };
        for (name, is_tie) in [("ar", true), ("bar", true), ("foo", false), ("ba", false)] {
            let found = compare(&Case::default(), &suggests("b_ar"), &suggests(name));
            assert_eq!(found.differences.is_empty(), is_tie, "{name}");
        }
    }

    #[test]
    fn only_the_text_of_a_secret_may_be_missing() {
        let says = |summary: &str| answer("{}", vec![diagnostic(summary, 1, 2)]);
        let theirs = says("yaml: cannot decode !!str `a` as a !!int");
        for (summary, is_meant) in [
            ("yaml: cannot decode !!str as a !!int", true),
            ("yaml: cannot decode !!str as a !!bool", false),
            ("yaml: cannot decode !!str `b` as a !!int", false),
        ] {
            let found = compare(&Case::default(), &theirs, &says(summary));
            assert_eq!(found.differences.is_empty(), is_meant, "{summary}");
        }
    }

    #[test]
    fn yaml_syntax_errors_differ_only_in_their_position() {
        let about_text = |summary: &str| Diagnostic {
            environment: None,
            begin: None,
            end: None,
            path: String::new(),
            ..diagnostic(summary, 1, 1)
        };
        let placed = |summary: &str| Diagnostic {
            path: String::new(),
            ..diagnostic(summary, 1, 1)
        };
        for (theirs, ours, class) in [
            ("yaml: line 1: so", "yaml: line 1: so", Some("no YAML")),
            ("yaml: line 1: so", "yaml: line 2: so", None),
            ("yaml: line 1: so", "yaml: line 1: not so", None),
            (
                "yaml: unknown anchor 'a' referenced",
                "yaml: unknown anchor referenced",
                Some("secret"),
            ),
        ] {
            let theirs = answer("{}", vec![about_text(theirs)]);
            let found = compare(&Case::default(), &theirs, &answer("{}", vec![placed(ours)]));
            assert_eq!(found.differences.is_empty(), class.is_some(), "{ours}");
            assert_eq!(found.explained.first().copied(), class, "{ours}");
        }
    }
}
