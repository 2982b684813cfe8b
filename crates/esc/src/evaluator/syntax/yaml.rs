//! Reads YAML text into the syntax tree. This module and `places` alone know the YAML parser.
//!
//! Only the first document of a stream is read. Scalars are resolved here (see [`super::scalar`]),
//! because the parser's own notion of a number is not that of ESC.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as ParserSpan, Tag};

use zeroize::Zeroizing;

use crate::base64;
use crate::evaluator::document_path::{join_name, join_step};
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_NAME_BYTES, MAXIMUM_NESTING, MAXIMUM_NODES,
};
use crate::evaluator::syntax::joined::{self, Folds};
use crate::evaluator::syntax::places::{Places, advance, stated_end};
use crate::evaluator::syntax::refusals;
use crate::evaluator::syntax::repair::{self, Repair};
use crate::evaluator::syntax::{Document, Entry, Key, Kind, Node, Problem, Span};
use crate::property_path::Accessor as Step;
use crate::text::Text;
use crate::yaml_scalar::{self as scalar, Scalar};
use crate::{Number, Position};

/// Reads the first document of `text`.
#[cfg(test)]
pub(in crate::evaluator) fn parse(text: &str) -> Document {
    parse_within(text, MAXIMUM_NODES)
}

/// Reads the first document of `text`, which may hold so many names and values.
pub(in crate::evaluator) fn parse_within(text: &str, limit: usize) -> Document {
    let builder = read(text, text, limit);
    if !builder.ends_folded {
        return builder.document;
    }
    // At the end of its input the parser takes the last break of a folded block for a blank. A mark
    // that ends the document keeps it from that.
    let mark = if text.ends_with(BREAKS) {
        "...\n"
    } else {
        "\n...\n"
    };
    let marked = Zeroizing::new([text, mark].concat());
    read(text, &marked, limit).document
}

/// Reads `text` from the parser's `input`, which begins with it or with as many other characters.
fn read<'text>(text: &'text str, input: &str, limit: usize) -> Builder<'text> {
    let mut input = Zeroizing::new(input.to_owned());
    let mut stand_ins = Vec::new();
    let mut folds = None;
    for _ in 0..=repair::repairs(text) {
        let builder = read_once(text, &input, limit, &stand_ins, folds);
        let Some(stumble) = &builder.repair else {
            return builder;
        };
        let mut free = repair::STAND_INS
            .into_iter()
            .filter(|it| !input.contains(*it));
        match (stumble, free.next()) {
            (Repair::Comment(begin), _) => input = repair::without_comment(&input, *begin),
            (Repair::Hyphens, Some(other)) => {
                stand_ins.push((other, "-"));
                input = repair::with_lone_hyphens_as(&input, other);
            }
            (Repair::ByteOrderMarks, Some(other)) => {
                stand_ins.push((other, "\u{feff}"));
                input = repair::with_inner_marks_as(&input, other);
            }
            (Repair::Indentation(at), _) => {
                let Some(joined) = builder.joined(&input, *at, &mut folds) else {
                    return builder;
                };
                input = joined;
            }
            (Repair::RareBreaks, _) => {
                let changed = repair::without_breaks_behind_tags(&input);
                if changed == input {
                    return builder;
                }
                input = changed;
            }
            (_, None) => return builder,
        }
    }
    read_once(text, &input, limit, &stand_ins, folds)
}

