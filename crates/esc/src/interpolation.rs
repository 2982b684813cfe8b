//! `${path}` in strings: splits a string into literal text and property accesses.
//!
//! One parser serves definitions and the arguments of `run`, as upstream's `ast.Interpolate` does.
//! `$$` is a literal `$`, `${` begins an access that `}` ends, and any other `$` is literal. A path
//! consists of names (any characters but `.`, `[`, `}` and blanks), keys in `["…"]` and indexes in
//! `[…]`.
//!
//! [`PropertyPath`] parses paths given on the command line. It has its own parser because
//! upstream reads those with `resource.ParsePropertyPath`: names may contain blanks and braces, `\`
//! escapes any character of a quoted key, and indexes are not negative.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::evaluator::limits::{MAXIMUM_DIAGNOSTICS, MAXIMUM_NODES, MAXIMUM_PATH_STEPS};
use crate::property_path::{Accessor, PropertyPath};

/// A part of a command's argument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// Literal text, with `$$` replaced.
    Text(String),
    /// `${…}`.
    Path(PropertyPath),
}

/// Splits a command's argument into its parts. Returns `None` if a path in it is malformed; ESC then
/// passes the argument on unchanged.
#[must_use]
pub fn parse(argument: &str) -> Option<Vec<Part>> {
    let (segments, problems) = parse_segments(argument, |_| ());
    if !problems.is_empty() {
        return None;
    }
    let parts = segments.into_iter().map(|segment| match segment {
        Segment::Text(text) => Part::Text(text.to_string()),
        Segment::Access(steps) => {
            let accessors = steps.into_iter().map(|step| match step.key {
                AccessKey::Name(name) => Accessor::Name(name.into_string()),
                // A negative index matches no item, and neither does the largest one.
                AccessKey::Index(index) => {
                    Accessor::Index(usize::try_from(index).unwrap_or(usize::MAX))
                }
            });
            Part::Path(accessors.collect())
        }
    });
    Some(parts.collect())
}

/// A part of a string. `L` is the location of a step or problem: whatever the caller of
/// [`parse_segments`] makes of its byte range.
#[derive(Debug, PartialEq)]
pub(crate) enum Segment<L> {
    /// Literal text, with `$$` replaced.
    Text(Zeroizing<String>),
    /// `${…}`: the steps between the braces, at least one.
    Access(Box<[AccessStep<L>]>),
}

/// One step of a property access.
#[derive(Debug, PartialEq)]
pub(crate) struct AccessStep<L> {
    pub(crate) key: AccessKey,
    pub(crate) location: L,
}

/// The property or item that a step selects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccessKey {
    /// `.name` or `["name"]`.
    Name(Box<str>),
    /// `[0]`. Negative indexes parse; evaluating them is an error.
    Index(i64),
}

/// A syntax error in a property access, in upstream's words.
#[derive(Debug)]
pub(crate) struct InterpolationProblem<L> {
    pub(crate) summary: &'static str,
    pub(crate) location: L,
}

/// Splits a string into segments. A malformed access is reported, and still yields an access, so
/// that evaluation can go on. `locate` converts byte ranges of `text`; their starts mostly ascend.
///
/// Stops after more problems than are reported, and after as many segments as a definition may have
/// references and values: the text is not evaluated then.
pub(crate) fn parse_segments<L>(
    text: &str,
    locate: impl FnMut(Range<usize>) -> L,
) -> (Vec<Segment<L>>, Vec<InterpolationProblem<L>>) {
    let mut parser = Parser {
        text,
        offset: 0,
        locate,
        problems: Vec::new(),
    };
    let segments = parser.segments();
    (segments, parser.problems)
}

/// Replaces each `$$` of a literal by `$`.
pub(crate) fn unescape(literal: &str) -> String {
    if literal.contains('$') {
        // `join` leaves no copies behind: it allocates once.
        literal.split("$$").collect::<Vec<_>>().join("$")
    } else {
        literal.to_owned()
    }
}

struct Parser<'text, L, F> {
    text: &'text str,
    /// The byte offset of the next character.
    offset: usize,
    locate: F,
    problems: Vec<InterpolationProblem<L>>,
}

impl<'text, L, F: FnMut(Range<usize>) -> L> Parser<'text, L, F> {
    fn segments(&mut self) -> Vec<Segment<L>> {
        let mut segments = Vec::new();
        loop {
            let literal = self.literal();
            if !literal.is_empty() {
                segments.push(Segment::Text(Zeroizing::new(unescape(literal))));
            }
            let is_at_end = self.offset == self.text.len();
            let has_too_many =
                self.problems.len() > MAXIMUM_DIAGNOSTICS || segments.len() > 2 * MAXIMUM_NODES;
            if is_at_end || has_too_many {
                break;
            }
            self.offset += "${".len();
            segments.push(Segment::Access(self.access()));
        }
        segments
    }

