//! Finds the parts of a definition that must not be shown when a diagnostic prints its source line.
//!
//! Hidden are: arguments of `fn::secret`; values under names that suggest a secret, such as
//! `password`; passwords in URLs; and comments, which do not help to understand a diagnostic and may
//! contain anything.
//! If the text is not valid YAML, only names can be recognized, and whatever may belong to the value
//! after such a name is hidden.

use std::ops::Range;

use esc_yaml::{Node, NodeKind};

use crate::evaluator::interpolation::{self, Segment};
use crate::evaluator::suggest;
use crate::evaluator::syntax::{self, SyntaxTree, is_plain, is_text, name, span};

/// Returns the byte ranges of a definition's text to hide, in any order.
pub(crate) fn hidden_ranges(text: &str) -> Vec<Range<usize>> {
    let document = syntax::parse(text);
    let mut hidden = if document.is_valid {
        hidden_ranges_of_valid_yaml(&document, text)
    } else {
        hidden_ranges_of_invalid_yaml(text)
    };
    hide_passwords_in_urls(text, &mut hidden);
    hidden
}

fn hidden_ranges_of_valid_yaml(document: &SyntaxTree<'_>, text: &str) -> Vec<Range<usize>> {
    let mut finder = SecretFinder {
        text,
        hidden: Vec::new(),
        scalars: Vec::new(),
    };
    if let Some(root) = &document.root {
        finder.node(root, Secrecy::Public);
    }
    finder.hide_comments();
    finder.hidden
}

/// How secret a node is because of the names above it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Secrecy {
    Public,
    /// The argument of `fn::rotate`, whose `state` is a secret.
    Rotation,
    /// Below a name that suggests a secret. Literals are hidden, and `${…}` is shown.
    Likely,
    /// In `fn::secret`. Everything is hidden.
    Secret,
}

struct SecretFinder<'text> {
    text: &'text str,
    hidden: Vec<Range<usize>>,
    /// Keys and values, in which `#` does not begin a comment.
    scalars: Vec<Range<usize>>,
}

impl SecretFinder<'_> {
    fn node(&mut self, node: &Node<'_>, secrecy: Secrecy) {
        match &node.kind {
            NodeKind::Sequence(items) => items.iter().for_each(|item| self.node(item, secrecy)),
            NodeKind::Mapping(entries) => {
                for (key, value) in entries {
                    self.scalars.push(span(key).bytes());
                    if !is_text(key) {
                        self.scalars.push(span(value).bytes());
                        self.hidden.extend([span(key).bytes(), span(value).bytes()]);
                        continue;
                    }
                    if secrecy == Secrecy::Secret {
                        self.hidden.push(span(key).bytes());
                    }
                    self.node(value, secrecy.below(name(key)));
                }
            }
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => {
                self.scalars.push(span(node).bytes());
                match secrecy {
                    Secrecy::Public | Secrecy::Rotation => {}
                    Secrecy::Likely => self.hide_literals(node),
                    Secrecy::Secret => self.hidden.push(span(node).bytes()),
                }
            }
        }
    }

    /// Hides a scalar except for its `${…}`, if their locations are known.
    fn hide_literals(&mut self, node: &Node<'_>) {
        let (text, span, is_plain) = (name(node), span(node), is_plain(node));
        let (segments, problems) = interpolation::parse(text, span, is_plain);
        if matches!(segments.as_slice(), [Segment::Access(_)]) && problems.is_empty() {
            return;
        }
        let mut start = span.bytes().start;
        if interpolation::is_verbatim(text, span, is_plain) && problems.is_empty() {
            for segment in &segments {
                if let Segment::Access(access) = segment
                    && let (Some(first), Some(last)) = (access.first(), access.last())
                {
                    self.hidden.push(start..first.location.bytes().start);
                    start = last.location.bytes().end;
                }
            }
        }
        self.hidden.push(start..span.bytes().end);
    }

    /// Hides comments: from a `#` outside of scalars to the end of the line.
    fn hide_comments(&mut self) {
        self.scalars.sort_unstable_by_key(|range| range.start);
        let mut scalars = std::mem::take(&mut self.scalars);
        scalars.push(self.text.len()..self.text.len());
        let mut position = 0;
        for scalar in scalars {
            while let Some(gap) = self.text.get(position..scalar.start.max(position))
                && let Some(hash) = gap.find('#')
            {
                let start = position + hash;
                let rest = &self.text[start..];
                let end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
                self.hidden.push(start..end);
                position = end;
            }
            position = position.max(scalar.end);
        }
    }
}

