//! Regular expressions as Go's `regexp` (RE2) reads them: each is checked by Go's rules, written for
//! the engine here, and errors are told in Go's words.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::CharIndices;

use regex::bytes::{Regex, RegexBuilder};

/// The largest count of a repetition.
const MAXIMUM_REPETITIONS: u32 = 1_000;

/// How many bytes a compiled pattern may take. A longer one is refused as too large, as Go does from
/// a size of its own on.
const MAXIMUM_COMPILED_BYTES: usize = 2 << 20;

/// How deep groups may nest.
const MAXIMUM_NESTING: u32 = 250;

/// The names in `[[:alpha:]]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// A regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    written: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern; the error is in Go's words where they are known.
    pub(super) fn read(written: &str) -> Result<Self, String> {
        let translated = Translation::of(written)?;
        let regex = RegexBuilder::new(&translated)
            .size_limit(MAXIMUM_COMPILED_BYTES)
            .dfa_size_limit(MAXIMUM_COMPILED_BYTES)
            .nest_limit(MAXIMUM_NESTING)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => format!("expression too large: `{written}`"),
                _ => format!("cannot be read: `{written}`"),
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
        self.regex
            .is_match(String::from_utf8_lossy(text).as_bytes())
    }
}

/// A pattern on its way from Go's notation to the engine's.
struct Translation<'p> {
    written: &'p str,
    characters: Peekable<CharIndices<'p>>,
    out: String,
    /// Groups that are open.
    groups: usize,
    /// Where the last thing begins that can be repeated, and whether it is a repetition already.
    last: Option<Last>,
}

#[derive(Clone, Copy)]
enum Last {
    Thing,
    Repetition(usize),
}

impl<'p> Translation<'p> {
    fn of(written: &'p str) -> Result<String, String> {
        let mut translation = Self {
            written,
            characters: written.char_indices().peekable(),
            out: String::with_capacity(written.len() + 16),
            groups: 0,
            last: None,
        };
        while let Some((at, character)) = translation.characters.next() {
            translation.one(at, character)?;
        }
        if translation.groups > 0 {
            return Err(format!("missing closing ): `{written}`"));
        }
        Ok(translation.out)
    }

    fn one(&mut self, at: usize, character: char) -> Result<(), String> {
        match character {
            '\\' => self.escape(at, false)?,
            '[' => self.class(at)?,
            '(' => return self.group(at),
            ')' => {
                if self.groups == 0 {
                    return Err(format!("unexpected ): `{}`", self.written));
                }
                self.groups -= 1;
                self.out.push(')');
            }
            '|' => {
                self.out.push('|');
                self.last = None;
                return Ok(());
            }
            '*' | '+' | '?' => return self.repeat(at, at + 1),
            '{' => match repetition(&self.written[at..]) {
                None => self.out.push_str("\\{"),
                Some((text, least, most)) => {
                    if most > MAXIMUM_REPETITIONS || least > most {
                        return Err(format!("invalid repeat count: `{text}`"));
                    }
                    let end = at + text.len();
                    while self.characters.next_if(|(next, _)| *next < end).is_some() {}
                    return self.repeat(at, end);
                }
            },
            '}' => self.out.push_str("\\}"),
            ']' => self.out.push_str("\\]"),
            _ => self.out.push(character),
        }
        self.last = Some(Last::Thing);
        Ok(())
    }

    /// Takes an operator that repeats what comes before it, with the `?` that makes it take little.
    fn repeat(&mut self, begin: usize, end: usize) -> Result<(), String> {
        let lazy = self.characters.next_if(|(_, next)| *next == '?').is_some();
        let operator = &self.written[begin..end];
        let whole = &self.written[begin..end + usize::from(lazy)];
        match self.last {
            None => {
                return Err(format!(
                    "missing argument to repetition operator: `{operator}`"
                ));
            }
            Some(Last::Repetition(before)) => {
                let both = &self.written[before..begin + whole.len()];
                return Err(format!("invalid nested repetition operator: `{both}`"));
            }
            Some(Last::Thing) => {}
        }
        self.out.push_str(whole);
        self.last = Some(Last::Repetition(begin));
        Ok(())
    }

