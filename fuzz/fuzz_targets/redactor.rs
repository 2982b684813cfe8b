//! The redactor of `run`: no secret is shown, plain or encoded, however the output is split into writes,
//! and nothing else is hidden.

#![no_main]

use arbitrary::Arbitrary;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use esc::Text;
use kubectl_esc::fuzzing::redact;
use libfuzzer_sys::fuzz_target;

/// What stands for a secret.
const REDACTED: &[u8] = b"[secret]";

/// The letters of secrets: none of `[secret]`, and none of the text around them.
const LETTERS: &[u8] = b"abdfghij\n \"\\%+/\xc3\xa9";

/// Shorter secrets are shown.
const SHORTEST: usize = 3;

#[derive(Arbitrary, Debug)]
struct Input {
    secrets: Vec<Vec<u8>>,
    stream: Vec<Piece>,
    /// The lengths of writes, repeated.
    writes: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Piece {
    /// So many characters that no secret has.
    Filler(u8),
    /// Letters of secrets.
    Letters(Vec<u8>),
    /// A secret.
    Plain(u8),
    /// A secret in base64, after so many other bytes.
    Base64 {
        secret: u8,
        before: u8,
        url_safe: bool,
    },
}

fuzz_target!(|input: Input| {
    let letters = |bytes: &[u8]| -> Vec<u8> {
        let letter = |byte: &u8| LETTERS[usize::from(*byte) % LETTERS.len()];
        bytes.iter().take(200).map(letter).collect()
    };
    let secrets: Vec<_> = input
        .secrets
        .iter()
        .take(20)
        .map(|secret| letters(secret))
        .collect();
    let secret = |index: u8| secrets.get(usize::from(index)).cloned().unwrap_or_default();
    let (mut stream, mut fillers) = (Vec::new(), 0);
    for piece in input.stream.iter().take(40) {
        match piece {
            Piece::Filler(count) => {
                fillers += usize::from(count % 8);
                stream.resize(stream.len() + usize::from(count % 8), b'~');
            }
            Piece::Letters(bytes) => stream.extend(letters(bytes)),
            Piece::Plain(index) => stream.extend(secret(*index)),
            Piece::Base64 {
                secret: index,
                before,
                url_safe,
            } => {
                let bytes = [vec![b'~'; usize::from(before % 4)], secret(*index)].concat();
                stream.extend(if *url_safe {
                    BASE64_URL_SAFE_NO_PAD.encode(bytes).into_bytes()
                } else {
                    BASE64_STANDARD.encode(bytes).into_bytes()
                });
            }
        }
    }
    check(&secrets, &stream, fillers, &input.writes);
});

fn check(secrets: &[Vec<u8>], stream: &[u8], fillers: usize, lengths: &[u8]) {
    let texts: Vec<_> = secrets.iter().cloned().map(Text::from).collect();
    let Some(outputs) = redact(&texts, &[], &[], &split(stream, lengths)).unwrap() else {
        assert!(secrets.iter().all(|secret| secret.len() < SHORTEST));
        return;
    };
    let output = outputs.concat();
    let whole = redact(&texts, &[], &[], &[stream])
        .unwrap()
        .unwrap()
        .concat();
    // The first bytes of an escape or of a line of digits may be shown before the rest of it is known.
    let mut rest = &*output;
    for part in split_at(&whole, REDACTED) {
        let at = find(rest, part).expect("the output is that of one write, with such bytes");
        rest = &rest[at + part.len()..];
    }

    // Everything around the secrets is there, in order.
    assert_eq!(output.iter().filter(|byte| **byte == b'~').count(), fillers);
    let parts: Vec<_> = split_at(&output, REDACTED);
    let mut rest = stream;
    for (index, part) in parts.iter().enumerate() {
        let at = if index == 0 {
            Some(0)
        } else {
            find(rest, part)
        };
        rest = at
            .and_then(|at| rest[at..].strip_prefix(*part))
            .unwrap_or_else(|| {
                panic!(
                    "{:?} is not from {:?}",
                    String::from_utf8_lossy(part),
                    String::from_utf8_lossy(stream)
                )
            });
    }
    assert!(parts.len() > 1 || rest.is_empty());

    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
        for part in &parts {
            assert!(
                find(part, secret).is_none(),
                "{secret:?} is shown in {part:?}"
            );
            for offset in 0..3 {
                let bytes = [&vec![0; offset], secret.as_slice()].concat();
                for encoded in [
                    BASE64_STANDARD.encode(&bytes),
                    BASE64_URL_SAFE_NO_PAD.encode(&bytes),
                ] {
                    // The digits that depend on nothing but the secret.
                    let digits = &encoded[(8 * offset).div_ceil(6)..8 * bytes.len() / 6];
                    let is_shown = digits.len() >= 4 && find(part, digits.as_bytes()).is_some();
                    assert!(!is_shown, "{digits} is shown in {part:?}");
                }
            }
        }
    }
}

fn split<'s>(stream: &'s [u8], lengths: &[u8]) -> Vec<&'s [u8]> {
    let mut lengths = lengths.iter().cycle();
    let (mut writes, mut rest) = (Vec::new(), stream);
    while !rest.is_empty() {
        let length = lengths.next().map_or(1, |length| usize::from(*length));
        let (write, tail) = rest.split_at(length.clamp(1, rest.len()));
        writes.push(write);
        rest = tail;
    }
    writes
}

fn split_at<'b>(bytes: &'b [u8], separator: &[u8]) -> Vec<&'b [u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = find(rest, separator) {
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest);
    parts
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    bytes.windows(part.len()).position(|window| window == part)
}
