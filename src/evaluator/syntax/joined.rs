//! Makes one line of what is in brackets or in quotes, in the parser's input.
//!
//! The parser refuses lines there that are indented less than the block around them; to yaml.v3
//! their indentation says nothing. No character moves.

use crate::evaluator::syntax::yaml::{BLANKS, BREAKS};

/// What stands for the breaks and the blanks within a text that goes on in the next line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folds {
    pub(super) line: char,
    pub(super) blank: char,
}

impl Folds {
    /// The text that a scalar of several lines means: a break is a blank, and more of them are one
    /// less.
    pub(super) fn unfold(self, text: &str) -> String {
        let mut meant = String::with_capacity(text.len());
        let mut lines = 0;
        for character in text.chars().filter(|it| *it != self.blank) {
            if character == self.line {
                lines += 1;
                continue;
            }
            end_lines(&mut lines, &mut meant);
            meant.push(character);
        }
        end_lines(&mut lines, &mut meant);
        meant
    }
}

fn end_lines(lines: &mut usize, meant: &mut String) {
    match std::mem::take(lines) {
        0 => {}
        1 => meant.push(' '),
        more => meant.extend(std::iter::repeat_n('\n', more - 1)),
    }
}

/// The character where the brackets or braces begin that come next after `from`, behind nothing but
/// marks, tags, anchors and comments.
pub(super) fn next_bracket(input: &[char], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match input.get(at)? {
            '[' | '{' => return Some(at),
            '#' => at = end_of_line(input, at),
            '!' | '&' => at = end_of_word(input, at),
            ':' | '-' | '?' => at += 1,
            it if is_space(*it) => at += 1,
            _ => return None,
        }
    }
}

/// Joins the lines from the bracket or the quote at `begin` to the one that closes it. `None` where
/// yaml.v3 would not read them either, or where they cannot be joined.
pub(super) fn join(input: &mut [char], begin: usize, folds: Folds) -> Option<()> {
    if matches!(input.get(begin), Some('"' | '\'')) {
        return join_quoted(input, begin, folds).map(|_| ());
    }
    let mut depth = 0_usize;
    // Whether a scalar may begin.
    let mut begins = true;
    let mut at = begin;
    loop {
        match *input.get(at)? {
            '[' | '{' => (depth, begins, at) = (depth + 1, true, at + 1),
            ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(());
                }
                (begins, at) = (false, at + 1);
            }
            ',' | ':' | '?' => (begins, at) = (true, at + 1),
            '#' if is_space(input[at - 1]) => {
                let end = end_of_line(input, at);
                input[at..end].fill(' ');
                at = end;
            }
            it if is_space(it) => {
                let end = end_of_space(input, at);
                if input[at..end].iter().any(|it| BREAKS.contains(it)) {
                    goes_on(input, end)?;
                    input[at..end].fill(' ');
                }
                at = end;
            }
            '"' | '\'' if begins => (begins, at) = (false, join_quoted(input, at, folds)?),
            '!' | '&' | '*' if begins => at = end_of_word(input, at),
            _ => (begins, at) = (false, join_plain(input, at, folds)?),
        }
    }
}

/// Joins the lines of a text without quotes; its end.
fn join_plain(input: &mut [char], begin: usize, folds: Folds) -> Option<usize> {
    let mut at = begin;
    loop {
        let character = *input.get(at)?;
        if ends_plain(input, at) {
            return Some(at.max(begin + 1));
        }
        if !is_space(character) {
            at += 1;
            continue;
        }
        let end = end_of_space(input, at);
        if ends_plain(input, end) || input.get(end) == Some(&'#') {
            return Some(at);
        }
        if input[at..end].iter().any(|it| BREAKS.contains(it)) {
            goes_on(input, end)?;
            fold(&mut input[at..end], folds);
        }
        at = end;
    }
}

/// Joins the lines of a text in quotes; the character behind it.
fn join_quoted(input: &mut [char], begin: usize, folds: Folds) -> Option<usize> {
    let quote = input[begin];
    let mut at = begin + 1;
    let mut joined = false;
    loop {
        match *input.get(at)? {
            it if it == quote => {
                at += 1;
                if quote == '"' || input.get(at) != Some(&quote) {
                    break;
                }
                at += 1;
            }
            '\\' if quote == '"' => {
                if !BREAKS.contains(input.get(at + 1)?) {
                    at += 2;
                    continue;
                }
                // The break says nothing, unless there are more of them.
                joined = true;
                let end = end_of_space(input, at + 1);
                is_in_document(input, end)?;
                fold(&mut input[at..end], folds);
                let mut lines = input[at..end].iter().filter(|it| **it == folds.line);
                if lines.nth(1).is_none() {
                    input[at..end].fill(folds.blank);
                }
                at = end;
            }
            it if is_space(it) => {
                let end = end_of_space(input, at);
                if input[at..end].iter().any(|it| BREAKS.contains(it)) {
                    joined = true;
                    is_in_document(input, end)?;
                    fold(&mut input[at..end], folds);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    let rest = input[at..].iter().find(|it| !BLANKS.contains(*it));
    // A name is on one line.
    (!joined || rest != Some(&':')).then_some(at)
}

fn fold(spaces: &mut [char], folds: Folds) {
    for at in 0..spaces.len() {
        let is_first = spaces[at] == '\r' && spaces.get(at + 1) == Some(&'\n');
        spaces[at] = if BREAKS.contains(&spaces[at]) && !is_first {
            folds.line
        } else {
            folds.blank
        };
    }
}

/// What comes on a line of its own: no value of the name before it, and no mark of a document.
fn goes_on(input: &[char], at: usize) -> Option<()> {
    let is_value = input.get(at) == Some(&':') && ends_plain(input, at);
    if is_value {
        return None;
    }
    is_in_document(input, at)
}

fn is_in_document(input: &[char], at: usize) -> Option<()> {
    let is_first = at > 0 && BREAKS.contains(&input[at - 1]);
    let mark = input.get(at..at + 3).unwrap_or_default();
    let is_mark = matches!(mark, ['-', '-', '-'] | ['.', '.', '.'])
        && input.get(at + 3).is_none_or(|it| is_space(*it));
    (!is_first || !is_mark).then_some(())
}

/// Whether a text without quotes cannot have this character.
fn ends_plain(input: &[char], at: usize) -> bool {
    let is_bracket = |it: &char| matches!(it, ',' | '[' | ']' | '{' | '}');
    match input.get(at) {
        None => true,
        Some(':') => {
            let next = input.get(at + 1);
            next.is_none_or(|it| is_space(*it) || is_bracket(it))
        }
        Some(it) => is_bracket(it),
    }
}

fn is_space(character: char) -> bool {
    BLANKS.contains(&character) || BREAKS.contains(&character)
}

fn end_of_line(input: &[char], at: usize) -> usize {
    end(input, at, |it| BREAKS.contains(&it))
}

fn end_of_space(input: &[char], at: usize) -> usize {
    end(input, at, |it| !is_space(it))
}

fn end_of_word(input: &[char], at: usize) -> usize {
    end(input, at, |it| {
        is_space(it) || matches!(it, ',' | '[' | ']' | '{' | '}')
    })
}

fn end(input: &[char], at: usize, is_behind: impl Fn(char) -> bool) -> usize {
    let length = input[at..].iter().position(|it| is_behind(*it));
    length.map_or(input.len(), |length| at + length)
}
