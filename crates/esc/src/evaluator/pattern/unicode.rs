//! What Go's `regexp` knows of Unicode: the names in `\p{…}`, and which code points differ in case
//! alone. All of it stands in `unicode.txt`, which `tests/oracle/patterns` makes with Go. Text holds
//! no pointers, which a start of the program would have to relocate; a line is read when the first
//! pattern needs it.
//!
//! Each line of the table has a name (in lower case) and code points in hexadecimal:
//!
//! - `zs 20 A0 2000-200A`: these, and `100-136/2` for every second one;
//! - `z = zl zp zs`: all of these classes;
//! - `cn ^ cc cf`: all but these;
//! - `lc ~ ll lt lu`: all of these, and no more where case does not count (Go leaves it so);
//! - `folds`: pairs as `41-4A+20`, first ones and the distance to the second ones, and orbits of
//!   three and more as `4B=6B=212A`.
//!
//! A line that begins with a space goes on with the one before.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use super::class::Class;

const TABLE: &str = include_str!("unicode.txt");

/// The lines of the table, by name.
static ENTRIES: LazyLock<BTreeMap<&str, Entry>> = LazyLock::new(|| {
    let mut entries = BTreeMap::new();
    let mut begin = 0;
    for (end, _) in TABLE.match_indices('\n') {
        if TABLE[end + 1..].starts_with(' ') {
            continue;
        }
        let line = &TABLE[begin..end];
        begin = end + 1;
        if let Some((name, words)) = line.split_once(' ').filter(|(name, _)| *name != "#") {
            let class = OnceLock::new();
            entries.insert(name, Entry { words, class });
        }
    }
    entries
});

/// A code point and another one that differs in case alone; in order.
static FOLDS: LazyLock<Vec<(u32, u32)>> = LazyLock::new(|| {
    let mut folds = Vec::new();
    let words = ENTRIES.get(FOLDS_NAME).map_or("", |entry| entry.words);
    for word in words.split_ascii_whitespace() {
        add_folds(word, &mut folds);
    }
    folds.sort_unstable();
    folds
});

/// The name of the line that has no class.
const FOLDS_NAME: &str = "folds";

/// A line of the table.
struct Entry {
    words: &'static str,
    class: OnceLock<Named>,
}

/// A class that has a name.
pub(super) struct Named {
    pub(super) class: Class,
    /// Whether more is in it where case does not count.
    is_folded: bool,
    folded: OnceLock<Class>,
}

impl Named {
    /// The class where case does not count.
    pub(super) fn folded(&self) -> &Class {
        if self.is_folded {
            self.folded.get_or_init(|| self.class.clone().folded())
        } else {
            &self.class
        }
    }

    /// The class that the words of a line describe.
    fn read(words: &str) -> Self {
        let mut words = words.split_ascii_whitespace().peekable();
        let made_of = words.next_if(|word| matches!(*word, "=" | "^" | "~"));
        let mut class = Class::default();
        for word in words {
            if made_of.is_none() {
                each_of_range(word, |low, high| class.add(low, high));
            } else if let Some(part) = canonical(word) {
                class.add_all(&part.class);
            }
        }
        Self {
            class: match made_of {
                Some("^") => class.negated(),
                _ => class.tidied(),
            },
            is_folded: made_of != Some("~"),
            folded: OnceLock::new(),
        }
    }
}

/// The class of such a name; case, spaces, `-` and `_` don't count.
pub(super) fn class(name: &str) -> Option<&'static Named> {
    let name: String = name
        .chars()
        .filter(|it| !matches!(it, ' ' | '-' | '_'))
        .map(|it| it.to_ascii_lowercase())
        .collect();
    canonical(&name)
}

/// The class of a name as it stands in the table.
fn canonical(name: &str) -> Option<&'static Named> {
    let entry = ENTRIES.get(name).filter(|_| name != FOLDS_NAME)?;
    Some(entry.class.get_or_init(|| Named::read(entry.words)))
}

