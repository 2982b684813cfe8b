//! Regular expressions as Go's `regexp` reads them, with an engine of nearly the same language.
//!
//! The engine has no classes of Unicode (`\pL`); a pattern with one is refused.

use regex_lite::Regex;

/// The largest count of a repetition.
const MAXIMUM_REPETITIONS: u32 = 1_000;

/// A regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    written: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern; the error is in Go's words where they are known.
    pub(super) fn read(written: &str) -> Result<Self, String> {
        for fragment in ["(?=", "(?!"] {
            if written.contains(fragment) {
                return Err(format!("invalid or unsupported Perl syntax: `{fragment}`"));
            }
        }
        let regex = Regex::new(&with_literal_braces(written)?).map_err(|error| {
            let reason = error.to_string();
            if reason.contains("open group") {
                format!("missing closing ): `{written}`")
            } else {
                format!("{reason}: `{written}`")
            }
        })?;
        Ok(Self {
            written: written.to_owned(),
            regex,
        })
    }

    /// The pattern as it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether it matches somewhere in the text. What is not UTF-8 counts as U+FFFD.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.regex.is_match(&String::from_utf8_lossy(text))
    }
}

/// Escapes braces that hold no repetition: in Go they stand for themselves.
fn with_literal_braces(pattern: &str) -> Result<String, String> {
    let mut escaped = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut characters = pattern.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                escaped.push(character);
                let Some((_, next)) = characters.next() else {
                    break;
                };
                escaped.push(next);
                if matches!(next, 'p' | 'P' | 'x') && characters.as_str().starts_with('{') {
                    escaped.extend(characters.next().map(|(_, brace)| brace));
                }
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '{' if !in_class => match repetition(&pattern[at..]) {
                None => escaped.push('\\'),
                Some((text, most)) if most > MAXIMUM_REPETITIONS => {
                    return Err(format!("invalid repeat count: `{text}`"));
                }
                Some(_) => {}
            },
            _ => {}
        }
        escaped.push(character);
    }
    Ok(escaped)
}

/// `{2}`, `{2,}` or `{2,3}` at the start of a text, and the largest count in it.
fn repetition(text: &str) -> Option<(&str, u32)> {
    let end = text.find('}')?;
    let (least, most) = match text[1..end].split_once(',') {
        Some((least, "")) => (least, least),
        Some((least, most)) => (least, most),
        None => (&text[1..end], &text[1..end]),
    };
    let count = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    Some((&text[..=end], count(least)?.max(count(most)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_go_does() {
        for (pattern, text, want) in [
            ("p{", "p{", true),
            ("a{,2}", "a{,2}", true),
            ("a{2}", "aa", true),
            ("^a{2,3}$", "aaaa", false),
            ("[{]", "{", true),
            (r"\x{41}", "A", true),
            (r"^\d+$", "12", true),
            // Digits and letters of other scripts are none.
            (r"^\d+$", "٣", false),
            (r"^\w$", "é", false),
            ("^.$", "é", true),
        ] {
            let matches = Pattern::read(pattern).unwrap().matches(text.as_bytes());
            assert_eq!(matches, want, "{pattern} {text}");
        }
        assert!(Pattern::read("^.$").unwrap().matches(b"\xff"));
    }

    #[test]
    fn what_is_no_pattern_is_told_in_the_words_of_go() {
        for (pattern, want) in [
            ("(a", "missing closing ): `(a`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ] {
            assert_eq!(Pattern::read(pattern).unwrap_err(), want, "{pattern}");
        }
        assert!(Pattern::read(r"\pL").is_err());
    }
}
