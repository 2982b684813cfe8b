//! Finds patterns in a stream: as they are, with escapes, and in base64 or hex with line breaks.
//!
//! The stream is read in several ways at the same time. Each reading has its own state, and remembers
//! which bytes of the stream it skipped, in order to report positions in the stream.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Range;

use super::Patterns;
use super::automaton::{Automaton, START, State};
use super::escapes::{Escaped, MAX_ESCAPE_BYTES, NotEscape, decode};

/// More bytes of line breaks and indentation end a run of digits. Bounds the bytes that are held back.
const MAX_GAP: u64 = 64;

/// Fewer digits before a line break are not held back, because most lines end like that.
const MIN_HELD_DIGITS: u32 = 4;

/// Which patterns were found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PatternSet {
    Plain,
    Digits,
}

/// Patterns that end at the same byte.
pub(super) struct Found {
    pub set: PatternSet,
    pub state: State,
    /// The position of the longest one in the stream.
    pub range: Range<u64>,
}

/// Finds patterns in a stream.
pub(super) struct Scanner {
    patterns: Patterns,
    /// The number of bytes that were read.
    position: u64,
    plain: State,
    digits: State,
    digit_positions: Positions,
    /// The length of the line break after the last digit.
    gap: u64,
    escapes: [EscapeReader; 2],
}

impl Scanner {
    pub(super) fn new(patterns: Patterns) -> Self {
        Self {
            patterns,
            position: 0,
            plain: START,
            digits: START,
            digit_positions: Positions::default(),
            gap: 0,
            escapes: [EscapeReader::new(b'\\'), EscapeReader::new(b'%')],
        }
    }

    /// Reads the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], mut report: impl FnMut(Found)) {
        let sets = &*self.patterns.0;
        let mut report = |set, state, range| report(Found { set, state, range });
        // Local variables stay in registers.
        let (mut plain, mut digits, mut gap) = (self.plain, self.digits, self.gap);
        let mut is_escaped = self.escapes.iter().any(|reader| reader.is_active);
        for (byte, end) in bytes.iter().zip(self.position + 1..) {
            let class = CLASSES[usize::from(*byte)];
            let before = plain;
            plain = sets.plain.step(plain, *byte);
            let length = sets.plain.longest_match(plain);
            if length > 0 {
                report(PatternSet::Plain, plain, end - u64::from(length)..end);
            }
            if is_escaped || class == INTRODUCER {
                is_escaped = false;
                for reader in &mut self.escapes {
                    if reader.is_active || *byte == reader.introducer {
                        let search = &mut Search {
                            automaton: &sets.plain,
                            report: &mut |state, range| report(PatternSet::Plain, state, range),
                        };
                        is_escaped |= reader.push(*byte, end, (before, plain), search);
                    }
                }
            }
            if class >= MIN_DIGIT {
                if gap > 0 {
                    let depth = sets.digits.depth(digits);
                    self.digit_positions.skip(gap, end - 1, depth);
                    gap = 0;
                }
                digits = sets.digits.step(digits, class);
                let length = sets.digits.longest_match(digits);
                if length > 0 {
                    let range = self.digit_positions.start(length, end)..end;
                    report(PatternSet::Digits, digits, range);
                }
            } else if digits != START {
                if (class == LINE_BREAK || class == BLANK && gap > 0) && gap < MAX_GAP {
                    gap += 1;
                } else {
                    (digits, gap) = (START, 0);
                }
            }
        }
        (self.plain, self.digits, self.gap) = (plain, digits, gap);
        self.position += bytes.len() as u64;
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self, mut report: impl FnMut(Found)) {
        let set = PatternSet::Plain;
        let search = &mut Search {
            automaton: &self.patterns.0.plain,
            report: &mut |state, range| report(Found { set, state, range }),
        };
        for reader in &mut self.escapes {
            reader.flush(self.position, search);
        }
    }

    /// The start of the bytes that may still become part of a match.
    pub(super) fn pending_from(&self) -> u64 {
        let sets = &*self.patterns.0;
        let plain = self.position - u64::from(sets.plain.pending(self.plain));
        let digits = match sets.digits.pending(self.digits) {
            length if self.gap > 0 && length < MIN_HELD_DIGITS => self.position,
            length => self.digit_positions.start(length, self.position - self.gap),
        };
        let escapes = self.escapes.iter();
        let escapes = escapes.filter_map(|reader| reader.pending_from(&sets.plain, self.position));
        escapes.fold(plain.min(digits), u64::min)
    }
}

/// The classes of bytes. Digits are their own class, in the standard alphabet of base64.
const OTHER: u8 = 0;
const LINE_BREAK: u8 = 1;
const BLANK: u8 = 2;
const INTRODUCER: u8 = 3;
const MIN_DIGIT: u8 = b'+';

const CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => byte,
            b'-' => b'+',
            b'_' => b'/',
            b'\r' | b'\n' => LINE_BREAK,
            b' ' | b'\t' => BLANK,
            b'\\' | b'%' => INTRODUCER,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

/// Converts between the bytes that were read and positions in the stream.
#[derive(Default)]
struct Positions {
    /// The number of bytes that were skipped.
    skipped: u64,
    /// The skips that are still needed, as the number of bytes that were read before and the number that
    /// were skipped up to then.
    skips: VecDeque<(u64, u64)>,
}

