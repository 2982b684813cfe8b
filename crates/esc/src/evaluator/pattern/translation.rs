//! A pattern on its way from Go's notation to the engine's, by the rules of Go's `regexp/syntax`.
//!
//! What comes out has no flags but those of single assertions and dots, and no classes that the
//! engine would look up: all of them are written as ranges, with the other cases of their
//! characters where case does not count.

use super::class::{Class, write_character};
use super::{escape, unicode};

/// The largest count of a repetition, and the largest product of counts within each other.
const MAXIMUM_REPETITIONS: u32 = 1_000;

/// How many bytes of a compiled pattern a class takes at least.
const CLASS_BYTES: usize = 64;

/// How often what is repeated may be repeated again: `(?:(?:a*)*)*` without the groups.
const MAXIMUM_REPEATED: u32 = 200;

/// The names in `[[:alpha:]]`.
const POSIX: [(&str, &[(u32, u32)]); 14] = [
    ("alnum", &[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]),
    ("alpha", &[(0x41, 0x5A), (0x61, 0x7A)]),
    ("ascii", &[(0, 0x7F)]),
    ("blank", &[(9, 9), (0x20, 0x20)]),
    ("cntrl", &[(0, 0x1F), (0x7F, 0x7F)]),
    ("digit", DIGIT),
    ("graph", &[(0x21, 0x7E)]),
    ("lower", &[(0x61, 0x7A)]),
    ("print", &[(0x20, 0x7E)]),
    (
        "punct",
        &[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
    ),
    ("space", &[(9, 13), (0x20, 0x20)]),
    ("upper", &[(0x41, 0x5A)]),
    ("word", WORD),
    ("xdigit", &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]),
];

/// `\d`
const DIGIT: &[(u32, u32)] = &[(0x30, 0x39)];
/// `\s`
const SPACE: &[(u32, u32)] = &[(9, 10), (12, 13), (0x20, 0x20)];
/// `\w`
const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];

/// The pattern in the engine's notation; an error is in Go's words. A translation may take
/// `maximum` bytes, as what is compiled of it.
pub(super) fn translate(written: &str, maximum: usize) -> Result<String, String> {
    let mut translation = Translation {
        written,
        at: 0,
        out: String::with_capacity(written.len() + 16),
        flags: Flags::default(),
        groups: Vec::new(),
        largest: 1,
        last: None,
        is_past_named: false,
        classes: 0,
    };
    while let Some(character) = translation.peek() {
        translation.one(character)?;
        if translation.out.len().max(translation.classes * CLASS_BYTES) > maximum {
            return Err(too_large(written));
        }
    }
    if !translation.groups.is_empty() {
        return Err(format!("missing closing ): `{written}`"));
    }
    Ok(translation.out)
}

/// The error of a pattern that would take too much memory.
pub(super) fn too_large(written: &str) -> String {
    format!("expression too large: `{written}`")
}

/// The error of a pattern whose groups nest too deeply.
pub(super) fn too_deep(written: &str) -> String {
    format!("expression nests too deeply: `{written}`")
}

#[derive(Clone, Copy, Default)]
struct Flags {
    /// `i`: case does not count.
    folds: bool,
    /// `m`: `^` and `$` match at lines too.
    lines: bool,
    /// `s`: `.` matches the end of a line too.
    dot_all: bool,
}

struct Translation<'p> {
    written: &'p str,
    /// Where the rest begins.
    at: usize,
    out: String,
    flags: Flags,
    /// Groups that are open, the innermost last.
    groups: Vec<Group>,
    /// The largest product of counts in the innermost group, but for what stands last in it.
    largest: u32,
    /// What an operator would repeat.
    last: Option<Last>,
    /// No `:]` follows any more.
    is_past_named: bool,
    /// How many classes are written.
    classes: usize,
}

/// A group that is open, with the state that its end brings back.
struct Group {
    begin: usize,
    flags: Flags,
    largest: u32,
}

/// What stands before an operator that repeats.
#[derive(Clone, Copy)]
struct Last {
    /// Where it begins in the translation.
    begin: usize,
    /// The largest product of counts within each other.
    product: u32,
    /// How often it is repeated already.
    repeated: u32,
    /// Where its operator stands, if that comes directly before.
    operator: Option<usize>,
}

