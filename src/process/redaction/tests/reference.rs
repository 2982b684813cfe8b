//! A simple and slow redactor: decodes the whole stream and compares every pattern at every position.

use std::ops::Range;

use super::super::automaton::Pattern;
use super::super::escapes::{Escaped, NotEscape, decode};
use super::super::variants::Variants;
use crate::secret::REDACTED;

/// A byte that was read, and its place in the stream.
#[derive(Clone)]
struct Read {
    byte: u8,
    start: usize,
    end: usize,
}

/// Redacts a stream that is written in parts of these lengths.
pub(super) fn redacted(secrets: &[Vec<u8>], stream: &[u8], writes: &[usize]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut digits = Vec::new();
    for variants in secrets.iter().filter_map(|secret| Variants::of(secret)) {
        plain.extend(variants.plain);
        digits.extend(variants.digits);
    }
    let mut matches = Vec::new();
    for (read, patterns) in [
        (read_plain(stream), &plain),
        (read_escapes(stream, b'\\', true), &plain),
        (read_escapes(stream, b'%', true), &plain),
        (read_digits(stream), &digits),
    ] {
        matches.extend(patterns.iter().flat_map(|pattern| find(pattern, &read)));
    }
    // What was written before a match was complete is shown.
    let mut end = 0;
    for length in writes {
        end += length;
        let limit = pending_from(&stream[..end], &plain, &digits);
        for range in matches.iter_mut().filter(|range| range.end > end) {
            range.start = range.start.max(limit);
        }
    }
    replace(stream, matches)
}

fn find(pattern: &Pattern, read: &[Read]) -> Vec<Range<usize>> {
    let windows = read.windows(pattern.bytes.len());
    windows
        .filter(|window| {
            window
                .iter()
                .map(|read| read.byte)
                .eq(pattern.bytes.clone())
        })
        .map(|window| window[0].start..window[window.len() - 1].end)
        .collect()
}

/// The start of what is held back after `stream` was read.
fn pending_from(stream: &[u8], plain: &[Pattern], digits: &[Pattern]) -> usize {
    let mut limit = stream.len();
    let gap = stream.len() - read_digits(stream).last().map_or(0, |read| read.end);
    for (read, patterns, minimum) in [
        (read_plain(stream), plain, 1),
        (read_escapes(stream, b'\\', false), plain, 1),
        (read_escapes(stream, b'%', false), plain, 1),
        (read_digits(stream), digits, if gap > 0 { 4 } else { 1 }),
    ] {
        for pattern in patterns {
            let lengths = pattern.pending_from.max(minimum)..pattern.bytes.len();
            for length in lengths.filter(|length| *length <= read.len()) {
                let last = &read[read.len() - length..];
                if last
                    .iter()
                    .map(|read| &read.byte)
                    .eq(&pattern.bytes[..length])
                {
                    limit = limit.min(last[0].start);
                }
            }
        }
    }
    limit
}

fn read_plain(stream: &[u8]) -> Vec<Read> {
    let read = stream.iter().enumerate();
    read.map(|(start, byte)| Read {
        byte: *byte,
        start,
        end: start + 1,
    })
    .collect()
}

/// Reads a stream with escapes. An incomplete escape at the end is none if the stream has ended.
fn read_escapes(stream: &[u8], introducer: u8, has_ended: bool) -> Vec<Read> {
    let mut read = Vec::new();
    let mut start = 0;
    while let Some(byte) = stream.get(start) {
        let decoded = if *byte == introducer {
            let ends = (start + 1..=stream.len()).map(|end| (end, decode(&stream[start..end])));
            let mut ends = ends
                .skip_while(|(_, decoded)| matches!(decoded, Err(NotEscape::Incomplete { .. })));
            match ends.next() {
                None if !has_ended => return read,
                None | Some((_, Err(_))) => None,
                Some((end, Ok(escaped))) => Some((end, escaped)),
            }
        } else {
            None
        };
        let (bytes, end) = match decoded {
            None => (vec![*byte], start + 1),
            Some((end, Escaped::Byte(byte))) => (vec![byte], end),
            Some((end, Escaped::Char(character))) => (character.to_string().into_bytes(), end),
        };
        for (start, byte) in (start..).zip(bytes) {
            read.push(Read { byte, start, end });
        }
        start = end;
    }
    read
}

/// Reads digits; other bytes are read as 0, except line breaks and indentation between digits.
fn read_digits(stream: &[u8]) -> Vec<Read> {
    let mut read: Vec<Read> = Vec::new();
    for (start, byte) in stream.iter().enumerate() {
        let digit = match byte {
            b'-' => b'+',
            b'_' => b'/',
            b'+' | b'/' | b'=' => *byte,
            _ if byte.is_ascii_alphanumeric() => *byte,
            _ => 0,
        };
        let last_end = read.last().map_or(start, |last| last.end);
        let gap = &stream[last_end..=start];
        let is_gap = read.last().is_some_and(|last| last.byte != 0)
            && matches!(gap[0], b'\r' | b'\n')
            && gap.iter().all(|byte| b" \t\r\n".contains(byte));
        if digit != 0 || !is_gap {
            read.push(Read {
                byte: digit,
                start,
                end: start + 1,
            });
        }
    }
    read
}

/// Replaces the matches, those that overlap as one.
fn replace(stream: &[u8], mut matches: Vec<Range<usize>>) -> Vec<u8> {
    matches.sort_by_key(|range| (range.start, range.end));
    let mut out = Vec::new();
    let mut written = 0;
    let mut redacted_to = 0;
    for range in matches {
        if range.start >= redacted_to {
            out.extend_from_slice(&stream[written..range.start]);
            out.extend_from_slice(REDACTED.as_bytes());
        }
        redacted_to = redacted_to.max(range.end);
        written = redacted_to;
    }
    out.extend_from_slice(&stream[written..]);
    out
}
