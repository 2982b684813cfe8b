//! What the parser takes and yaml.v3 refuses.

use saphyr_parser::ScalarStyle;

use crate::Position;
use crate::evaluator::syntax::places::{Places, advance};
use crate::evaluator::syntax::yaml::{BLANKS, BREAKS, RARE_BREAKS};
use crate::evaluator::syntax::{Problem, Span};

/// What is wrong with a text before any of it is parsed.
pub(super) fn refusal(text: &str) -> Option<Problem> {
    other_version(text)
        .or_else(|| beginning(text))
        .or_else(|| control_character(text))
}

/// The problem of a text that says it is of another version of YAML than 1.1, the only one that
/// yaml.v3 takes.
fn other_version(text: &str) -> Option<Problem> {
    let lines = text.lines().enumerate();
    let mut before = lines.take_while(|(_, line)| {
        line.trim_matches(BLANKS).is_empty() || line.starts_with(['#', '%'])
    });
    let (number, line) = before.find(|(_, line)| line.starts_with("%YAML"))?;
    let version = line.split_whitespace().nth(1);
    if version == Some("1.1") {
        return None;
    }
    let byte = text.find("%YAML").unwrap_or_default();
    let at = Position {
        line: number + 1,
        column: 1,
        byte,
    };
    Some(Problem {
        summary: match number {
            0 => "yaml: found incompatible YAML document".to_owned(),
            _ => format!("yaml: line {number}: found incompatible YAML document"),
        },
        span: Span { begin: at, end: at },
        path: None,
    })
}

/// The problem of a text that begins with the end of a document, or with a tab.
fn beginning(text: &str) -> Option<Problem> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let (number, line, wording) = lines.find_map(|(number, line)| {
        let code = line.trim_start_matches(' ');
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(BLANKS);
        if code.starts_with('\t') {
            Some((number, line, "found character that cannot start any token"))
        } else if line.strip_prefix("...").is_some_and(ends) {
            Some((number, line, "did not find expected node content"))
        } else {
            let goes_on = code.is_empty() || code.starts_with('#');
            (!goes_on).then_some((number, line, ""))
        }
    })?;
    if wording.is_empty() {
        return None;
    }
    let at = Position {
        line: number + 1,
        column: 1,
        byte: text.find(line).unwrap_or_default(),
    };
    Some(problem(at, wording))
}