impl<'p> Translation<'p> {
    fn rest(&self) -> &'p str {
        &self.written[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Something new stands last.
    fn push(&mut self, begin: usize, product: u32) {
        self.settle();
        self.last = Some(Last {
            begin,
            product,
            repeated: 0,
            operator: None,
        });
    }

    /// What stood last is out of reach for operators.
    fn settle(&mut self) {
        if let Some(last) = self.last.take() {
            self.largest = self.largest.max(last.product);
        }
    }

    /// Takes what begins with this character.
    fn one(&mut self, character: char) -> Result<(), String> {
        match character {
            '\\' => return self.escape(),
            '(' => return self.group(),
            ')' => return self.end_of_group(),
            '*' | '+' | '?' => return self.repeat(1, None),
            '{' => {
                if let Some((length, counts)) = repetition(self.rest()) {
                    return self.repeat_counted(length, counts);
                }
                self.literal('{'.into());
            }
            '[' => {
                let class = self.class()?;
                self.write_class(&class);
                return Ok(());
            }
            '|' => {
                self.settle();
                self.out.push('|');
            }
            '^' => self.assertion(if self.flags.lines { "(?m:^)" } else { "^" }),
            '$' => self.assertion(if self.flags.lines { "(?m:$)" } else { "$" }),
            '.' => self.assertion(if self.flags.dot_all { "(?s:.)" } else { "." }),
            _ => self.literal(character.into()),
        }
        self.at += character.len_utf8();
        Ok(())
    }

    /// Writes something that the engine reads as Go does.
    fn assertion(&mut self, text: &str) {
        let begin = self.out.len();
        self.out.push_str(text);
        self.push(begin, 1);
    }

    /// Writes a character, in all its cases where case does not count.
    fn literal(&mut self, code_point: u32) {
        match char::from_u32(code_point) {
            Some(character) if !self.flags.folds => {
                let begin = self.out.len();
                write_character(character, &mut self.out);
                self.push(begin, 1);
            }
            _ => self.write_class(&self.range(code_point, code_point)),
        }
    }

    fn write_class(&mut self, class: &Class) {
        let begin = self.out.len();
        class.write(&mut self.out);
        self.push(begin, 1);
        self.classes += 1;
    }

    /// The range as a class, with all cases where case does not count.
    fn range(&self, low: u32, high: u32) -> Class {
        self.group_of(&[(low, high)], false)
    }

    /// These ranges, or all but these; with all cases where case does not count.
    fn group_of(&self, ranges: &[(u32, u32)], is_negated: bool) -> Class {
        let class = Class::of(ranges);
        let class = if self.flags.folds {
            class.folded()
        } else {
            class
        };
        if is_negated { class.negated() } else { class }
    }

    /// `{2,3}`
    fn repeat_counted(&mut self, length: usize, counts: Counts) -> Result<(), String> {
        let Counts { least, most } = counts;
        let is_large = |count| count > MAXIMUM_REPETITIONS;
        if is_large(least) || most.is_some_and(|it| is_large(it) || it < least) {
            let text = &self.rest()[..length];
            return Err(format!("invalid repeat count: `{text}`"));
        }
        self.repeat(length, Some(counts))
    }

    /// Takes an operator of such a length that repeats what comes before it, with the `?` that makes
    /// it take little.
    fn repeat(&mut self, length: usize, counts: Option<Counts>) -> Result<(), String> {
        let begin = self.at;
        let is_lazy = self.rest()[length..].starts_with('?');
        let end = begin + length + usize::from(is_lazy);
        let operator = &self.written[begin..end];
        let Some(last) = &mut self.last else {
            return Err(format!(
                "missing argument to repetition operator: `{operator}`"
            ));
        };
        if let Some(before) = last.operator {
            let both = &self.written[before..end];
            return Err(format!("invalid nested repetition operator: `{both}`"));
        }
        if let Some(Counts { least, most }) = counts {
            last.product = match most {
                // What is within does not count either.
                Some(0) => 1,
                most => last.product * most.unwrap_or(least).max(1),
            };
            let multiplies = least >= 2 || most >= Some(2);
            if multiplies && last.product > MAXIMUM_REPETITIONS {
                return Err(format!("invalid repeat count: `{operator}`"));
            }
        }
        if last.repeated > 0 {
            // Flags or an empty `\Q\E` stand between the operators, which the engine would take
            // for one.
            self.out.insert_str(last.begin, "(?:");
            self.out.push(')');
        }
        last.repeated += 1;
        last.operator = Some(begin);
        if last.repeated > MAXIMUM_REPEATED {
            return Err(too_deep(self.written));
        }
        self.out.push_str(operator);
        self.at = end;
        Ok(())
    }

    /// The begin of a group, or flags.
    fn group(&mut self) -> Result<(), String> {
        let rest = self.rest();
        if !rest.starts_with("(?") {
            self.open(1, self.flags);
            return Ok(());
        }
        let named = ["(?P<", "(?<"].into_iter().find(|it| rest.starts_with(it));
        if let Some(begin) = named.filter(|it| rest.len() > it.len()) {
            let Some(end) = rest.find('>') else {
                return Err(format!("invalid named capture: `{rest}`"));
            };
            // A name means nothing here.
            let name = &rest[begin.len()..end];
            let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
            if name.is_empty() || !name.chars().all(is_word) {
                return Err(format!("invalid named capture: `{}`", &rest[..=end]));
            }
            self.open(end + 1, self.flags);
            return Ok(());
        }
        let (flags, length) = self.read_flags(rest)?;
        if rest[..length].ends_with(':') {
            self.open(length, flags);
        } else {
            // What stands before them can still be repeated.
            if let Some(last) = &mut self.last {
                last.operator = None;
            }
            self.flags = flags;
            self.at += length;
        }
        Ok(())
    }

    /// `(?i-s)` or `(?i-s:`: the flags from there on, and the length.
    fn read_flags(&self, rest: &str) -> Result<(Flags, usize), String> {
        let mut flags = self.flags;
        let mut is_set = true;
        let mut saw_flag = false;
        let mut end = 2;
        for character in rest[2..].chars() {
            end += character.len_utf8();
            match character {
                'i' => flags.folds = is_set,
                'm' => flags.lines = is_set,
                's' => flags.dot_all = is_set,
                // Takes little instead of much, which is the same for whether it matches at all.
                'U' => {}
                '-' if is_set => is_set = false,
                ':' | ')' if is_set || saw_flag => return Ok((flags, end)),
                _ => break,
            }
            saw_flag = character != '-';
        }
        // Go tells what it has read.
        Err(format!(
            "invalid or unsupported Perl syntax: `{}`",
            &rest[..end]
        ))
    }

    /// Begins a group whose head is so long.
    fn open(&mut self, length: usize, flags: Flags) {
        self.settle();
        self.groups.push(Group {
            begin: self.out.len(),
            flags: self.flags,
            largest: self.largest,
        });
        self.flags = flags;
        self.largest = 1;
        self.out.push_str("(?:");
        self.at += length;
    }

    fn end_of_group(&mut self) -> Result<(), String> {
        self.settle();
        let Some(group) = self.groups.pop() else {
            return Err(format!("unexpected ): `{}`", self.written));
        };
        self.out.push(')');
        self.at += 1;
        let product = self.largest;
        self.largest = group.largest;
        self.flags = group.flags;
        self.push(group.begin, product);
        Ok(())
    }

    /// What begins with a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        let rest = self.rest();
        match rest.as_bytes().get(1) {
            Some(b'A') => self.assertion("\\A"),
            Some(b'z') => self.assertion("\\z"),
            // Letters of other scripts are no part of words, as in Go.
            Some(b'b') => self.assertion("(?-u:\\b)"),
            Some(b'B') => self.assertion("(?-u:\\B)"),
            Some(b'Q') => {
                self.quoted();
                return Ok(());
            }
            _ => {
                if let Some(class) = self.class_escape()? {
                    self.write_class(&class);
                } else {
                    let (code_point, length) = escape::read(rest)?;
                    self.literal(code_point);
                    self.at += length;
                }
                return Ok(());
            }
        }
        self.at += 2;
        Ok(())
    }

