//! Spans, equality, and rejected texts.

use super::*;

#[test]
fn spans_cover_the_content() {
    for (text, path, expected) in [
        ("a: b\n", &["a"][..], "b"),
        ("a: \"b\" # c\n", &["a"], "\"b\""),
        ("a: 'it''s' # c\n", &["a"], "'it''s'"),
        ("a: {b: [x, y]} # c\n", &["a"], "{b: [x, y]}"),
        ("a: &z {b: \"}\"} # c\n", &["a"], "{b: \"}\"}"),
        ("a: !!map   &z { } # c\n", &["a"], "{ }"),
        ("a: [ # ]\n ]\nb: c\n", &["a"], "[ # ]\n ]"),
        ("é: {ü: ö}\n", &["é", "ü"], "ö"),
        ("a:\n  b: c\n  d: e\n\n# f\ng: h\n", &["a"], "b: c\n  d: e"),
        ("a:\r\n- b\r\n- c\r\n", &["a"], "- b\r\n- c"),
        ("a:\nb: c\n", &["a"], ""),
        ("{\"a\": {\"b\": null}}", &["a", "b"], "null"),
    ] {
        let root = parse(text).unwrap().unwrap();
        let node = path.iter().fold(&root, |node, key| node.get(key).unwrap());
        assert_eq!(&text[node.span.clone()], expected, "{text:?}");
    }
}

#[test]
fn nodes_are_equal_if_they_mean_the_same() {
    for (one, other, same) in [
        ("{\"a\": [1, \"b\"]}", "a:\n- 1\n- b\n", true),
        ("a: \"1\"", "a: 1", false),
        ("a: \"x\"", "a: x", true),
        ("a: null", "a: 'null'", false),
        ("a: &x {b: c}\nd: *x\n", "a: {b: c}\nd: {b: c}\n", true),
        ("a: !!str x", "a: x", false),
        ("a: yes", "a: 'yes'", false),
        ("a: 1\nb: 2\n", "b: 2\na: 1\n", false),
    ] {
        let (one, other) = (parse(one).unwrap(), parse(other).unwrap());
        assert_eq!(one == other, same, "{one:?} {other:?}");
    }
    let node = parse("b: true\na: [x]\n").unwrap().unwrap();
    assert!(node.means(&serde_json::json!({"a": ["x"], "b": true})));
    assert!(!node.means(&serde_json::json!({"a": ["x"], "b": "true"})));
}

#[test]
fn hostile_texts_are_rejected() {
    let line = |n: usize| format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    let laughs = (1..40).map(line).collect::<Vec<_>>().concat();
    let line = |n: usize| format!("a{n}: &a{n} [*a{}]\n", n - 1);
    let chain = (1..5_000).map(line).collect::<Vec<_>>().concat();
    for text in [
        format!("a0: &a0 x\n{laughs}"),
        format!("a0: &a0 x\n{chain}"),
        "[".repeat(100_000),
        "- ".repeat(100_000),
        "a: [".to_owned(),
        "a: *b\n".to_owned(),
        "a: &a [*a]\n".to_owned(),
        "a: &a 1\nb: &a [*a]\n".to_owned(),
    ] {
        assert!(parse(&text).is_err(), "{text:.20}");
    }
    for empty in ["", "# only a comment\n"] {
        assert!(parse(empty).unwrap().is_none());
    }
}
