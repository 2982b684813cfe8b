//! A set of code points, as ranges: put together as Go does it, and written for the engine.

use std::fmt::Write as _;

use super::unicode;

/// The largest code point.
pub(super) const LAST: u32 = 0x10_FFFF;

/// Code points that no text holds; Go's classes do.
const SURROGATES: (u32, u32) = (0xD800, 0xDFFF);

/// How many ranges a class may have before it is worth the time to tidy it.
const LARGE: usize = 16_384;

/// A set of code points.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Class {
    /// First and last of each range; in order and apart from each other once they are tidied.
    ranges: Vec<(u32, u32)>,
    /// How many of them were tidy when they last were.
    tidy: usize,
}

impl Class {
    /// A class of these ranges.
    pub(super) fn of(ranges: &[(u32, u32)]) -> Self {
        let mut class = Self::default();
        class.ranges.extend_from_slice(ranges);
        class.tidied()
    }

    /// Adds the code points from `low` to `high`.
    pub(super) fn add(&mut self, low: u32, high: u32) {
        self.ranges.push((low, high));
    }

    /// Adds the code points of another class.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.ranges.extend_from_slice(&other.ranges);
    }

    /// The ranges, in order, each apart from the next.
    #[must_use]
    pub(super) fn tidied(mut self) -> Self {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, before| {
            let touches = next.0 <= before.1.saturating_add(1);
            if touches {
                before.1 = before.1.max(next.1);
            }
            touches
        });
        self.tidy = self.ranges.len();
        self
    }

    /// Tidies what has grown a lot, so that the same ranges again and again take no memory.
    pub(super) fn tidy_if_grown(&mut self) {
        if self.ranges.len() > 2 * self.tidy + LARGE {
            *self = std::mem::take(self).tidied();
        }
    }

    /// What is not in this class.
    #[must_use]
    pub(super) fn negated(self) -> Self {
        let mut others = Self::default();
        let mut next = 0;
        for (low, high) in self.tidied().ranges {
            if next < low {
                others.add(next, low - 1);
            }
            next = high + 1;
        }
        if next <= LAST {
            others.add(next, LAST);
        }
        others
    }

    /// This class, with what differs from a member in case alone.
    #[must_use]
    pub(super) fn folded(self) -> Self {
        let mut folded = self.tidied();
        for at in 0..folded.ranges.len() {
            let (low, high) = folded.ranges[at];
            unicode::for_each_fold(low, high, |other| {
                if !(low..=high).contains(&other) {
                    folded.ranges.push((other, other));
                }
            });
        }
        folded.tidied()
    }

    #[cfg(test)]
    pub(super) fn holds(&self, code_point: u32) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(low, high)| (*low..=*high).contains(&code_point))
    }

    /// Writes the class as the engine reads it: a character, or ranges in brackets. The class has
    /// to be tidy.
    pub(super) fn write(&self, out: &mut String) {
        if let [(low, high)] = self.ranges[..]
            && low == high
            && let Some(character) = char::from_u32(low)
        {
            write_character(character, out);
            return;
        }
        let begin = out.len();
        out.push('[');
        for &(low, high) in &self.ranges {
            write_range(low, high.min(SURROGATES.0 - 1), out);
            write_range(low.max(SURROGATES.1 + 1), high, out);
        }
        if out.len() == begin + 1 {
            // Nothing that a text can hold.
            let _ = write!(out, "^\\x00-\\x{{{LAST:x}}}");
        }
        out.push(']');
    }
}

/// Writes a range without surrogates, if there is anything in it.
fn write_range(low: u32, high: u32, out: &mut String) {
    if low > high {
        return;
    }
    let (Some(first), Some(last)) = (char::from_u32(low), char::from_u32(high)) else {
        return;
    };
    write_character(first, out);
    if low + 1 < high {
        out.push('-');
    }
    if low < high {
        write_character(last, out);
    }
}

/// Writes a character so that it stands for itself, in brackets and elsewhere.
pub(super) fn write_character(character: char, out: &mut String) {
    if character.is_ascii_punctuation() && !matches!(character, '<' | '>') {
        out.push('\\');
    }
    out.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(class: &Class) -> String {
        let mut out = String::new();
        class.write(&mut out);
        out
    }

    #[test]
    fn classes_are_written_as_ranges() {
        for (ranges, plain, negated) in [
            (
                &[(0x61, 0x63)][..],
                "[a-c]",
                "[\0-`d-\u{d7ff}\u{e000}-\u{10ffff}]",
            ),
            (
                &[(0x62, 0x62), (0x61, 0x61)],
                "[ab]",
                "[\0-`c-\u{d7ff}\u{e000}-\u{10ffff}]",
            ),
            (
                &[(0x5D, 0x5D)],
                "\\]",
                "[\0-\\\\\\^-\u{d7ff}\u{e000}-\u{10ffff}]",
            ),
            (
                &[(0, 0xD7FF), (0xE000, LAST)],
                "[\0-\u{d7ff}\u{e000}-\u{10ffff}]",
                "[^\\x00-\\x{10ffff}]",
            ),
            (
                &[(0xD800, 0xD800)],
                "[^\\x00-\\x{10ffff}]",
                "[\0-\u{d7ff}\u{e000}-\u{10ffff}]",
            ),
            (
                &[],
                "[^\\x00-\\x{10ffff}]",
                "[\0-\u{d7ff}\u{e000}-\u{10ffff}]",
            ),
        ] {
            let class = Class::of(ranges);
            assert_eq!(written(&class), plain);
            let class = class.negated();
            // Backquotes are punctuation.
            assert_eq!(written(&class).replace("\\`", "`"), negated);
        }
    }

    #[test]
    fn folding_adds_what_differs_in_case() {
        for (ranges, folded) in [
            (&[(0x4B, 0x4B)][..], "[Kk\u{212a}]"),
            (&[(0x17F, 0x17F)], "[Ss\u{17f}]"),
            (&[(0x3C2, 0x3C2)], "[\u{3a3}\u{3c2}\u{3c3}]"),
            (&[(0x31, 0x31)], "1"),
            (&[(0, LAST)], "[\0-\u{d7ff}\u{e000}-\u{10ffff}]"),
        ] {
            assert_eq!(written(&Class::of(ranges).folded()), folded);
        }
    }
}
