//! The stand-in's own small reading of YAML, for the places of things: what the service shows of a
//! definition, and where secrets stand in it. What a definition means is the evaluator's business.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

/// A place: line and column from 1, byte from 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) byte: usize,
}

/// A node and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) begin: Place,
    pub(super) end: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A scalar, and whether it stands without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let mut entries = self.entries().iter();
        let found = entries.find(|(key, _)| key.text() == Some(name));
        found.map(|(_, value)| value)
    }
}

/// Reads the first document; `None` where it cannot be read.
pub(super) fn parse(text: &str) -> Option<Node> {
    let mut open: Vec<(Node, Option<Node>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        let done = match event {
            Event::Scalar(value, style, ..) => scalar(text, &value, style, span),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let kind = match event {
                    Event::SequenceStart(..) => Kind::List(Vec::new()),
                    _ => Kind::Map(Vec::new()),
                };
                let begin = place(text, span.start);
                let node = Node {
                    kind,
                    begin,
                    end: begin,
                };
                open.push((node, None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (mut node, _) = open.pop()?;
                // A block ends where its last child does, a flow collection with its bracket.
                if text[node.begin.byte..].starts_with(['{', '[']) {
                    node.end = place(text, span.end);
                }
                node
            }
            Event::DocumentEnd | Event::StreamEnd => return None,
            _ => continue,
        };
        let Some((parent, key)) = open.last_mut() else {
            return Some(done);
        };
        if done.end.byte > parent.end.byte {
            parent.end = done.end;
        }
        match &mut parent.kind {
            Kind::List(items) => items.push(done),
            Kind::Map(entries) => match key.take() {
                Some(name) => entries.push((name, done)),
                None => *key = Some(done),
            },
            Kind::Scalar(..) => return None,
        }
    }
    None
}

fn scalar(text: &str, value: &str, style: ScalarStyle, span: Span) -> Node {
    let mut begin = place(text, span.start);
    let mut length = place(text, span.end).byte.saturating_sub(begin.byte);
    match style {
        ScalarStyle::Plain => length = text[begin.byte..begin.byte + length].trim_end().len(),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            length = quoted_length(&text[begin.byte..]);
        }
        // The parser starts a block with its content; it begins with its indicator.
        ScalarStyle::Literal | ScalarStyle::Folded => {
            if let Some(indicator) = text[..begin.byte].rfind(['|', '>']) {
                length += begin.byte - indicator;
                let line = text[..indicator].matches('\n').count() + 1;
                let start = text[..indicator].rfind('\n').map_or(0, |at| at + 1);
                begin = Place {
                    line,
                    column: text[start..indicator].chars().count() + 1,
                    byte: indicator,
                };
            }
            length = text[begin.byte..begin.byte + length].trim_end().len();
        }
    }
    let stretch = &text[begin.byte..begin.byte + length];
    let last = stretch.rfind('\n').map(|at| &stretch[at + 1..]);
    let end = Place {
        line: begin.line + stretch.matches('\n').count(),
        column: match last {
            Some(last) => last.chars().count() + 1,
            None => begin.column + stretch.chars().count(),
        },
        byte: begin.byte + length,
    };
    Node {
        kind: Kind::Scalar(value.to_owned(), style == ScalarStyle::Plain),
        begin,
        end,
    }
}

/// How long a quoted scalar is with its quotes.
fn quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes[0];
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote == b'"' => at += 1,
            byte if byte == quote => {
                let doubled = quote == b'\'' && bytes.get(at + 1) == Some(&quote);
                if !doubled {
                    return at + 1;
                }
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn place(text: &str, marker: Marker) -> Place {
    let byte = text.char_indices().nth(marker.index());
    Place {
        line: marker.line(),
        column: marker.col() + 1,
        byte: byte.map_or(text.len(), |(byte, _)| byte),
    }
}