fn read_once<'text>(
    text: &'text str,
    input: &str,
    limit: usize,
    stand_ins: &[(char, &'static str)],
    folds: Option<Folds>,
) -> Builder<'text> {
    let mut builder = Builder::new(text);
    builder.folds = folds;
    if folds.is_some() {
        builder.places.count_lines();
    }
    builder.stand_ins = stand_ins.to_vec();
    if let Some(problem) = refusals::refusal(text) {
        builder.fail(problem);
        return builder;
    }
    let mut parser = Parser::new_from_str(input);
    while let Some(event) = parser.next_event() {
        let problem = match event {
            Ok((Event::DocumentEnd | Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder
                .count(&event, span, limit)
                .and_then(|()| builder.take(event, span))
                .err(),
            // What comes after the first document is not read.
            Err(error) if builder.is_complete() && error.info().contains("<document start>") => {
                break;
            }
            Err(error) => {
                builder.repair = repair::repair(&error);
                Some(builder.syntax_error(&error))
            }
        };
        if let Some(problem) = problem {
            builder.fail(problem);
            return builder;
        }
    }
    builder.document.readable = true;
    builder
}

/// What ends a line.
pub(super) const BREAKS: [char; 2] = ['\n', '\r'];

/// What ends a line too: so had YAML 1.1 it, and so has yaml.v3.
pub(super) const RARE_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// What separates words. YAML knows no other blanks, Unicode's are text.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// A list or map whose end has not come yet.
struct Open {
    begin: Position,
    /// Whether it is in brackets or braces, or in something that is.
    in_flow: bool,
    /// The end of the last thing in it.
    end: Position,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Object {
        entries: Vec<Entry>,
        /// The name that waits for its value.
        pending: Option<PendingKey>,
    },
}

enum PendingKey {
    Name(Key),
    /// A key that the language does not have: its value is read and left out. A path calls it so.
    Refused(String),
}

struct Builder<'text> {
    places: Places<'text>,
    open: Vec<Open>,
    document: Document,
    /// Whether a folded block reaches to the end of the text.
    ends_folded: bool,
    /// What stands in the parser's input for what.
    stand_ins: Vec<(char, &'static str)>,
    /// What stands for breaks and blanks in lines that were joined.
    folds: Option<Folds>,
    /// The byte behind the last thing that was read.
    end: usize,
    /// How the parser can be made to read on.
    repair: Option<Repair>,
}

impl<'text> Builder<'text> {
    fn new(text: &'text str) -> Self {
        Self {
            places: Places::new(text),
            open: Vec::new(),
            document: Document {
                is_empty: text.is_empty(),
                ..Document::default()
            },
            ends_folded: false,
            stand_ins: Vec::new(),
            folds: None,
            end: 0,
            repair: None,
        }
    }

    fn is_complete(&self) -> bool {
        self.open.is_empty() && self.document.root.is_some()
    }

    /// Whether the next node is the name of an entry.
    fn awaits_name(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Object { pending: None, .. },
                ..
            })
        )
    }

    /// Counts what takes memory, and refuses what would take too much of it.
    fn count(&mut self, event: &Event<'_>, span: ParserSpan, limit: usize) -> Result<(), Problem> {
        let length = match event {
            Event::Scalar(text, ..) => text.len(),
            Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_) => 0,
            _ => return Ok(()),
        };
        let is_name = self.awaits_name();
        let summary = if self.document.nodes == limit {
            format!("the definitions hold more than {MAXIMUM_NODES} names and values")
        } else if is_name && length > MAXIMUM_NAME_BYTES {
            format!("a name is longer than {MAXIMUM_NAME_BYTES} bytes")
        } else {
            self.document.nodes += 1;
            return Ok(());
        };
        let span = self.places.span(span);
        Err(Problem {
            summary,
            span,
            path: None,
        })
    }

    fn take(&mut self, event: Event<'_>, span: ParserSpan) -> Result<(), Problem> {
        let span = self.places.span(span);
        let previous_end = std::mem::replace(&mut self.end, span.end.byte);
        if let Event::Scalar(_, _, 1.., _)
        | Event::SequenceStart(1.., _)
        | Event::MappingStart(1.., _) = event
        {
            self.places.check_anchor(span.begin)?;
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text = self.meant(&text, style);
                let tag = tag.map(|tag| short(&tag));
                // A lone `!` says nothing to yaml.v3, other than where the scalar begins.
                let is_mark = |tag: &Tag| format!("{}{}", tag.handle, tag.suffix) == "!";
                let is_marked = tag.as_ref().is_some_and(is_mark);
                let tag = tag.filter(|_| !is_marked);
                let has_property = is_marked || tag.is_some() || anchor != 0;
                let in_flow = self.open.last().is_some_and(|open| open.in_flow);
                let is_tagged = is_marked || tag.is_some();
                if in_flow && is_tagged && text.is_empty() && style == ScalarStyle::Plain {
                    self.places.ends_tag(span.end)?;
                }
                let mut span = self.places.scalar(span, style, has_property);
                if text.is_empty() && style == ScalarStyle::Plain && !has_property && !in_flow {
                    let after = self.places.after_indicator(span.begin);
                    (span.begin, span.end) = (after, after);
                }
                if text.is_empty() && style == ScalarStyle::Plain && self.awaits_name() {
                    let between = (previous_end, span.end);
                    self.places.check_name(between, has_property, in_flow)?;
                }
                if let Some(after) = self.after_colon(span) {
                    (span.begin, span.end) = (after, after);
                }
                self.places.check_escapes(span, style)?;
                self.ends_folded |=
                    style == ScalarStyle::Folded && span.end.byte == self.places.text.len();
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if is_block {
                    self.places.check_indentation(span.begin)?;
                }
                let text = if is_block && self.places.ends_without_break(span) {
                    // The parser adds the break that the last line does not have.
                    text.strip_suffix('\n').unwrap_or(&text)
                } else {
                    &text
                };
                let end = stated_end(span.begin, text, style, tag.as_ref());
                (span.end.line, span.end.column) = end;
                if style == ScalarStyle::Plain
                    && in_flow
                    && (text.starts_with([':', '|', '>']) || text.contains('?'))
                {
                    return self.indicated(text, span, has_property);
                }
                let node = self.scalar(text, style, tag.as_ref(), span);
                self.add(node, text);
            }
            Event::SequenceStart(anchor, tag) => {
                let is_plain = tag.is_none() && anchor == 0;
                let in_flow = self.begins_flow(span, is_plain);
                let mut span = span;
                if is_plain && !in_flow {
                    span.begin = self.dash(span.begin).unwrap_or(span.begin);
                }
                self.begin(Content::List(Vec::new()), span, in_flow)?;
            }
            Event::MappingStart(anchor, tag) => {
                let in_flow = self.begins_flow(span, tag.is_none() && anchor == 0);
                let content = Content::Object {
                    entries: Vec::new(),
                    pending: None,
                };
                self.begin(content, span, in_flow)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(_) => {
                // ESC counts the name without its star.
                let mut span = span;
                (span.end.line, span.end.column) =
                    (span.begin.line, span.end.column.saturating_sub(1));
                let path = self.path();
                self.problem("alias nodes are not supported", span, path);
                let node = Node {
                    kind: Kind::Invalid,
                    span,
                    plain: false,
                };
                self.add(node, "");
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// The parser's input with one line for those of the brackets or the quotes that the character
    /// `at` is in.
    fn joined(
        &self,
        input: &str,
        at: usize,
        folds: &mut Option<Folds>,
    ) -> Option<Zeroizing<String>> {
        let mut free = repair::STAND_INS
            .into_iter()
            .rev()
            .filter(|it| !input.contains(*it));
        let chosen = folds.or_else(|| {
            let (line, blank) = (free.next()?, free.next()?);
            Some(Folds { line, blank })
        })?;
        *folds = Some(chosen);
        let mut characters = Zeroizing::new(input.chars().collect::<Vec<_>>());
        let outermost = self.open.iter().find(|open| open.in_flow);
        let from = outermost.map_or(self.end, |open| open.begin.byte);
        let from = self.places.text[..from].chars().count();
        let begin = joined::next_bracket(&characters, from)
            .filter(|begin| *begin <= at)
            .unwrap_or(at);
        joined::join_from(&mut characters, begin, chosen)?;
        let mut joined = Zeroizing::new(String::with_capacity(input.len() * 2));
        joined.extend(characters.iter());
        (*joined != input).then_some(joined)
    }

    /// The text that the parser was given stand-ins for. A plain one does not end with a break.
    fn meant(&self, text: &str, style: ScalarStyle) -> Zeroizing<String> {
        let mut meant = Zeroizing::new(text.to_owned());
        for (stand_in, replacement) in &self.stand_ins {
            meant = Zeroizing::new(meant.replace(*stand_in, replacement));
        }
        if let Some(folds) = self.folds {
            meant = Zeroizing::new(folds.unfold(&meant));
        }
        if style == ScalarStyle::Plain && meant.ends_with(RARE_BREAKS) {
            let length = meant
                .trim_end_matches(RARE_BREAKS)
                .trim_end_matches(BLANKS)
                .len();
            meant.truncate(length);
        }
        meant
    }

    /// A word in brackets that has `:` first or `?` in it: to yaml.v3 these are marks there, `:` of a
    /// value, `?` of a name, be there a blank behind them or not.
    fn indicated(&mut self, text: &str, span: Span, has_property: bool) -> Result<(), Problem> {
        const INDICATORS: [char; 15] = [
            '-', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '"', '\'',
        ];
        // The end of a plain text of one line is where ESC states it, in bytes.
        let mut true_end = span.begin;
        for character in text.chars() {
            advance(&mut true_end, character, None);
        }
        let place = self.open.last().map(|open| &open.content);
        let is_name = !matches!(
            place,
            Some(Content::Object {
                pending: Some(_),
                ..
            })
        );
        let name = text
            .strip_prefix('?')
            .filter(|name| is_name && !name.contains('?') && !name.starts_with(INDICATORS));
        let Some(name) = name else {
            let line = span.begin.line;
            let wording = if has_property {
                "a mark right behind a tag or an anchor is not supported"
            } else if text.starts_with(['|', '>']) {
                "found character that cannot start any token"
            } else {
                "did not find expected node content"
            };
            return Err(Problem {
                summary: format!("yaml: line {line}: {wording}"),
                span,
                path: None,
            });
        };
        let mut at = span;
        advance(&mut at.begin, '?', None);
        let key = self.scalar(name, ScalarStyle::Plain, None, at);
        if matches!(
            self.open.last().map(|open| &open.content),
            Some(Content::List(_))
        ) {
            let next = self.places.next_token(true_end);
            self.begin(
                Content::Object {
                    entries: Vec::new(),
                    pending: None,
                },
                span,
                true,
            )?;
            self.add(key, name);
            let nothing = Span {
                begin: next,
                end: next,
            };
            let value = self.scalar("", ScalarStyle::Plain, None, nothing);
            self.add(value, "");
            self.end();
        } else {
            self.add(key, name);
        }
        Ok(())
    }

    /// The place of a value that is not there and that is given the place of its colon: after the
    /// colon in a block, at what comes next in `{}`, and at the colon in `[]`.
    fn after_colon(&self, span: Span) -> Option<Position> {
        let text = self.places.text.as_bytes();
        let begins = |open: &Open, bracket| text.get(open.begin.byte) == Some(&bracket);
        let is_empty = span.begin.byte == span.end.byte;
        if !is_empty || text.get(span.begin.byte) != Some(&b':') {
            return None;
        }
        let mut at = span.begin;
        advance(&mut at, ':', None);
        if self.open.last().is_some_and(|open| begins(open, b'{')) {
            Some(self.places.next_token(at))
        } else if self
            .open
            .iter()
            .any(|open| begins(open, b'[') || begins(open, b'{'))
        {
            None
        } else {
            Some(at)
        }
    }

    /// The place of the dash of a list that is indented no deeper than its name. The parser gives
    /// the place of its first item.
    fn dash(&self, item: Position) -> Option<Position> {
        let is_value = |open: &Open| matches!(open.content, Content::Object { .. });
        let text = self.places.text;
        if !self.open.last().is_some_and(is_value) {
            return None;
        }
        let start_of_line = |at: usize| text[..at].rfind(BREAKS).map_or(0, |at| at + 1);
        let (mut start, mut line) = (start_of_line(item.byte), item.line);
        loop {
            let code = text[start..].split(BREAKS).next().unwrap_or_default();
            let indent = code.len() - code.trim_start_matches(BLANKS).len();
            let after = code[indent..].strip_prefix('-');
            if after.is_some_and(|after| after.is_empty() || after.starts_with(BLANKS)) {
                return Some(Position {
                    line,
                    column: indent + 1,
                    byte: start + indent,
                });
            }
            let is_blank = code[indent..].is_empty() || code[indent..].starts_with('#');
            if start == 0 || !(is_blank || line == item.line) {
                return None;
            }
            let mut end = start - 1;
            if text[..end].ends_with('\r') && text[end..].starts_with('\n') {
                end -= 1;
            }
            start = start_of_line(end);
            line -= 1;
        }
    }

    /// Whether a list or map begins with a bracket or a brace, or is in something that does. The parser
    /// gives the stretch of the bracket, or an empty one where there is none.
    fn begins_flow(&self, span: Span, is_plain: bool) -> bool {
        let is_bracket = if is_plain {
            span.begin.byte != span.end.byte
        } else {
            self.places.begins_in_brackets(span.begin)
        };
        is_bracket || self.open.last().is_some_and(|open| open.in_flow)
    }

    fn begin(&mut self, content: Content, span: Span, in_flow: bool) -> Result<(), Problem> {
        if self.open.len() >= MAXIMUM_NESTING {
            return Err(Problem {
                summary: format!("lists and maps nest deeper than {MAXIMUM_NESTING} levels"),
                span,
                path: None,
            });
        }
        let end = Position {
            byte: span.end.byte,
            ..span.begin
        };
        self.open.push(Open {
            begin: span.begin,
            in_flow,
            end,
            content,
        });
        Ok(())
    }

    /// Closes the innermost list or map. It ends where its last child ends, as in ESC's positions:
    /// a closing bracket is not counted.
    fn end(&mut self) {
        let Some(Open {
            begin,
            end,
            content,
            ..
        }) = self.open.pop()
        else {
            return;
        };
        let kind = match content {
            Content::List(items) => Kind::List(items),
            Content::Object { entries, .. } => Kind::Object(entries),
        };
        let node = Node {
            kind,
            span: Span { begin, end },
            plain: false,
        };
        self.add(node, "");
    }

    /// Where the next node belongs, as messages write it.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match &open.content {
                Content::List(items) => join_step(&mut path, &Step::Index(items.len())),
                Content::Object { pending, .. } => match pending {
                    Some(PendingKey::Name(key)) => join_name(&mut path, &key.name),
                    Some(PendingKey::Refused(name)) => join_name(&mut path, name),
                    None => {}
                },
            }
        }
        path
    }

    /// Puts a complete node where it belongs. `text` is the scalar's text, for a key.
    fn add(&mut self, node: Node, text: &str) {
        let awaits_key =
            |open: &Open| matches!(open.content, Content::Object { pending: None, .. });
        let is_refused =
            !matches!(node.kind, Kind::Text(_)) && self.open.last().is_some_and(awaits_key);
        let path = is_refused.then(|| self.path());
        let Some(parent) = self.open.last_mut() else {
            self.document.root.get_or_insert(node);
            return;
        };
        parent.end = Position {
            byte: parent.end.byte.max(node.span.end.byte),
            ..node.span.end
        };
        match &mut parent.content {
            Content::List(items) => items.push(node),
            Content::Object { entries, pending } => match (pending.take(), &node.kind) {
                (Some(PendingKey::Name(key)), _) => entries.push(Entry { key, value: node }),
                (Some(PendingKey::Refused(_)), _) => self.document.dropped.push(node.span),
                (None, Kind::Text(_)) => {
                    *pending = Some(PendingKey::Name(Key {
                        name: text.to_owned(),
                        span: node.span,
                        plain: node.plain,
                    }));
                }
                (None, _) => {
                    *pending = Some(PendingKey::Refused(text.to_owned()));
                    self.document.dropped.push(node.span);
                    let mut path = path.unwrap_or_default();
                    join_name(&mut path, text);
                    self.problem("mapping keys must be strings", node.span, path);
                }
            },
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let plain = style == ScalarStyle::Plain && tag.is_none();
        let resolved = match tag {
            None if style == ScalarStyle::Plain => scalar::resolve(text),
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "binary" => {
                if base64::decode(text.as_bytes()).is_err() {
                    let path = self.path();
                    let summary = "yaml: !!binary value contains invalid base64 data";
                    self.problem(summary, span, path);
                }
                Scalar::Text
            }
            Some(tag) if tag.is_yaml_core_schema() => self.tagged(text, tag, span),
            // A tag of one's own says nothing here; ESC takes the text as it stands.
            _ => Scalar::Text,
        };
        let kind = match resolved {
            Scalar::Null => Kind::Null,
            Scalar::Bool(value) => Kind::Bool(value),
            Scalar::Number(number) => Kind::Number(Number::from_text(number)),
            Scalar::Text => Kind::Text(Text::from(text)),
            Scalar::NotFinite => {
                let path = self.path();
                self.problem("a number must be finite: JSON has no infinity", span, path);
                Kind::Invalid
            }
        };
        Node { kind, span, plain }
    }

    /// A scalar with one of YAML's own tags: the text must be what the tag says.
    fn tagged(&mut self, text: &str, tag: &Tag, span: Span) -> Scalar {
        let resolved = scalar::resolve(text);
        let found = scalar::tag_of(text);
        let tag = tag.suffix.as_str();
        let (holds, resolved) = match tag {
            "null" | "bool" | "int" => (found[2..] == *tag, resolved),
            "float" if found == "!!int" => (
                text.parse::<u64>().is_err() || text.parse::<i64>().is_ok(),
                scalar::as_float(resolved),
            ),
            "float" => (found == "!!float", resolved),
            "timestamp" => (found == "!!str" && scalar::is_timestamp(text), Scalar::Text),
            _ => return Scalar::Text,
        };
        if !holds {
            // What may be a secret stays out of the message.
            let summary = if self.is_in_secret() {
                format!("yaml: cannot decode {found} as a !!{tag}")
            } else {
                format!("yaml: cannot decode {found} `{text}` as a !!{tag}")
            };
            let path = self.path();
            self.problem(summary, span, path);
            return Scalar::Text;
        }
        resolved
    }

    /// Whether the next node belongs to a secret.
    fn is_in_secret(&self) -> bool {
        self.open.iter().any(|open| match &open.content {
            Content::Object {
                pending: Some(PendingKey::Name(key)),
                ..
            } => key.name.eq_ignore_ascii_case("fn::secret"),
            _ => false,
        })
    }

    fn problem(&mut self, summary: impl Into<String>, span: Span, path: String) {
        if self.document.problems.len() <= MAXIMUM_DIAGNOSTICS {
            self.document.problems.push(Problem {
                summary: summary.into(),
                span,
                path: Some(path),
            });
        }
    }

    fn syntax_error(&self, error: &ScanError) -> Problem {
        let at = self.places.position(*error.marker());
        let info = error.info();
        // yaml.v3 counts lines from 0 where its parser, not its scanner, fails, and then names the
        // line where the list or map begins. It names no line 0.
        let line = if info.starts_with("while parsing") {
            let begin = self.open.last().map_or(at.line, |open| open.begin.line);
            let lines = [begin - 1, at.line - 1];
            lines.into_iter().find(|line| *line > 0)
        } else {
            Some(at.line)
        };
        let wording = wording(info);
        Problem {
            summary: match line {
                Some(line) => format!("yaml: line {line}: {wording}"),
                None => format!("yaml: {wording}"),
            },
            span: Span { begin: at, end: at },
            path: None,
        }
    }

    /// Makes it a document of which nothing can be used. What was found before does not count: the
    /// original reads the whole text before it looks at what it says.
    fn fail(&mut self, problem: Problem) {
        self.document.problems = vec![problem];
        self.document.root = None;
        self.document.readable = false;
    }
}

/// A tag in the short form of YAML's own, where it is one of them and written in full.
fn short(tag: &Tag) -> Tag {
    const CORE: &str = "tag:yaml.org,2002:";
    match tag.suffix.strip_prefix(CORE) {
        Some(suffix) if tag.handle.is_empty() => Tag {
            handle: CORE.to_owned(),
            suffix: suffix.to_owned(),
        },
        _ => tag.clone(),
    }
}

/// The parser's message without its `while …` part, in the words of libyaml where both say the
/// same. None of the parser's messages quotes more than a single character of the text.
fn wording(info: &str) -> String {
    let info = match info.split_once(", ") {
        Some((context, rest)) if context.starts_with("while ") => rest,
        _ => info,
    };
    if info == "recursion limit exceeded" {
        return "lists and maps nest too deep".to_owned();
    }
    if info.starts_with("unexpected character") || info.starts_with("tabs disallowed") {
        return "found character that cannot start any token".to_owned();
    }
    match info.strip_prefix("expected ") {
        Some(expected) => format!("did not find expected {expected}"),
        None => info.to_owned(),
    }
}

#[cfg(test)]
mod tests;
