//! Shows diagnostics to people: what is wrong, where, the line itself and a caret under the place.
//!
//! A line of a definition may hold secrets. Whatever [`Sources`] was told to hide does not show:
//! each character of it is a `*`, so that the caret still stands right.

mod document;

use std::collections::BTreeMap;
use std::ops;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::error::{causes, one_line};
use crate::sources::{LONGEST_PIECE, Pieces, Source};
use crate::{Diagnostic, Range, Severity, Sources};

/// The longest part of a line that is shown, in characters.
const MAXIMUM_WIDTH: usize = 160;

/// What stands before the place, in characters, where a line is cut.
const WIDTH_BEFORE: usize = 60;

/// How diagnostics look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

impl Sources {
    /// All diagnostics, one after the other, each with its line; ends without a newline.
    #[must_use]
    pub fn render(&self, diagnostics: &[Diagnostic], style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Coloured => Renderer::styled(),
        }
        .term_width(2 * MAXIMUM_WIDTH);
        let mut hidden = BTreeMap::new();
        for range in diagnostics.iter().filter_map(|it| it.range.as_ref()) {
            if let Some(source) = self.sources.get(&range.environment) {
                hidden
                    .entry(&*range.environment)
                    .or_insert_with(|| joined(source.hidden.clone()));
            }
        }
        let shown = diagnostics.iter().map(|diagnostic| {
            let excerpt = diagnostic.range.as_ref().and_then(|range| {
                let source = self.sources.get(&range.environment)?;
                let mut excerpt = Excerpt::of(source, range)?;
                excerpt.hide(hidden.get(&*range.environment)?);
                excerpt.hide_pieces(&source.text, &self.pieces);
                Some(excerpt)
            });
            render(diagnostic, excerpt.as_ref(), &renderer)
        });
        shown.collect::<Vec<_>>().join("\n")
    }
}

/// The ranges in their order, those that touch as one.
fn joined(mut ranges: Vec<ops::Range<usize>>) -> Vec<ops::Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<ops::Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

fn render(diagnostic: &Diagnostic, excerpt: Option<&Excerpt>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one_line(&diagnostic.summary));
    let mut group = Group::with_title(title);
    if let Some(excerpt) = excerpt {
        group = excerpt.add_to(group);
    } else if let Some(range) = &diagnostic.range {
        // The text is not at hand: an environment in Pulumi Cloud.
        let origin = Origin::path(one_line(&range.environment))
            .line(range.begin.line)
            .char_column(range.begin.column);
        group = group.element(origin);
    }
    if let Some(failure) = &diagnostic.failure {
        for cause in causes(&**failure) {
            group = group.element(Level::NOTE.message(format!("caused by: {cause}")));
        }
        if let Some(hint) = failure.hint() {
            group = group.element(Level::HELP.message(one_line(hint)));
        }
    }
    renderer.render(&[group])
}

/// A line with a place in it, or the part of it around the place.
struct Excerpt {
    path: String,
    /// From 1.
    line: usize,
    /// The column of the place in the file, from 1.
    column: usize,
    /// The characters, each with its byte in the text. Where the line is cut, `…` stands at a byte
    /// beyond any text.
    characters: Vec<(usize, char)>,
    /// The place, in characters.
    place: ops::Range<usize>,
    is_cut: bool,
}

