//! Changes texts a little.

use crate::random::Random;

const PIECES: [&str; 48] = [
    ":",
    ": ",
    "- ",
    "-",
    "? ",
    "?",
    ",",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "#",
    " #",
    "&a ",
    "*a",
    "!",
    "!!str ",
    "!a ",
    "|",
    ">",
    "|+\n",
    ">-\n",
    "'",
    "\"",
    "\\",
    "%",
    "@",
    "`",
    "\n",
    "\n\n",
    " ",
    "  ",
    "\t",
    "\r",
    "---\n",
    "...\n",
    "--- ",
    "%YAML 1.1\n",
    "a",
    "é",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "!<x> ",
    "\u{1}",
];

/// A text that differs from `text` by one to four changes. `other` is where splices come from.
pub(crate) fn mutate(random: &mut Random, text: &str, other: &str) -> String {
    let mut mutated = text.to_owned();
    for _ in 0..=random.below(4) {
        mutated = match random.below(10) {
            0 => delete(random, &mutated),
            1 => replace(random, &mutated),
            2..=4 => insert(random, &mutated),
            5 => change_line(random, &mutated, |_, line| [line, line].concat()),
            6 => change_line(random, &mutated, |_, _| String::new()),
            7 | 8 => change_line(random, &mutated, indent),
            _ => splice(random, &mutated, other),
        };
    }
    mutated
}

fn boundary(random: &mut Random, text: &str) -> usize {
    text.floor_char_boundary(random.below(text.len() + 1))
}

fn delete(random: &mut Random, text: &str) -> String {
    let start = boundary(random, text);
    let limit = if random.one_in(4) { 20 } else { 2 };
    let length = 1 + random.below(limit);
    let end = text.ceil_char_boundary((start + length).min(text.len()));
    [&text[..start], &text[end..]].concat()
}

fn replace(random: &mut Random, text: &str) -> String {
    let start = boundary(random, text);
    let end = text.ceil_char_boundary((start + 1).min(text.len()));
    [&text[..start], random.word(&PIECES), &text[end..]].concat()
}

fn insert(random: &mut Random, text: &str) -> String {
    let at = boundary(random, text);
    [&text[..at], random.word(&PIECES), &text[at..]].concat()
}

fn change_line(
    random: &mut Random,
    text: &str,
    change: impl Fn(&mut Random, &str) -> String,
) -> String {
    let mut lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
    if !lines.is_empty() {
        let index = random.below(lines.len());
        lines[index] = change(random, &lines[index]);
    }
    lines.concat()
}

fn indent(random: &mut Random, line: &str) -> String {
    match random.below(3) {
        0 => [" ".repeat(1 + random.below(3)).as_str(), line].concat(),
        1 => line.strip_prefix(' ').unwrap_or(line).to_owned(),
        _ => line.trim_start_matches(' ').to_owned(),
    }
}

fn splice(random: &mut Random, text: &str, other: &str) -> String {
    let start = boundary(random, other);
    let end = other.ceil_char_boundary((start + random.below(60)).min(other.len()));
    let at = boundary(random, text);
    [&text[..at], &other[start..end], &text[at..]].concat()
}