    /// `\Q`: text as it stands, up to `\E`.
    fn quoted(&mut self) {
        let rest = &self.rest()[2..];
        let text = rest.find("\\E").map_or(rest, |end| &rest[..end]);
        for character in text.chars() {
            self.literal(character.into());
        }
        if let Some(last) = &mut self.last {
            last.operator = None;
        }
        self.at += (2 + text.len() + 2).min(2 + rest.len());
    }

    /// Takes `\d`, `\pL` and the like, if such a class stands here.
    fn class_escape(&mut self) -> Result<Option<Class>, String> {
        let ranges = match self.rest().as_bytes().get(1) {
            Some(b'd' | b'D') => DIGIT,
            Some(b's' | b'S') => SPACE,
            Some(b'w' | b'W') => WORD,
            Some(b'p' | b'P') => return self.unicode_class().map(Some),
            _ => return Ok(None),
        };
        let is_negated = self.rest().as_bytes()[1].is_ascii_uppercase();
        self.at += 2;
        Ok(Some(self.group_of(ranges, is_negated)))
    }

    /// `\pL` or `\p{Greek}`
    fn unicode_class(&mut self) -> Result<Class, String> {
        let rest = self.rest();
        let invalid = |what: &str| format!("invalid character class range: `{what}`");
        let (name, length) = if rest[2..].starts_with('{') {
            let end = rest.find('}').ok_or_else(|| invalid(rest))?;
            (&rest[3..end], end + 1)
        } else {
            let length = rest[2..].chars().next().map_or(0, char::len_utf8);
            (&rest[2..2 + length], 2 + length)
        };
        let (name, is_reversed) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let Some(named) = unicode::class(name) else {
            return Err(invalid(&rest[..length]));
        };
        self.at += length;
        let class = if self.flags.folds {
            named.folded()
        } else {
            &named.class
        };
        let is_negated = rest.starts_with("\\P") != is_reversed;
        let class = class.clone();
        Ok(if is_negated { class.negated() } else { class })
    }