/// The problem of a text with characters that YAML does not have.
fn control_character(text: &str) -> Option<Problem> {
    let is_refused = |it: char| {
        matches!(it, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}')
            || matches!(it, '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
    };
    let byte = text.find(is_refused)?;
    let mut at = Position {
        line: 1,
        column: 1,
        byte: 0,
    };
    let mut before = text[..byte].chars().peekable();
    while let Some(character) = before.next() {
        advance(&mut at, character, before.peek().copied());
    }
    Some(Problem {
        summary: "yaml: control characters are not allowed".to_owned(),
        span: Span { begin: at, end: at },
        path: None,
    })
}

fn problem(at: Position, wording: &str) -> Problem {
    Problem {
        summary: format!("yaml: line {}: {wording}", at.line),
        span: Span { begin: at, end: at },
        path: None,
    }
}

impl Places<'_> {
    /// Refuses a tag with a bracket or a comma right behind it: to yaml.v3 that is a part of the tag.
    pub(super) fn ends_tag(&self, end: Position) -> Result<(), Problem> {
        let at = self.next_token(end);
        let text = self.text;
        let before = &text[..at.byte];
        let is_apart = [&BLANKS[..], &BREAKS, &RARE_BREAKS]
            .into_iter()
            .any(|spaces| before.ends_with(spaces))
            || before
                .rsplit(|it: char| it.is_whitespace() || "[]{},".contains(it))
                .next()
                .is_some_and(|word| word.starts_with('&'));
        let wording = match text.as_bytes().get(at.byte) {
            Some(b']' | b'}') if !is_apart => "did not find expected whitespace or line break",
            Some(b',') if !is_apart => "a comma right behind a tag is a part of the tag",
            _ => return Ok(()),
        };
        Err(Problem {
            summary: format!("yaml: line {}: {wording}", at.line),
            span: Span { begin: at, end: at },
            path: None,
        })
    }

    /// Refuses an anchor whose name has other than letters, digits, `_` and `-` of ASCII.
    pub(super) fn check_anchor(&self, begin: Position) -> Result<(), Problem> {
        let mut rest = self.text.get(begin.byte..).unwrap_or_default();
        while rest.starts_with('!') {
            let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest = rest[word..].trim_start();
        }
        let Some(name) = rest.strip_prefix('&') else {
            return Ok(());
        };
        let is_named = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        let end = name.find(|it| !is_named(it)).unwrap_or(name.len());
        let ends = |it: char| it.is_whitespace() || "?:,]}%@`".contains(it);
        if end > 0 && name[end..].chars().next().is_none_or(ends) {
            return Ok(());
        }
        Err(Problem {
            summary: format!(
                "yaml: line {}: did not find expected alphabetic or numeric character",
                begin.line
            ),
            span: Span { begin, end: begin },
            path: None,
        })
    }

    /// Refuses a value without a name. In brackets a name may be empty, but not where its tag or its
    /// anchor stands on a line before it. `between` is the stretch since what was read last.
    pub(super) fn check_name(
        &self,
        between: (usize, Position),
        has_property: bool,
        in_flow: bool,
    ) -> Result<(), Problem> {
        let (from, to) = between;
        let at = self.next_token(to);
        let source = self.text.get(from..at.byte).unwrap_or_default();
        let word = source.trim_end_matches(|it| BLANKS.contains(&it) || BREAKS.contains(&it));
        let is_apart = source[word.len()..].contains(BREAKS);
        let is_value = self.text[at.byte..].starts_with(':');
        let is_refused = if has_property { is_apart } else { !in_flow };
        if !is_value || !is_refused || source.contains('?') {
            return Ok(());
        }
        Err(problem(
            at,
            if in_flow {
                "did not find expected ',' or '}'"
            } else {
                "did not find expected key"
            },
        ))
    }

    /// Refuses a block scalar whose first line is indented with a tab, unless its indicator tells
    /// how deep it is indented.
    pub(super) fn check_indentation(&self, begin: Position) -> Result<(), Problem> {
        let mut lines = self.text[begin.byte..].split('\n');
        let header = lines.next().unwrap_or_default();
        let code = header.split_once(" #").map_or(header, |(code, _)| code);
        let word = code.rsplit(BLANKS).find(|it| it.starts_with(['|', '>']));
        if word.is_none_or(|word| word.contains(|it: char| it.is_ascii_digit())) {
            return Ok(());
        }
        for (line, number) in lines.zip(begin.line + 1..) {
            let code = line.trim_start_matches(' ');
            if code.starts_with('\t') {
                let at = Position {
                    line: number,
                    column: line.len() - code.len() + 1,
                    byte: begin.byte,
                };
                let wording = "found a tab character where an indentation space is expected";
                return Err(problem(at, wording));
            }
            if !code.trim_end_matches('\r').is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Refuses `\/` in double quotes.
    pub(super) fn check_escapes(&self, span: Span, style: ScalarStyle) -> Result<(), Problem> {
        if style == ScalarStyle::DoubleQuoted && self.has_escaped_slash(span) {
            return Err(problem(span.begin, "found unknown escape character"));
        }
        Ok(())
    }

    /// Whether a text in double quotes has `\/`, which YAML 1.2 has and yaml.v3 has not.
    fn has_escaped_slash(&self, span: Span) -> bool {
        let source = self.text.get(span.begin.byte..span.end.byte);
        let mut characters = source.unwrap_or_default().chars();
        while let Some(character) = characters.next() {
            if character == '\\' && characters.next() == Some('/') {
                return true;
            }
        }
        false
    }
}
