//! What yaml.v3 takes and the parser refuses, and what can be changed in the parser's input, without
//! moving anything, to make it read on.

use saphyr_parser::ScanError;
use zeroize::Zeroizing;

use crate::evaluator::syntax::yaml::{BREAKS, RARE_BREAKS};

/// What the parser stumbles over.
pub(super) enum Repair {
    /// A `-` alone before a bracket or a comma is text.
    Hyphens,
    /// A byte order mark within a line is text.
    ByteOrderMarks,
    /// A comment may begin right after a bracket or a quote: at this character.
    Comment(usize),
    /// Lines in brackets and in quotes may be indented as little as one likes: what begins or goes
    /// on at this character.
    Indentation(usize),
    /// A tag may end with the line, and there are more breaks than the parser knows.
    RareBreaks,
}

/// What may help against an error of the parser.
pub(super) fn repair(error: &ScanError) -> Option<Repair> {
    let info = error.info();
    if info.starts_with("plain scalar cannot start with '-'") {
        Some(Repair::Hyphens)
    } else if info.starts_with("a byte order mark must not") {
        Some(Repair::ByteOrderMarks)
    } else if info.starts_with("comments must be separated") {
        Some(Repair::Comment(error.marker().index()))
    } else if matches!(
        info,
        "invalid indentation"
            | "invalid indentation in flow construct"
            | "invalid indentation in quoted scalar"
    ) {
        Some(Repair::Indentation(error.marker().index()))
    } else if info.ends_with("did not find expected whitespace or line break") {
        Some(Repair::RareBreaks)
    } else {
        None
    }
}

/// How often a text is read again, so that it stays cheap to read a large one.
pub(super) fn repairs(text: &str) -> usize {
    const BYTES: usize = 1 << 23;
    (BYTES / text.len().max(1)).clamp(2, 512)
}

/// What stands for a lone hyphen: characters for private use, one of which no sane text has.
pub(super) const STAND_INS: [char; 3] = ['\u{e000}', '\u{f8fe}', '\u{10fffd}'];

/// The text with `other` for each hyphen that begins a word and stands before a bracket or a comma.
pub(super) fn with_lone_hyphens_as(text: &str, other: char) -> Zeroizing<String> {
    let mut changed = Zeroizing::new(String::with_capacity(text.len() + text.len() / 8));
    let mut before = '\n';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let begins = matches!(before, ' ' | '\t' | '\n' | '\r' | ',' | '[' | '{' | ':');
        let ends = matches!(characters.peek(), Some(',' | '[' | ']' | '{' | '}'));
        let is_lone = character == '-' && begins && ends;
        changed.push(if is_lone { other } else { character });
        before = character;
    }
    changed
}

/// The text with `other` for each byte order mark that begins no line.
pub(super) fn with_inner_marks_as(text: &str, other: char) -> Zeroizing<String> {
    let mut changed = Zeroizing::new(String::with_capacity(text.len()));
    let mut before = '\n';
    for character in text.chars() {
        let is_inner = character == '\u{feff}' && !BREAKS.contains(&before);
        changed.push(if is_inner { other } else { character });
        before = character;
    }
    changed
}

/// The text with blanks for the breaks right behind tags that the parser does not know as breaks.
pub(super) fn without_breaks_behind_tags(text: &str) -> Zeroizing<String> {
    let mut changed = Zeroizing::new(String::with_capacity(text.len()));
    let mut in_tag = false;
    let mut before = ' ';
    for character in text.chars() {
        let begins_word = before.is_whitespace() || "[]{},".contains(before);
        let is_break = RARE_BREAKS.contains(&character);
        changed.push(if in_tag && is_break { ' ' } else { character });
        in_tag = (in_tag || (begins_word && character == '!')) && !character.is_whitespace();
        before = character;
    }
    changed
}

/// The text with blanks for the comment that begins at a character.
pub(super) fn without_comment(text: &str, begin: usize) -> Zeroizing<String> {
    let mut in_comment = false;
    let changed = text.chars().enumerate().map(|(at, character)| {
        in_comment = (in_comment || at == begin) && !BREAKS.contains(&character);
        if in_comment { ' ' } else { character }
    });
    let mut blanked = Zeroizing::new(String::with_capacity(text.len()));
    blanked.extend(changed);
    blanked
}
