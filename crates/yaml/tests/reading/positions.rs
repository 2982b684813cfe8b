use crate::{nodes, root};

/// The line and column of each node, in the order of the text.
fn positions(text: &str) -> String {
    let root = root(text);
    let positions = nodes(&root)
        .into_iter()
        .map(|node| format!("{}:{}", node.start().line, node.start().column));
    positions.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(positions(text), *expected, "{text:?}");
    }
}

#[test]
fn collections_begin_with_their_first_child() {
    check(&[
        ("a:\n  b: c", "1:1 1:1 2:3 2:3 2:6"),
        ("a:\n- b", "1:1 1:1 2:1 2:3"),
        ("- - a", "1:1 1:3 1:5"),
        ("[ a, {b: c} ]", "1:1 1:3 1:6 1:7 1:10"),
        ("[a: b]", "1:1 1:2 1:2 1:5"),
    ]);
}

#[test]
fn nodes_begin_with_their_properties() {
    check(&[
        ("a: &x !!map\n  b: c", "1:1 1:1 1:4 2:3 2:6"),
        ("- !a |\n  b", "1:1 1:3"),
        ("!a b: c", "1:1 1:1 1:7"),
    ]);
}

#[test]
fn empty_values_are_behind_their_indicator() {
    check(&[
        ("a:   # c", "1:1 1:1 1:3"),
        ("- ", "1:1 1:2"),
        ("-\n- a", "1:1 1:2 2:3"),
        ("{a: ,b}", "1:1 1:2 1:5 1:6 1:7"),
        ("[a:  ]", "1:1 1:2 1:2 1:3"),
        ("a: !!str  ", "1:1 1:1 1:4"),
    ]);
}

#[test]
fn empty_values_without_indicator_are_at_the_next_token() {
    check(&[
        ("? a\n? b\n", "1:1 1:3 2:1 2:3 3:1"),
        ("{a , b}", "1:1 1:2 1:4 1:6 1:7"),
    ]);
}

#[test]
fn columns_are_characters_and_any_break_ends_a_line() {
    check(&[
        ("\"é😀\": a", "1:1 1:1 1:7"),
        ("a: b\r\nc: d\re: f", "1:1 1:1 1:4 2:1 2:4 3:1 3:4"),
        ("a: b\u{85}c: d\u{2028}e: f", "1:1 1:1 1:4 2:1 2:4 3:1 3:4"),
        ("\u{feff}a: b", "1:1 1:1 1:4"),
    ]);
}