    /// `[…]`
    fn class(&mut self) -> Result<Class, String> {
        let whole = self.rest();
        let mut class = Class::default();
        self.at += 1;
        let is_negated = self.peek() == Some('^');
        self.at += usize::from(is_negated);
        let mut is_first = true;
        while is_first || self.peek() != Some(']') {
            is_first = false;
            class.tidy_if_grown();
            let rest = self.rest();
            if let Some(named) = self.named_class()? {
                class.add_all(&named);
                continue;
            }
            if rest.starts_with('\\')
                && let Some(escaped) = self.class_escape()?
            {
                class.add_all(&escaped);
                continue;
            }
            let low = self.class_character(whole)?;
            let mut high = low;
            let mut following = self.rest().chars();
            // At the end of the class `-` stands for itself.
            if following.next() == Some('-') && !matches!(following.next(), None | Some(']')) {
                self.at += 1;
                high = self.class_character(whole)?;
            }
            if high < low {
                let range = &rest[..rest.len() - self.rest().len()];
                return Err(format!("invalid character class range: `{range}`"));
            }
            class.add_all(&self.range(low, high));
        }
        self.at += 1;
        let class = class.tidied();
        Ok(if is_negated { class.negated() } else { class })
    }

    /// A single character in brackets.
    fn class_character(&mut self, whole: &str) -> Result<u32, String> {
        match self.peek() {
            None => Err(format!("missing closing ]: `{whole}`")),
            Some('\\') => {
                let (code_point, length) = escape::read(self.rest())?;
                self.at += length;
                Ok(code_point)
            }
            Some(character) => {
                self.at += character.len_utf8();
                Ok(character.into())
            }
        }
    }

    /// Takes `[:alpha:]`, if that stands here.
    fn named_class(&mut self) -> Result<Option<Class>, String> {
        let rest = self.rest();
        let Some(after) = rest.strip_prefix("[:").filter(|_| !self.is_past_named) else {
            return Ok(None);
        };
        let Some((name, _)) = after.split_once(":]") else {
            self.is_past_named = true;
            return Ok(None);
        };
        let length = name.len() + 4;
        let (name, is_negated) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let Some((_, ranges)) = POSIX.iter().find(|(known, _)| *known == name) else {
            let range = &rest[..length];
            return Err(format!("invalid character class range: `{range}`"));
        };
        self.at += length;
        Ok(Some(self.group_of(ranges, is_negated)))
    }
}

/// The counts of `{2}`, `{2,}` or `{2,3}`.
#[derive(Clone, Copy)]
struct Counts {
    least: u32,
    /// None where there is no bound.
    most: Option<u32>,
}

/// The repetition that a text begins with, and its length; what is none stands for itself. A count
/// that is too large for a number is the largest number.
fn repetition(text: &str) -> Option<(usize, Counts)> {
    let after = text.strip_prefix('{')?;
    let end = after.find(|it: char| !it.is_ascii_digit() && it != ',')?;
    if !after[end..].starts_with('}') {
        return None;
    }
    let count = |digits: &str| {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.is_empty() && !digits.starts_with('0'));
        is_number.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let inner = &after[..end];
    let (least, most) = match inner.split_once(',') {
        Some((least, "")) => (count(least)?, None),
        Some((least, most)) => (count(least)?, Some(count(most)?)),
        None => (count(inner)?, Some(count(inner)?)),
    };
    Some((end + 2, Counts { least, most }))
}
