//! Regular expressions of schemas. ESC compiles them with Go's `regexp`; `regex-lite` reads nearly the
//! same syntax in linear time and without Unicode tables.
//!
//! A construct that `regex-lite` lacks or reads differently is an error that points to `--remote`.
//! Three differences are too rare for one: `\s` matches a vertical tab here, `(?i)` does not match `K`
//! with the Kelvin sign nor `s` with the long s, and `a**` compiles.

use regex_lite::{Regex, RegexBuilder};

/// The longest pattern, in bytes.
const MAXIMUM_BYTES: usize = 32 << 10;

/// The largest compiled pattern, in bytes.
const MAXIMUM_COMPILED_BYTES: usize = 256 << 10;

/// How deep groups and repetitions may nest.
const MAXIMUM_NESTING: u32 = 250;

/// The largest count of a repetition, as in Go.
const MAXIMUM_COUNT: usize = 1_000;

/// The compiled size that the first attempt allows, in bytes.
const SMALLEST_LIMIT: usize = 512;

/// How many bytes of a compiled pattern, for each byte of the text to match, count as one step.
const BYTES_PER_STEP: usize = 1 << 10;

/// The error for a pattern that exceeds a limit, in the words of Go.
pub(super) const TOO_LARGE: &str = "expression too large";

/// A compiled regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    text: String,
    /// An upper bound of the compiled size, in bytes.
    compiled_bytes: usize,
    /// An upper bound of the compiled size and the matcher's tables, in bytes.
    memory: usize,
}

impl Pattern {
    /// Compiles a pattern that may take so many bytes of memory. The error says why it is invalid,
    /// unsupported or [too large](TOO_LARGE).
    pub(super) fn compile(pattern: &str, memory_limit: usize) -> Result<Self, String> {
        let too_large = || TOO_LARGE.to_owned();
        if pattern.len() > MAXIMUM_BYTES {
            return Err(too_large());
        }
        if let Some(reason) = unsupported(pattern) {
            return Err(format!("{reason}: `{pattern}`"));
        }
        // The matcher's tables have two slots per group for each state.
        let tables = 1 + pattern.matches('(').count();
        // `regex-lite` does not tell the compiled size, so find the limit that it fits in.
        let escaped = escape_literal_braces(pattern);
        let mut limit = SMALLEST_LIMIT.max(4 * pattern.len());
        loop {
            limit = limit.min(MAXIMUM_COMPILED_BYTES);
            let memory = limit * tables;
            if memory > memory_limit {
                return Err(too_large());
            }
            let built = RegexBuilder::new(&escaped)
                .size_limit(limit)
                .nest_limit(MAXIMUM_NESTING)
                .build();
            match built.map_err(|error| error.to_string()) {
                Ok(regex) => {
                    return Ok(Self {
                        regex,
                        text: pattern.to_owned(),
                        compiled_bytes: limit,
                        memory,
                    });
                }
                Err(reason) if reason == EXCEEDS_SIZE_LIMIT => {
                    if limit == MAXIMUM_COMPILED_BYTES {
                        return Err(too_large());
                    }
                    limit *= 2;
                }
                Err(reason)
                    if reason.starts_with("character class") || reason.starts_with("nested") =>
                {
                    return Err(format!("{reason} {EVALUATE_REMOTELY}: `{pattern}`"));
                }
                Err(reason) => return Err(format!("{reason}: `{pattern}`")),
            }
        }
    }

    /// The pattern as it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// How much memory the pattern takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// How many steps it may take to match a text of this length. Even an empty text may visit every state.
    pub(super) fn steps(&self, text_bytes: usize) -> usize {
        self.compiled_bytes.saturating_mul(text_bytes + 1) / BYTES_PER_STEP
    }

    /// Whether it matches somewhere in the text. Each byte that is not UTF-8 counts as U+FFFD.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        if let Ok(text) = str::from_utf8(text) {
            return self.regex.is_match(text);
        }
        let mut readable = String::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            readable.push_str(chunk.valid());
            readable.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
        self.regex.is_match(&readable)
    }
}

/// The error of `regex-lite` for a pattern whose compiled form exceeds the size limit.
const EXCEEDS_SIZE_LIMIT: &str = "compiled regex exceeded size limit";

/// What to do about a construct that only Go's `regexp` supports.
const EVALUATE_REMOTELY: &str = "locally, use `--remote` to evaluate in Pulumi Cloud";

/// Why a pattern that `regex-lite` would misread cannot be used.
fn unsupported(pattern: &str) -> Option<String> {
    let not_supported = |construct: &str| {
        Some(format!(
            "`{construct}` is not supported {EVALUATE_REMOTELY}"
        ))
    };
    let mut rest = pattern;
    while let Some(start) = rest.find(['\\', '(', '{']) {
        rest = &rest[start..];
        let mut length = 1;
        if let Some(escape) = rest.strip_prefix('\\') {
            let escaped = escape.chars().next()?;
            length += escaped.len_utf8();
            let has_braces = rest[length..].starts_with('{');
            match escaped {
                'p' | 'P' | 'b' if has_braces => {
                    let end = rest.find('}').map_or(rest.len(), |end| end + 1);
                    return not_supported(&rest[..end]);
                }
                'p' | 'P' | 'Q' | '0'..='7' | '<' | '>' => return not_supported(&rest[..length]),
                'u' | 'U' => return Some(format!("invalid escape sequence: `\\{escaped}`")),
                _ => {}
            }
        } else if let Some(group) = rest.strip_prefix("(?") {
            let end = group.find(|c: char| !c.is_ascii_alphabetic() && c != '-');
            let flags = &group[..end.unwrap_or(group.len())];
            if flags.contains(['x', 'R', 'u']) {
                return Some(format!("invalid or unsupported Perl syntax: `(?{flags}`"));
            }
            if flags.contains('i') && !pattern.is_ascii() {
                return not_supported("(?i) with letters beyond ASCII");
            }
        } else if let Some((counts, _)) = rest[1..].split_once('}')
            && counts.split(',').any(|count| {
                count
                    .parse()
                    .is_ok_and(|count: usize| count > MAXIMUM_COUNT)
            })
        {
            return Some(format!("invalid repeat count: `{{{counts}}}`"));
        }
        rest = &rest[length..];
    }
    None
}

/// Escapes each `{` that does not start a repetition such as `{2,3}`: Go reads it as a literal.
fn escape_literal_braces(pattern: &str) -> String {
    let mut escaped = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(start) = rest.find(['\\', '{']) {
        escaped.push_str(&rest[..start]);
        rest = &rest[start..];
        let mut length = 1;
        if let Some(escape) = rest.strip_prefix('\\') {
            length += escape.chars().next().map_or(0, char::len_utf8);
            // The brace of `\x{41}`.
            length += usize::from(escape.starts_with("x{"));
        } else if !is_repetition(&rest[1..]) {
            escaped.push('\\');
        }
        escaped.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    escaped.push_str(rest);
    escaped
}

/// Whether the text behind a `{` continues a repetition: `2}`, `2,}` or `2,3}`.
fn is_repetition(text: &str) -> bool {
    let Some((counts, _)) = text.split_once('}') else {
        return false;
    };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests;
