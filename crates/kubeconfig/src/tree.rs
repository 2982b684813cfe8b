//! The first document of a YAML text as a tree whose nodes know their bytes in the text.
//!
//! Made for editing in place: what stands where, in which style. The only module of this folder
//! that knows the YAML parser. Both YAML and JSON are read.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::Value as Json;

/// Deeper texts are refused; aliases count with what they stand for.
const MAXIMUM_DEPTH: usize = 100;

/// Texts with more nodes are refused; aliases count with what they stand for.
const MAXIMUM_NODES: usize = 200_000;

/// Why a text cannot be read. No part of the text is in it, for it may hold a token.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Unreadable {
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong there.
    pub(super) reason: String,
}

/// A node. Two are equal if they mean the same, wherever and in whatever style they are written;
/// the order of a map's keys counts.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The bytes. A block list or map reaches from its first key or item to the end of its last
    /// one; `-` and properties before that are not in it. That of an empty node has no length.
    pub(super) span: Range<usize>,
    /// Written in brackets.
    pub(super) flow: bool,
    tag: Option<String>,
    /// With all that is in it, aliases replaced by what they stand for.
    nodes: usize,
    depth: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<Entry>),
    Alias(Rc<Node>),
}

/// A key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: Node,
    pub(super) value: Node,
}

impl Node {
    /// A value that is written nowhere yet.
    pub(super) fn new(value: &Json) -> Self {
        let kind = match value {
            Json::String(text) => Kind::Scalar {
                text: text.clone(),
                plain: false,
            },
            Json::Array(items) => Kind::List(items.iter().map(Self::new).collect()),
            Json::Object(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|(key, value)| Entry::new(key, value))
                    .collect(),
            ),
            Json::Null => Kind::Scalar {
                text: "null".to_owned(),
                plain: true,
            },
            other => Kind::Scalar {
                text: other.to_string(),
                plain: true,
            },
        };
        Self::at(kind, 0..0, None)
    }

    fn at(kind: Kind, span: Range<usize>, tag: Option<String>) -> Self {
        let (nodes, depth) = {
            let children: Vec<&Self> = match &kind {
                Kind::Scalar { .. } => Vec::new(),
                Kind::List(items) => items.iter().collect(),
                Kind::Map(entries) => entries
                    .iter()
                    .flat_map(|entry| [&entry.key, &entry.value])
                    .collect(),
                Kind::Alias(target) => vec![target],
            };
            children
                .into_iter()
                .fold((1_usize, 1), |(nodes, depth), child| {
                    (
                        nodes.saturating_add(child.nodes),
                        depth.max(child.depth + 1),
                    )
                })
        };
        Self {
            kind,
            span,
            flow: false,
            tag,
            nodes,
            depth,
        }
    }

    /// What an alias stands for; any other node itself.
    pub(super) fn resolved(&self) -> &Self {
        match &self.kind {
            Kind::Alias(target) => target.resolved(),
            _ => self,
        }
    }

    /// Whether it stands for nothing: `null`, `~`, or no text at all.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.resolved().kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar that is not null.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.resolved().kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.resolved().kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.resolved().kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a map's key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|entry| entry.is(key))
            .map(|entry| &entry.value)
    }

    /// Whether it means the same as `value`; the order of a map's keys does not count.
    pub(super) fn means(&self, value: &Json) -> bool {
        let node = self.resolved();
        match (&node.kind, value) {
            (Kind::List(items), Json::Array(values)) => {
                items.len() == values.len()
                    && items
                        .iter()
                        .zip(values)
                        .all(|(item, value)| item.means(value))
            }
            (Kind::Map(entries), Json::Object(values)) => {
                entries.len() == values.len()
                    && values
                        .iter()
                        .all(|(key, value)| node.get(key).is_some_and(|found| found.means(value)))
            }
            (Kind::Scalar { .. }, Json::Null) => node.is_null(),
            (Kind::Scalar { .. }, Json::String(_) | Json::Bool(_) | Json::Number(_)) => {
                *node == Self::new(value)
            }
            _ => false,
        }
    }
}

impl Entry {
    pub(super) fn new(key: &str, value: &Json) -> Self {
        Self {
            key: Node::new(&Json::from(key)),
            value: Node::new(value),
        }
    }

    pub(super) fn is(&self, key: &str) -> bool {
        self.key.text() == Some(key)
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.resolved(), other.resolved());
        one.tag == other.tag
            && match (&one.kind, &other.kind) {
                (
                    Kind::Scalar { text, plain },
                    Kind::Scalar {
                        text: other_text,
                        plain: other_plain,
                    },
                ) => {
                    text == other_text
                        && (!plain || is_plain_text(text))
                            == (!other_plain || is_plain_text(other_text))
                }
                (Kind::List(items), Kind::List(others)) => items == others,
                (Kind::Map(entries), Kind::Map(others)) => entries == others,
                _ => false,
            }
    }
}

/// Whether every reader of YAML takes these words for a text, without quotes around them, wherever
/// they stand as a value in block style. Says no when in doubt.
pub(super) fn is_plain_text(text: &str) -> bool {
    // What YAML 1.1 takes for a boolean or for nothing; go-yaml, which kubectl reads with, too.
    const WORDS: [&str; 11] = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    let word = |c: char| c.is_ascii_alphanumeric() || "_./:@+=,-".contains(c);
    let starts = |start: &str| text.starts_with(start);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic())
        || starts("/")
        || starts("~/")
        || starts("./")
        || (starts("--") && text[2..].starts_with(|c: char| c.is_ascii_alphabetic()));
    // Words may stand apart, such as those of an install hint.
    let inside = text
        .trim_start_matches('~')
        .split(' ')
        .all(|part| !part.is_empty() && part.chars().all(word) && !part.ends_with(':'));
    let is_word = WORDS.iter().any(|known| text.eq_ignore_ascii_case(known));
    begins && inside && !is_word
}

