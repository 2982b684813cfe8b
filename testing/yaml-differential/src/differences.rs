//! Finds the texts that the two readers read differently.

use std::io;
use std::path::Path;

use crate::judge;
use crate::rendering;

/// A difference that is known and accepted.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    is_it: fn(text: &str, ours: &str, theirs: &str) -> bool,
}

/// All accepted differences.
pub(crate) const CLASSES: [Class; 4] = [
    Class {
        name: "byte order mark within the text",
        reason: "yaml.v3 drops some, depending on where its buffer begins",
        is_it: |text, _, _| text.chars().skip(1).any(|it| it == '\u{feff}'),
    },
    Class {
        name: "key without a value before a comment",
        reason: "yaml.v3 places the empty value at one of the comments, depending on their columns",
        is_it: |text, ours, theirs| {
            text.contains('?') && text.contains('#') && differ_in_empty_values(ours, theirs)
        },
    },
    Class {
        name: "pair without a value in a flow sequence",
        reason: "yaml.v3 places the empty value of `[a: ]` where another token was that it has overwritten",
        is_it: |text, ours, theirs| text.contains('[') && differ_in_empty_values(ours, theirs),
    },
    Class {
        name: "error in a sequence item after a comment",
        reason: "yaml.v3 goes on behind an error that it finds after `-`, and reports what it finds there",
        is_it: |text, ours, theirs| {
            ours.starts_with("error: ") && theirs.starts_with("error: ") && has_commented_item(text)
        },
    },
];

/// Whether only the positions of empty values differ.
fn differ_in_empty_values(ours: &str, theirs: &str) -> bool {
    let pairs = ours.lines().zip(theirs.lines());
    ours.lines().count() == theirs.lines().count()
        && pairs
            .filter(|(ours, theirs)| ours != theirs)
            .all(|(ours, theirs)| {
                let without_position =
                    |line: &str| line.split_once(" plain ").map(|it| it.1.to_owned());
                ours.ends_with("value \"\"") && without_position(ours) == without_position(theirs)
            })
}

/// Whether an item of a sequence follows a comment.
fn has_commented_item(text: &str) -> bool {
    let mut after_comment = false;
    text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .any(|line| {
            let line = line.trim_start();
            let is_item = after_comment && line.starts_with('-');
            if !line.is_empty() {
                after_comment = line.starts_with('#');
            }
            is_item
        })
}

/// A text that is read differently.
pub(crate) struct Difference {
    pub(crate) text: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

impl Difference {
    /// The class that explains it.
    pub(crate) fn class(&self) -> Option<&'static Class> {
        CLASSES
            .iter()
            .find(|class| (class.is_it)(&self.text, &self.ours, &self.theirs))
    }
}

/// The differences in `texts`.
pub(crate) fn find(program: &Path, texts: Vec<String>) -> io::Result<Vec<Difference>> {
    let theirs = judge::read(program, &texts)?;
    let pairs = texts.into_iter().zip(theirs);
    let read = pairs.map(|(text, theirs)| Difference {
        ours: rendering::read(&text),
        text,
        theirs,
    });
    Ok(read.filter(|it| it.ours != it.theirs).collect())
}

/// The smallest part of the text that is still read differently for an unknown reason.
pub(crate) fn minimize(program: &Path, difference: Difference) -> io::Result<Difference> {
    let mut smallest = difference;
    let mut length = smallest.text.len() / 2;
    while length > 0 {
        let candidates = without_parts(&smallest.text, length);
        let found = find(program, candidates)?;
        match found.into_iter().find(|it| it.class().is_none()) {
            Some(smaller) => smallest = smaller,
            None => length /= 2,
        }
        length = length.min(smallest.text.len());
    }
    Ok(smallest)
}

/// `text` without each of its stretches of `length` bytes.
fn without_parts(text: &str, length: usize) -> Vec<String> {
    let starts = (0..text.len()).step_by(length.div_ceil(2));
    let parts = starts.map(|start| {
        let start = text.floor_char_boundary(start);
        let end = text.ceil_char_boundary((start + length).min(text.len()));
        [&text[..start], &text[end..]].concat()
    });
    parts.filter(|it| it.len() < text.len()).collect()
}