    /// The begin of a group, or flags.
    fn group(&mut self, at: usize) -> Result<(), String> {
        let rest = &self.written[at..];
        self.last = None;
        if !rest.starts_with("(?") {
            self.groups += 1;
            self.out.push('(');
            return Ok(());
        }
        let named = ["(?P<", "(?<"].into_iter().find(|it| rest.starts_with(it));
        let head = if let Some(begin) = named {
            let Some(end) = rest.find('>') else {
                return Err(format!("invalid named capture: `{rest}`"));
            };
            let name = &rest[begin.len()..end];
            let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
            if name.is_empty() || !name.chars().all(is_word) {
                return Err(format!("invalid named capture: `{}`", &rest[..=end]));
            }
            // Names mean nothing here, and may be such as the engine refuses.
            self.groups += 1;
            self.out.push('(');
            &rest[..=end]
        } else {
            let mut flags = rest[2..].char_indices();
            let mut seen = (false, false);
            let end = loop {
                let Some((place, flag)) = flags.next() else {
                    // Go tells the whole of what it has read.
                    return Err(format!("invalid or unsupported Perl syntax: `{rest}`"));
                };
                let end = 2 + place + flag.len_utf8();
                match flag {
                    'i' | 'm' | 's' | 'U' => seen.1 = true,
                    '-' if !seen.0 => seen = (true, false),
                    ':' | ')' if !seen.0 || seen.1 => break end,
                    _ => {
                        return Err(format!(
                            "invalid or unsupported Perl syntax: `{}`",
                            &rest[..end]
                        ));
                    }
                }
            };
            let head = &rest[..end];
            if head.ends_with(':') {
                self.groups += 1;
            }
            if head != "(?)" {
                self.out.push_str(head);
            }
            head
        };
        let end = at + head.len();
        while self.characters.next_if(|(next, _)| *next < end).is_some() {}
        Ok(())
    }

    /// What stands behind a backslash.
    fn escape(&mut self, at: usize, in_class: bool) -> Result<(), String> {
        let Some((next, character)) = self.characters.next() else {
            return Err("trailing backslash at end of expression: ``".to_owned());
        };
        let perl = match character {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => "[\\t\\n\\f\\r ]",
            'S' => "[^\\t\\n\\f\\r ]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            'b' if !in_class => "(?-u:\\b)",
            'B' if !in_class => "(?-u:\\B)",
            'A' if !in_class => "\\A",
            'z' if !in_class => "\\z",
            'Q' if !in_class => {
                self.quoted(next + 1);
                return Ok(());
            }
            'p' | 'P' => return self.unicode_class(at, next),
            _ => "",
        };
        if !perl.is_empty() {
            self.out.push_str(perl);
            return Ok(());
        }
        let rest = &self.written[next..];
        let (value, length) = match character {
            'a' => (Some(7), 1),
            'f' => (Some(12), 1),
            'n' => (Some(10), 1),
            'r' => (Some(13), 1),
            't' => (Some(9), 1),
            'v' => (Some(11), 1),
            '0'..='7' => octal(rest),
            'x' => hexadecimal(rest),
            _ if character.is_ascii() && !character.is_ascii_alphanumeric() => {
                (Some(u32::from(character)), 1)
            }
            _ => (None, character.len_utf8()),
        };
        let Some(value) = value.and_then(char::from_u32) else {
            let escape = &self.written[at..(next + length).min(self.written.len())];
            return Err(format!("invalid escape sequence: `{escape}`"));
        };
        let end = next + length;
        while self.characters.next_if(|(next, _)| *next < end).is_some() {}
        self.literal(value);
        Ok(())
    }

    fn literal(&mut self, character: char) {
        let _ = write!(self.out, "\\x{{{:x}}}", u32::from(character));
    }

    /// `\Q`: text as it stands, up to `\E`.
    fn quoted(&mut self, begin: usize) {
        let rest = &self.written[begin..];
        let text = rest.find("\\E").map_or(rest, |end| &rest[..end]);
        text.chars().for_each(|character| self.literal(character));
        let end = begin + (text.len() + 2).min(rest.len());
        while self.characters.next_if(|(next, _)| *next < end).is_some() {}
    }

    /// `\pL` or `\p{Greek}`.
    fn unicode_class(&mut self, at: usize, letter: usize) -> Result<(), String> {
        let rest = &self.written[letter + 1..];
        let length = match rest.chars().next() {
            None => {
                return Err(format!(
                    "invalid escape sequence: `{}`",
                    &self.written[at..]
                ));
            }
            Some('{') => match rest.find('}') {
                Some(end) => end + 1,
                None => {
                    return Err(format!(
                        "invalid character class range: `{}`",
                        &self.written[at..]
                    ));
                }
            },
            Some(other) => other.len_utf8(),
        };
        let end = letter + 1 + length;
        let class = &self.written[at..end];
        // Go knows the names of general categories and scripts, as they are written there.
        let name = rest[..length]
            .trim_matches(['{', '}'])
            .trim_start_matches('^');
        let is_name = name.starts_with(|it: char| it.is_ascii_uppercase())
            && name.chars().all(|it| it.is_ascii_alphabetic() || it == '_');
        let known = if rest.starts_with("{^") {
            let other = if class.starts_with("\\p") {
                "\\P"
            } else {
                "\\p"
            };
            format!("{other}{{{name}}}")
        } else {
            class.to_owned()
        };
        let known = if name == "Any" {
            known.replace("{Any}", "{any}")
        } else {
            known
        };
        if !is_name || Regex::new(&known).is_err() {
            return Err(format!("invalid character class range: `{class}`"));
        }
        self.out.push_str(&known);
        while self.characters.next_if(|(next, _)| *next < end).is_some() {}
        Ok(())
    }

