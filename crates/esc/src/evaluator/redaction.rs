//! Which parts of a definition's text must not show when a line of it is printed.
//!
//! Secrets: what `fn::secret` has, and what stands under a name that sounds like a secret's.
//! Comments: they say nothing about a mistake, and may hold anything. Where the text is no YAML,
//! names are all there is to go by, and what follows such a name is hidden generously.

use std::ops::Range;

use crate::evaluator::interpolation::{self, Part};
use crate::evaluator::suggest;
use crate::evaluator::syntax::{Document, Entry, Kind, Node, Span};

/// The stretches to hide, in bytes.
pub(super) fn of(document: &Document, text: &str) -> Vec<Range<usize>> {
    if !document.readable {
        return of_text(text);
    }
    let mut masks = Masks {
        text,
        hidden: Vec::new(),
        scalars: Vec::new(),
    };
    for span in &document.dropped {
        masks.hide(*span);
        masks.scalars.push(bytes(*span));
    }
    if let Some(root) = &document.root {
        masks.node(root, Depth::Public);
    }
    masks.comments();
    masks.hidden
}

/// How secret the place is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Depth {
    Public,
    /// The argument of `fn::rotate`, whose state is a secret.
    Rotation,
    /// Under a name that sounds secret: literals are hidden, `${…}` is not.
    Likely,
    /// In `fn::secret`: all is hidden.
    Secret,
}

struct Masks<'text> {
    text: &'text str,
    hidden: Vec<Range<usize>>,
    /// Everything that is not structure.
    scalars: Vec<Range<usize>>,
}

impl Masks<'_> {
    fn node(&mut self, node: &Node, depth: Depth) {
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| self.node(item, depth)),
            Kind::Object(entries) => {
                for Entry { key, value } in entries {
                    self.scalars.push(bytes(key.span));
                    if depth == Depth::Secret {
                        self.hide(key.span);
                    }
                    let depth = match depth {
                        Depth::Secret => Depth::Secret,
                        Depth::Rotation if key.name.eq_ignore_ascii_case("state") => Depth::Secret,
                        _ if is_secret_function(&key.name) => Depth::Secret,
                        _ if is_rotation(&key.name) => Depth::Rotation,
                        _ if sounds_secret(&key.name) => Depth::Likely,
                        Depth::Rotation => Depth::Public,
                        other => other,
                    };
                    self.node(value, depth);
                }
            }
            _ => {
                self.scalars.push(bytes(node.span));
                match depth {
                    Depth::Public | Depth::Rotation => {}
                    Depth::Likely => self.hide_literals(node),
                    Depth::Secret => self.hide(node.span),
                }
            }
        }
    }

    /// Hides a scalar but for its `${…}`, where their places can be told.
    fn hide_literals(&mut self, node: &Node) {
        let text = node.as_str().unwrap_or_default();
        let (parts, problems) = interpolation::parse(text, node.span, node.plain);
        let accesses: Vec<_> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Access(access) => Some(access),
                Part::Text(_) => None,
            })
            .collect();
        let is_symbol = accesses.len() == 1 && parts.len() == 1;
        if is_symbol && problems.is_empty() {
            return;
        }
        let mut at = node.span.begin.byte;
        if interpolation::is_verbatim(text, node.span, node.plain) && problems.is_empty() {
            for access in accesses {
                if let (Some(first), Some(last)) = (access.steps.first(), access.steps.last()) {
                    self.hidden.push(at..first.span.begin.byte);
                    at = last.span.end.byte;
                }
            }
        }
        self.hidden.push(at..node.span.end.byte);
    }

    /// Hides comments: from a `#` that is in no scalar to the end of its line.
    fn comments(&mut self) {
        self.scalars.sort_unstable_by_key(|range| range.start);
        let mut at = 0;
        let ends = std::iter::once(self.text.len()..self.text.len());
        for scalar in std::mem::take(&mut self.scalars).into_iter().chain(ends) {
            while let Some(gap) = self.text.get(at..scalar.start.max(at))
                && let Some(hash) = gap.find('#')
            {
                let start = at + hash;
                let rest = &self.text[start..];
                let end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
                self.hidden.push(start..end);
                at = end;
            }
            at = at.max(scalar.end);
        }
    }

    fn hide(&mut self, span: Span) {
        self.hidden.push(bytes(span));
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.begin.byte..span.end.byte
}

