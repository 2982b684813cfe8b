use esc_yaml::ErrorKind;

use crate::error;

#[test]
fn errors_are_those_of_yaml_v3() {
    for (text, expected) in [
        ("a: [b", "yaml: line 1: did not find expected ',' or ']'"),
        ("{a b: c: d}", "yaml: did not find expected ',' or '}'"),
        ("a: b\nc\nd: e", "yaml: line 2: could not find expected ':'"),
        (
            "a: b: c",
            "yaml: mapping values are not allowed in this context",
        ),
        (
            "a: - b",
            "yaml: block sequence entries are not allowed in this context",
        ),
        (
            "- a\nb: c",
            "yaml: line 1: did not find expected '-' indicator",
        ),
        (
            "a:\n  b: c\n d: e",
            "yaml: line 2: did not find expected key",
        ),
        ("a: @b", "yaml: found character that cannot start any token"),
        (
            "\ta: b",
            "yaml: found character that cannot start any token",
        ),
        ("a: \"b", "yaml: found unexpected end of stream"),
        ("a: \"\\q\"", "yaml: found unknown escape character"),
        ("a: \"\\/\"", "yaml: found unknown escape character"),
        (
            "a: \"\\xg\"",
            "yaml: did not find expected hexdecimal number",
        ),
        (
            "a: 'b\n---\n'",
            "yaml: line 2: found unexpected document indicator",
        ),
        (
            "a: b\n\tc",
            "yaml: line 2: found a tab character that violates indentation",
        ),
        ("a: |0", "yaml: found an indentation indicator equal to 0"),
        (
            "& a",
            "yaml: did not find expected alphabetic or numeric character",
        ),
        ("!a!b c", "yaml: found undefined tag handle"),
        ("!! a", "yaml: did not find expected tag URI"),
        (
            "%YAML 1.2\n---\na",
            "yaml: found incompatible YAML document",
        ),
        ("%FOO\n---\na", "yaml: found unknown directive name"),
        ("a: \u{1}", "yaml: control characters are not allowed"),
        ("...", "yaml: did not find expected node content"),
    ] {
        let error = error(text);
        assert_eq!(error.to_string(), expected, "{text:?}");
        assert_eq!(error.kind, ErrorKind::Syntax);
    }
}

#[test]
fn unknown_anchor_has_its_own_kind() {
    let error = error("a: *b");
    assert_eq!(error.to_string(), "yaml: unknown anchor 'b' referenced");
    assert_eq!(error.kind, ErrorKind::UnknownAnchor);
}

#[test]
fn scanner_error_ahead_wins_over_parser_error() {
    assert_eq!(
        error("{a]\n@").to_string(),
        "yaml: line 2: found character that cannot start any token"
    );
}

#[test]
fn error_position_is_that_of_the_problem() {
    let position = error("a: b\nc: é @: d: e").position;
    assert_eq!((position.line, position.column, position.byte), (2, 7, 12));
}

#[test]
fn position_of_an_open_quote_is_where_it_begins() {
    for text in ["é: b\nc: 'd\ne\n", "é: b\nc: \"d\n---\n"] {
        let position = error(text).position;
        assert_eq!((position.line, position.column, position.byte), (2, 4, 9));
    }
}

#[test]
fn error_at_the_end_of_the_text_is_on_its_last_line() {
    for (text, line, column) in [
        ("a: [b", 1, 6),
        ("\u{feff}[é", 1, 3),
        ("[\r\na", 2, 2),
        ("[\u{2028}a", 2, 2),
        ("a: [b\n", 2, 1),
    ] {
        let position = error(text).position;
        let expected = (line, column, text.len());
        assert_eq!((position.line, position.column, position.byte), expected);
    }
}

#[test]
fn control_character_far_away_is_reported_late() {
    let far = format!("]]]]{}\u{1}", " ".repeat(600));
    assert_eq!(
        error(&far).to_string(),
        "yaml: did not find expected node content"
    );
    let position = error(&format!("é\n{}é\u{1}", "#".repeat(600))).position;
    assert_eq!(
        (position.line, position.column, position.byte),
        (2, 602, 605)
    );
}
