//! The texts of definitions, and the parts of them that must be hidden.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops;
use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use crate::Diagnostic;
use crate::evaluator::redaction;
use crate::text::Text;

/// The shortest secret that is hidden wherever it occurs, in bytes. Hiding a shorter one everywhere would
/// reveal it.
const SHORTEST_SECRET: usize = 4;

/// The longest piece of a secret that is searched for, in bytes.
pub(super) const LONGEST_PIECE: usize = 256;

/// How many pieces of secrets are searched for. Further secrets are hidden only where they are defined.
const MAXIMUM_PIECES: usize = 10_000;

/// The texts of an environment and its imports, to render diagnostics with. `Debug` prints only the names.
#[derive(Default)]
pub struct Sources {
    pub(super) sources: BTreeMap<Arc<str>, Source>,
    pub(super) pieces: SecretPieces,
}

pub(super) struct Source {
    pub(super) shown_as: String,
    pub(super) text: Zeroizing<String>,
    /// Byte ranges to hide, in any order.
    hidden: Vec<ops::Range<usize>>,
    /// Further ones, which the text itself shows: secrets and comments. They are only found if a diagnostic
    /// is about the text.
    found: OnceLock<Vec<ops::Range<usize>>>,
}

impl Source {
    /// The byte ranges to hide, in any order.
    pub(super) fn hidden(&self) -> impl Iterator<Item = &ops::Range<usize>> {
        self.hidden.iter().chain(self.found())
    }

    fn found(&self) -> &[ops::Range<usize>] {
        self.found
            .get_or_init(|| redaction::hidden_ranges(&self.text))
    }
}

/// Pieces of secrets, which are hidden wherever they occur.
#[derive(Default)]
pub(super) struct SecretPieces {
    all: BTreeSet<Piece>,
    /// The lengths of the pieces, in bytes.
    lengths: BTreeSet<usize>,
    /// The first bytes of the pieces.
    prefixes: BTreeSet<[u8; SHORTEST_SECRET]>,
}

/// A part of a line of a secret.
#[derive(Eq, PartialEq)]
pub(super) struct Piece(Zeroizing<Vec<u8>>);

impl SecretPieces {
    /// Adds a part of a secret as two overlapping pieces, its start and its end. Their length is a power
    /// of two, so that there are few lengths to search for.
    fn add(&mut self, part: &[u8]) {
        let Some(power) = part.len().checked_ilog2() else {
            return;
        };
        let length = 1 << power;
        self.lengths.insert(length);
        for piece in [&part[..length], &part[part.len() - length..]] {
            let prefix = piece.first_chunk().copied().unwrap_or_default();
            self.prefixes.insert(prefix);
            self.all.insert(Piece(Zeroizing::new(piece.to_owned())));
        }
    }

    /// The lengths of the pieces that `text` starts with.
    pub(super) fn lengths_at_start(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        let prefix = text.first_chunk().filter(|it| self.prefixes.contains(*it));
        let lengths = prefix.into_iter().flat_map(|_| &self.lengths).copied();
        lengths.filter(|length| text.get(..*length).is_some_and(|it| self.all.contains(it)))
    }
}

impl Borrow<[u8]> for Piece {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_slice().cmp(other.0.as_slice())
    }
}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.sources.keys()).finish()
    }
}

impl Sources {
    /// Adds the text of the environment `name`. Returns the name that ranges in it must use, which differs
    /// from `name` if another text has that name.
    pub fn add(&mut self, name: &str, shown_as: &str, text: Zeroizing<String>) -> Arc<str> {
        let mut key: Arc<str> = Arc::from(name);
        let mut number = 2;
        while let Some(other) = self.sources.get(&key) {
            if other.shown_as == shown_as && other.text == text {
                return key;
            }
            key = Arc::from(format!("{name}#{number}"));
            number += 1;
        }
        let source = Source {
            shown_as: shown_as.to_owned(),
            text,
            hidden: Vec::new(),
            found: OnceLock::new(),
        };
        self.sources.insert(Arc::clone(&key), source);
        key
    }

    /// Finds what to hide in the texts of these diagnostics.
    pub(super) fn find_hidden(&self, diagnostics: &[Diagnostic]) {
        for range in diagnostics.iter().filter_map(|it| it.range.as_ref()) {
            if let Some(source) = self.sources.get(&range.environment) {
                source.found();
            }
        }
    }

    /// The display name of the environment `name`, such as the path of its file.
    #[must_use]
    pub fn shown_as(&self, name: &str) -> Option<&str> {
        Some(&self.sources.get(name)?.shown_as)
    }

    /// Hides a byte range of the text of `name`.
    pub fn hide(&mut self, name: &str, bytes: ops::Range<usize>) {
        if let Some(source) = self.sources.get_mut(name) {
            source.hidden.push(bytes);
        }
    }

    /// Hides a secret wherever it occurs in a text. A secret of less than 4 bytes is hidden only by
    /// [`Sources::hide`].
    pub fn hide_text(&mut self, secret: &Text) {
        let Some(text) = secret.as_str() else {
            return;
        };
        for mut line in text.lines().map(str::trim) {
            while line.len() >= SHORTEST_SECRET && self.pieces.all.len() < MAXIMUM_PIECES {
                let (part, rest) = line.split_at(line.floor_char_boundary(LONGEST_PIECE));
                self.pieces.add(part.as_bytes());
                line = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_the_same_name_get_different_keys() {
        let mut sources = Sources::default();
        let text = |text: &str| Zeroizing::new(text.to_owned());
        assert_eq!(&*sources.add("env", "./env.yaml", text("a")), "env");
        assert_eq!(&*sources.add("env", "./env.yaml", text("a")), "env");
        assert_eq!(&*sources.add("env", "default/env.yaml", text("b")), "env#2");
        assert_eq!(sources.shown_as("env#2"), Some("default/env.yaml"));
        assert!(!format!("{sources:?}").contains("yaml"));
    }
}