/// `fn::secret`, in any case, and what looks like a slip of the pen for it.
fn is_secret_function(name: &str) -> bool {
    let name = name.to_lowercase();
    let function = name.strip_prefix("fn").map(|it| it.trim_start_matches(':'));
    function.is_some_and(resembles_secret)
}

/// `fn::rotate` and `fn::rotate::NAME`, in any case.
fn is_rotation(name: &str) -> bool {
    let name = name.to_lowercase();
    let function = name.strip_prefix("fn").map(|it| it.trim_start_matches(':'));
    function.is_some_and(|it| it == "rotate" || it.starts_with("rotate:"))
}

fn resembles_secret(name: &str) -> bool {
    name.contains("secr") || suggest::nearest(name, ["secret"]).is_some()
}

/// Parts of names whose values are secrets as a rule.
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

fn sounds_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_NAMES.iter().any(|part| name.contains(part)) || name.ends_with("key")
}

/// The stretches to hide in a text that is no YAML: what stands after a name that sounds secret,
/// on its line and on those that may continue it; and what may be a comment.
fn of_text(text: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut continued: Option<Continued> = None;
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = content.len() - content.trim_start().len();
        let range = |from: usize| start + from..start + content.len();
        let goes_on = continued
            .as_mut()
            .is_some_and(|it| it.takes(content, indent));
        if goes_on {
            hidden.push(range(0));
        } else {
            continued = None;
        }
        if let Some((name, value)) = secret_name(content) {
            hidden.push(range(value));
            let indent = indent.min(name);
            let in_flow = content[..value].contains(['{', '[']);
            continued.get_or_insert_with(|| Continued::new(indent, &content[value..], in_flow));
        }
        let comment = content.match_indices('#').map(|(at, _)| at).find(|at| {
            let before = content[..*at].chars().next_back();
            before.is_none_or(char::is_whitespace)
        });
        if let Some(comment) = comment {
            hidden.push(range(comment));
        }
        start += line.len();
    }
    hidden
}

/// A value that may go on in the next line.
struct Continued {
    /// What is indented deeper belongs to it.
    indent: usize,
    /// Whether quotes and brackets in it are more than text. Not known before it begins.
    is_structured: Option<bool>,
    /// The quote or brackets that are open.
    open: Vec<char>,
}

impl Continued {
    /// The value that begins with `value`, after a name in a list or map of its line or not.
    fn new(indent: usize, value: &str, in_flow: bool) -> Self {
        let mut continued = Self {
            indent,
            is_structured: in_flow.then_some(true),
            open: Vec::new(),
        };
        continued.read(value);
        continued
    }

    /// Whether a line belongs to the value.
    fn takes(&mut self, line: &str, indent: usize) -> bool {
        let was_open = !self.open.is_empty();
        let is_blank = line.trim().is_empty();
        // `- item` and `: value` may stand as far left as their name.
        let is_item = indent == self.indent && line.trim_start().starts_with(['-', ':']);
        if !was_open && !is_blank && !is_item && indent <= self.indent {
            return false;
        }
        self.read(line);
        true
    }

    /// Follows quotes and brackets.
    fn read(&mut self, text: &str) {
        if self.is_structured.is_none() {
            // A tag, an anchor and the dashes of a list come before the value itself.
            let is_before =
                |word: &&str| word.starts_with(['!', '&']) || matches!(*word, "-" | ":");
            let first = text.split_whitespace().find(|word| !is_before(word));
            self.is_structured = first.map(|first| first.starts_with(['"', '\'', '[', '{']));
        }
        if self.is_structured != Some(true) {
            return;
        }
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (self.open.last(), character) {
                (Some('"'), '\\') => {
                    characters.next();
                }
                (Some(quote @ ('"' | '\'')), _) if *quote != character => {}
                (Some('"' | '\''), _) => {
                    self.open.pop();
                }
                (_, '"' | '\'') => self.open.push(character),
                (_, '[') => self.open.push(']'),
                (_, '{') => self.open.push('}'),
                (Some(end), _) if *end == character => {
                    self.open.pop();
                }
                _ => {}
            }
        }
    }
}

/// The first name in a line that sounds secret: where it begins, and where what follows it begins.
fn secret_name(line: &str) -> Option<(usize, usize)> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    let mut at = 0;
    while let Some(offset) = line[at..].find(is_name) {
        let start = at + offset;
        let rest = &line[start..];
        let end = start + rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        // `key:value` is one word here; what sounds secret may be any part of it.
        let word = &line[start..end];
        if let Some(after) = secret_part(word) {
            return Some((start, start + after));
        }
        at = end;
    }
    None
}

