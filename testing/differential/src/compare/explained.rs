//! The differences from upstream that are intended.

use serde_json::Value;

use crate::case::{Answer, Diagnostic};
use crate::upstream::CRASHED;

/// The intended differences: a class, and why it exists.
pub const EXPLAINED: [(&str, &str); 13] = [
    (
        "no YAML",
        "both report text that is not YAML in the same words: upstream without a position, ours with \
         one",
    ),
    (
        "limit",
        "ours bounds the work, depth and size that a definition may require",
    ),
    (
        "no JSON",
        "a number is NaN or infinite: upstream fails to print its values, ours reports the number",
    ),
    (
        "chance",
        "upstream's answer depends on Go's map order: repeated runs also give our answer",
    ),
    (
        "tie",
        "of several equally close names, upstream suggests one in Go's map order; ours the first",
    ),
    (
        "secret",
        "upstream quotes secret text that cannot be decoded, or names in it; ours leaves them out",
    ),
    (
        "unplaced",
        "upstream reports an invalid text of `fn::secret` without a position; ours with one",
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
    (
        "character",
        "upstream ends a property name within a character, at a byte that looks like a space; ours \
         before the character",
    ),
    ("panic", "upstream panics; ours has an answer"),
    ("crash", "upstream's stack overflows; ours has an answer"),
    (
        "internal",
        "upstream reports an internal error; ours has an answer",
    ),
];

/// Parts of the messages about our limits.
const LIMITS: [&str; 7] = [
    "takes too many steps",
    "values are too large",
    "nest too deep",
    "nests deeper than",
    "nest deeper than",
    "go deeper than",
    "environments are imported",
];

/// The start of both messages about a pattern that does not compile.
const INVALID_PATTERN: &str = "invalid schema: error parsing regexp: ";

/// Part of our message about a pattern that only upstream supports.
const REMOTE: &str = "`--remote`";

/// The class that explains any difference between the two answers, because one side stopped early.
pub fn explains_whole_answer(theirs: &Answer, ours: &Answer) -> Option<&'static str> {
    if let Some(panic) = &theirs.panic {
        return Some(if panic == CRASHED { "crash" } else { "panic" });
    }
    let mut their_diagnostics = theirs
        .load
        .iter()
        .chain(&theirs.open)
        .chain(&theirs.checked);
    if their_diagnostics.any(|diagnostic| diagnostic.summary.starts_with("internal error: ")) {
        return Some("internal");
    }
    let reports = |predicate: SummaryPredicate| {
        let mut diagnostics = ours.open.iter().chain(&ours.checked);
        diagnostics.any(|diagnostic| predicate(&diagnostic.summary))
    };
    let classes: [(&str, SummaryPredicate); 3] = [
        ("limit", |summary| {
            LIMITS.iter().any(|limit| summary.contains(limit))
        }),
        ("no JSON", |summary| {
            summary.starts_with("a number must be finite")
        }),
        ("pattern", |summary| {
            summary.starts_with(INVALID_PATTERN) && summary.contains(REMOTE)
        }),
    ];
    let explained = classes.iter().find(|(_, predicate)| reports(*predicate));
    explained.map(|(class, _)| *class)
}

type SummaryPredicate = fn(&str) -> bool;
type PairPredicate = fn(&Diagnostic, &Diagnostic) -> bool;

/// The classes that explain a diagnostic of upstream's together with one of ours.
pub fn pair_classes(has_secrets: bool) -> Vec<(&'static str, PairPredicate)> {
    let mut classes: Vec<(_, PairPredicate)> = vec![
        ("tie", is_tie),
        ("secret", omits_secret),
        ("secret", omits_character),
        ("no YAML", reports_syntax_error_with_position),
        ("secret", omits_anchor),
        ("unplaced", adds_position),
        ("pattern", rejects_pattern),
        ("character", ends_within_character),
    ];
    if has_secrets {
        classes.push(("secret", omits_suggestion));
    }
    classes
}

/// Whether the values are equal except for what ours hides.
pub fn differs_in_hidden_values_only(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            theirs.len() == ours.len()
                && theirs.iter().all(|(name, theirs)| {
                    ours.get(name)
                        .is_some_and(|ours| differs_in_hidden_values_only(theirs, ours))
                })
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            let mut pairs = theirs.iter().zip(ours);
            theirs.len() == ours.len()
                && pairs.all(|(theirs, ours)| differs_in_hidden_values_only(theirs, ours))
        }
        (_, Value::String(ours)) if ours == "[secret]" => true,
        _ => theirs == ours,
    }
}