    /// `[…]`
    fn class(&mut self, at: usize) -> Result<(), String> {
        let missing = || format!("missing closing ]: `{}`", &self.written[at..]);
        self.out.push('[');
        if self.characters.next_if(|(_, it)| *it == '^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let Some((place, character)) = self.characters.next() else {
                return Err(missing());
            };
            match character {
                ']' if !is_first => break,
                '\\' => self.escape(place, true)?,
                '[' if self.written[place..].starts_with("[:") => {
                    let rest = &self.written[place..];
                    match rest.find(":]") {
                        Some(end) => {
                            let name = &rest[..end + 2];
                            let inner = &rest[2..end];
                            if !POSIX.contains(&inner.trim_start_matches('^')) {
                                return Err(format!("invalid character class range: `{name}`"));
                            }
                            self.out.push_str(name);
                            let end = place + name.len();
                            while self.characters.next_if(|(next, _)| *next < end).is_some() {}
                        }
                        None => self.literal('['),
                    }
                }
                '-' => {
                    // At an end of the class it stands for itself.
                    let is_last = matches!(self.characters.peek(), Some((_, ']')));
                    if is_first || is_last {
                        self.literal('-');
                    } else {
                        self.out.push('-');
                    }
                }
                '[' | ']' | '&' | '~' | '^' => self.literal(character),
                _ => self.out.push(character),
            }
            is_first = false;
        }
        self.out.push(']');
        Ok(())
    }
}

/// `{2}`, `{2,}` or `{2,3}` at the start of a text, with the least and the largest count in it.
fn repetition(text: &str) -> Option<(&str, u32, u32)> {
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
    Some((&text[..=end], count(least)?, count(most)?))
}

/// Up to three octal digits and their length. A single one would be a back reference.
fn octal(text: &str) -> (Option<u32>, usize) {
    let is_octal = |byte: &u8| (b'0'..=b'7').contains(byte);
    let length = text.bytes().take(3).take_while(|it| is_octal(it)).count();
    if length == 1 && !text.starts_with('0') {
        return (None, 1);
    }
    (u32::from_str_radix(&text[..length], 8).ok(), length)
}

/// `x41` or `x{41}` and its length.
fn hexadecimal(text: &str) -> (Option<u32>, usize) {
    let digits = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_hexdigit());
        is_number.then(|| u32::from_str_radix(digits, 16).ok())?
    };
    if let Some(braced) = text.strip_prefix("x{") {
        return match braced.find('}') {
            Some(end) => (digits(&braced[..end]), end + 3),
            None => (None, text.len()),
        };
    }
    let end = text.char_indices().nth(3).map_or(text.len(), |(at, _)| at);
    let value = if end == 3 {
        digits(&text[1..end])
    } else {
        None
    };
    (value, end)
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
            ("[]a]", "]", true),
            ("^[a&&b[]+$", "&[", true),
            ("^[a-]$", "-", true),
            (r"^[\d-]$", "-", true),
            ("^[^a]$", "a", false),
            (r"\x{41}", "A", true),
            (r"\x41\101\.\/", "AA./", true),
            (r"\Qa.b\E+", "a.bb", true),
            (r"^\d+$", "12", true),
            // Digits and letters of other scripts are none of Perl's.
            (r"^\d+$", "٣", false),
            (r"^\w$", "é", false),
            (r"^\pL$", "é", true),
            (r"^\p{Greek}\PL$", "α1", true),
            (r"^\p{^Greek}$", "α", false),
            ("(?i)É", "é", true),
            (r"\bworld\b", "hello world", true),
            (r"o\Br", "world", true),
            (r"\B", "", true),
            (r"\B", "a", false),
            ("^(?<1>a)$", "a", true),
            ("^.$", "é", true),
            ("a|", "", true),
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
            ("a)", "unexpected ): `a)`"),
            ("[", "missing closing ]: `[`"),
            ("x[a", "missing closing ]: `[a`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?", "invalid or unsupported Perl syntax: `(?`"),
            ("(?<a", "invalid named capture: `(?<a`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            (r"\y", "invalid escape sequence: `\\y`"),
            (r"\1", "invalid escape sequence: `\\1`"),
            (r"a\", "trailing backslash at end of expression: ``"),
            (r"\p{greek}", "invalid character class range: `\\p{greek}`"),
            ("[[:x:]]", "invalid character class range: `[:x:]`"),
        ] {
            assert_eq!(Pattern::read(pattern).unwrap_err(), want, "{pattern}");
        }
    }

    #[test]
    fn patterns_that_are_too_large_are_refused() {
        let reason = Pattern::read(r"((\pL{100}){100}){100}").unwrap_err();
        assert!(reason.starts_with("expression too large"), "{reason}");
    }
}
