use esc_yaml::{Limits, Node, parse};

use crate::nodes;

const TEXTS: [&str; 8] = [
    "# head\nvalues:\n  a: &x !!str 'b'  # c\n  \"d\": [e, {f: g, ? h : i}, j: k,]\n  l: *x\n",
    "a: |2-\n    b\n\n   c\nd: >+\n  e\n  f\n\n   g\n\n\nh:\n- i\n-\n- - j\n",
    "%YAML 1.1\n%TAG !e! tag:e,%C3%A9\n--- !e!x\n? a\n: b\n? c\n...\n--- d\n",
    "a: \"\\x41\\u00e9\\U0001F600 \\\n  b\n\n  c\"\r\nd: 'e''\r  f'\u{85}g: h\u{2028} i\n",
    "\u{feff}é: ü\n- !<x> &a\n  *a : b\n",
    "- #\n- - |\n\t\n- \"\\q\"\n- b: c: d\n",
    "{a: [b: c, d: {e, f:}, []: g, \"h\":i], j}\nk\n",
    "a:\n  - b\n # c\n\t# d\n  e: f\n\tg\n",
];

/// Reads a text and checks what holds for every tree.
fn check(text: &str) {
    match parse(text, &Limits::default()) {
        Ok(root) => {
            for node in root.iter().flat_map(nodes) {
                check_node(node, text);
            }
        }
        Err(error) => assert!(error.position.byte <= text.len(), "{text:?}"),
    }
}

fn check_node(node: &Node<'_>, text: &str) {
    assert!(
        text.get(node.span.clone()).is_some(),
        "{node:?} in {text:?}"
    );
    for (key, value) in node.entries() {
        assert!(node.span.start <= key.span.start, "{node:?} in {text:?}");
        assert!(key.span.end <= value.span.start, "{node:?} in {text:?}");
        assert!(value.span.end <= node.span.end, "{node:?} in {text:?}");
    }
    for item in node.items() {
        assert!(node.span.start <= item.span.start, "{node:?} in {text:?}");
        assert!(item.span.end <= node.span.end, "{node:?} in {text:?}");
    }
}

/// The characters of a text with their bytes, and its end.
fn boundaries(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.char_indices()
        .map(|(byte, it)| (byte, byte + it.len_utf8()))
}

#[test]
fn prefixes_and_suffixes_do_not_panic() {
    for text in TEXTS {
        for (start, end) in boundaries(text) {
            check(&text[..end]);
            check(&text[start..]);
        }
    }
}

#[test]
fn changed_characters_do_not_panic() {
    let characters = "a:-?,[]{}#&*!|>'\"%@`\\ \t\n\r0é\u{85}\u{2028}\u{feff}\u{1}\u{0}";
    for text in TEXTS {
        for (start, end) in boundaries(text) {
            check(&[&text[..start], &text[end..]].concat());
            for character in characters.chars() {
                let character = character.encode_utf8(&mut [0; 4]).to_owned();
                check(&[&text[..start], &character, &text[end..]].concat());
                check(&[&text[..start], &character, &text[start..]].concat());
            }
        }
    }
}