/// Whether the diagnostics differ only in the suggested name, and both names are equally close.
fn is_tie(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    let [
        Some((their_message, their_name)),
        Some((our_message, our_name)),
    ] = [theirs, ours].map(|diagnostic| diagnostic.summary.split_once("; did you mean "))
    else {
        return false;
    };
    let [name, their_name, our_name] = [their_message, their_name, our_name].map(|text| {
        let quoted = text
            .trim_start_matches("unknown property ")
            .trim_end_matches('?');
        serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned())
    });
    their_message == our_message
        && *ours == with_summary(theirs, &ours.summary)
        && distance(&folded(&name), &folded(&their_name))
            == distance(&folded(&name), &folded(&our_name))
}

/// Whether upstream's diagnostic names a property by the first byte of a character more than ours.
fn ends_within_character(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    let Some((before, (byte, after))) = theirs
        .summary
        .split_once("\\x")
        .and_then(|(before, rest)| Some((before, rest.split_at_checked(2)?)))
    else {
        return false;
    };
    u8::from_str_radix(byte, 16).is_ok_and(|byte| byte >= 0xc2)
        && after.starts_with('"')
        && *ours == with_summary(theirs, &format!("{before}{after}"))
}

fn with_summary(diagnostic: &Diagnostic, summary: &str) -> Diagnostic {
    Diagnostic {
        summary: summary.to_owned(),
        ..diagnostic.clone()
    }
}

fn folded(name: &str) -> Vec<u8> {
    name.to_lowercase().replace('_', "").into_bytes()
}

/// The Levenshtein distance of two texts, in bytes.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = row[j] + usize::from(a != b);
            next.push(replaced.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[right.len()]
}

/// Whether ours is theirs without the text that cannot be decoded.
fn omits_secret(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
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
    let summary = [&theirs.summary[..begin], &theirs.summary[end + 1..]].concat();
    *ours == with_summary(theirs, &summary)
}

/// Whether both reject the same text as JSON, where upstream quotes the unexpected character and
/// ours gives its byte offset.
fn omits_character(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    const DECODING: &str = "decoding JSON string: ";
    let Some((our_message, _)) = ours.summary.rsplit_once(" at byte ") else {
        return false;
    };
    let expected = if theirs.summary == format!("{DECODING}EOF") {
        format!("{DECODING}unexpected end of JSON input")
    } else {
        let mut parts = theirs.summary.splitn(3, '\'');
        let (Some(before), Some(_), Some(after)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        format!("{}{after}", before.trim_end())
    };
    our_message.starts_with(DECODING)
        && our_message == expected
        && *ours == with_summary(theirs, &ours.summary)
}

/// Whether ours is theirs without the suggested name.
fn omits_suggestion(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    theirs
        .summary
        .split_once("; did you mean ")
        .is_some_and(|(message, _)| *ours == with_summary(theirs, message))
}

/// Whether ours is theirs with the position of a secret's text.
fn adds_position(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    theirs.environment.is_none()
        && theirs.path.is_empty()
        && (&theirs.severity, &theirs.summary) == (&ours.severity, &ours.summary)
        && ours.path.to_lowercase().ends_with("[\"fn::secret\"]")
}

/// Whether both reject a pattern at the same position, in different words.
fn rejects_pattern(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    theirs.summary.starts_with(INVALID_PATTERN)
        && ours.summary.starts_with(INVALID_PATTERN)
        && *ours == with_summary(theirs, &ours.summary)
}

/// Whether both report the same syntax error, ours with a position.
fn reports_syntax_error_with_position(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    is_syntax_error(theirs, ours) && theirs.summary == ours.summary
}

/// Whether ours is theirs without the name of an unknown anchor.
fn omits_anchor(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    is_syntax_error(theirs, ours)
        && theirs.summary.starts_with("yaml: unknown anchor '")
        && theirs.summary.ends_with("' referenced")
        && ours.summary == "yaml: unknown anchor referenced"
}

/// Whether upstream's diagnostic is about a whole text, and ours about a position in one.
fn is_syntax_error(theirs: &Diagnostic, ours: &Diagnostic) -> bool {
    theirs.summary.starts_with("yaml: ")
        && theirs.environment.is_none()
        && ours.begin.is_some()
        && (&theirs.severity, &theirs.path) == (&ours.severity, &ours.path)
}