/// Where what follows the secret-sounding part of a word begins.
fn secret_part(word: &str) -> Option<usize> {
    let is_function = word
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("fn:"));
    let mut at = 0;
    for part in word.split_inclusive(':') {
        let end = at + part.len();
        let name = part.trim_end_matches(':');
        if sounds_secret(name) || (is_function && resembles_secret(&name.to_lowercase())) {
            return Some(end);
        }
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::syntax;

    /// The text with `*` for what is hidden.
    fn masked(text: &str) -> String {
        let document = syntax::parse(text);
        let hidden = of(&document, text);
        let characters = text.char_indices().map(|(byte, character)| {
            let is_hidden = hidden.iter().any(|range| range.contains(&byte));
            if is_hidden && !character.is_whitespace() {
                '*'
            } else {
                character
            }
        });
        characters.collect()
    }

    #[test]
    fn secrets_in_yaml_are_hidden() {
        for (text, want) in [
            ("a: {fn::secret: hunter2}", "a: {fn::secret: *******}"),
            (
                "a: {fn::rotate::x: {inputs: {state: a}, state: {b: [hunter2]}}, state: c}",
                "a: {fn::rotate::x: {inputs: {state: a}, state: {*: [*******]}}, state: c}",
            ),
            (
                "password: a\n  b ${c} d\n  e",
                "password: *\n  * **** *\n  *",
            ),
            (
                "a: {fn::secret: 'hunter2'} # old: h",
                "a: {fn::secret: *********} * **** *",
            ),
            (
                "fn::secret: |\n  hun\n  ter\nb: x",
                "fn::secret: *\n  ***\n  ***\nb: x",
            ),
            (
                "fn::secret: {a: hunter2, b: [c]}",
                "fn::secret: {*: *******, *: [*]}",
            ),
            ("fn::secret: ${x}", "fn::secret: ****"),
            ("Fn::Secrets: hunter2", "Fn::Secrets: *******"),
            ("secretAccessKey: hunter2", "secretAccessKey: *******"),
            ("session_token: ${aws.tokn}", "session_token: ${aws.tokn}"),
            ("token: Bearer ${a.b}x${c}y", "token: ****** **a.b****c**"),
            ("token: \"a ${b}\"", "token: ** *****"),
            ("password: {a: [b, 1]}", "password: {a: [*, *]}"),
            (
                "? [hunter2]\n: hunter3\na: b",
                "? ********]\n: *******\na: b",
            ),
            ("a: b # c\n# d\ne: \"#f\" #g", "a: b * *\n* *\ne: \"#f\" **"),
            ("a: b#c", "a: b#c"),
            ("clusterName: prod", "clusterName: prod"),
        ] {
            let document = syntax::parse(text);
            assert!(document.readable, "{text}");
            assert_eq!(masked(text), want);
        }
    }

    #[test]
    fn secrets_in_what_is_no_yaml_are_hidden() {
        for text in [
            "fn::secret: hunter2 [\n",
            "{fn::secret: hunter2, a: [",
            "{\"fn::secret\":\"hunter2\", a: [",
            "fn::secret: |\n  x\n\n  hunter2\n a: [",
            "  fn::secret:\n    - a\n    - hunter2: [",
            "fn::secret:\n- hunter2\nb: [",
            "fn::secret: \"a\nhunter2\nb: [",
            "fn::secret: {ciphertext:\nhunter2\n, b: [",
            "? fn::secret\n: hunter2\n[",
            "- fn::secret: >\n    hunter2\n  a: [",
            "password=hunter2: [",
            "token:hunter2 [",
            "api_key: hunter2 [",
            "secretAccessKey: 'it''s\n hunter2\n[",
            "a: [ # hunter2\n",
            "fn::secert: hunter2 [",
            "fn::secret: !!str \"a\nhunter2\"\nb: [",
            "fn::secret: it's\n  hunter2\nb: [",
        ] {
            let text = text.to_owned() + "\nx: {";
            assert!(!syntax::parse(&text).readable, "{text}");
            let masked = masked(&text);
            assert!(!masked.contains("hunter2"), "{masked}");
        }
    }

    #[test]
    fn what_is_no_secret_shows() {
        let text = "values:\n  fn::secret: hunter2\n  region: eu\n  name: x [\n a: b";
        let want = "values:\n  fn::secret: *******\n  region: eu\n  name: x [\n a: b";
        assert!(!syntax::parse(text).readable);
        assert_eq!(masked(text), want);
    }
}
