//! An opened environment: its values, and what commands get of it.

use crate::property_path::PropertyPath;
use crate::text::Text;
use crate::value::{Data, Value};

/// The values of an opened environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The values as one object. A definition that is empty has an empty object.
    pub values: Value,
}

impl Environment {
    /// The value at `path`.
    #[must_use]
    pub fn get(&self, path: &PropertyPath) -> Option<&Value> {
        self.values.get(path)
    }

    /// `environmentVariables`: each scalar as text, sorted by name; objects and arrays are no
    /// variables and are left out, as ESC does.
    #[must_use]
    pub fn environment_variables(&self) -> Vec<(&str, Text)> {
        names_and_texts(self.variable_entries())
    }

    /// The same with their secrecy.
    #[must_use]
    pub fn variable_entries(&self) -> Vec<Entry<'_>> {
        self.projection("environmentVariables")
    }

    /// `files`: the variable that is to hold the path of each file, and the file's content. The
    /// same rule as for [`Environment::environment_variables`].
    #[must_use]
    pub fn files(&self) -> Vec<(&str, Text)> {
        names_and_texts(self.file_entries())
    }

    /// The same with their secrecy.
    #[must_use]
    pub fn file_entries(&self) -> Vec<Entry<'_>> {
        self.projection("files")
    }

    /// `pulumiConfig`, which Pulumi reads.
    #[must_use]
    pub fn pulumi_config(&self) -> Option<&Value> {
        self.values.property("pulumiConfig")
    }

    fn projection(&self, name: &str) -> Vec<Entry<'_>> {
        let Some(block) = self.values.property(name) else {
            return Vec::new();
        };
        let Data::Object(entries) = &block.data else {
            return Vec::new();
        };
        let scalars = entries.iter().filter(|(_, value)| !value.unknown);
        scalars
            .filter_map(|(name, value)| {
                Some(Entry {
                    name,
                    text: value.scalar_text()?,
                    secret: block.secret || value.secret,
                })
            })
            .collect()
    }
}

/// A variable or a file of an environment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry<'a> {
    /// The name of the variable; for a file, of the one that is to hold its path.
    pub name: &'a str,
    /// The variable's value; the file's content.
    pub text: Text,
    /// Whether the text must not be shown.
    pub secret: bool,
}

fn names_and_texts(entries: Vec<Entry<'_>>) -> Vec<(&str, Text)> {
    let entries = entries.into_iter();
    entries.map(|entry| (entry.name, entry.text)).collect()
}