impl Secrecy {
    /// The secrecy of the value of a key in an object with this secrecy.
    fn below(self, key: &str) -> Self {
        match self {
            Self::Secret => Self::Secret,
            Self::Rotation if key.eq_ignore_ascii_case("state") => Self::Secret,
            _ if is_secret_function(key) => Self::Secret,
            _ if is_rotate_function(key) => Self::Rotation,
            _ if suggests_secret(key) => Self::Likely,
            Self::Rotation => Self::Public,
            other => other,
        }
    }
}

/// `fn::secret` in any case, and what looks like a misspelling of it.
fn is_secret_function(name: &str) -> bool {
    function_name(name).is_some_and(|function| resembles_secret(&function))
}

/// `fn::rotate` and `fn::rotate::NAME`, in any case.
fn is_rotate_function(name: &str) -> bool {
    function_name(name)
        .is_some_and(|function| function == "rotate" || function.starts_with("rotate:"))
}

/// What follows `fn::`, in lower case. The number of colons does not matter.
fn function_name(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let function = name.strip_prefix("fn")?;
    Some(function.trim_start_matches(':').to_owned())
}

fn resembles_secret(function: &str) -> bool {
    function.contains("secr") || suggest::nearest(function, ["secret"]).is_some()
}

/// Parts of names whose values are usually secrets.
const SECRET_NAMES: [&str; 10] = [
    "accesskey",
    "apikey",
    "ciphertext",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "token",
];

fn suggests_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    // The lifetime of a secret is none.
    let is_secret = SECRET_NAMES.iter().any(|part| name.contains(part)) || name.ends_with("key");
    is_secret && !name.ends_with("lifetime")
}

/// Hides what follows a name that suggests a secret, on its line and on lines that may continue the
/// value, and everything that may be a comment.
pub(super) fn hidden_ranges_of_invalid_yaml(text: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut secret: Option<SecretValue> = None;
    let mut line_start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = content.len() - content.trim_start().len();
        let rest_of_line = |from: usize| line_start + from..line_start + content.len();
        if let Some(value) = &mut secret {
            if value.continues_on(content, indent) {
                hidden.push(rest_of_line(0));
            } else {
                secret = None;
            }
        }
        if let Some((name, value)) = find_secret_name(content) {
            hidden.push(rest_of_line(value));
            let indent = indent.min(name);
            let is_in_flow = content[..value].contains(['{', '[']);
            secret.get_or_insert_with(|| SecretValue::new(indent, &content[value..], is_in_flow));
        }
        let comment = content.match_indices('#').find(|(offset, _)| {
            let before = content[..*offset].chars().next_back();
            before.is_none_or(char::is_whitespace)
        });
        if let Some((offset, _)) = comment {
            hidden.push(rest_of_line(offset));
        }
        line_start += line.len();
    }
    hidden
}

