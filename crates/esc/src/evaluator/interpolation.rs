//! `${…}` in strings: reads a string into its literal parts and property accesses.
//!
//! `$$` is a literal `$`; `${` begins an access that `}` ends; any other `$` is literal. What cannot
//! be read is reported and still gives an access, so that evaluation can go on.

use unicode_width::UnicodeWidthStr;

use crate::evaluator::limits::MAXIMUM_DIAGNOSTICS;
use crate::evaluator::syntax::{Problem, Span};
use crate::text::Text;
use crate::{Position, TextBuilder};

/// A part of a string.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// Text, with `$$` replaced.
    Text(Text),
    /// `${…}`.
    Access(Access),
}

/// The path between `${` and `}`. It has at least one step.
#[derive(Debug, PartialEq)]
pub(super) struct Access {
    pub(super) steps: Vec<Step>,
}

/// One step of a path, and where it is written.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) accessor: Accessor,
    pub(super) span: Span,
}

/// What a step asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Accessor {
    /// `.name` or `["name"]`.
    Name(String),
    /// `[0]`. A negative index can be written, and fails when it is used.
    Index(i64),
}

/// Reads `text`, which stands at `span`. Where it is `plain`, places in it are given, as ESC counts
/// them: all on the first line, and as many columns as a terminal would take. Else every place in it
/// is the whole of `span`.
pub(super) fn parse(text: &str, span: Span, plain: bool) -> (Vec<Part>, Vec<Problem>) {
    let mut reader = Reader {
        text,
        span,
        plain,
        verbatim: is_verbatim(text, span, plain),
        at: 0,
        mark: (0, 0),
        problems: Vec::new(),
    };
    let parts = reader.parts();
    (parts, reader.problems)
}

/// Whether each byte of a text is one of the file, in the same order.
pub(super) fn is_verbatim(text: &str, span: Span, plain: bool) -> bool {
    plain && span.begin.byte + text.len() == span.end.byte
}

struct Reader<'text> {
    text: &'text str,
    span: Span,
    plain: bool,
    verbatim: bool,
    /// The byte to read next.
    at: usize,
    /// A byte at or before all whose places are still asked for, and the columns before it.
    /// Without it each place would count the whole text again.
    mark: (usize, usize),
    problems: Vec<Problem>,
}

impl<'text> Reader<'text> {
    fn parts(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut literal = TextBuilder::default();
        while let Some(dollar) = self.rest().find('$') {
            literal.push_str(&self.rest()[..dollar]);
            self.at += dollar + 1;
            match self.peek() {
                Some('$') => {
                    literal.push_str("$");
                    self.at += 1;
                }
                Some('{') => {
                    self.at += 1;
                    if literal.len() > 0 {
                        parts.push(Part::Text(std::mem::take(&mut literal).finish()));
                    }
                    parts.push(Part::Access(self.access()));
                }
                _ => literal.push_str("$"),
            }
        }
        literal.push_str(self.rest());
        if literal.len() > 0 {
            parts.push(Part::Text(literal.finish()));
        }
        parts
    }

    /// Reads a path and its closing brace.
    fn access(&mut self) -> Access {
        let start = self.at;
        let mut steps = Vec::new();
        loop {
            self.set_mark();
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    if steps.is_empty() {
                        steps.push(self.step(Accessor::Name(String::new()), start));
                    }
                    // Most have one step or two; there may be a million of them.
                    steps.shrink_to_fit();
                    return Access { steps };
                }
                None => break,
                Some(character) if is_blank(character) => break,
                Some('[') => {
                    let step = self.subscript(steps.is_empty());
                    steps.push(step);
                }
                Some(_) => {
                    let step = self.name();
                    steps.push(step);
                }
            }
        }
        self.problem(
            "missing closing brace '}' in interpolation",
            self.at,
            self.at,
        );
        if steps.is_empty() {
            steps.push(self.step(Accessor::Name(String::new()), start));
        }
        Access { steps }
    }

    /// Reads `name` or `.name`.
    fn name(&mut self) -> Step {
        let start = self.at;
        if self.peek() == Some('.') {
            self.at += 1;
        }
        let rest = self.rest();
        let end = rest.find(ends_name);
        let name = &rest[..end.unwrap_or(rest.len())];
        self.at += name.len();
        if name.is_empty() {
            self.problem("property name must not be empty", start, self.at);
        }
        self.step(Accessor::Name(name.to_owned()), start)
    }

    /// Reads `["key"]` or `[0]`.
    fn subscript(&mut self, first: bool) -> Step {
        let start = self.at;
        self.at += 1;
        let accessor = match self.peek() {
            None => Accessor::Name(String::new()),
            Some('"') => Accessor::Name(self.quoted_key()),
            Some(_) => self.index(start, first),
        };
        if self.peek() == Some(']') {
            self.at += 1;
        } else {
            let summary = "subscript is missing closing bracket ']'";
            self.problem(summary, start, self.at);
        }
        self.step(accessor, start)
    }

    /// Reads `"key"`, in which `\"` is a quote and nothing else is escaped.
    fn quoted_key(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        let mut key = String::new();
        let mut characters = self.rest().char_indices().peekable();
        let mut end = None;
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    end = Some(at + 1);
                    break;
                }
                '\\' if matches!(characters.peek(), Some((_, '"'))) => {
                    characters.next();
                    key.push('"');
                }
                _ => key.push(character),
            }
        }
        self.at += end.unwrap_or(self.rest().len());
        if end.is_none() {
            let summary = "key subscript is missing closing quote '\"'";
            self.problem(summary, start, self.at);
        } else if key.is_empty() {
            self.problem("key subscript must not be empty", start, self.at);
        }
        key
    }

    /// Reads what stands in brackets without quotes. What is no number is taken as a key.
    fn index(&mut self, bracket: usize, first: bool) -> Accessor {
        let start = self.at;
        let rest = self.rest();
        let end = rest.find(|c| c == ']' || ends_name(c));
        let end = end.unwrap_or(rest.len());
        let text = &rest[..end];
        self.at += end;
        let Ok(index) = text.parse() else {
            let summary = "numeric subscript must be a positive base-10 integer";
            self.problem(summary, start, self.at);
            return Accessor::Name(text.to_owned());
        };
        if first {
            let summary = "the first accessor must be a property name or key subscript, \
                           not a numeric subscript";
            self.problem(summary, bracket, self.at);
        }
        Accessor::Index(index)
    }

    fn rest(&self) -> &'text str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&self, accessor: Accessor, start: usize) -> Step {
        Step {
            accessor,
            span: self.span(start, self.at),
        }
    }

    fn set_mark(&mut self) {
        let (byte, columns) = self.mark;
        let more = width(&self.text[byte..self.at]);
        self.mark = (self.at, columns + more);
    }

    fn problem(&mut self, summary: &str, start: usize, end: usize) {
        if self.problems.len() > MAXIMUM_DIAGNOSTICS {
            return;
        }
        self.problems.push(Problem {
            summary: summary.to_owned(),
            span: self.span(start, end),
            path: None,
        });
    }

    fn span(&self, start_of: usize, end_of: usize) -> Span {
        if !self.plain {
            return self.span;
        }
        let (byte, columns) = self.mark;
        let place = |at: usize, truly: usize| Position {
            line: self.span.begin.line,
            column: self.span.begin.column + columns + width(&self.text[byte..at]),
            byte: truly,
        };
        let (begin, end) = (self.span.begin.byte, self.span.end.byte);
        let (begin, end) = if self.verbatim {
            (begin + start_of, begin + end_of)
        } else {
            (begin, end)
        };
        Span {
            begin: place(start_of, begin),
            end: place(end_of, end),
        }
    }
}