/// Reads the first document; `None` where there is none.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Unreadable> {
    let mut reader = Reader::new(text);
    let mut parser = Parser::new_from_str(text);
    reader.read_document(&mut parser)?;
    Ok(reader.root)
}

/// Reads every document, as far as the text can be read.
pub(super) fn parse_stream(text: &str) -> Vec<Node> {
    let mut reader = Reader::new(text);
    let mut parser = Parser::new_from_str(text);
    let mut documents = Vec::new();
    while let Ok(more) = reader.read_document(&mut parser) {
        documents.extend(reader.root.take());
        if !more {
            break;
        }
    }
    documents
}

/// A list or map whose end has not come yet.
struct Open {
    list: bool,
    begin: usize,
    flow: bool,
    anchor: usize,
    tag: Option<String>,
    children: Vec<Node>,
}

struct Reader<'text> {
    text: &'text str,
    /// The byte of every character: the parser counts characters.
    bytes: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Node>,
}

impl<'text> Reader<'text> {
    fn new(text: &'text str) -> Self {
        let starts = text.char_indices().map(|(byte, _)| byte);
        Self {
            text,
            bytes: starts.chain([text.len()]).collect(),
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
        }
    }

    /// Reads up to the end of the next document. Says whether there may be another.
    fn read_document(
        &mut self,
        parser: &mut Parser<'text, StrInput<'text>>,
    ) -> Result<bool, Unreadable> {
        while let Some(event) = parser.next_event() {
            match event {
                Ok((Event::DocumentEnd, _)) => return Ok(true),
                Ok((Event::StreamEnd, _)) => break,
                Ok((event, span)) => self.take(event, span).map_err(|reason| Unreadable {
                    line: span.start.line(),
                    reason: reason.to_owned(),
                })?,
                Err(error) => {
                    return Err(Unreadable {
                        line: error.marker().line(),
                        reason: error.info().to_owned(),
                    });
                }
            }
        }
        Ok(false)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), &'static str> {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let end = match style {
                    ScalarStyle::SingleQuoted => self.after_quote(start, '\''),
                    ScalarStyle::DoubleQuoted => self.after_quote(start, '"'),
                    _ => end.max(start),
                };
                let kind = Kind::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                };
                let tag = tag.map(|tag| named(&tag));
                self.add(Node::at(kind, start..end, tag), anchor)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(true, start..end, anchor, tag.map(|tag| named(&tag)))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(false, start..end, anchor, tag.map(|tag| named(&tag)))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(start)?,
            Event::Alias(anchor) => {
                let target = self
                    .anchors
                    .get(&anchor)
                    .ok_or("an alias stands for nothing")?;
                let node = Node::at(Kind::Alias(Rc::clone(target)), start..end, None);
                self.add(node, 0)?;
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(
        &mut self,
        list: bool,
        span: Range<usize>,
        anchor: usize,
        tag: Option<String>,
    ) -> Result<(), &'static str> {
        if self.open.len() >= MAXIMUM_DEPTH {
            return Err("lists and maps nest too deep");
        }
        let bracket = if list { '[' } else { '{' };
        // The parser's place holds tag and anchor, and the bracket only in flow style, with what
        // follows it.
        let at = self.after_properties(span.start);
        let flow = at < span.end && self.text[at..].starts_with(bracket);
        let begin = if flow { at } else { span.start };
        self.open.push(Open {
            list,
            begin,
            flow,
            anchor,
            tag,
            children: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self, at: usize) -> Result<(), &'static str> {
        let Some(open) = self.open.pop() else {
            return Err("a list or map ends that did not begin");
        };
        let (begin, end) = if open.flow {
            // The closing bracket.
            (open.begin, (at + 1).min(self.text.len()))
        } else {
            let first = open.children.first().map_or(open.begin, |it| it.span.start);
            let last = open.children.last().map_or(open.begin, |it| it.span.end);
            (first, last.max(first))
        };
        let kind = if open.list {
            Kind::List(open.children)
        } else {
            let mut entries = Vec::with_capacity(open.children.len() / 2);
            let mut children = open.children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push(Entry { key, value });
            }
            Kind::Map(entries)
        };
        let mut node = Node::at(kind, begin..end, open.tag);
        node.flow = open.flow;
        self.add(node, open.anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), &'static str> {
        if node.nodes > MAXIMUM_NODES || node.depth > MAXIMUM_DEPTH {
            return Err("there is too much in it");
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::new(node.clone()));
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => {
                self.root.get_or_insert(node);
            }
        }
        Ok(())
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes
            .get(character)
            .copied()
            .unwrap_or(self.text.len())
    }

    /// The place after a tag and an anchor.
    fn after_properties(&self, start: usize) -> usize {
        let mut rest = &self.text[start..];
        while rest.starts_with(['&', '!']) {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest = rest[end..].trim_start();
        }
        self.text.len() - rest.len()
    }

    /// The end of a quoted scalar: the parser lets it reach to the end of its line. A tag and an
    /// anchor may stand before the opening quote.
    fn after_quote(&self, start: usize, quote: char) -> usize {
        let open = self.after_properties(start) + 1;
        let mut characters = self
            .text
            .get(open..)
            .unwrap_or_default()
            .char_indices()
            .peekable();
        while let Some((at, character)) = characters.next() {
            if character == quote {
                let next = characters.peek().map(|(_, next)| *next);
                if quote == '"' || next != Some(quote) {
                    return open + at + 1;
                }
                characters.next();
            } else if quote == '"' && character == '\\' {
                characters.next();
            }
        }
        self.text.len()
    }
}

fn named(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

#[cfg(test)]
mod tests;
