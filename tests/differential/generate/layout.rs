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
            let heads = ["---\n", "# comment\n\n", "\n\n", "--- # c\n", "%YAML 1.2\n---\n", "\u{feff}"];
            layout.head = (*self.random.pick(&heads)).to_owned();
        }
        if self.random.chance(3) {
            let tails = ["\n", "...\n", "# end", "\n# end\n\n\n", "---\na: b\n", "  "];
            layout.tail = (*self.random.pick(&tails)).to_owned();
        }
        if self.grammar.rare_yaml {
            layout.carriage_returns = self.random.chance(2);
        }
        layout
    }
}
