//! YAML documents as a tree with formatting, which shrinking reduces node by node.

/// A definition and its layout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    pub root: Node,
    pub layout: Layout,
}

/// The formatting of a whole text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layout {
    /// Spaces per level.
    pub step: usize,
    /// Text before the first line.
    pub head: String,
    /// Text after the last line.
    pub tail: String,
    pub carriage_returns: bool,
    pub final_newline: bool,
    /// Whether a list's dashes are indented more than its key.
    pub indented_lists: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            step: 2,
            head: String::new(),
            tail: String::new(),
            carriage_returns: false,
            final_newline: true,
            indented_lists: true,
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// Tag and anchor, verbatim.
    pub properties: String,
    pub body: Body,
    /// A comment at the end of the line.
    pub comment: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// A scalar, verbatim with its quotes. The writer indents the lines after a line break.
    Inline(String),
    /// A block scalar: header (`|-`, `>2`), and lines without their indentation.
    Block(String, Vec<String>),
    Map(Vec<Entry>, Style),
    List(Vec<Item>, Style),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// On separate lines.
    Block,
    /// Starts on the line of its dash; like `Block` elsewhere.
    Compact,
    /// In brackets.
    Flow,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Lines before the entry: empty, or comments.
    pub before: Vec<String>,
    pub key: Node,
    /// The space between key and colon, and between colon and value.
    pub around_colon: (String, String),
    pub value: Node,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    pub before: Vec<String>,
    pub value: Node,
}

impl Node {
    pub fn inline(text: impl Into<String>) -> Self {
        Self::new(Body::Inline(text.into()))
    }

    pub fn new(body: Body) -> Self {
        Self {
            properties: String::new(),
            body,
            comment: String::new(),
        }
    }

    pub fn map(entries: Vec<(Node, Node)>, style: Style) -> Self {
        let entry = |(key, value)| Entry::new(key, value);
        Self::new(Body::Map(entries.into_iter().map(entry).collect(), style))
    }

    pub fn list(items: Vec<Node>, style: Style) -> Self {
        let item = |value| Item {
            before: Vec::new(),
            value,
        };
        Self::new(Body::List(items.into_iter().map(item).collect(), style))
    }
}

impl Entry {
    pub fn new(key: Node, value: Node) -> Self {
        Self {
            before: Vec::new(),
            key,
            around_colon: (String::new(), " ".to_owned()),
            value,
        }
    }
}

impl Document {
    pub fn text(&self) -> String {
        let mut writer = Writer {
            text: self.layout.head.clone(),
            layout: &self.layout,
        };
        writer.root(&self.root);
        let mut text = writer.text;
        if !self.layout.final_newline {
            let length = text.trim_end_matches('\n').len();
            text.truncate(length);
        }
        text.push_str(&self.layout.tail);
        if self.layout.carriage_returns {
            text = text.replace('\n', "\r\n");
        }
        text
    }
}

struct Writer<'a> {
    text: String,
    layout: &'a Layout,
}

