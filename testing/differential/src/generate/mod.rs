//! Generates random definitions from a grammar. Most references resolve, so that values are
//! compared and not only errors.

mod builtin;
mod expression;
mod layout;
mod path;
mod provider;
mod scalar;
mod schema;
mod shape;

use std::collections::BTreeMap;

use crate::case::Case;
use crate::document::{Document, Layout, Node, Style};
use crate::random::Random;
use scalar::Position;
use shape::Shape;

/// The optional parts of the grammar.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the parts are independent")]
pub struct Grammar {
    pub rotate: bool,
    pub validate: bool,
    pub to_yaml: bool,
    pub ciphertext: bool,
    /// Broken YAML, tags, anchors, and rare notations of scalars.
    pub rare_yaml: bool,
}

/// A case whose definitions are trees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    pub environments: BTreeMap<String, Document>,
    pub root: String,
    pub context: serde_json::Value,
    pub show_secrets: bool,
}

impl Draft {
    pub fn case(&self) -> Case {
        let environments = self.environments.iter();
        Case {
            environments: environments
                .map(|(name, document)| (name.clone(), document.text()))
                .collect(),
            root: self.root.clone(),
            context: self.context.clone(),
            show_secrets: self.show_secrets,
        }
    }
}

const ROOTS: [&str; 4] = ["root", "team/main", "<yaml>", "root-ü"];
const ENVIRONMENTS: [&str; 8] = [
    "base",
    "proj/a",
    "proj/b",
    "proj/long-name",
    "other/a",
    "x y",
    "proj/deep/er",
    "q\"uote",
];
const KEYS: [&str; 26] = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "foo",
    "bar",
    "fooBar",
    "foo_bar",
    "aws",
    "creds",
    "with-hyphen",
    "with.dot",
    "with space",
    "é",
    "日本",
    "environmentVariables",
    "files",
    "pulumiConfig",
    "A",
    "_x",
    "x1",
    "long_name_of_a_property",
    "[",
    "q\"q",
];

/// The case with the number `index` of a seed.
pub fn draft(grammar: Grammar, seed: u64, index: u64) -> Draft {
    let mut generator = Generator {
        random: Random::new(seed, index),
        grammar,
        scope: Scope::default(),
        size: 0,
        wild: false,
    };
    generator.wild = generator.random.chance(45);
    generator.draft()
}

struct Generator {
    random: Random,
    grammar: Grammar,
    scope: Scope,
    /// The number of nodes in the current definition.
    size: usize,
    /// Whether the definitions have deliberate mistakes.
    wild: bool,
}

/// The targets of references in the current definition.
#[derive(Default)]
struct Scope {
    /// The properties generated so far.
    own: BTreeMap<String, Shape>,
    /// The merged imports.
    base: Shape,
    /// The entries of `${imports["…"]}`.
    imports: BTreeMap<String, Shape>,
    /// The entries of `${environments.…}`.
    environments: BTreeMap<String, Shape>,
    context: Shape,
}

impl Scope {
    /// Whether only the context can be referred to.
    fn is_empty(&self) -> bool {
        self.own.is_empty() && !matches!(&self.base, Shape::Object(base) if !base.is_empty())
    }
}

