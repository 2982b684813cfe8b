use super::variants::MIN_SECRET_BYTES;
use super::*;

fn patterns(secrets: &[&[u8]]) -> Patterns {
    let secrets: Vec<_> = secrets
        .iter()
        .map(|text| Text::from(text.to_vec()))
        .collect();
    Patterns::new(&secrets, &[], []).unwrap().unwrap()
}

/// The output after each of `writes`, and at the end.
fn steps(patterns: &Patterns, writes: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut redactor = Redactor::new(patterns.clone());
    let mut steps = Vec::new();
    for bytes in writes {
        let mut out = Vec::new();
        redactor.push(bytes, &mut out);
        steps.push(out);
    }
    let mut out = Vec::new();
    redactor.finish(&mut out);
    steps.push(out);
    steps
}

fn redacted(patterns: &Patterns, writes: &[&[u8]]) -> Vec<u8> {
    steps(patterns, writes).concat()
}

#[test]
fn secrets_are_redacted() {
    let all = patterns(&[
        b"hunter2",
        b"hunter2-long",
        b"xyzabc",
        b"abcdefgh",
        b"aaa",
        b"top\nMIIEowIBAAKCAQEA\nend",
    ]);
    for (text, want) in [
        ("", ""),
        ("nothing here\n", "nothing here\n"),
        ("a hunter2 b", "a [secret] b"),
        ("hunter2hunter2", "[secret][secret]"),
        // The longest match, and overlapping matches as one.
        ("hunter2-long!", "[secret]!"),
        ("hunter2-lon!", "[secret]-lon!"),
        ("xyzabcdefgh.", "[secret]."),
        ("aa aaaaaaaa aa", "aa [secret] aa"),
        // The whole secret, one of its lines, and lines that are too short.
        (">top\nMIIEowIBAAKCAQEA\nend<", ">[secret]<"),
        ("  MIIEowIBAAKCAQEA\r\n", "  [secret]\r\n"),
        ("top end", "top end"),
        // base64 -w0 of "hunter2", "user:hunter2", "user1:hunter2", "x:hunter2:y".
        ("aHVudGVyMg==", "[secret]"),
        ("dXNlcjpodW50ZXIy", "dXNlcjp[secret]"),
        ("dXNlcjE6aHVudGVyMg==", "dXNlcjE6[secret]"),
        ("eDpodW50ZXIyOnk=", "eDp[secret]Onk="),
    ] {
        let out = redacted(&all, &[text.as_bytes()]);
        assert_eq!(String::from_utf8(out).unwrap(), want, "{text}");
        let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
        let out = redacted(&all, &bytes);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            want,
            "{text}, byte by byte"
        );
    }
}

#[test]
fn only_the_possible_start_of_a_secret_is_held_back() {
    let all = patterns(&[b"hunter2"]);
    for (writes, want) in [
        (
            &["Password: ", "hu", "h"][..],
            &["Password: ", "", "hu", "h"][..],
        ),
        (&["say hunter2", "!"], &["say [secret]", "!", ""]),
        (&["hunt", "er", "2"], &["", "", "[secret]", ""]),
        (&["hunt", "ing"], &["", "hunting", ""]),
        (&["hunt"], &["", "hunt"]),
    ] {
        let writes: Vec<_> = writes.iter().map(|text| text.as_bytes()).collect();
        let out = steps(&all, &writes).into_iter();
        let out: Vec<_> = out.map(|step| String::from_utf8(step).unwrap()).collect();
        assert_eq!(out, want);
    }
}

/// Overlapping matches are not held back until the last one ends.
#[test]
fn memory_is_bounded_by_the_longest_secret() {
    let all = patterns(&[b"aaa"]);
    let mut redactor = Redactor::new(all);
    let mut out = Vec::new();
    for _ in 0..100 {
        redactor.push(&[b'a'; 1000], &mut out);
        assert!(redactor.held.len() < 3 && redactor.matches.len() < 3);
    }
    assert_eq!(out, b"[secret]");
}