impl Excerpt {
    /// Reads no more of the text than it shows: a line may be as long as the text.
    fn of(source: &Source, range: &Range) -> Option<Self> {
        let text: &str = &source.text;
        let (mut line, mut column) = (range.begin.line, range.begin.column);
        let mut at = range.begin.byte.min(text.len());
        let before = text.get(..at)?;
        // The end of a file is a place after its last line break: the last line is what helps.
        if at == text.len() && before.ends_with(is_break) {
            let last = before.trim_end_matches(is_break);
            line = last.lines().count().max(1);
            column = last
                .lines()
                .next_back()
                .map_or(0, |line| line.chars().count())
                + 1;
            at = last.len();
        }
        let mut start = at;
        let mut width = 0;
        for (byte, character) in text[..at].char_indices().rev() {
            if is_break(character) || width == MAXIMUM_WIDTH {
                break;
            }
            start = byte;
            width += 1;
        }
        let starts_line = text[..start].is_empty() || text[..start].ends_with(is_break);
        let ahead = || {
            let rest = text[start..].char_indices();
            rest.take_while(|(_, character)| !is_break(*character))
        };
        let is_cut = !starts_line || ahead().nth(MAXIMUM_WIDTH).is_some();
        let mut skipped = 0;
        if is_cut {
            skipped = width.saturating_sub(WIDTH_BEFORE);
        }
        let mut characters: Vec<_> = ahead()
            .skip(skipped)
            .take(MAXIMUM_WIDTH)
            .map(|(byte, character)| (start + byte, character))
            .collect();
        let count = |end: usize| {
            characters
                .iter()
                .take_while(|(byte, _)| *byte < end)
                .count()
        };
        let mut place = count(at)..count(range.end.byte).max(count(at) + 1);
        if is_cut && ahead().nth(skipped + MAXIMUM_WIDTH).is_some() {
            characters.push(CUT);
        }
        if is_cut && !(starts_line && skipped == 0) {
            characters.insert(0, CUT);
            place = place.start + 1..place.end + 1;
        }
        Some(Self {
            path: one_line(&source.shown_as),
            line,
            column,
            characters,
            place,
            is_cut,
        })
    }

    /// Masks what lies in one of the ranges, which are in their order.
    fn hide(&mut self, hidden: &[ops::Range<usize>]) {
        for (byte, character) in &mut self.characters {
            let next = hidden.partition_point(|range| range.end <= *byte);
            let is_hidden = hidden.get(next).is_some_and(|range| range.contains(byte));
            if is_hidden && !character.is_whitespace() {
                *character = '*';
            }
        }
    }

    /// Masks the secrets that stand in the text here, also where only a part of one is in the
    /// excerpt.
    fn hide_pieces(&mut self, text: &str, pieces: &Pieces) {
        let bytes = self
            .characters
            .iter()
            .map(|(byte, _)| *byte)
            .filter(|byte| *byte != CUT.0);
        let (Some(first), Some(last)) = (bytes.clone().min(), bytes.max()) else {
            return;
        };
        let mut found = Vec::new();
        for start in first.saturating_sub(LONGEST_PIECE - 1)..=last {
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            let lengths = pieces.at_start_of(rest);
            found.extend(lengths.map(|length| start..start + length));
        }
        self.hide(&joined(found));
    }

    fn add_to<'a>(&self, group: Group<'a>) -> Group<'a> {
        let text: String = self
            .characters
            .iter()
            .map(|(_, character)| character)
            .collect();
        let byte = |character: usize| {
            let byte = text.char_indices().nth(character).map(|(byte, _)| byte);
            byte.unwrap_or(text.len())
        };
        let place = byte(self.place.start)..byte(self.place.end);
        let snippet = Snippet::source(text)
            .line_start(self.line)
            .annotation(AnnotationKind::Primary.span(place));
        if !self.is_cut {
            return group.element(snippet.path(self.path.clone()));
        }
        // The renderer counts the column in what it is given, which is not the whole line.
        let origin = Origin::path(self.path.clone())
            .line(self.line)
            .char_column(self.column);
        group.element(origin).element(snippet)
    }
}

