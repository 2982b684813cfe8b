use esc_yaml::{Limits, parse};

use crate::{outline, root};

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(outline(&root(text)), *expected, "{text:?}");
    }
}

#[test]
fn text_without_content_has_no_document() {
    for text in ["", "\n", "# comment", "\u{feff}", "  \n# a\n\t# b\n"] {
        assert!(
            parse(text, &Limits::default()).unwrap().is_none(),
            "{text:?}"
        );
    }
}

#[test]
fn only_the_first_document_is_read() {
    check(&[
        ("a\n--- b", "a"),
        ("---\n--- b", ""),
        ("--- a\n...\n[", "a"),
        ("[a] b", "[a]"),
        ("%YAML 1.1\n---\na", "a"),
    ]);
}

#[test]
fn block_collections_nest() {
    check(&[
        ("a: b\nc:\n  d: e", "{a=b,c={d=e}}"),
        ("- a\n- - b\n  - c\n-\n  d: e\n  f:", "[a,[b,c],{d=e,f=}]"),
        ("a:\n- b\n- c\nd: e", "{a=[b,c],d=e}"),
        ("? a\n: b\n? - c\n: - d", "{a=b,[c]=[d]}"),
        ("a: b\na: c", "{a=b,a=c}"),
    ]);
}

#[test]
fn flow_collections_nest() {
    check(&[
        ("[]", "[]"),
        ("{}", "{}"),
        ("[a, [b], {c: d,}, e: f,]", "[a,[b],{c=d},{e=f}]"),
        ("{a, b: , \"c\":d, ? e : f}", "{a=,b=,\"c=d,e=f}"),
        ("[a, # comment\n\tb]#c", "[a,b]"),
    ]);
}

#[test]
fn colon_in_a_flow_word_belongs_to_it() {
    check(&[
        ("{a:}", "{a:=}"),
        ("[a:,b]", "[a:,b]"),
        ("[http://a:80/b]", "[http://a:80/b]"),
        ("[?b]", "[{b=}]"),
    ]);
}

#[test]
fn plain_scalars_fold_lines() {
    check(&[
        ("a\n b\n\n c", "a b\\nc"),
        ("a: b  \n  c # d", "{a=b c}"),
        ("a: b#c", "{a=b#c}"),
        ("- -a\n- ?b\n- :c", "[-a,?b,:c]"),
        ("a\u{85} b\u{2028} c", "a b\\u{2028}c"),
        ("a\r\n b\r c", "a b c"),
    ]);
}

#[test]
fn quoted_scalars_fold_lines_and_have_escapes() {
    check(&[
        ("'it''s'", "'it\\'s"),
        ("'a\n  b\n\n  c '", "'a b\\nc "),
        (
            r#""\x41\u00e9\U0001F600\n\"\\\'\_\L""#,
            "\"Aé😀\\n\\\"\\\\\\'\\u{a0}\\u{2028}",
        ),
        ("\"a \\\n  b\"", "\"a b"),
        ("\"a\\\n\n b\"", "\"a\\nb"),
        ("\" a \n b \"", "\" a b "),
    ]);
}

#[test]
fn block_scalars_fold_and_chomp() {
    check(&[
        ("|\n a\n  b\n\n", "|a\\n b\\n"),
        ("|-\n a\n", "|a"),
        ("|+\n a\n\n", "|a\\n\\n"),
        ("|\n a", "|a"),
        (">\n a\n b\n\n c\n  d\n e\n", ">a b\\nc\\n d\\ne\\n"),
        ("a: |2\n    b\n", "{a=|  b\\n}"),
        ("a: | # comment\n b\nc: >-\n d", "{a=|b\\n,c=>d}"),
        ("- |\n- a", "[|,a]"),
    ]);
}

#[test]
fn tags_are_shown_as_yaml_v3_shows_them() {
    check(&[
        ("!!str a", "!!str a"),
        ("!<tag:yaml.org,2002:int> 1", "!!int 1"),
        ("!<x> a", "x a"),
        ("! a", "! a"),
        ("%TAG !e! tag:e,\n--- !e!x a", "tag:e,x a"),
        ("[!a,b] c]", "[!a,b] c]"),
        ("!%C3%A9 a", "!é a"),
    ]);
}

#[test]
fn anchors_and_aliases_are_kept() {
    check(&[
        ("a: &x b\nc: *x", "{a=&x b,c=*x}"),
        ("&a [*a]", "&a [*a]"),
        ("- &a !!str\n- !!map &b {}", "[&a !!str ,&b !!map {}]"),
        ("&a a: &b\n- c", "{&a a=&b [c]}"),
    ]);
}

#[test]
fn byte_order_mark_is_skipped() {
    check(&[("\u{feff}a: b", "{a=b}"), ("\u{feff}# c\na", "a")]);
}
