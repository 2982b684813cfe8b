//! Redacts secrets in a stream: each is replaced by `[secret]`, even if it is split over several
//! writes.
//!
//! Patterns are the secrets of at least three bytes, their base64 at every alignment, their hex, and the
//! lines of a multi-line secret that are a single word. Secrets and lines are also found where
//! characters are escaped as in JSON, Go, C, a shell or a URL; base64 and hex, also with line breaks.
//! Overlapping matches are redacted as one.
//!
//! Bytes are held back only while they may be the start of a match. An incomplete escape at its start
//! and up to three digits before a line break are not held back: programs print such text, and then
//! wait for an answer.

mod automaton;
mod escapes;
mod scanner;
mod variants;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::secret::{REDACTED, Text};
use automaton::Automaton;
use scanner::{Found, PatternSet, Scanner};
use variants::Variants;

/// The limit for the total size of the secrets. The variants of a secret take about 500 times its size
/// in memory, if no two of them share a prefix.
const MAX_SECRET_BYTES: usize = 512 << 10;

/// What to redact.
#[derive(Clone)]
pub(crate) struct Patterns(Arc<PatternSets>);

struct PatternSets {
    /// Secrets and their lines.
    plain: Automaton,
    /// Their base64 and hex.
    digits: Automaton,
}

impl Patterns {
    /// Patterns for `secrets`, and for those of `candidates` that one of `texts` contains in any form
    /// that is redacted. `None` if there is nothing to redact.
    pub(crate) fn new<'a>(
        secrets: &[Text],
        candidates: &[Text],
        texts: impl IntoIterator<Item = &'a Text>,
    ) -> Result<Option<Self>> {
        let mut variants = all_variants(secrets)?;
        let candidates = all_variants(candidates)?;
        let is_contained = Self::of(&candidates).contained_in(texts);
        variants.extend(candidates.into_iter().filter(is_contained));
        Ok((!variants.is_empty()).then(|| Self::of(&variants)))
    }

    fn of(variants: &[Variants]) -> Self {
        let plain = variants.iter().flat_map(|variants| &variants.plain);
        let digits = variants.iter().flat_map(|variants| &variants.digits);
        Self(Arc::new(PatternSets {
            plain: Automaton::new(plain),
            digits: Automaton::new(digits),
        }))
    }

    /// Returns which variants one of `texts` contains, in linear time.
    fn contained_in<'a>(
        self,
        texts: impl IntoIterator<Item = &'a Text>,
    ) -> impl FnMut(&Variants) -> bool {
        let mut plain = vec![false; self.0.plain.len()];
        let mut digits = vec![false; self.0.digits.len()];
        let mut mark = |found: Found| {
            let (automaton, marked) = match found.set {
                PatternSet::Plain => (&self.0.plain, &mut plain),
                PatternSet::Digits => (&self.0.digits, &mut digits),
            };
            // All patterns that end here are on the chain of failure links. If a state is marked, the
            // rest of its chain is too.
            let mut state = found.state;
            while !std::mem::replace(&mut marked[state as usize], true) {
                state = automaton.failure(state);
            }
        };
        for text in texts {
            let mut scanner = Scanner::new(self.clone());
            scanner.push(text.as_bytes(), &mut mark);
            scanner.finish(&mut mark);
        }
        move |variants| {
            let mut plain_states = variants.plain.iter().map(|text| self.0.plain.find(text));
            let mut digit_states = variants.digits.iter().map(|text| self.0.digits.find(text));
            plain_states.any(|state| plain[state as usize])
                || digit_states.any(|state| digits[state as usize])
        }
    }
}

/// The variants of each distinct secret that is not too short.
fn all_variants(secrets: &[Text]) -> Result<Vec<Variants>> {
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
    Ok(distinct.into_iter().filter_map(Variants::of).collect())
}

/// Redacts one stream.
pub(crate) struct Redactor {
    scanner: Scanner,
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
            scanner: Scanner::new(patterns),
            held: Vec::new(),
            position: 0,
            matches: VecDeque::new(),
            redacted_to: 0,
        }
    }

    /// Reads the next bytes, and appends to `output` what can be shown so far.
    pub(crate) fn push(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        let mut found = Vec::new();
        self.scanner
            .push(bytes, |pattern| found.push(pattern.range));
        for range in found {
            self.add_match(range);
        }
        self.held.extend_from_slice(bytes);
        self.write_to(self.scanner.pending_from().max(self.position), output);
    }

    /// Appends the rest at the end of the stream.
    pub(crate) fn finish(&mut self, output: &mut Vec<u8>) {
        let mut found = Vec::new();
        self.scanner.finish(|pattern| found.push(pattern.range));
        for range in found {
            self.add_match(range);
        }
        self.write_to(self.position + self.held.len() as u64, output);
    }

    /// Adds a match, and merges it with those that it overlaps. Its start may have been written.
    fn add_match(&mut self, found: Range<u64>) {
        let mut new = found.start.max(self.position)..found.end;
        let first = self.matches.partition_point(|other| other.end <= new.start);
        let next = self.matches.partition_point(|other| other.start < new.end);
        for overlapping in self.matches.drain(first..next) {
            new = new.start.min(overlapping.start)..new.end.max(overlapping.end);
        }
        if new.start < self.redacted_to {
            self.redacted_to = self.redacted_to.max(new.end);
        } else {
            self.matches.insert(first, new);
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