/// What stands where a line is cut: a character of no place.
const CUT: (usize, char) = (usize::MAX, '…');

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zeroize::Zeroizing;

    use super::*;
    use crate::Position;
    use crate::error::Error;
    use crate::text::Text;

    fn diagnostic(text: &str, word: &str) -> Diagnostic {
        let byte = text.find(word).unwrap();
        let line = text[..byte].matches('\n').count() + 1;
        let begin = Position {
            line,
            column: text[..byte].rsplit('\n').next().unwrap().chars().count() + 1,
            byte,
        };
        let end = Position {
            byte: byte + word.len(),
            ..begin
        };
        Diagnostic {
            severity: Severity::Error,
            summary: "unknown property \"x\"".to_owned(),
            range: Some(Range {
                environment: "env".into(),
                begin,
                end,
            }),
            path: None,
            failure: None,
        }
    }

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::default();
        sources.add("env", "./env.yaml", Zeroizing::new(text.to_owned()));
        sources
    }

    #[test]
    fn a_diagnostic_shows_its_line_and_a_caret() {
        let text = "values:\n  a: ${x}\n";
        let shown = sources(text).render(&[diagnostic(text, "x")], Style::Plain);
        let want = "\
error: unknown property \"x\"
 --> ./env.yaml:2:8
  |
2 |   a: ${x}
  |        ^";
        assert_eq!(shown, want);
    }

    #[test]
    fn every_diagnostic_shows_with_its_causes_and_its_hint() {
        let text = "values:\n  a: ${x}\n";
        let failure = Error::new("no").caused_by("why").with_hint("do");
        let mut first = diagnostic(text, "x");
        first.failure = Some(Arc::new(failure));
        let mut second = diagnostic(text, "values");
        second.severity = Severity::Warning;
        let mut third = diagnostic(text, "x");
        third.range = None;
        let shown = sources(text).render(&[first, second, third], Style::Plain);
        let want = "\
error: unknown property \"x\"
 --> ./env.yaml:2:8
  |
2 |   a: ${x}
  |        ^
  |
  = note: caused by: why
  = help: do
warning: unknown property \"x\"
 --> ./env.yaml:1:1
  |
1 | values:
  | ^^^^^^
error: unknown property \"x\"";
        assert_eq!(shown, want);
    }

    #[test]
    fn a_text_that_is_not_at_hand_still_has_a_place() {
        let text = "values:\n  a: ${x}\n";
        let shown = Sources::default().render(&[diagnostic(text, "x")], Style::Plain);
        assert_eq!(shown, "error: unknown property \"x\"\n--> env:2:8");
    }

    #[test]
    fn colours_change_nothing_but_the_colours() {
        let text = "values:\n  a: \u{1b}[31m${x}\n";
        let sources = sources(text);
        let found = [diagnostic(text, "x")];
        let (plain, coloured) = (Style::Plain, Style::Coloured);
        let (plain, coloured) = (
            sources.render(&found, plain),
            sources.render(&found, coloured),
        );
        assert_ne!(plain, coloured);
        let mut parts = coloured.split("\u{1b}[");
        let mut stripped = parts.next().unwrap().to_owned();
        for part in parts {
            let (codes, rest) = part.split_once('m').unwrap();
            assert!(
                codes.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';')),
                "{codes}"
            );
            stripped.push_str(rest);
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn the_end_of_the_file_shows_its_last_line() {
        let text = "a: [b\n\n";
        let mut at_end = diagnostic(text, "b");
        let end = Position {
            line: 3,
            column: 1,
            byte: text.len(),
        };
        if let Some(range) = &mut at_end.range {
            (range.begin, range.end) = (end, end);
        }
        let shown = sources(text).render(&[at_end.clone()], Style::Plain);
        assert!(shown.contains("./env.yaml:1:6\n"), "{shown}");
        assert!(shown.ends_with("1 | a: [b\n  |      ^"), "{shown}");
        let shown = sources("").render(&[at_end], Style::Plain);
        assert!(shown.starts_with("error: "), "{shown}");
    }

    #[test]
    fn hidden_text_keeps_its_width_and_its_caret() {
        let text = "a: hünter2 # hünter2\nb: ${x}hünter2\nc: hün";
        let mut sources = sources(text);
        sources.hide("env", 3..11);
        sources.hide_text(&Text::from("hünter2"));
        sources.hide_text(&Text::from("c:"));
        let shown = sources.render(
            &[
                diagnostic(text, "# "),
                diagnostic(text, "x}"),
                diagnostic(text, "c:"),
            ],
            Style::Plain,
        );
        assert!(!shown.contains("hünter2"), "{shown}");
        assert!(
            shown.contains("1 | a: ******* # *******\n  |            ^^"),
            "{shown}"
        );
        assert!(shown.contains("2 | b: ${x}*******\n  |      ^^"), "{shown}");
        assert!(shown.contains("3 | c: hün"), "{shown}");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let long = "é".repeat(500_000);
        let text = format!("a: {long}${{x}}{long}\n");
        let shown = sources(&text).render(&[diagnostic(&text, "x")], Style::Plain);
        assert!(shown.len() < 2_000, "{}", shown.len());
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[1].ends_with("./env.yaml:1:500006"), "{}", lines[1]);
        let column = lines[4].chars().position(|c| c == 'x');
        assert_eq!(column, lines[5].chars().position(|c| c == '^'), "{shown}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = "a: \u{1b}[31m${x}\n";
        let shown = sources(text).render(&[diagnostic(text, "x")], Style::Plain);
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}
