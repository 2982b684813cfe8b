//! Which differences are found, and which are explained.

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
    for (ours, expected) in cases {
        let comparison = compare(&Case::default(), &base(), &ours);
        let kind = comparison
            .differences
            .first()
            .map(|difference| difference.kind);
        assert_eq!(kind, expected, "{ours:?}");
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
    let suggesting = |name: &str| {
        let summary = format!("unknown property \"oar\"; did you mean \"{name}\"?");
        answer("{}", vec![diagnostic(&summary, 1, 2)])
    };
    for (name, is_tie) in [("ar", true), ("bar", true), ("foo", false), ("ba", false)] {
        let comparison = compare(&Case::default(), &suggesting("b_ar"), &suggesting(name));
        assert_eq!(comparison.differences.is_empty(), is_tie, "{name}");
    }
}

#[test]
fn only_the_text_of_a_secret_may_be_missing() {
    let answer_with = |summary: &str| answer("{}", vec![diagnostic(summary, 1, 2)]);
    let theirs = answer_with("yaml: cannot decode !!str `a` as a !!int");
    for (summary, is_explained) in [
        ("yaml: cannot decode !!str as a !!int", true),
        ("yaml: cannot decode !!str as a !!bool", false),
        ("yaml: cannot decode !!str `b` as a !!int", false),
    ] {
        let comparison = compare(&Case::default(), &theirs, &answer_with(summary));
        assert_eq!(comparison.differences.is_empty(), is_explained, "{summary}");
    }
}

#[test]
fn property_names_may_end_before_a_character_that_upstream_cuts() {
    let answer_with = |summary: &str| answer("{}", vec![diagnostic(summary, 1, 2)]);
    let theirs = answer_with(r#"unknown property "a\xc2""#);
    for (summary, is_explained) in [
        (r#"unknown property "a""#, true),
        (r#"unknown property """#, false),
    ] {
        let comparison = compare(&Case::default(), &theirs, &answer_with(summary));
        assert_eq!(comparison.differences.is_empty(), is_explained, "{summary}");
    }
}

#[test]
fn yaml_syntax_errors_differ_only_in_their_position() {
    let unplaced = Diagnostic {
        environment: None,
        begin: None,
        end: None,
        ..diagnostic("yaml: line 1: a reason", 1, 1)
    };
    let theirs = answer("{}", vec![unplaced]);
    let ours = answer("{}", vec![diagnostic("yaml: line 1: a reason", 1, 1)]);
    let comparison = compare(&Case::default(), &theirs, &ours);
    assert!(comparison.differences.is_empty());
    assert_eq!(comparison.explained, ["no YAML"]);
    let reworded = answer("{}", vec![diagnostic("yaml: line 1: another", 1, 1)]);
    let reworded = compare(&Case::default(), &theirs, &reworded);
    assert!(!reworded.differences.is_empty());
    let accepted = compare(&Case::default(), &theirs, &answer("{}", Vec::new()));
    assert!(!accepted.differences.is_empty());
}