/// Calls `each` for every code point that differs in case alone from one between `low` and `high`.
pub(super) fn for_each_fold(low: u32, high: u32, mut each: impl FnMut(u32)) {
    let begin = FOLDS.partition_point(|(from, _)| *from < low);
    let folds = FOLDS[begin..].iter();
    folds
        .take_while(|(from, _)| *from <= high)
        .for_each(|(_, to)| each(*to));
}

/// Adds what a word of the line of folds says.
fn add_folds(word: &str, folds: &mut Vec<(u32, u32)>) {
    if let Some((range, distance)) = word.split_once('+') {
        let distance = hexadecimal(distance);
        each_of_range(range, |low, high| {
            for first in low..=high {
                folds.push((first, first + distance));
                folds.push((first + distance, first));
            }
        });
        return;
    }
    let orbit: Vec<u32> = word.split('=').map(hexadecimal).collect();
    for from in &orbit {
        let others = orbit.iter().filter(|to| *to != from);
        folds.extend(others.map(|to| (*from, *to)));
    }
}

/// Calls `each` with first and last of the ranges in `41`, `41-5A` or `100-136/2`.
fn each_of_range(word: &str, mut each: impl FnMut(u32, u32)) {
    let (range, is_every_second) = match word.strip_suffix("/2") {
        Some(range) => (range, true),
        None => (word, false),
    };
    let (low, high) = range.split_once('-').unwrap_or((range, range));
    let (low, high) = (hexadecimal(low), hexadecimal(high));
    if is_every_second {
        (low..=high).step_by(2).for_each(|one| each(one, one));
    } else {
        each(low, high);
    }
}

/// A code point of the table.
fn hexadecimal(digits: &str) -> u32 {
    u32::from_str_radix(digits, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_names_and_orbits() {
        for (name, member, is_in) in [
            ("L", 0xE9, true),
            ("letter", 0xE9, true),
            ("Uppercase_Letter", 0x102, true),
            ("lu", 0x103, false),
            ("Greek", 0x3B1, true),
            (" gr-EEK", 0x3B1, true),
            ("Cn", 0x378, true),
            ("Assigned", 0x378, false),
            ("Any", 0x10_FFFF, true),
        ] {
            let found = class(name).unwrap().class.holds(member);
            assert_eq!(found, is_in, "{name} {member:x}");
        }
        // U+0345 is a mark that folds to a letter.
        for (name, is_in) in [("L", true), ("Ll", true), ("LC", false)] {
            let found = class(name).unwrap().folded().holds(0x345);
            assert_eq!(found, is_in, "{name}");
        }
        for name in ["", "x", "#", "Old_Italic"] {
            assert!(class(name).is_none(), "{name}");
        }
        for (character, others) in [
            ('a', "A"),
            ('k', "K\u{212a}"),
            ('ı', ""),
            ('Σ', "ςσ"),
            ('ā', "Ā"),
            ('1', ""),
        ] {
            let mut found = String::new();
            let code_point = u32::from(character);
            for_each_fold(code_point, code_point, |it| {
                found.extend(char::from_u32(it));
            });
            assert_eq!(found, others, "{character}");
        }
    }

    /// Every word of the table is read, so nothing in it is taken for zero.
    #[test]
    fn the_table_has_no_words_of_other_forms() {
        for (name, entry) in ENTRIES.iter() {
            let mut words = entry.words.split_ascii_whitespace().peekable();
            let made_of = words.next_if(|word| matches!(*word, "=" | "^" | "~"));
            for word in words {
                if made_of.is_some() {
                    assert!(canonical(word).is_some(), "{name} {word}");
                    continue;
                }
                for number in word.replace("/2", "").split(['-', '+', '=']) {
                    assert!(u32::from_str_radix(number, 16).is_ok(), "{name} {word}");
                }
            }
        }
        assert!(class(FOLDS_NAME).is_none());
    }
}
