//! Generates texts like environment definitions: nested maps and lists with every style of scalar.

use crate::random::Random;

const NAMES: [&str; 12] = [
    "values",
    "imports",
    "aws",
    "fn::open::aws-login",
    "kubernetesConfig",
    "\"quoted key\"",
    "'k'",
    "pulumiConfig",
    "a",
    "aws:region",
    "environmentVariables",
    "<<",
];

const PLAIN: [&str; 16] = [
    "text",
    "",
    "~",
    "true",
    "12",
    "0x1f",
    "1e3",
    "${aws.login}",
    "http://a:80/b#c",
    "two words",
    "2001-12-14",
    "a: b",
    "- a",
    "# c",
    "é ü",
    "\"it's\"",
];

const PROPERTIES: [&str; 8] = [
    "!!str ",
    "&a ",
    "!local ",
    "! ",
    "!<tag:x> ",
    "&b !!map ",
    "*a ",
    "!e!x ",
];

/// Makes a text of one document.
pub(crate) fn generate(random: &mut Random) -> String {
    let mut text = String::new();
    if random.one_in(8) {
        text.push_str(random.word(&[
            "---\n",
            "%YAML 1.1\n---\n",
            "# comment\n",
            "%TAG !e! tag:e,\n--- ",
        ]));
    }
    let depth = 1 + random.below(4);
    mapping(random, &mut text, 0, depth);
    if random.one_in(10) {
        text.push_str(random.word(&["...\n", "---\nnext: 1\n", "\n\n", "# end"]));
    }
    match random.below(12) {
        0 => text.replace('\n', "\r\n"),
        1 => text.trim_end().to_owned(),
        _ => text,
    }
}

fn mapping(random: &mut Random, text: &mut String, indent: usize, depth: usize) {
    for _ in 0..=random.below(4) {
        comment(random, text, indent);
        text.push_str(&" ".repeat(indent));
        if random.one_in(30) {
            text.push_str("? ");
        }
        text.push_str(random.word(&NAMES));
        text.push(':');
        value(random, text, indent, depth, false);
    }
}

fn sequence(random: &mut Random, text: &mut String, indent: usize, depth: usize) {
    for _ in 0..=random.below(3) {
        comment(random, text, indent);
        text.push_str(&" ".repeat(indent));
        text.push('-');
        value(random, text, indent, depth, true);
    }
}

fn value(random: &mut Random, text: &mut String, indent: usize, depth: usize, in_sequence: bool) {
    let deeper = indent + 1 + random.below(4);
    let kind = if depth == 0 {
        random.below(6)
    } else {
        random.below(10)
    };
    if random.one_in(12) {
        text.push(' ');
        text.push_str(random.word(&PROPERTIES));
    }
    match kind {
        0 => literal(random, text, deeper),
        1 => quoted(random, text, deeper),
        2 => {
            text.push(' ');
            flow(random, text, 3);
            end_line(random, text);
        }
        3..=5 => {
            text.push(' ');
            text.push_str(random.word(&PLAIN));
            if random.one_in(10) {
                text.push('\n');
                text.push_str(&" ".repeat(deeper));
                text.push_str("continued");
            }
            end_line(random, text);
        }
        6 if !in_sequence => {
            end_line(random, text);
            sequence(random, text, indent, depth - 1);
        }
        6 | 7 => {
            end_line(random, text);
            sequence(random, text, deeper, depth - 1);
        }
        8 if in_sequence => {
            text.push_str(" a: 1\n");
            mapping(random, text, indent + 2, depth - 1);
        }
        _ => {
            end_line(random, text);
            mapping(random, text, deeper, depth - 1);
        }
    }
}

fn end_line(random: &mut Random, text: &mut String) {
    if random.one_in(12) {
        text.push_str(random.word(&[" # comment", "  ", "#", "\t# tab"]));
    }
    text.push('\n');
}

fn comment(random: &mut Random, text: &mut String, indent: usize) {
    match random.below(25) {
        0 => {
            text.push_str(&" ".repeat(indent));
            text.push_str("# comment: 1\n");
        }
        1 => text.push('\n'),
        _ => {}
    }
}

fn literal(random: &mut Random, text: &mut String, indent: usize) {
    text.push(' ');
    text.push_str(random.word(&["|", ">", "|-", ">-", "|+", ">+", "|2", ">2-", "| # c"]));
    text.push('\n');
    for _ in 0..random.below(5) {
        let line = random.word(&["line", "  deeper", "", "\ttab", "more # no comment", "é"]);
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
        }
        text.push_str(line);
        text.push('\n');
    }
}

fn quoted(random: &mut Random, text: &mut String, indent: usize) {
    let quote = *random.choose(&['"', '\'']);
    text.push(' ');
    text.push(quote);
    for _ in 0..random.below(5) {
        text.push_str(random.word(&["word", " ", "''", ": ", "# ", "${x}", "é", "[", "\t"]));
        if quote == '"' {
            text.push_str(
                random.word(&["", "", "\\n", "\\\"", "\\u00e9", "\\x41", "\\\n  ", "\\L"]),
            );
        }
        if random.one_in(8) {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
        }
    }
    text.push(quote);
    end_line(random, text);
}

fn flow(random: &mut Random, text: &mut String, depth: usize) {
    let is_sequence = random.one_in(2);
    text.push(if is_sequence { '[' } else { '{' });
    for _ in 0..random.below(4) {
        if !is_sequence || random.one_in(5) {
            text.push_str(random.word(&["a: ", "\"b\":", "? c : ", "d", "'e' : "]));
        }
        match random.below(if depth == 0 { 3 } else { 5 }) {
            0 => text.push_str("word"),
            1 => text.push_str("\"quoted, ]\""),
            2 => text.push_str(random.word(&["", "!!str", "*a", "${x}", "two words"])),
            _ => flow(random, text, depth - 1),
        }
        text.push_str(random.word(&[",", ", ", ",\n  ", " ,", ", # c\n "]));
    }
    text.push(if is_sequence { ']' } else { '}' });
}
