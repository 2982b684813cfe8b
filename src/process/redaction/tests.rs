use super::*;

fn patterns(secrets: &[&[u8]]) -> Patterns {
    let secrets: Vec<_> = secrets
        .iter()
        .map(|text| Text::from(text.to_vec()))
        .collect();
    Patterns::new(&secrets, &[], []).unwrap().unwrap()
}

/// What comes out after each of `writes`, and at the end.
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
fn secrets_are_replaced() {
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
        // The longer one, and what overlaps, as a whole.
        ("hunter2-long!", "[secret]!"),
        ("hunter2-lon!", "[secret]-lon!"),
        ("xyzabcdefgh.", "[secret]."),
        ("aa aaaaaaaa aa", "aa [secret] aa"),
        // Whole, by line, in other places.
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
        assert_eq!(String::from_utf8(out).unwrap(), want, "{text}, by bytes");
    }
}

#[test]
fn nothing_is_held_back_but_what_may_be_a_secret() {
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

/// A text that is one long overlap is not kept until its end.
#[test]
fn memory_is_bounded_by_the_longest_secret() {
    let all = patterns(&[b"aaa"]);
    let mut redactor = Redactor::new(all);
    let mut out = Vec::new();
    for _ in 0..100 {
        redactor.push(&[b'a'; 1000], &mut out);
        assert!(redactor.held.len() < 3 && redactor.secret.len() < 3);
    }
    assert_eq!(out, b"[secret]");
}

#[test]
fn secrets_inside_what_is_handed_over_count_too() {
    let text = |text: &str| Text::from(text);
    let others = [
        text("eyJ-token"),
        text("never-handed-over"),
        text("in-base64"),
        text("ab"),
        text("line-number-1\nline-number-2"),
        text("line-number-2"),
    ];
    let files = [text(
        "token: eyJ-token\nca: aW4tYmFzZTY0\nab\nline-number-2",
    )];
    let all = Patterns::new(&[], &others, &files).unwrap().unwrap();
    let shown = redacted(
        &all,
        &[b"eyJ-token never-handed-over in-base64 ab bGluZS1udW1iZXItMg=="],
    );
    assert_eq!(
        String::from_utf8(shown).unwrap(),
        "[secret] never-handed-over [secret] ab [secret]"
    );
    assert!(Patterns::new(&[text("ab")], &others, []).unwrap().is_none());
}

#[test]
fn too_large_secrets_are_refused() {
    let large = Text::from(vec![b'x'; MAX_SECRET_BYTES + 1]);
    let error = Patterns::new(&[large], &[], []).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the secrets are too large to be redacted"
    );
}

/// Whatever the secrets, the stream and the writes: no secret gets through whole, and what is left
/// of the stream stands in its order. (No secret here has a byte of `[secret]` itself.)
#[test]
fn no_secret_gets_through_however_the_stream_is_cut() {
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
            let (write, others) = rest.split_at(1 + random.below(rest.len().min(9)));
            writes.push(write);
            rest = others;
        }
        let out = redacted(&patterns, &writes);

        for secret in secrets
            .iter()
            .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
        {
            let through = out.windows(secret.len()).any(|window| window == secret);
            assert!(
                !through,
                "round {round}: {secret:?} of {stream:?} in {out:?}"
            );
        }
        // What is shown is the stream but for what belongs to a form of a secret.
        assert_eq!(out, model(&secrets, &stream), "round {round}: {secrets:?}");
    }
}

/// The same by the definition: marks every byte of every occurrence of every form.
fn model(secrets: &[Vec<u8>], stream: &[u8]) -> Vec<u8> {
    // 0 is shown, 1 begins a secret, 2 goes on with one.
    let mut marks = vec![0; stream.len()];
    let mut found: Vec<Range<usize>> = Vec::new();
    for form in secrets.iter().flat_map(|secret| variants(secret)) {
        for (at, window) in stream.windows(form.len()).enumerate() {
            if window == form {
                found.push(at..at + form.len());
            }
        }
    }
    found.sort_by_key(|range| (range.start, range.end));
    let mut end = 0;
    for range in found {
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