impl Writer<'_> {
    fn root(&mut self, node: &Node) {
        match &node.body {
            Body::Map(entries, Style::Block | Style::Compact) if !entries.is_empty() => {
                self.head_line(node);
                self.entries(entries, 0, false);
            }
            Body::List(items, Style::Block | Style::Compact) if !items.is_empty() => {
                self.head_line(node);
                self.items(items, 0, false);
            }
            _ => self.value(node, 0),
        }
    }

    /// Writes the tag, anchor and comment of a block collection at the top of a text.
    fn head_line(&mut self, node: &Node) {
        if !node.properties.is_empty() {
            self.text.push_str(&node.properties);
            self.end_line(node);
        }
    }

    /// Writes a value after its key or dash, in a collection that is indented by `indent`.
    fn value(&mut self, node: &Node, indent: usize) {
        self.text.push_str(&node.properties);
        let inner = indent + self.layout.step;
        match &node.body {
            Body::Inline(text) => {
                self.separate(node);
                self.text
                    .push_str(&text.replace('\n', &break_and_indent(inner)));
                self.end_line(node);
            }
            Body::Block(header, lines) => {
                self.separate(node);
                self.text.push_str(header);
                self.end_line(node);
                for line in lines {
                    if !line.is_empty() {
                        self.indent(inner);
                    }
                    self.text.push_str(line);
                    self.text.push('\n');
                }
            }
            Body::Map(entries, Style::Block | Style::Compact) if !entries.is_empty() => {
                self.end_line(node);
                self.entries(entries, inner, false);
            }
            Body::List(items, Style::Block | Style::Compact) if !items.is_empty() => {
                self.end_line(node);
                let inner = if self.layout.indented_lists {
                    inner
                } else {
                    indent
                };
                self.items(items, inner, false);
            }
            Body::Map(..) | Body::List(..) => {
                self.separate(node);
                self.flow(node, inner);
                self.end_line(node);
            }
        }
    }

    fn separate(&mut self, node: &Node) {
        if !node.properties.is_empty() {
            self.text.push(' ');
        }
    }

    fn end_line(&mut self, node: &Node) {
        if !node.comment.is_empty() {
            self.text.push_str(" #");
            self.text.push_str(&node.comment);
        }
        self.text.push('\n');
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn before(&mut self, lines: &[String], indent: usize) {
        for line in lines {
            if !line.is_empty() {
                self.indent(indent);
            }
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// Writes a block mapping; with `compact`, the first entry continues the current line.
    fn entries(&mut self, entries: &[Entry], indent: usize, compact: bool) {
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 || !compact {
                self.before(&entry.before, indent);
                self.indent(indent);
            }
            self.flow(&entry.key, indent + self.layout.step);
            self.text.push_str(&entry.around_colon.0);
            self.text.push(':');
            if needs_space(&entry.value) {
                self.text.push_str(&entry.around_colon.1);
            }
            self.value(&entry.value, indent);
        }
    }

    fn items(&mut self, items: &[Item], indent: usize, compact: bool) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 || !compact {
                self.before(&item.before, indent);
                self.indent(indent);
            }
            self.text.push('-');
            let node = &item.value;
            let plain = node.properties.is_empty();
            match &node.body {
                Body::Map(entries, Style::Compact) if plain && !entries.is_empty() => {
                    self.text.push(' ');
                    self.entries(entries, indent + 2, true);
                }
                Body::List(items, Style::Compact) if plain && !items.is_empty() => {
                    self.text.push(' ');
                    self.items(items, indent + 2, true);
                }
                _ => {
                    if needs_space(node) {
                        self.text.push(' ');
                    }
                    self.value(node, indent);
                }
            }
        }
    }

    /// Writes a key, or a node in brackets.
    fn flow(&mut self, node: &Node, indent: usize) {
        if !node.properties.is_empty() {
            self.text.push_str(&node.properties);
            self.text.push(' ');
        }
        match &node.body {
            Body::Inline(text) => {
                self.text
                    .push_str(&text.replace('\n', &break_and_indent(indent)));
            }
            Body::Block(_, lines) => {
                let text = serde_json::Value::from(lines.join("\n")).to_string();
                self.text.push_str(&text);
            }
            Body::Map(entries, _) => {
                self.text.push('{');
                for (index, entry) in entries.iter().enumerate() {
                    if index > 0 {
                        self.text.push_str(", ");
                    }
                    self.flow_before(&entry.before, indent);
                    self.flow(&entry.key, indent);
                    self.text.push_str(&entry.around_colon.0);
                    self.text.push(':');
                    self.text.push_str(&entry.around_colon.1);
                    self.flow(&entry.value, indent);
                }
                self.text.push('}');
            }
            Body::List(items, _) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.text.push_str(", ");
                    }
                    self.flow_before(&item.before, indent);
                    self.flow(&item.value, indent);
                }
                self.text.push(']');
            }
        }
    }

    fn flow_before(&mut self, lines: &[String], indent: usize) {
        if !lines.is_empty() {
            self.text.push('\n');
            self.before(lines, indent);
            self.indent(indent);
        }
    }
}

fn break_and_indent(indent: usize) -> String {
    format!("\n{}", " ".repeat(indent))
}

/// Whether the value starts on the line of its key or dash.
fn needs_space(node: &Node) -> bool {
    !node.properties.is_empty()
        || match &node.body {
            Body::Inline(text) => !text.is_empty(),
            Body::Block(..) => true,
            Body::Map(entries, style) => entries.is_empty() || *style == Style::Flow,
            Body::List(items, style) => items.is_empty() || *style == Style::Flow,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_is_written_in_its_layout() {
        let key = |name: &str| Node::inline(name);
        let inner = Node::map(vec![(key("b"), Node::inline("1"))], Style::Compact);
        let nested = Node::list(vec![Node::inline("2"), inner.clone()], Style::Compact);
        let block = Node::new(Body::Block("|-".to_owned(), vec!["x".to_owned(); 2]));
        let flow = Node::list(
            vec![inner.clone(), Node::list(Vec::new(), Style::Flow)],
            Style::Flow,
        );
        let list = Node::list(vec![inner, nested, block, flow], Style::Block);
        let mut document = Document {
            root: Node::map(vec![(key("a"), list)], Style::Block),
            layout: Layout::default(),
        };
        assert_eq!(
            document.text(),
            "a:\n  - b: 1\n  - - 2\n    - b: 1\n  - |-\n    x\n    x\n  - [{b: 1}, []]\n"
        );
        document.layout.indented_lists = false;
        document.layout.final_newline = false;
        document.layout.carriage_returns = true;
        assert!(document.text().starts_with("a:\r\n- b: 1\r\n"));
        assert!(document.text().ends_with("[]]"));
    }
}