/// Hides the password in `scheme://user:PASSWORD@host`, and the user in `scheme://USER@host`, which may be
/// a token. `${…}` is shown. A password may contain any character but whitespace, so the last `@` ends it.
fn hide_passwords_in_urls(text: &str, hidden: &mut Vec<Range<usize>>) {
    let mut position = 0;
    while let Some(offset) = text[position..].find("://") {
        let start = position + offset + "://".len();
        let url = text[start..].split(char::is_whitespace).next();
        let url = url.unwrap_or_default();
        position = start + url.len();
        let Some((user_info, _)) = url.rsplit_once('@') else {
            continue;
        };
        let mut secret = match user_info.split_once(':') {
            Some((_, password)) => password,
            None if user_info.contains('/') => continue,
            None => user_info,
        };
        let end = start + user_info.len();
        while let Some((literal, rest)) = secret.split_once("${")
            && let Some((_, after)) = rest.split_once('}')
        {
            let begin = end - secret.len();
            hidden.push(begin..begin + literal.len());
            secret = after;
        }
        hidden.push(end - secret.len()..end);
    }
}

/// A secret in invalid YAML that may continue on the next line.
struct SecretValue {
    /// Lines that are indented more than this belong to the value.
    indent: usize,
    /// Whether quotes and brackets in the value are syntax. `None` until the value begins.
    is_structured: Option<bool>,
    /// The closing quotes and brackets that are still expected.
    expected: Vec<char>,
}

impl SecretValue {
    /// Begins a value with the first part of it. `is_in_flow` says whether its name is in a flow
    /// collection that begins on the same line.
    fn new(indent: usize, first_part: &str, is_in_flow: bool) -> Self {
        let mut value = Self {
            indent,
            is_structured: is_in_flow.then_some(true),
            expected: Vec::new(),
        };
        value.scan(first_part);
        value
    }

    /// Whether a line belongs to the value. If so, scans it.
    fn continues_on(&mut self, line: &str, indent: usize) -> bool {
        let is_blank = line.trim().is_empty();
        // `- item` and `: value` may be indented as little as their name.
        let is_item = indent == self.indent && line.trim_start().starts_with(['-', ':']);
        if self.expected.is_empty() && !is_blank && !is_item && indent <= self.indent {
            return false;
        }
        self.scan(line);
        true
    }

    /// Updates the expected quotes and brackets.
    fn scan(&mut self, text: &str) {
        if self.is_structured.is_none() {
            // A tag, an anchor and list dashes come before the value itself.
            let is_prefix =
                |word: &&str| word.starts_with(['!', '&']) || matches!(*word, "-" | ":");
            let first = text.split_whitespace().find(|word| !is_prefix(word));
            self.is_structured = first.map(|first| first.starts_with(['"', '\'', '[', '{']));
        }
        if self.is_structured != Some(true) {
            return;
        }
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (self.expected.last(), character) {
                (Some('"'), '\\') => {
                    characters.next();
                }
                (Some(quote @ ('"' | '\'')), _) if *quote != character => {}
                (Some('"' | '\''), _) => {
                    self.expected.pop();
                }
                (_, '"' | '\'') => self.expected.push(character),
                (_, '[') => self.expected.push(']'),
                (_, '{') => self.expected.push('}'),
                (Some(end), _) if *end == character => {
                    self.expected.pop();
                }
                _ => {}
            }
        }
    }
}

/// Finds the first name in a line that suggests a secret. Returns the offsets of the name and of what
/// follows it.
fn find_secret_name(line: &str) -> Option<(usize, usize)> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    let mut position = 0;
    while let Some(offset) = line[position..].find(is_name) {
        let start = position + offset;
        let rest = &line[start..];
        let end = start + rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        // `key:value` is one word here, and any part of it may suggest a secret.
        if let Some(after) = end_of_secret_part(&line[start..end]) {
            return Some((start, start + after));
        }
        position = end;
    }
    None
}

/// The end of the first part of a word that suggests a secret.
fn end_of_secret_part(word: &str) -> Option<usize> {
    let prefix = word.get(..3);
    let is_function = prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("fn:"));
    let mut end = 0;
    for part in word.split_inclusive(':') {
        end += part.len();
        let name = part.trim_end_matches(':');
        if suggests_secret(name) || (is_function && resembles_secret(&name.to_lowercase())) {
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests;
