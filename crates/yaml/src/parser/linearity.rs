//! The work to read a text grows with its size, whatever it is made of.

use crate::limits::Limits;
use crate::parser::Parser;

/// The most bytes that are looked at for each byte of a text.
const MAX_STEPS_PER_BYTE: usize = 40;

/// How many bytes are looked at to read `text`, whether or not it is valid.
fn steps(text: &str) -> usize {
    let mut parser = Parser::new(text, &Limits::default());
    drop(parser.document());
    parser.scanner.cursor.steps.get()
}

fn tag_directives(count: usize) -> String {
    let directives = (0..count).map(|it| format!("%TAG !{it}! tag:a\n"));
    directives.collect::<Vec<_>>().concat()
}

#[test]
fn work_is_linear_in_the_size_of_the_text() {
    let count = 30_000;
    let repeated =
        |begin: &str, piece: &str, end: &str| [begin, &piece.repeat(count), end].concat();
    let texts = [
        repeated("", "key: value\n", ""),
        repeated("[", "a, ", "]"),
        repeated("[", "a: b, ", "]"),
        repeated("[", "[], ", "]: b"),
        repeated("[", "\"a\", 'b' ,\n", "]"),
        repeated("{", "? a : b,", "}"),
        repeated("", "[..]#c\n", ""),
        repeated("", "- [..]#c\n", ""),
        repeated("a:\n", "# comment\n\n", ""),
        repeated("a:\n", "\n  ", "b"),
        repeated("a: ", "b\n ", ""),
        repeated("a: ", "b ", ""),
        repeated("a: \"", "\\\n \n", "\""),
        repeated("a: '", "''\n\n", "'"),
        repeated("a: |\n", "  b\n\n", ""),
        repeated("a: >+\n", "\n", ""),
        repeated("a: ", "\t ", "# c"),
        repeated("", "&a ", ""),
        repeated("- ", "!a &b c\n- ", ""),
        repeated("", "? ", ""),
        repeated("", "\u{85}\u{2028}\r\n", ""),
        repeated("", "a\u{2027}\u{86}", ""),
        tag_directives(count),
        "- ".repeat(9_000) + "a",
        "[".repeat(9_000) + &"]".repeat(9_000),
        "{a: ".repeat(9_000),
        (0..900).map(|it| " ".repeat(it) + "a:\n").collect(),
    ];
    for text in texts {
        let steps = steps(&text);
        let per_byte = steps.div_ceil(text.len());
        let begin: String = text.chars().take(20).collect();
        assert!(per_byte <= MAX_STEPS_PER_BYTE, "{per_byte} in {begin:?}");
    }
}