#[test]
fn secrets_contained_in_a_file_are_redacted() {
    let text = |text: &str| Text::from(text);
    let candidates = [
        text("eyJ-token"),
        text("not-contained"),
        text("in-base64"),
        text("ab"),
        text("line-number-1\nline-number-2"),
        text("line-number-2"),
    ];
    let files = [text(
        "token: eyJ-token\nca: aW4tYmFzZTY0\nab\nline-number-2",
    )];
    let all = Patterns::new(&[], &candidates, &files).unwrap().unwrap();
    let output = redacted(
        &all,
        &[b"eyJ-token not-contained in-base64 ab bGluZS1udW1iZXItMg=="],
    );
    assert_eq!(
        String::from_utf8(output).unwrap(),
        "[secret] not-contained [secret] ab [secret]"
    );
    assert!(
        Patterns::new(&[text("ab")], &candidates, [])
            .unwrap()
            .is_none()
    );
}

#[test]
fn too_large_secrets_are_rejected() {
    let large = Text::from(vec![b'x'; MAX_SECRET_BYTES + 1]);
    let error = Patterns::new(&[large], &[], []).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the secrets are too large to be redacted"
    );
}

/// For random secrets, streams and writes: the output contains no secret, and the rest of the stream
/// in order. (The secrets have no letter of `[secret]`.)
#[test]
fn no_secret_is_shown_however_the_stream_is_split() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..3_000 {
        // Few letters, so that secrets overlap and repeat; sometimes a line break.
        let letters: &[u8] = [&b"ab"[..], b"abd\n", b"abdfghi\xff\n"][random.below(3)];
        let word = |longest: usize, random: &mut Random| -> Vec<u8> {
            let length = random.below(longest + 1);
            (0..length)
                .map(|_| letters[random.below(letters.len())])
                .collect()
        };
        let count = 1 + random.below(5);
        let secrets: Vec<_> = (0..count).map(|_| word(12, &mut random)).collect();
        let mut stream = Vec::new();
        for _ in 0..random.below(12) {
            stream.extend(word(6, &mut random));
            if random.below(2) == 0 {
                stream.extend_from_slice(&secrets[random.below(count)]);
            }
        }
        let texts: Vec<_> = secrets.iter().cloned().map(Text::from).collect();
        let Some(patterns) = Patterns::new(&texts, &[], []).unwrap() else {
            continue;
        };
        let mut writes = Vec::new();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (write, remaining) = rest.split_at(1 + random.below(rest.len().min(9)));
            writes.push(write);
            rest = remaining;
        }
        let out = redacted(&patterns, &writes);

        for secret in secrets
            .iter()
            .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
        {
            let is_shown = out.windows(secret.len()).any(|window| window == secret);
            assert!(
                !is_shown,
                "round {round}: {secret:?} of {stream:?} in {out:?}"
            );
        }

        assert_eq!(
            out,
            reference(&secrets, &stream),
            "round {round}: {secrets:?}"
        );
    }
}

/// A simple reference implementation: marks every byte of every match of every variant.
fn reference(secrets: &[Vec<u8>], stream: &[u8]) -> Vec<u8> {
    // 0: shown, 1: first byte of a match, 2: another byte of a match.
    let mut marks = vec![0; stream.len()];
    let mut matches: Vec<Range<usize>> = Vec::new();
    for variant in secrets.iter().flat_map(|secret| variants(secret)) {
        for (at, window) in stream.windows(variant.len()).enumerate() {
            if window == variant {
                matches.push(at..at + variant.len());
            }
        }
    }
    matches.sort_by_key(|range| (range.start, range.end));
    let mut end = 0;
    for range in matches {
        if range.start >= end {
            marks[range.start] = 1;
        }
        for mark in &mut marks[range.start.max(end)..range.end.max(end)] {
            if *mark == 0 {
                *mark = 2;
            }
        }
        end = end.max(range.end);
    }
    let mut out = Vec::new();
    for (byte, mark) in stream.iter().zip(marks) {
        match mark {
            0 => out.push(*byte),
            1 => out.extend_from_slice(REDACTED.as_bytes()),
            _ => (),
        }
    }
    out
}

/// Marsaglia's xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}
