mod reference;

use base64::prelude::Engine as _;

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
fn encoded_secrets_are_redacted() {
    let all = patterns(&[
        b"hunter2",
        b"top\nMIIEowIBAAKCAQEA\nend",
        b"|\x7f|?\xef?",
        b"a b c+d",
    ]);
    for (text, want) in [
        // With line breaks, indented, and in the alphabet of URLs.
        ("x: aHVudG\nVyMg==\n", "x: [secret]\n"),
        ("x:\r\n  aHVud\r\n  GVyMg\r\n", "x:\r\n  [secret]\r\n"),
        ("aHVud\n\n GV\tyMg", "aHVud\n\n GV\tyMg"),
        ("fH98P-8_", "[secret]"),
        // Hex, in lower and upper case, and with line breaks.
        ("0x68756e74657232.", "0x[secret]."),
        ("ff7C7F7C3FEF3Fff", "ff[secret]ff"),
        ("68756e746\n57232\n", "[secret]\n"),
        // JSON, Go, octal and shell escapes.
        (r#""top\nMIIEowIBAAKCAQEA\nend""#, r#""[secret]""#),
        (r"a\u0068\u0075nter2\u0068", r"a[secret]\u0068"),
        (r"\x68\x75nt\x65r2", "[secret]"),
        (r"\150\165nter2", "[secret]"),
        (r"\|\177\|\?\357\? \\u0068unter2", r"[secret] \\u0068unter2"),
        (
            r"\\\u0068unter2 C:\u00xhunter2",
            r"\\[secret] C:\u00x[secret]",
        ),
        // URLs.
        ("%68unte%722&x=%6Dhunter2%", "[secret]&x=%6D[secret]%"),
        ("top%0aMIIEowIBAAKCAQEA%0Aend", "[secret]"),
        (
            "a%20b%20c%2Bd a+b+c%2Bd a%20b+c%2Bd",
            "[secret] [secret] a%20b+c%2Bd",
        ),
    ] {
        let out = redacted(&all, &[text.as_bytes()]);
        assert_eq!(String::from_utf8(out).unwrap(), want, "{text}");
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
        // Digits of base64: any number in a line, at least four before a line break.
        (&["login", " a", "Hx"], &["login", " ", "aHx", ""]),
        (&["port 80a\n", "x"], &["port 80a\n", "x", ""]),
        (&["aHV\n", "udGVyMg"], &["aHV\n", "", "[secret]"]),
        (&["aHVu\n  ", "dGVyMg=="], &["", "[secret]", ""]),
        (&["aHVu\n", "\n", "!"], &["", "", "aHVu\n\n!", ""]),
        // Of hex, at least four digits.
        (
            &["line 68", "756", "e74657232"],
            &["line 68", "", "[secret]", ""],
        ),
        // Incomplete escapes within a secret, but not at its start.
        (&["50%", "\\", "\r100%"], &["50%", "\\", "\r100%", ""]),
        (&["h%", "75nter2"], &["", "[secret]", ""]),
        (&["%", "68unter2"], &["%", "[secret]", ""]),
        (&["\\u00", "68unter2"], &["\\u00", "[secret]", ""]),
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

    // Blank lines after the start of base64, and base64 with one digit per line.
    for text in ["aHVud\n\n\n\n", "a\n", "\\u0068", "%68%75"] {
        let mut redactor = Redactor::new(patterns(&[b"hunter2-hunter2"]));
        for _ in 0..100 {
            redactor.push(text.repeat(1000).as_bytes(), &mut Vec::new());
            assert!(redactor.held.len() < 200, "{text:?}");
        }
    }
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

/// For random secrets, streams and writes: the output is that of the reference implementation, and
/// contains no secret. (The secrets have no letter of `[secret]`.)
#[test]
fn no_secret_is_shown_however_the_stream_is_split() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..1_000 {
        // Few letters, so that secrets overlap and repeat; sometimes line breaks and escapes.
        let letters: &[u8] =
            [&b"ab"[..], b"abd\n", b"abdfghi\xff\n", b"ab \\%xu16\n"][random.below(4)];
        let word = |longest: usize, random: &mut Random| -> Vec<u8> {
            let length = random.below(longest + 1);
            (0..length)
                .map(|_| letters[random.below(letters.len())])
                .collect()
        };
        let count = 1 + random.below(5);
        let secrets: Vec<_> = (0..count).map(|_| word(12, &mut random)).collect();
        let mut stream = Vec::new();
        for _ in 0..random.below(8) {
            stream.extend(word(6, &mut random));
            if random.below(2) == 0 {
                stream.extend(encoded(&secrets[random.below(count)], &mut random));
            }
        }
        let texts: Vec<_> = secrets.iter().cloned().map(Text::from).collect();
        let Some(patterns) = Patterns::new(&texts, &[], []).unwrap() else {
            continue;
        };
        let longest = [2, 10, 50][random.below(3)];
        let mut writes = Vec::new();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (write, remaining) = rest.split_at(1 + random.below(rest.len().min(longest)));
            writes.push(write);
            rest = remaining;
        }
        let out = redacted(&patterns, &writes);
        let lengths: Vec<_> = writes.iter().map(|write| write.len()).collect();
        assert_eq!(
            out,
            reference::redacted(&secrets, &stream, &lengths),
            "round {round}: {secrets:?} in {stream:?}, {lengths:?}"
        );
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
    }
}

/// The secret as some program may print it.
fn encoded(secret: &[u8], random: &mut Random) -> Vec<u8> {
    let style = random.below(8);
    let mut text = Vec::new();
    match style {
        0 => text.extend_from_slice(secret),
        1 => {
            let standard = base64::prelude::BASE64_STANDARD.encode(secret);
            let width = 1 + random.below(9);
            let line_break = ["\n", "\r\n", "\n  "][random.below(3)];
            for line in standard.as_bytes().chunks(width) {
                text.extend_from_slice(line);
                text.extend_from_slice(line_break.as_bytes());
            }
        }
        2 => text.extend(
            secret
                .iter()
                .flat_map(|byte| format!("{byte:02X}").into_bytes()),
        ),
        _ => {
            for byte in secret {
                let escape = match style {
                    3 => format!("%{byte:02x}"),
                    4 => format!("\\{byte:03o}"),
                    5 => format!("\\x{byte:02X}"),
                    _ if byte.is_ascii() => format!("\\u{byte:04x}"),
                    _ => String::new(),
                };
                if escape.is_empty() || random.below(2) == 0 && !b"\\%".contains(byte) {
                    text.push(*byte);
                } else {
                    text.extend(escape.into_bytes());
                }
            }
        }
    }
    text
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