impl Generator {
    fn draft(&mut self) -> Draft {
        let root = if self.random.chance(80) {
            ROOTS[0]
        } else {
            *self.random.pick(&ROOTS)
        };
        let context = self.context();
        let count = [0, 1, 2, 3, 5][self.random.weighted(&[35, 25, 20, 12, 8])];
        let mut names = ENVIRONMENTS.to_vec();
        self.random.shuffle(&mut names);
        names.truncate(count);
        names.push(root);
        let mut environments = BTreeMap::new();
        let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            let (before, after) = names.split_at(index);
            let document = self.definition(before, after, &shapes, &context);
            environments.insert((*name).to_owned(), document);
            let shape = std::mem::take(&mut self.scope.base)
                .merge(Shape::Object(std::mem::take(&mut self.scope.own)));
            shapes.insert((*name).to_owned(), shape);
        }
        Draft {
            environments,
            root: root.to_owned(),
            context,
            show_secrets: false,
        }
    }

    fn context(&mut self) -> serde_json::Value {
        match self.random.weighted(&[70, 15, 15]) {
            0 => serde_json::json!({"pulumi": {"user": {"id": "USER_123"}}}),
            1 => serde_json::json!({}),
            _ => serde_json::json!({
                "pulumi": {"user": {"login": "é \" ${a}", "n": 12}, "list": [1, [true], {"a": null}]},
                "a b": "x",
            }),
        }
    }

    /// A definition that imports some of `before`, whose shapes are known.
    fn definition(
        &mut self,
        before: &[&str],
        after: &[&str],
        shapes: &BTreeMap<String, Shape>,
        context: &serde_json::Value,
    ) -> Document {
        self.size = 0;
        self.scope = Scope {
            context: Shape::of(context).merge(Shape::of(&serde_json::json!({
                "currentEnvironment": {"name": ""}, "rootEnvironment": {"name": ""},
            }))),
            ..Scope::default()
        };
        // `${environments.…}` reaches only names with a project.
        let named = shapes.iter().filter(|(name, _)| name.contains('/'));
        for (name, shape) in named {
            self.scope.environments.insert(name.clone(), shape.clone());
        }
        if self.mistake(2) {
            return self.odd_document();
        }
        let mut sections = Vec::new();
        if self.random.chance(4) {
            let text = if self.mistake(30) {
                self.expression_of_any(3)
            } else {
                self.text().0
            };
            sections.push(("description", text));
        }
        if let Some(imports) = self.imports(before, after, shapes) {
            sections.push(("imports", imports));
        }
        let values = if self.mistake(3) {
            self.expression_of_any(2)
        } else {
            self.values()
        };
        if !self.mistake(3) {
            sections.push(("values", values));
        }
        if self.mistake(4) {
            let key = *self
                .random
                .pick(&["value", "Values", "imports", "x", "fn::open", "values"]);
            let value = self.expression_of_any(1);
            sections.push((key, value));
        }
        if self.random.chance(10) {
            self.random.shuffle(&mut sections);
        }
        let entries = sections
            .into_iter()
            .map(|(key, value)| (Node::inline(self.section_key(key)), value));
        let entries = entries.collect();
        let style = if self.random.chance(2) {
            Style::Flow
        } else {
            Style::Block
        };
        let mut root = Node::map(entries, style);
        self.decorate(&mut root, 0);
        self.quote_in_flow(&mut root, false);
        Document {
            root,
            layout: self.layout(),
        }
    }

    fn section_key(&mut self, key: &str) -> String {
        match self.random.below(60) {
            0 => key.to_uppercase(),
            1 => format!("\"{key}\""),
            2 => format!("'{key}'"),
            _ => key.to_owned(),
        }
    }

    /// A text that is not an environment.
    fn odd_document(&mut self) -> Document {
        let root = match self.random.below(4) {
            0 => self.expression_of_any(2),
            1 => Node::inline(""),
            2 => Node::map(Vec::new(), Style::Flow),
            _ => self.scalar(Position::Value),
        };
        Document {
            root,
            layout: Layout {
                final_newline: self.random.chance(50),
                ..Layout::default()
            },
        }
    }

    fn imports(
        &mut self,
        before: &[&str],
        after: &[&str],
        shapes: &BTreeMap<String, Shape>,
    ) -> Option<Node> {
        if before.is_empty() && !self.mistake(10) {
            return None;
        }
        let mut items = Vec::new();
        let count = self.random.between(0, 3);
        for _ in 0..count {
            let wild = usize::from(self.wild);
            let name = match self.random.weighted(&[90, 6 * wild, 6 * wild]) {
                0 if !before.is_empty() => *self.random.pick(before),
                // The definition itself, or one that may import it.
                1 => *self.random.pick(after),
                _ => *self
                    .random
                    .pick(&["missing", "proj/missing", "", "a/${b}", "$$x"]),
            };
            let text = self.string_scalar(name, Position::Value);
            let shape = shapes.get(name).cloned().unwrap_or_default();
            let mut merged = true;
            let item = if self.random.chance(25) {
                merged = self.random.chance(40);
                let options = self.import_options(merged);
                let key = self.string_scalar(name, Position::Key);
                Node::map(vec![(key, options)], self.collection_style())
            } else if self.mistake(4) {
                self.expression_of_any(2)
            } else {
                text
            };
            if merged {
                self.scope.base = std::mem::take(&mut self.scope.base).merge(shape.clone());
            }
            self.scope.imports.insert(name.to_owned(), shape);
            items.push(item);
        }
        if self.mistake(3) {
            return Some(self.expression_of_any(2));
        }
        let style = self.collection_style();
        Some(Node::list(items, style))
    }

    fn import_options(&mut self, merged: bool) -> Node {
        let mut entries = vec![(Node::inline("merge"), Node::inline(merged.to_string()))];
        match self.random.below(if self.wild { 15 } else { 1000 }) {
            0 => entries.push((Node::inline("other"), self.scalar(Position::Value))),
            1 => entries[0].1 = self.expression_of_any(1),
            2 => return self.expression_of_any(1),
            3 => entries.clear(),
            4 => entries.push(entries[0].clone()),
            5 => entries[0].0 = Node::inline("Merge"),
            _ => {}
        }
        Node::map(entries, self.collection_style())
    }

    fn values(&mut self) -> Node {
        let count = [1, 3, 6, 10, 0][self.random.weighted(&[15, 35, 30, 17, 3])];
        let mut entries = Vec::new();
        for _ in 0..count {
            let name = self.property_name();
            if self.scope.own.contains_key(&name) && !self.mistake(20) {
                continue;
            }
            // Mostly keeps the kind of an overridden value, because other properties may refer into it.
            let overridden = match &self.scope.base {
                Shape::Object(base) => base.get(&name),
                _ => None,
            };
            let kind = match overridden {
                Some(Shape::Object(_)) if self.random.chance(75) => shape::Kind::Object,
                Some(Shape::Array(_)) if self.random.chance(60) => shape::Kind::Array,
                Some(Shape::String) if self.random.chance(60) => shape::Kind::String,
                _ => shape::Kind::Any,
            };
            let (value, shape) = self.expression(kind, 4);
            let key = self.key(&name);
            self.scope.own.entry(name).or_insert(shape);
            entries.push((key, value));
        }
        if self.mistake(5) {
            let key = *self.random.pick(&[
                "imports",
                "context",
                "environments",
                "fn::open",
                "fn::x",
                "Fn::x",
                "fn:",
                "${a}",
                "$$a",
                "a${b}",
                "${",
                "1",
                "true",
                "~",
                "null",
                "1.5",
                "[a]",
                "{a: b}",
                "*x",
                "<<",
                "2001-01-01",
                "!!str 1",
                "? a",
            ]);
            let (value, _) = self.expression(shape::Kind::Any, 2);
            let index = self.random.below(entries.len() + 1);
            entries.insert(index, (Node::inline(key), value));
        }
        let style = if self.random.chance(4) {
            Style::Flow
        } else {
            Style::Block
        };
        Node::map(entries, style)
    }

    /// The name of a property, from a short list so that definitions override each other.
    fn property_name(&mut self) -> String {
        // Overrides an imported property.
        if let Shape::Object(base) = &self.scope.base
            && !base.is_empty()
            && self.random.chance(40)
        {
            let index = self.random.below(base.len());
            return base.keys().nth(index).cloned().unwrap_or_default();
        }
        let count = if self.random.chance(75) {
            12
        } else {
            KEYS.len()
        };
        KEYS[self.random.below(count)].to_owned()
    }

    fn collection_style(&mut self) -> Style {
        [Style::Block, Style::Compact, Style::Flow][self.random.weighted(&[35, 35, 30])]
    }

    /// True with a probability of `percent` in a definition with mistakes.
    fn mistake(&mut self, percent: usize) -> bool {
        self.wild && self.random.chance(percent)
    }

    /// Whether to use rare YAML here.
    fn is_rare(&mut self) -> bool {
        self.grammar.rare_yaml && self.mistake(5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_determines_the_definitions() {
        let grammar = Grammar {
            rotate: true,
            validate: true,
            to_yaml: true,
            ciphertext: true,
            rare_yaml: true,
        };
        let mut texts = std::collections::BTreeSet::new();
        for index in 0..200 {
            let case = draft(grammar, 7, index).case();
            assert_eq!(case, draft(grammar, 7, index).case());
            assert!(case.environments.contains_key(&case.root));
            texts.insert(case.environments[&case.root].clone());
        }
        assert!(texts.len() > 180);
        assert_ne!(draft(grammar, 8, 0), draft(grammar, 7, 0));
    }
}
