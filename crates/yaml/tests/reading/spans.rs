use crate::{nodes, root};

/// The text that each node spans, in the order of the text.
#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        let root = root(text);
        let spans: Vec<_> = nodes(&root)
            .into_iter()
            .map(|node| &text[node.span.clone()])
            .collect();
        assert_eq!(spans, *expected, "{text:?}");
    }
}

#[test]
fn scalars_span_their_quotes_and_not_their_properties() {
    check(&[
        ("a: 'b'  # c", &["a: 'b'", "a", "'b'"]),
        (
            "- &x !!str \"b\\\"\"",
            &["- &x !!str \"b\\\"\"", "\"b\\\"\""],
        ),
        (
            "a: b\n  c \nd: é",
            &["a: b\n  c \nd: é", "a", "b\n  c", "d", "é"],
        ),
        ("- &x a\n- *x", &["- &x a\n- *x", "a", "*x"]),
    ]);
}

#[test]
fn block_scalars_end_with_their_last_line_that_is_not_blank() {
    check(&[
        (
            "a: |\n  b\n\n  c\n\nd: e",
            &["a: |\n  b\n\n  c\n\nd: e", "a", "|\n  b\n\n  c", "d", "e"],
        ),
        ("- |+\n  b\n\n", &["- |+\n  b", "|+\n  b"]),
        ("- >- # c\n- d", &["- >- # c\n- d", ">-", "d"]),
    ]);
}

#[test]
fn block_collections_end_with_their_last_child() {
    check(&[
        (
            "a:\n  b: c # d\n\n# e\nf:",
            &["a:\n  b: c # d\n\n# e\nf:", "a", "b: c", "b", "c", "f", ""],
        ),
        (
            "a:\n- b\n-\nc: d",
            &["a:\n- b\n-\nc: d", "a", "- b\n-", "b", "", "c", "d"],
        ),
    ]);
}

#[test]
fn flow_collections_span_their_brackets() {
    check(&[
        (
            "a: [b, {c: d}, ] # e",
            &[
                "a: [b, {c: d}, ]",
                "a",
                "[b, {c: d}, ]",
                "b",
                "{c: d}",
                "c",
                "d",
            ],
        ),
        (
            "[a: b , ? c]",
            &["[a: b , ? c]", "a: b", "a", "b", "? c", "c", ""],
        ),
    ]);
}

#[test]
fn empty_nodes_are_where_their_content_would_be() {
    for (text, index, byte) in [
        ("a:  # c\nb: d", 2, 2),
        ("-  \n- a", 1, 1),
        ("a: !!str  # c", 2, 8),
        ("{a , b}", 2, 2),
        ("? a\n\n? b", 2, 3),
    ] {
        let root = root(text);
        assert_eq!(nodes(&root)[index].span, byte..byte, "{text:?}");
    }
}

#[test]
fn properties_have_a_span() {
    let text = "a: !!map  &x\n  b: c";
    let root = root(text);
    let properties = root.get("a").unwrap().properties.as_ref().unwrap();
    assert_eq!(&text[properties.span.clone()], "!!map  &x");
}