/// The columns that a text takes in a terminal. Control characters take none.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|byte| !byte.is_ascii_control()).count();
    }
    let control = text.chars().filter(|c| c.is_control()).count();
    text.width().saturating_sub(control)
}

/// Whether a character ends a name.
fn ends_name(character: char) -> bool {
    matches!(character, '.' | '[' | '}') || is_blank(character)
}

/// Whether ESC takes a character for a blank: it looks at single bytes, so that some letters with
/// diacritics count.
fn is_blank(character: char) -> bool {
    let mut bytes = [0; 4];
    let bytes = character.encode_utf8(&mut bytes).bytes();
    bytes
        .into_iter()
        .any(|byte| matches!(byte, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String) {
        let begin = Position {
            line: 1,
            column: 1,
            byte: 0,
        };
        let end = Position {
            byte: text.len(),
            ..begin
        };
        let (parts, problems) = parse(text, Span { begin, end }, true);
        let mut shown = String::new();
        for part in parts {
            match part {
                Part::Text(text) => shown.push_str(text.as_str().unwrap()),
                Part::Access(access) => {
                    let steps = access.steps.iter().map(|step| match &step.accessor {
                        Accessor::Name(name) => name.clone(),
                        Accessor::Index(index) => format!("#{index}"),
                    });
                    let steps: Vec<_> = steps.collect();
                    shown.extend(["<", &steps.join("|"), ">"]);
                }
            }
        }
        let problems = problems.into_iter().map(|problem| {
            let Span { begin, end } = problem.span;
            format!("{}-{} {}", begin.column, end.column, problem.summary)
        });
        (shown, problems.collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn strings_are_read_into_parts() {
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("$", "$"),
            ("$5 and $$ and $${x}", "$5 and $ and ${x}"),
            ("${a}", "<a>"),
            ("${a.b-c.d}!", "<a|b-c|d>!"),
            ("x ${a[0].b[\"c.d\"]} y", "x <a|#0|b|c.d> y"),
            ("${a[\"b\\\"c\\d\"]}", "<a|b\"c\\d>"),
            ("${[\"34\"]}", "<34>"),
            ("${a[-1]}", "<a|#-1>"),
            ("${a}${b}", "<a><b>"),
            ("$${${a}}", "${<a>}"),
            ("é${é.ü}", "é<é|ü>"),
        ] {
            assert_eq!(read(text), (want.to_owned(), String::new()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_reported_where_it_stands() {
        for (text, want, problems) in [
            ("${", "<>", "3-3 missing closing brace '}' in interpolation"),
            ("${}", "<>", ""),
            (
                "${a b}",
                "<a> b}",
                "4-4 missing closing brace '}' in interpolation",
            ),
            ("${a.}", "<a|>", "4-5 property name must not be empty"),
            ("${a..b}", "<a||b>", "4-5 property name must not be empty"),
            ("${.a}", "<a>", ""),
            ("${a[\"\"]}", "<a|>", "5-7 key subscript must not be empty"),
            (
                "${a[\"b\"}",
                "<a|b>",
                "4-8 subscript is missing closing bracket ']'",
            ),
            (
                "${a[x]}",
                "<a|x>",
                "5-6 numeric subscript must be a positive base-10 integer",
            ),
            (
                "${[2]}",
                "<#2>",
                "3-5 the first accessor must be a property name or key subscript, not a numeric \
                 subscript",
            ),
            (
                "é ${a",
                "é <a>",
                "6-6 missing closing brace '}' in interpolation",
            ),
        ] {
            let read = read(text);
            assert_eq!(read, (want.to_owned(), problems.to_owned()), "{text}");
        }
    }
}
