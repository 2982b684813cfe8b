//! Interpolations in a definition: [`crate::interpolation`] with the source spans of each step.

use unicode_width::UnicodeWidthStr;

use crate::Position;
use crate::evaluator::syntax::Span;
use crate::interpolation::{self, InterpolationProblem};

pub(super) type Segment = interpolation::Segment<Span>;
pub(super) type AccessStep = interpolation::AccessStep<Span>;

/// Splits the string at `span` into segments.
///
/// ESC reports positions within plain scalars (no quotes, no tag) as if they were on one line, and
/// counts columns as a terminal would. In other scalars every position is that of the whole string.
pub(super) fn parse(
    text: &str,
    span: Span,
    is_plain: bool,
) -> (Vec<Segment>, Vec<InterpolationProblem<Span>>) {
    if !is_plain {
        return interpolation::parse_segments(text, |_| span);
    }
    let is_verbatim = is_verbatim(text, span, is_plain);
    let mut columns = ColumnCounter {
        text,
        offset: 0,
        columns: 0,
    };
    interpolation::parse_segments(text, |range| {
        let mut position = |offset: usize, bytes_of_scalar: usize| Position {
            line: span.begin().line,
            column: span.begin().column + columns.before(offset),
            byte: if is_verbatim {
                span.begin().byte + offset
            } else {
                bytes_of_scalar
            },
        };
        let begin = position(range.start, span.begin().byte);
        Span::new(begin, position(range.end, span.end().byte))
    })
}

/// Whether the value of a scalar equals its source text byte for byte.
pub(super) fn is_verbatim(text: &str, span: Span, is_plain: bool) -> bool {
    is_plain && span.bytes().len() == text.len()
}

/// Counts the columns before an offset, starting from the previous offset. Counting from the start
/// of the text for each position would take quadratic time.
struct ColumnCounter<'text> {
    text: &'text str,
    offset: usize,
    columns: usize,
}

impl ColumnCounter<'_> {
    fn before(&mut self, offset: usize) -> usize {
        if offset >= self.offset {
            self.columns += terminal_width(&self.text[self.offset..offset]);
        } else {
            let width = terminal_width(&self.text[offset..self.offset]);
            self.columns = self.columns.saturating_sub(width);
        }
        self.offset = offset;
        self.columns
    }
}

/// The number of columns of a text in a terminal. Control characters have no width.
fn terminal_width(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|byte| !byte.is_ascii_control()).count();
    }
    let control = text.chars().filter(|c| c.is_control()).count();
    text.width().saturating_sub(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span_of(text: &str) -> Span {
        let begin = Position {
            line: 1,
            column: 1,
            byte: 0,
        };
        let end = Position {
            byte: text.len(),
            ..begin
        };
        Span::new(begin, end)
    }

    /// The columns of the problems in a plain scalar at line 1, column 1.
    fn problem_columns(text: &str) -> Vec<(usize, usize)> {
        let (_, problems) = parse(text, span_of(text), true);
        let columns = problems.iter().map(|problem| {
            let span = problem.location;
            (span.begin().column, span.end().column)
        });
        columns.collect()
    }

    #[test]
    fn columns_are_those_of_a_terminal() {
        for (text, want) in [
            ("${", &[(3, 3)][..]),
            ("${a..b}", &[(4, 5)]),
            ("é ${a", &[(6, 6)]),
            ("日本 ${a", &[(9, 9)]),
            // Within one subscript the second problem begins before the first.
            ("é${a[\"\"}", &[(6, 8), (5, 8)]),
            ("${a b} ${c d}", &[(4, 4), (11, 11)]),
        ] {
            assert_eq!(problem_columns(text), want, "{text}");
        }
    }

    #[test]
    fn positions_in_quoted_scalars_are_those_of_the_whole_string() {
        let span = span_of("${a b}");
        let (_, problems) = parse("${a b}", span, false);
        assert_eq!(problems[0].location, span);
    }
}
