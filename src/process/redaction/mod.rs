//! Redacts secrets in a stream: each is replaced by `[secret]`, even if it is split over several
//! writes.
//!
//! Patterns are the secrets of at least three bytes, their base64 at every alignment, and the lines of
//! a multi-line secret that are a single word. Overlapping matches are redacted as one. Bytes are held
//! back only while they may be the start of a match.

mod automaton;
mod variants;

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::secret::{REDACTED, Text};
use automaton::{Automaton, State};
use variants::variants;

/// The limit for the total size of the secrets. The variants of a secret take about 500 times its size
/// in memory, if no two of them share a prefix.
const MAX_SECRET_BYTES: usize = 512 << 10;

/// What to redact.
#[derive(Clone)]
pub(crate) struct Patterns(Arc<Automaton>);

impl Patterns {
    /// Patterns for `secrets`, and for those of `candidates` that one of `texts` contains, as they are
    /// or in base64. `None` if there is nothing to redact.
    pub(crate) fn new<'a>(
        secrets: &[Text],
        candidates: &[Text],
        texts: impl IntoIterator<Item = &'a Text>,
    ) -> Result<Option<Self>> {
        let mut patterns: Vec<Vec<u8>> = all_variants(secrets)?.into_iter().flatten().collect();
        let candidates = all_variants(candidates)?;
        let flat: Vec<_> = candidates.iter().flatten().map(Vec::as_slice).collect();
        let texts = texts.into_iter().map(Text::as_bytes);
        let contained = Automaton::new(flat.iter().copied()).contained_in(texts);
        // Compare bytes instead of indices: two secrets may have a variant in common.
        let contained: BTreeSet<&[u8]> = contained.iter().map(|index| flat[*index]).collect();
        for variants in &candidates {
            if variants
                .iter()
                .any(|variant| contained.contains(variant.as_slice()))
            {
                patterns.extend_from_slice(variants);
            }
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        let automaton = Automaton::new(patterns.iter().map(Vec::as_slice));
        Ok(Some(Self(Arc::new(automaton))))
    }
}

/// The variants of each distinct secret.
fn all_variants(secrets: &[Text]) -> Result<Vec<Vec<Vec<u8>>>> {
    let mut distinct: Vec<_> = secrets.iter().map(Text::as_bytes).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.iter().map(|secret| secret.len()).sum::<usize>() > MAX_SECRET_BYTES {
        return Err(
            Error::configuration("the secrets are too large to be redacted").with_hint(
                "use `--no-redact`, and keep the output from people who may not see the secrets",
            ),
        );
    }
    Ok(distinct.into_iter().map(variants).collect())
}

/// Redacts one stream.
pub(crate) struct Redactor {
    patterns: Patterns,
    state: State,
    /// Bytes that were read but not written yet.
    held: Vec<u8>,
    /// The position of the first held byte in the stream.
    position: u64,
    /// The matches that have not been written, as positions in the stream: sorted and disjoint.
    matches: VecDeque<Range<u64>>,
    /// The end of the last match for which `[secret]` was written.
    redacted_to: u64,
}

impl Redactor {
    /// A redactor for a new stream.
    #[must_use]
    pub(crate) fn new(patterns: Patterns) -> Self {
        Self {
            patterns,
            state: Automaton::START,
            held: Vec::new(),
            position: 0,
            matches: VecDeque::new(),
            redacted_to: 0,
        }
    }

    /// Reads the next bytes, and appends to `output` what can be shown so far.
    pub(crate) fn push(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        let mut position = self.position + self.held.len() as u64;
        for byte in bytes {
            position += 1;
            self.state = self.patterns.0.step(self.state, *byte);
            let length = self.patterns.0.longest_match(self.state) as u64;
            if length > 0 {
                self.add_match(position - length..position);
            }
        }
        self.held.extend_from_slice(bytes);
        // Matches that are still to come start after these bytes.
        let pending = self.patterns.0.pending(self.state) as u64;
        self.write_to(position - pending, output);
    }

    /// Appends the rest at the end of the stream.
    pub(crate) fn finish(&mut self, output: &mut Vec<u8>) {
        self.write_to(self.position + self.held.len() as u64, output);
        self.state = Automaton::START;
    }

    /// Adds a match, and merges it with those that it overlaps.
    fn add_match(&mut self, mut new: Range<u64>) {
        while let Some(last) = self.matches.pop_back_if(|last| last.end > new.start) {
            new = new.start.min(last.start)..new.end.max(last.end);
        }
        if new.start < self.redacted_to {
            self.redacted_to = self.redacted_to.max(new.end);
        } else {
            self.matches.push_back(new);
        }
    }

    /// Writes the held bytes before the position `limit`, with the matches replaced.
    fn write_to(&mut self, limit: u64, output: &mut Vec<u8>) {
        let start = self.position;
        let index = |position: u64| usize::try_from(position - start).unwrap_or(usize::MAX);
        let mut from = start.max(self.redacted_to.min(limit));
        while let Some(next) = self.matches.pop_front_if(|next| next.start < limit) {
            output.extend_from_slice(&self.held[index(from)..index(next.start)]);
            output.extend_from_slice(REDACTED.as_bytes());
            self.redacted_to = next.end;
            from = next.end.min(limit);
        }
        output.extend_from_slice(&self.held[index(from)..index(limit)]);
        self.held.drain(..index(limit));
        self.position = limit;
    }
}

#[cfg(test)]
mod tests;
