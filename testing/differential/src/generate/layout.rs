//! The layout of a text: indentation, comments, tags and anchors.

use super::Generator;
use crate::document::{Body, Entry, Layout, Node};

impl Generator {
    pub(super) fn layout(&mut self) -> Layout {
        let mut layout = Layout {
            step: [2, 4, 1, 3][self.random.weighted(&[80, 10, 5, 5])],
            indented_lists: self.random.chance(70),
            final_newline: self.random.chance(90),
            ..Layout::default()
        };
        if self.random.chance(4) {
            let heads = [
                "---\n",
                "# comment\n\n",
                "\n\n",
                "--- # c\n",
                "\u{feff}",
                "%YAML 1.1\n---\n",
            ];
            let count = if self.is_rare() { heads.len() } else { 4 };
            heads[self.random.below(count)].clone_into(&mut layout.head);
        }
        if self.random.chance(3) {
            let tails = [
                "\n",
                "...\n",
                "# end\n",
                "\n# end\n\n\n",
                "---\na: b\n",
                "# end",
                "  ",
            ];
            let count = if self.is_rare() { tails.len() } else { 4 };
            tails[self.random.below(count)].clone_into(&mut layout.tail);
        }
        if self.is_rare() && self.random.chance(20) {
            "%YAML 1.2\n---\n".clone_into(&mut layout.head);
        }
        if self.grammar.rare_yaml {
            layout.carriage_returns = self.random.chance(2);
        }
        layout
    }

    /// Adds blank lines, comments, tags and anchors.
    pub(super) fn decorate(&mut self, node: &mut Node, depth: usize) {
        if self.random.chance(2) {
            node.comment = (*self.random.pick(&["", " c", " é: \"x\"", " ${a}"])).to_owned();
        }
        if self.is_rare() && self.random.chance(10) && depth > 0 {
            let properties = [
                "!!str",
                "!!map",
                "!!seq",
                "!!int",
                "!local",
                "!",
                "&anchor",
                "!!null",
                "!!bool",
                "&x !!str",
                "!!float",
                "!!binary",
                "!<tag:yaml.org,2002:str>",
            ];
            node.properties = (*self.random.pick(&properties)).to_owned();
        }
        match &mut node.body {
            Body::Inline(_) | Body::Block(..) => {}
            Body::Map(entries, _) => {
                for Entry {
                    before,
                    value,
                    around_colon,
                    key,
                } in entries
                {
                    self.lines_before(before);
                    self.decorate(value, depth + 1);
                    if self.random.chance(1) {
                        "   ".clone_into(&mut around_colon.1);
                    }
                    if self.random.chance(1) {
                        " ".clone_into(&mut around_colon.0);
                    }
                    if self.is_rare() && self.random.chance(10) {
                        key.properties =
                            (*self.random.pick(&["!!str", "&k", "!t", "!!int"])).into();
                    }
                }
            }
            Body::List(items, _) => {
                for item in items {
                    self.lines_before(&mut item.before);
                    self.decorate(&mut item.value, depth + 1);
                }
            }
        }
    }

    fn lines_before(&mut self, lines: &mut Vec<String>) {
        if self.random.chance(2) {
            lines.push((*self.random.pick(&["", "# comment", "# é日本", ""])).to_owned());
        }
    }
}
