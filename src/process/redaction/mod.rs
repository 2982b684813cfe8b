//! Keeps secrets out of a stream: each becomes `[secret]`, however the stream is cut into writes.
//!
//! What is looked for: a secret of three bytes or more, its base64 at every alignment, and the single
//! words among the lines of a secret of several lines. Every byte that belongs to one is left out,
//! also where two overlap. Nothing is held back but bytes that may turn out to begin a secret.

mod automaton;
mod variants;

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::secret::{REDACTED, Text};
use automaton::{Automaton, State};
use variants::variants;

pub use variants::MIN_SECRET_BYTES;

/// The most bytes of secrets that are looked for. All forms of a secret take some 500 times its bytes
/// in memory, where no two of them begin alike.
const MAX_SECRET_BYTES: usize = 512 << 10;

/// What must not show.
#[derive(Clone)]
pub struct Patterns(Arc<Automaton>);

impl Patterns {
    /// What hides `secrets`, and those of `others` that occur in one of `texts` as they are or as
    /// base64. `None` where there is nothing to hide.
    pub fn new<'a>(
        secrets: &[Text],
        others: &[Text],
        texts: impl IntoIterator<Item = &'a Text>,
    ) -> Result<Option<Self>> {
        let mut patterns: Vec<Vec<u8>> = all_variants(secrets)?.into_iter().flatten().collect();
        let others = all_variants(others)?;
        let flat: Vec<_> = others.iter().flatten().map(Vec::as_slice).collect();
        let texts = texts.into_iter().map(Text::as_bytes);
        let occurring = Automaton::new(flat.iter().copied()).contained_in(texts);
        // By their bytes, for two secrets may share a form.
        let occurring: BTreeSet<&[u8]> = occurring.iter().map(|number| flat[*number]).collect();
        for forms in &others {
            if forms.iter().any(|form| occurring.contains(form.as_slice())) {
                patterns.extend_from_slice(forms);
            }
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        let automaton = Automaton::new(patterns.iter().map(Vec::as_slice));
        Ok(Some(Self(Arc::new(automaton))))
    }
}

/// The forms of each secret; the same secret counts once.
fn all_variants(secrets: &[Text]) -> Result<Vec<Vec<Vec<u8>>>> {
    let mut different: Vec<_> = secrets.iter().map(Text::as_bytes).collect();
    different.sort_unstable();
    different.dedup();
    if different.iter().map(|secret| secret.len()).sum::<usize>() > MAX_SECRET_BYTES {
        return Err(
            Error::configuration("the secrets are too large to be redacted")
                .with_hint("use --no-redact, and keep the output from those who may not see them"),
        );
    }
    Ok(different.into_iter().map(variants).collect())
}

/// Redacts one stream.
pub struct Redactor {
    patterns: Patterns,
    state: State,
    /// Bytes that were read and not written yet.
    held: Vec<u8>,
    /// The place of the first of them in the stream.
    at: u64,
    /// What of them, and of what follows, belongs to secrets: in order, and apart.
    secret: VecDeque<Range<u64>>,
    /// The end of the last secret for which `[secret]` was written.
    hidden_to: u64,
}

impl Redactor {
    /// A redactor for a new stream.
    #[must_use]
    pub fn new(patterns: Patterns) -> Self {
        Self {
            patterns,
            state: Automaton::START,
            held: Vec::new(),
            at: 0,
            secret: VecDeque::new(),
            hidden_to: 0,
        }
    }

    /// Takes the next bytes, and appends what can be shown by now.
    pub fn push(&mut self, bytes: &[u8], into: &mut Vec<u8>) {
        let mut place = self.at + self.held.len() as u64;
        for byte in bytes {
            place += 1;
            self.state = self.patterns.0.step(self.state, *byte);
            let length = self.patterns.0.longest_match(self.state) as u64;
            if length > 0 {
                self.hide(place - length..place);
            }
        }
        self.held.extend_from_slice(bytes);
        // No secret that is yet to end begins before this place.
        let open = self.patterns.0.pending(self.state) as u64;
        self.show(place - open, into);
    }

    /// Appends what is left at the end of the stream.
    pub fn finish(&mut self, into: &mut Vec<u8>) {
        self.show(self.at + self.held.len() as u64, into);
        self.state = Automaton::START;
    }

    /// Notes a secret. Where it overlaps others, they become one.
    fn hide(&mut self, mut found: Range<u64>) {
        while let Some(last) = self.secret.pop_back_if(|last| last.end > found.start) {
            found = found.start.min(last.start)..found.end.max(last.end);
        }
        if found.start < self.hidden_to {
            self.hidden_to = self.hidden_to.max(found.end);
        } else {
            self.secret.push_back(found);
        }
    }

    /// Writes what lies before `limit`.
    fn show(&mut self, limit: u64, into: &mut Vec<u8>) {
        let start = self.at;
        let held = |place: u64| usize::try_from(place - start).unwrap_or(usize::MAX);
        let mut at = start.max(self.hidden_to.min(limit));
        while let Some(next) = self.secret.pop_front_if(|next| next.start < limit) {
            into.extend_from_slice(&self.held[held(at)..held(next.start)]);
            into.extend_from_slice(REDACTED.as_bytes());
            self.hidden_to = next.end;
            at = next.end.min(limit);
        }
        into.extend_from_slice(&self.held[held(at)..held(limit)]);
        self.held.drain(..held(limit));
        self.at = limit;
    }
}

#[cfg(test)]
mod tests;
