//! What regular expressions cost: how many states one has once it is compiled, told from its text.
//!
//! A repetition is compiled as so many copies, so that a short pattern can become a large machine,
//! and each byte of a text may visit each of its states. Neither the engine's size nor its steps
//! can be asked for, hence this estimate. It is not too low by more than a small factor.

use crate::evaluator::limits::PATTERN_WORK_PER_STEP;

/// How many states a class such as `\pL` is worth where it is compiled. While a text is matched few of
/// them are visited for a byte.
const UNICODE_CLASS: usize = 512;

/// How many states a text may visit for each of its bytes, about.
pub(super) fn states(pattern: &str) -> usize {
    count(pattern, 0)
}

/// How many states are compiled for a pattern, about.
pub(super) fn compiled(pattern: &str) -> usize {
    count(pattern, UNICODE_CLASS)
}

/// How many states a pattern has where a class of Unicode has so many more than others.
fn count(pattern: &str, unicode_class: usize) -> usize {
    let more = |escaped| match escaped {
        'p' | 'P' => unicode_class,
        _ => 0,
    };
    let mut characters = pattern.chars().peekable();
    // The states of each open group, the innermost last, and of what a repetition would repeat.
    let mut groups = vec![0_usize];
    let mut atom = 0;
    let add = |groups: &mut Vec<usize>, states: usize| {
        if let Some(group) = groups.last_mut() {
            *group = group.saturating_add(states);
        }
    };
    while let Some(character) = characters.next() {
        match character {
            '(' => {
                groups.push(2);
                atom = 0;
            }
            ')' if groups.len() > 1 => {
                atom = groups.pop().unwrap_or_default();
                add(&mut groups, atom);
            }
            '{' => {
                let rest: String = characters.clone().take(LONGEST_REPETITION).collect();
                if let Some((length, count)) = repetitions(&rest) {
                    // A repeated state is accompanied by one that leaves the repetition.
                    let all = atom.saturating_add(1).saturating_mul(count);
                    add(&mut groups, all);
                    atom = atom.saturating_add(all);
                    characters.nth(length);
                } else {
                    atom = 1;
                    add(&mut groups, atom);
                }
            }
            '[' => {
                // A state of a class is as large as the class.
                let mut length = 1_usize;
                let mut before = '[';
                for next in characters.by_ref() {
                    length += 1;
                    if next == ']' && length > 2 && before != '\\' {
                        break;
                    }
                    before = if before == '\\' {
                        length += more(next);
                        ' '
                    } else {
                        next
                    };
                }
                atom = length;
                add(&mut groups, atom);
            }
            '\\' => {
                // The largest of the other classes has eight ranges.
                let escaped = characters.next().unwrap_or_default();
                if matches!(escaped, 'p' | 'P') && characters.next() == Some('{') {
                    characters.by_ref().find(|next| *next == '}');
                }
                atom = 8 + more(escaped);
                add(&mut groups, atom);
            }
            '*' | '+' | '?' => {
                add(&mut groups, 1);
                atom = atom.saturating_add(1);
            }
            _ => {
                // A character is up to four bytes, each with a state.
                atom = character.len_utf8();
                add(&mut groups, atom);
            }
        }
    }
    groups.into_iter().fold(1, usize::saturating_add)
}

/// How many steps it may take to match a pattern with so many states against so many bytes.
pub(super) fn steps(states: usize, bytes: usize) -> usize {
    states.saturating_mul(bytes) / PATTERN_WORK_PER_STEP
}

/// The longest text of a repetition whose counts are in bounds: `1000,1000}`.
const LONGEST_REPETITION: usize = 32;

/// What follows `{` in `{2}`, `{2,}` or `{2,3}`: how many characters stand before the `}`, and how
/// often it repeats at most; where there is no bound, as often as at least.
fn repetitions(text: &str) -> Option<(usize, usize)> {
    let (inner, _) = text.split_once('}')?;
    let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
    let least: usize = least.parse().ok()?;
    let most = if most.is_empty() {
        least
    } else {
        most.parse().ok()?
    };
    Some((inner.len(), least.max(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_multiply() {
        for (pattern, least, most) in [
            ("", 1, 1),
            ("abc", 3, 10),
            ("^a+$", 3, 10),
            ("a{1000}", 1_000, 4_000),
            ("(a?){1000}", 3_000, 10_000),
            ("((a{100}){100}){100}", 1_000_000, 8_000_000),
            ("(a|b{10}){10,20}c{5,}", 200, 800),
            ("a{,5}", 5, 20),
            ("[a-z]{1,10}", 10, 100),
            (r"[\]]{100}", 100, 1_000),
            (r"\d{100}", 100, 2_000),
            ("é{100}", 200, 500),
            ("(((", 3, 10),
            (")))", 3, 10),
        ] {
            let states = states(pattern);
            assert!((least..=most).contains(&states), "{pattern}: {states}");
        }
        for (pattern, least, most) in [
            (r"\pL{10}", 5_000, 6_000),
            (r"\P{Greek}{10}", 5_000, 6_000),
            (r"[^\P{Lu}\pN]", 1_000, 1_100),
            (r"\\p[\\p]", 10, 20),
        ] {
            let states = compiled(pattern);
            assert!((least..=most).contains(&states), "{pattern}: {states}");
            let states = super::states(pattern);
            assert!((1..200).contains(&states), "{pattern}: {states}");
        }
        let nested = "(".repeat(40) + "a" + &"){1000}".repeat(40);
        assert_eq!(states(&nested), usize::MAX);
    }
}