    /// Skips to the next `${`, or to the end of the text. Returns what is before it.
    fn literal(&mut self) -> &'text str {
        let start = self.offset;
        while let Some(dollar) = self.rest().find('$') {
            self.offset += dollar;
            match self.rest().as_bytes().get(1) {
                Some(b'{') => return &self.text[start..self.offset],
                Some(b'$') => self.offset += 2,
                _ => self.offset += 1,
            }
        }
        self.offset = self.text.len();
        &self.text[start..]
    }

    /// Parses a path and its closing brace.
    fn access(&mut self) -> Box<[AccessStep<L>]> {
        let start = self.offset;
        // Most accesses have one or two steps, and a definition may hold a million accesses.
        let mut steps = Vec::with_capacity(2);
        loop {
            let step = match self.peek() {
                Some('}') => {
                    self.offset += 1;
                    break;
                }
                Some('[') => self.subscript(steps.is_empty()),
                Some(character) if !is_blank(character) => self.name(),
                _ => {
                    self.problem("missing closing brace '}' in interpolation", self.offset);
                    break;
                }
            };
            if steps.len() < MAXIMUM_PATH_STEPS {
                steps.push(step);
            }
        }
        if steps.is_empty() {
            // In ESC, `${}` accesses the property with the empty name.
            steps.push(self.step(AccessKey::Name("".into()), start));
        }
        steps.into()
    }

    /// Parses `name` or `.name`.
    fn name(&mut self) -> AccessStep<L> {
        let start = self.offset;
        if self.peek() == Some('.') {
            self.offset += 1;
        }
        let rest = self.rest();
        let name = &rest[..rest.find(ends_name).unwrap_or(rest.len())];
        self.offset += name.len();
        if name.is_empty() {
            self.problem("property name must not be empty", start);
        }
        self.step(AccessKey::Name(name.into()), start)
    }

    /// Parses `["key"]` or `[0]`.
    fn subscript(&mut self, is_first: bool) -> AccessStep<L> {
        let start = self.offset;
        self.offset += 1;
        let key = match self.peek() {
            None => AccessKey::Name("".into()),
            Some('"') => AccessKey::Name(self.quoted_key().into()),
            Some(_) => self.index(start, is_first),
        };
        if self.peek() == Some(']') {
            self.offset += 1;
        } else {
            self.problem("subscript is missing closing bracket ']'", start);
        }
        self.step(key, start)
    }

    /// Parses `"key"`. The only escape sequence is `\"`.
    fn quoted_key(&mut self) -> String {
        let start = self.offset;
        self.offset += 1;
        let mut key = String::new();
        let mut characters = self.rest().char_indices().peekable();
        let mut length = None;
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    length = Some(offset + 1);
                    break;
                }
                '\\' if matches!(characters.peek(), Some((_, '"'))) => {
                    characters.next();
                    key.push('"');
                }
                _ => key.push(character),
            }
        }
        self.offset += length.unwrap_or(self.rest().len());
        if length.is_none() {
            self.problem("key subscript is missing closing quote '\"'", start);
        } else if key.is_empty() {
            self.problem("key subscript must not be empty", start);
        }
        key
    }

    /// Parses a subscript without quotes. One that is not a number becomes a name.
    fn index(&mut self, bracket: usize, is_first: bool) -> AccessKey {
        let start = self.offset;
        let rest = self.rest();
        let end = rest.find(|c| c == ']' || ends_name(c));
        let text = &rest[..end.unwrap_or(rest.len())];
        self.offset += text.len();
        let Ok(index) = text.parse() else {
            let summary = "numeric subscript must be a positive base-10 integer";
            self.problem(summary, start);
            return AccessKey::Name(text.into());
        };
        if is_first {
            let summary = "the first accessor must be a property name or key subscript, \
                           not a numeric subscript";
            self.problem(summary, bracket);
        }
        AccessKey::Index(index)
    }

    fn rest(&self) -> &'text str {
        &self.text[self.offset..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// A step from `start` to the current offset.
    fn step(&mut self, key: AccessKey, start: usize) -> AccessStep<L> {
        let location = (self.locate)(start..self.offset);
        AccessStep { key, location }
    }

    /// Reports a problem from `start` to the current offset.
    fn problem(&mut self, summary: &'static str, start: usize) {
        if self.problems.len() <= MAXIMUM_DIAGNOSTICS {
            let location = (self.locate)(start..self.offset);
            self.problems
                .push(InterpolationProblem { summary, location });
        }
    }
}

fn ends_name(character: char) -> bool {
    matches!(character, '.' | '[' | '}') || is_blank(character)
}

/// Whether upstream treats a character as a blank. It checks single bytes, so that some letters with
/// diacritics are blanks, such as `à` (0xC3 0xA0).
fn is_blank(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, '\t'..='\r' | ' ');
    }
    let mut bytes = [0; 4];
    character.encode_utf8(&mut bytes);
    bytes.contains(&0x85) || bytes.contains(&0xa0)
}

#[cfg(test)]
mod tests;