impl Positions {
    /// The position of the first of the last `length` bytes that were read up to `end`.
    fn start(&self, length: u32, end: u64) -> u64 {
        let index = end - self.skipped - u64::from(length);
        let skips = self.skips.partition_point(|(read, _)| *read <= index);
        index + skips.checked_sub(1).map_or(0, |last| self.skips[last].1)
    }

    /// Skips `count` bytes up to `end`. Only the last `needed` bytes are still of interest.
    fn skip(&mut self, count: u64, end: u64, needed: u32) {
        self.skipped += count;
        let read = end - self.skipped;
        let needed_from = read - u64::from(needed);
        while self
            .skips
            .get(1)
            .is_some_and(|(read, _)| *read <= needed_from)
        {
            self.skips.pop_front();
        }
        self.skips.push_back((read, self.skipped));
    }
}

/// Reads the stream with one kind of escapes decoded. Only active from an escape until it agrees with
/// the stream as it is.
struct EscapeReader {
    introducer: u8,
    is_active: bool,
    state: State,
    positions: Positions,
    /// An incomplete escape: the first `escape_length` bytes.
    escape: [u8; MAX_ESCAPE_BYTES],
    escape_length: usize,
    /// The length of the escape, if only hex digits are missing.
    full_length: usize,
    /// The number of bytes that were read since the last escape.
    read_since: u64,
}

/// Where a reader finds patterns, and reports each state with a match and the range of the longest one.
struct Search<'a> {
    automaton: &'a Automaton,
    report: &'a mut dyn FnMut(State, Range<u64>),
}

impl EscapeReader {
    fn new(introducer: u8) -> Self {
        Self {
            introducer,
            is_active: false,
            state: START,
            positions: Positions::default(),
            escape: [0; MAX_ESCAPE_BYTES],
            escape_length: 0,
            full_length: 0,
            read_since: 0,
        }
    }

    /// Reads a byte that moved the stream as it is from state `before` to `after`: the introducer, or
    /// any byte if the reader is active. Returns whether it is active afterwards.
    fn push(
        &mut self,
        byte: u8,
        end: u64,
        (before, after): (State, State),
        search: &mut Search<'_>,
    ) -> bool {
        if !self.is_active {
            self.state = before;
            self.positions.skipped = 0;
            self.positions.skips.clear();
            self.read_since = u64::MAX;
        }
        self.read(byte, end, search);
        // The reader is in the same state for the same bytes, so it would stay in the same state.
        self.is_active = self.escape_length > 0
            || self.state != after
            || self.read_since < u64::from(search.automaton.depth(after));
        self.is_active
    }

    fn read(&mut self, byte: u8, end: u64, search: &mut Search<'_>) {
        if self.escape_length == 0 && byte != self.introducer {
            return self.step(byte, end, end, search);
        }
        self.escape[self.escape_length] = byte;
        self.escape_length += 1;
        let decoded = match self.full_length.cmp(&self.escape_length) {
            Ordering::Greater if byte.is_ascii_hexdigit() => return,
            Ordering::Greater => Err(NotEscape::Invalid),
            _ => decode(&self.escape[..self.escape_length]),
        };
        let mut buffer = [0; 4];
        let bytes = match decoded {
            Ok(Escaped::Byte(byte)) => {
                buffer[0] = byte;
                &buffer[..1]
            }
            Ok(Escaped::Char(character)) => character.encode_utf8(&mut buffer).as_bytes(),
            Err(NotEscape::Incomplete { full_length }) => {
                self.full_length = full_length;
                return;
            }
            Err(NotEscape::Invalid) => return self.flush(end, search),
        };
        let mut read_end = end - self.escape_length as u64;
        for byte in bytes {
            read_end += 1;
            self.step(*byte, read_end, end, search);
        }
        self.positions
            .skip(end - read_end, end, search.automaton.depth(self.state));
        self.escape_length = 0;
        self.full_length = 0;
        self.read_since = 0;
    }

    /// Reads the bytes of an incomplete escape, which ends at `end`, as they are: it is no escape.
    fn flush(&mut self, end: u64, search: &mut Search<'_>) {
        let bytes = self.escape;
        let length = std::mem::take(&mut self.escape_length);
        self.full_length = 0;
        let first = end + 1 - length as u64;
        for (byte, end) in bytes.into_iter().take(length).zip(first..) {
            if end == first {
                self.step(byte, end, end, search);
            } else {
                self.read(byte, end, search);
            }
        }
    }

    /// Reads a byte that is the last one up to `read_end`, and part of an escape up to `end`.
    fn step(&mut self, byte: u8, read_end: u64, end: u64, search: &mut Search<'_>) {
        self.read_since = self.read_since.saturating_add(1);
        self.state = search.automaton.step(self.state, byte);
        let length = search.automaton.longest_match(self.state);
        if length > 0 {
            (search.report)(self.state, self.positions.start(length, read_end)..end);
        }
    }

    fn pending_from(&self, automaton: &Automaton, end: u64) -> Option<u64> {
        let length = automaton.pending(self.state);
        let read_end = end - self.escape_length as u64;
        (self.is_active && length > 0).then(|| self.positions.start(length, read_end))
    }
}
