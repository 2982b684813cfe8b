//! Makes one line of what is in brackets or in quotes, in the parser's input.
//!
//! The parser refuses lines there that are indented less than the block around them; to yaml.v3
//! their indentation says nothing. No character moves.

use zeroize::Zeroizing;

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

/// Joins the lines from the bracket or the quote at `begin` to the one that closes it, and those of
/// the values that follow in lines that surely are of the block around it: so that a text with many
/// of them is not read once for each. `None` where yaml.v3 would not read the first either, or where
/// its lines cannot be joined.
pub(super) fn join_from(input: &mut [char], begin: usize, folds: Folds) -> Option<()> {
    let first = join(input, begin, folds)?;
    let before = Zeroizing::new(input[first..].to_vec());
    let mut end = first;
    while let Some(begin) = next_value(input, end) {
        let Some(next) = join(input, begin, folds) else {
            input[begin..].copy_from_slice(&before[begin - first..]);
            break;
        };
        end = next;
    }
    Some(())
}

/// The bracket or the quote that a value of a block begins with, in the lines after the one where the
/// value before it ends. Between them are only lines that read in one way: comments, names, and texts
/// of one line.
fn next_value(input: &[char], from: usize) -> Option<usize> {
    let rest = end_of_blanks(input, from);
    if !ends_line(input, rest) {
        return None;
    }
    let mut line = next_line(input, rest);
    // How far the lines are indented that end the text in the line before.
    let mut text = usize::MAX;
    loop {
        let mut at = end(input, line, |it| it != ' ');
        if ends_line(input, at) {
            input.get(at)?;
            line = next_line(input, at);
            continue;
        }
        let indentation = at - line;
        if indentation > text {
            return None;
        }
        while input[at] == '-' && input.get(at + 1) == Some(&' ') {
            at = end(input, at + 1, |it| it != ' ');
            input.get(at)?;
        }
        let value = match (input[at], end_of_name(input, at)) {
            ('[' | '{', _) | ('"' | '\'', None) => return Some(at),
            (_, name) => end_of_blanks(input, name? + 1),
        };
        text = match input.get(value)? {
            '[' | '{' | '"' | '\'' => return Some(value),
            it if it.is_alphanumeric() || "_/.$".contains(*it) => indentation,
            _ if ends_line(input, value) => usize::MAX,
            _ => return None,
        };
        line = next_line(input, value);
    }
}

/// The `:` behind the name that begins here, where that is a plain one or in quotes.
fn end_of_name(input: &[char], begin: usize) -> Option<usize> {
    let first = input[begin];
    let is_quoted = matches!(first, '"' | '\'');
    let in_name = |it: char| {
        if is_quoted {
            it != first && it != '\\' && !BREAKS.contains(&it)
        } else {
            it.is_alphanumeric() || "_-./:".contains(it)
        }
    };
    if !is_quoted && !first.is_alphanumeric() && first != '_' {
        return None;
    }
    let mut colon = end(input, begin + 1, |it| !in_name(it));
    if !is_quoted {
        colon -= 1;
    } else if input.get(colon) == Some(&first) {
        colon += 1;
    }
    let is_it =
        input.get(colon) == Some(&':') && input.get(colon + 1).is_none_or(|it| is_space(*it));
    is_it.then_some(colon)
}

/// Whether nothing but a comment comes before the end of the line.
fn ends_line(input: &[char], at: usize) -> bool {
    match input.get(at) {
        None => true,
        Some('#') => at == 0 || is_space(input[at - 1]),
        Some(it) => BREAKS.contains(it),
    }
}

fn next_line(input: &[char], at: usize) -> usize {
    let end = end_of_line(input, at);
    match input.get(end..) {
        Some(['\r', '\n', ..]) => end + 2,
        Some([_, ..]) => end + 1,
        _ => end,
    }
}

/// Joins the lines from the bracket or the quote at `begin` to the one that closes it; the character
/// behind it.
fn join(input: &mut [char], begin: usize, folds: Folds) -> Option<usize> {
    if matches!(input.get(begin), Some('"' | '\'')) {
        return join_quoted(input, begin, folds);
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
                    return Some(at + 1);
                }
                (begins, at) = (false, at + 1);
            }
            ',' | ':' | '?' => (begins, at) = (true, at + 1),
            // No text goes on behind a comment.
            '#' if is_space(input[at - 1]) => {
                let end = end_of_line(input, at);
                input[at..end].fill(' ');
                at = end;
                let next = input.get(end_of_space(input, at))?;
                if !begins && !matches!(next, ',' | ']' | '}' | ':' | '#') {
                    return None;
                }
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

fn end_of_blanks(input: &[char], at: usize) -> usize {
    end(input, at, |it| !BLANKS.contains(&it))
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
