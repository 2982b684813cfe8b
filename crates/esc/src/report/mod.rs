//! Renders diagnostics for people: the message, the position, the source line and a caret below it.
//!
//! A source line may hold secrets. What [`Sources`] hides is replaced by `*`, character by character, so
//! that the caret stays in position.

mod document;

use std::collections::BTreeMap;
use std::ops;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::error::{causes, one_line};
use crate::sources::{LONGEST_PIECE, SecretPieces, Source};
use crate::{Diagnostic, Position, Range, Severity, Sources};

/// The longest excerpt of a line, in characters.
const MAXIMUM_WIDTH: usize = 160;

/// How many characters before the range an excerpt keeps if the line is cut.
const WIDTH_BEFORE: usize = 60;

/// How diagnostics are rendered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Without colors.
    Plain,
    /// With a terminal's color codes.
    Colored,
}

impl Sources {
    /// Renders the diagnostics, each with its source line. No newline at the end.
    #[must_use]
    pub fn render(&self, diagnostics: &[Diagnostic], style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Colored => Renderer::styled(),
        }
        .term_width(2 * MAXIMUM_WIDTH);
        let mut hidden = BTreeMap::new();
        for range in diagnostics.iter().filter_map(|it| it.range.as_ref()) {
            if let Some(source) = self.sources.get(&range.environment) {
                hidden
                    .entry(&*range.environment)
                    .or_insert_with(|| merged(source.hidden().cloned().collect()));
            }
        }
        let entries = diagnostics.iter().map(|diagnostic| {
            let excerpt = diagnostic.range.as_ref().and_then(|range| {
                let source = self.sources.get(&range.environment)?;
                let mut excerpt = Excerpt::new(source, range)?;
                excerpt.hide(hidden.get(&*range.environment)?);
                excerpt.hide_secrets(&source.text, &self.pieces);
                Some(excerpt)
            });
            render(diagnostic, excerpt.as_ref(), &renderer)
        });
        entries.collect::<Vec<_>>().join("\n")
    }
}

/// Sorts ranges and merges those that touch.
fn merged(mut ranges: Vec<ops::Range<usize>>) -> Vec<ops::Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<ops::Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
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
        // The definition is in Pulumi Cloud, and its text is not available.
        let origin = Origin::path(one_line(&range.environment))
            .line(range.begin.line)
            .char_column(range.begin.column);
        group = group.element(origin);
    }
    if let Some(failure) = &diagnostic.failure {
        for cause in causes(&**failure) {
            group = group.element(Level::NOTE.message(format!("caused by: {cause}")));
        }
    }
    if let Some(hint) = diagnostic.hint() {
        group = group.element(Level::HELP.message(one_line(hint)));
    }
    renderer.render(&[group])
}

/// A source line, or the part of it around a range.
struct Excerpt {
    path: String,
    /// From 1.
    line: usize,
    /// The first column of the range in the whole line, from 1.
    column: usize,
    /// The characters with their byte offsets in the source, or [`CUT`].
    characters: Vec<(usize, char)>,
    /// The range, as indexes into `characters`.
    marked: ops::Range<usize>,
    is_cut: bool,
}

/// Marks the end where a line is cut. It has no offset in the source.
const CUT: (usize, char) = (usize::MAX, '…');

/// The position that an excerpt points to: the start of a range. The end of a file is moved back to the
/// last line, which is more helpful than the empty line after it.
fn target(text: &str, range: &Range) -> Option<Position> {
    let byte = range.begin.byte.min(text.len());
    let before = text.get(..byte)?;
    if byte < text.len() || !before.ends_with(is_break) {
        return Some(Position {
            byte,
            ..range.begin
        });
    }
    let trimmed = before.trim_end_matches(is_break);
    let last_line = trimmed.lines().next_back().unwrap_or_default();
    Some(Position {
        line: trimmed.lines().count().max(1),
        column: last_line.chars().count() + 1,
        byte: trimmed.len(),
    })
}

impl Excerpt {
    /// Cuts the excerpt of a range. It reads little more than it keeps, because a line may be as long as
    /// the text.
    fn new(source: &Source, range: &Range) -> Option<Self> {
        let text: &str = &source.text;
        let target = target(text, range)?;
        let before = text[..target.byte].char_indices().rev();
        let (mut start, mut width) = (target.byte, 0_usize);
        for (byte, _) in before
            .take_while(|(_, c)| !is_break(*c))
            .take(MAXIMUM_WIDTH)
        {
            start = byte;
            width += 1;
        }
        let starts_line = start == 0 || text[..start].ends_with(is_break);
        let from_start = || {
            let rest = text[start..].char_indices();
            rest.take_while(|(_, character)| !is_break(*character))
        };
        let is_cut = !starts_line || from_start().nth(MAXIMUM_WIDTH).is_some();
        let skipped = if is_cut {
            width.saturating_sub(WIDTH_BEFORE)
        } else {
            0
        };
        let mut characters: Vec<_> = from_start()
            .skip(skipped)
            .take(MAXIMUM_WIDTH)
            .map(|(byte, character)| (start + byte, character))
            .collect();
        let index_of = |end: usize| characters.partition_point(|(byte, _)| *byte < end);
        let first = index_of(target.byte);
        let mut marked = first..index_of(range.end.byte).max(first + 1);
        if from_start().nth(skipped + MAXIMUM_WIDTH).is_some() {
            characters.push(CUT);
        }
        if skipped > 0 || !starts_line {
            characters.insert(0, CUT);
            marked = marked.start + 1..marked.end + 1;
        }
        Some(Self {
            path: one_line(&source.shown_as),
            line: target.line,
            column: target.column,
            characters,
            marked,
            is_cut,
        })
    }

    /// Hides the characters in sorted ranges of the source.
    fn hide(&mut self, ranges: &[ops::Range<usize>]) {
        for (byte, character) in &mut self.characters {
            let next = ranges.partition_point(|range| range.end <= *byte);
            let is_hidden = ranges.get(next).is_some_and(|range| range.contains(byte));
            if is_hidden && !character.is_whitespace() {
                *character = '*';
            }
        }
    }

    /// Hides the known secrets in the text, including one that is only partly in the excerpt.
    fn hide_secrets(&mut self, text: &str, pieces: &SecretPieces) {
        let bytes = self
            .characters
            .iter()
            .map(|(byte, _)| *byte)
            .filter(|byte| *byte != CUT.0);
        let (Some(first), Some(last)) = (bytes.clone().min(), bytes.max()) else {
            return;
        };
        let mut ranges = Vec::new();
        for start in first.saturating_sub(LONGEST_PIECE - 1)..=last {
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            let lengths = pieces.lengths_at_start(rest);
            ranges.extend(lengths.map(|length| start..start + length));
        }
        self.hide(&merged(ranges));
    }

    fn add_to<'a>(&self, group: Group<'a>) -> Group<'a> {
        let characters = self.characters.iter().map(|(_, character)| character);
        let text: String = characters.collect();
        let byte_of = |index: usize| {
            let byte = text.char_indices().nth(index).map(|(byte, _)| byte);
            byte.unwrap_or(text.len())
        };
        let marked = byte_of(self.marked.start)..byte_of(self.marked.end);
        let snippet = Snippet::source(text)
            .line_start(self.line)
            .annotation(AnnotationKind::Primary.span(marked));
        if !self.is_cut {
            return group.element(snippet.path(self.path.clone()));
        }
        // The renderer would count the column from the start of the excerpt.
        let origin = Origin::path(self.path.clone())
            .line(self.line)
            .char_column(self.column);
        group.element(origin).element(snippet)
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

#[cfg(test)]
mod tests;
