//! Paths of references, valid and slightly wrong.

use super::Generator;
use super::shape::{Kind, Shape};

/// One step of a path.
enum Step {
    Name(String),
    Index(usize),
}

impl Generator {
    /// A path to a value of the requested kind, if a few tries find one.
    pub(super) fn reference(&mut self, kind: Kind) -> Option<(String, Shape)> {
        for _ in 0..6 {
            let (steps, shape) = self.walk()?;
            if shape.satisfies(kind) || self.mistake(3) {
                return Some((self.print(&steps), shape));
            }
        }
        None
    }

    /// The text between `${` and `}`, mostly a path that resolves.
    pub(super) fn path(&mut self, kind: Kind) -> (String, Shape) {
        if !self.mistake(20)
            && let Some(reference) = self.reference(kind)
        {
            return reference;
        }
        let Some((mut steps, shape)) = self.walk() else {
            let invented = ["a", "b.c", "foo[0]", "context", "imports", "environments"];
            return ((*self.random.pick(&invented)).to_owned(), Shape::Unknown);
        };
        if !self.wild {
            return (self.print(&steps), shape);
        }
        let text = match self.random.weighted(&[30, 15, 15, 15, 20, 5]) {
            0 => {
                let index = self.random.below(steps.len());
                if let Step::Name(name) = &mut steps[index] {
                    *name = self.misspelled(name);
                }
                self.print(&steps)
            }
            1 => {
                let index = self.random.below(5);
                steps.push(Step::Index(index));
                self.print(&steps)
            }
            2 => {
                let name = self.property_name();
                steps.push(Step::Name(name));
                self.print(&steps)
            }
            3 => {
                let name = self.property_name();
                self.print(&[Step::Name(name)])
            }
            4 => {
                let text = self.print(&steps);
                self.broken(&text)
            }
            _ => {
                let odd = [
                    "context.x",
                    "imports",
                    "imports[0]",
                    "imports.x",
                    "environments.proj",
                    "environments.proj.missing.a",
                    "environments[0].a.b",
                    "environments.base.x.y",
                    "environments.proj.a.a",
                    "environments.proj.b.foo",
                    "context",
                ];
                (*self.random.pick(&odd)).to_owned()
            }
        };
        (text, Shape::Unknown)
    }

    /// A path that resolves, and the shape of its value.
    fn walk(&mut self) -> Option<(Vec<Step>, Shape)> {
        let scope = &self.scope;
        let mut steps = Vec::new();
        let choice = self.random.weighted(&[60, 25, 6, 5, 4]);
        let mut shape = match choice {
            1 => scope.base.clone().merge(Shape::Object(scope.own.clone())),
            2 => {
                steps.push(Step::Name("context".to_owned()));
                scope.context.clone()
            }
            3 if !scope.imports.is_empty() => {
                let index = self.random.below(scope.imports.len());
                let (name, shape) = scope.imports.iter().nth(index)?;
                steps.push(Step::Name("imports".to_owned()));
                steps.push(Step::Name(name.clone()));
                shape.clone()
            }
            4 if !scope.environments.is_empty() => {
                let index = self.random.below(scope.environments.len());
                let (name, shape) = scope.environments.iter().nth(index)?;
                steps.push(Step::Name("environments".to_owned()));
                let parts = name.splitn(2, '/');
                steps.extend(parts.map(|part| Step::Name(part.to_owned())));
                shape.clone()
            }
            _ => Shape::Object(scope.own.clone()),
        };
        if matches!(&shape, Shape::Object(entries) if entries.is_empty()) {
            shape = scope.base.clone();
        }
        let needed = steps.len() + 1;
        loop {
            let stop = steps.len() >= needed && self.random.chance(45);
            match shape {
                Shape::Object(ref entries) if !stop && !entries.is_empty() => {
                    let index = self.random.below(entries.len());
                    let (name, inner) = entries.iter().nth(index)?;
                    steps.push(Step::Name(name.clone()));
                    shape = inner.clone();
                }
                Shape::Array(ref items) if !stop && !items.is_empty() => {
                    let index = self.random.below(items.len());
                    steps.push(Step::Index(index));
                    shape = items[index].clone();
                }
                _ => break,
            }
        }
        (!steps.is_empty()).then_some((steps, shape))
    }

    fn print(&mut self, steps: &[Step]) -> String {
        let mut text = String::new();
        for step in steps {
            match step {
                Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
                Step::Name(name) => {
                    let plain = !name.is_empty()
                        && !name.contains(['.', '[', ']', '}', '"', '\n'])
                        && !name.contains(char::is_whitespace);
                    if plain && !self.random.chance(12) {
                        if !text.is_empty() {
                            text.push('.');
                        }
                        text.push_str(name);
                    } else {
                        text.extend(["[\"", &name.replace('"', "\\\""), "\"]"]);
                    }
                }
            }
        }
        text
    }

    fn misspelled(&mut self, name: &str) -> String {
        let mut letters: Vec<char> = name.chars().collect();
        for _ in 0..=self.random.below(2) {
            let index = self.random.below(letters.len() + 1);
            let letter = *self.random.pick(&['x', 'A', '_', 'é', 'o']);
            match self.random.below(4) {
                0 => letters.insert(index, letter),
                1 if index < letters.len() => letters[index] = letter,
                2 if index < letters.len() => drop(letters.remove(index)),
                _ => letters = name.to_uppercase().chars().collect(),
            }
        }
        letters.into_iter().collect()
    }

    fn broken(&mut self, text: &str) -> String {
        match self.random.below(13) {
            0 => format!("{text}."),
            1 => format!("{text}["),
            2 => format!("{text}[]"),
            3 => format!("{text}[\""),
            4 => format!("{text}[x]"),
            5 => format!("{text}[-1]"),
            6 => format!("{text} "),
            7 => format!(" {text}"),
            8 => format!(".{text}"),
            9 => format!("[0].{text}"),
            10 => format!("{text}..a"),
            11 => format!("{text}[99999999999999999999]"),
            _ => String::new(),
        }
    }
}
