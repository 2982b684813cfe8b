//! The difference of two texts, line by line, in the unified format of `diff -u`.

use std::fmt::Write as _;

/// How many lines around a change are shown.
const CONTEXT: usize = 3;

/// A line, and whether it goes, comes or stays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Line<'a> {
    Stays(&'a str),
    Goes(&'a str),
    Comes(&'a str),
}

/// The difference, or nothing where the texts are equal.
pub(super) fn unified(before: &str, after: &str, before_name: &str, after_name: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let lines = compare(&old, &new);
    let mut text = String::new();
    for hunk in hunks(&lines) {
        if text.is_empty() {
            let _ = writeln!(text, "--- {before_name}\n+++ {after_name}");
        }
        write_hunk(&mut text, &lines, hunk);
    }
    text
}

/// The shortest way from one list of lines to the other (E. W. Myers, "An O(ND) Difference
/// Algorithm and Its Variations", 1986), removals before additions.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(same)
        .count();
    let (a, b) = (
        &old_rest[..old_rest.len() - end],
        &new_rest[..new_rest.len() - end],
    );

    let mut lines: Vec<_> = old[..start].iter().map(|line| Line::Stays(line)).collect();
    lines.extend(middle(a, b));
    lines.extend(old[old.len() - end..].iter().map(|line| Line::Stays(line)));
    lines
}

fn middle<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<Line<'a>> {
    // `reach[k]` is how far along `a` the diagonal `k` is reached; a row for every number of
    // changes. Diagonals are shifted so that none is negative.
    let most = a.len() + b.len();
    let mut reach = vec![0_usize; 2 * most + 2];
    let mut rows = Vec::new();
    'search: for changes in 0..=most {
        rows.push(reach.clone());
        for step in 0..=changes {
            let diagonal = most + 2 * step - changes;
            let down = step == 0 || (step < changes && reach[diagonal - 1] < reach[diagonal + 1]);
            let mut x = if down {
                reach[diagonal + 1]
            } else {
                reach[diagonal - 1] + 1
            };
            // x - y = diagonal - most
            while let (Some(left), Some(right)) = (a.get(x), b.get(x + most - diagonal)) {
                if left != right {
                    break;
                }
                x += 1;
            }
            reach[diagonal] = x;
            if x >= a.len() && x + most >= b.len() + diagonal {
                break 'search;
            }
        }
    }

    let (mut x, mut y) = (a.len(), b.len());
    let mut backwards = Vec::with_capacity(most);
    for (changes, row) in rows.iter().enumerate().rev() {
        let diagonal = x + most - y;
        let down = diagonal + changes == most
            || (diagonal != most + changes && row[diagonal - 1] < row[diagonal + 1]);
        let from = if down { diagonal + 1 } else { diagonal - 1 };
        let (from_x, from_y) = if changes == 0 {
            (0, 0)
        } else {
            (row[from], row[from] + most - from)
        };
        while x > from_x && y > from_y && a[x - 1] == b[y - 1] {
            x -= 1;
            y -= 1;
            backwards.push(Line::Stays(a[x]));
        }
        if changes > 0 {
            if down {
                y -= 1;
                backwards.push(Line::Comes(b[y]));
            } else {
                x -= 1;
                backwards.push(Line::Goes(a[x]));
            }
        }
    }
    backwards.reverse();
    backwards
}

/// The stretches of lines to show: each change with what is around it.
fn hunks(lines: &[Line<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if matches!(line, Line::Stays(_)) {
            continue;
        }
        let (start, end) = (
            at.saturating_sub(CONTEXT),
            (at + 1 + CONTEXT).min(lines.len()),
        );
        match hunks.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => hunks.push(start..end),
        }
    }
    hunks
}

fn write_hunk(text: &mut String, lines: &[Line<'_>], hunk: std::ops::Range<usize>) {
    let count = |lines: &[Line<'_>]| {
        lines.iter().fold((0, 0), |(old, new), line| match line {
            Line::Stays(_) => (old + 1, new + 1),
            Line::Goes(_) => (old + 1, new),
            Line::Comes(_) => (old, new + 1),
        })
    };
    let (old_before, new_before) = count(&lines[..hunk.start]);
    let (old, new) = count(&lines[hunk.clone()]);
    // A stretch without lines is named by the line before it.
    let first = |before: usize, lines: usize| if lines == 0 { before } else { before + 1 };
    let _ = writeln!(
        text,
        "@@ -{},{old} +{},{new} @@",
        first(old_before, old),
        first(new_before, new)
    );
    for line in &lines[hunk] {
        let (sign, line) = match line {
            Line::Stays(line) => (' ', line),
            Line::Goes(line) => ('-', line),
            Line::Comes(line) => ('+', line),
        };
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_those_of_diff() {
        for (before, after, want) in [
            ("a\n", "a\n", ""),
            ("", "a\nb\n", "--- x\n+++ y\n@@ -0,0 +1,2 @@\n+a\n+b\n"),
            (
                "a\nb\nc\nd\ne\nf\ng\nh\ni\n",
                "a\nb\nc\nd\nE\nf\ng\nh\ni\n",
                "--- x\n+++ y\n@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n",
            ),
            (
                "a",
                "a\nb",
                "--- x\n+++ y\n@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\\ No newline at end of file\n",
            ),
            (
                "1\na\n2\n3\n4\n5\n6\n7\n8\nb\n9\n",
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "--- x\n+++ y\n@@ -1,5 +1,4 @@\n 1\n-a\n 2\n 3\n 4\n@@ -7,5 +6,4 @@\n 6\n 7\n 8\n-b\n 9\n",
            ),
        ] {
            assert_eq!(
                unified(before, after, "x", "y"),
                want,
                "{before:?} {after:?}"
            );
        }
    }

    /// Every pair of short texts of three letters: both are found again in the difference.
    #[test]
    fn both_texts_are_in_the_difference() {
        let texts: Vec<Vec<&str>> = (0..3_usize.pow(5))
            .map(|number| {
                let digits = (0..5).map(|digit| number / 3_usize.pow(digit) % 3);
                let letters = digits.map(|digit| ["a", "b", ""][digit]);
                letters.filter(|letter| !letter.is_empty()).collect()
            })
            .collect();
        for old in &texts {
            for new in &texts {
                let lines = compare(old, new);
                let (mut before, mut after) = (Vec::new(), Vec::new());
                for line in &lines {
                    match *line {
                        Line::Stays(line) => {
                            before.push(line);
                            after.push(line);
                        }
                        Line::Goes(line) => before.push(line),
                        Line::Comes(line) => after.push(line),
                    }
                }
                assert_eq!((&before, &after), (old, new));
            }
        }
    }
}
