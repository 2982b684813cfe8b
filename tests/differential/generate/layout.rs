//! How a whole text is laid out.

use super::Generator;
use crate::document::Layout;

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
            let known = if self.is_rare() { heads.len() } else { 4 };
            heads[self.random.below(known)].clone_into(&mut layout.head);
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
            let known = if self.is_rare() { tails.len() } else { 4 };
            tails[self.random.below(known)].clone_into(&mut layout.tail);
        }
        if self.is_rare() && self.random.chance(20) {
            layout.head = "%YAML 1.2\n---\n".to_owned();
        }
        if self.grammar.rare_yaml {
            layout.carriage_returns = self.random.chance(2);
        }
        layout
    }
}
