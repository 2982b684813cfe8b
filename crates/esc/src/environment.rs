//! An opened environment.

use crate::property_path::PropertyPath;
use crate::text::Text;
use crate::value::{Data, Value};

/// The values of an opened environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The values as one object. An empty definition has an empty object.
    pub values: Value,
}

impl Environment {
    /// The value at `path`.
    #[must_use]
    pub fn get(&self, path: &PropertyPath) -> Option<&Value> {
        self.values.get(path)
    }

    /// The scalars of `environmentVariables`, sorted by name. Lists, maps and unknown values are left out,
    /// as in ESC.
    #[must_use]
    pub fn variables(&self) -> Vec<EnvironmentEntry<'_>> {
        self.scalars_of("environmentVariables")
    }

    /// The scalars of `files`, by the variable that will hold the path of the file. Lists, maps and unknown
    /// values are left out, as in ESC.
    #[must_use]
    pub fn files(&self) -> Vec<EnvironmentEntry<'_>> {
        self.scalars_of("files")
    }

    fn scalars_of(&self, section: &str) -> Vec<EnvironmentEntry<'_>> {
        let section = self.values.property(section);
        let Some(Value {
            data: Data::Object(entries),
            secret,
            ..
        }) = section
        else {
            return Vec::new();
        };
        let known = entries.iter().filter(|(_, value)| !value.unknown);
        let scalars = known.filter_map(|(name, value)| {
            Some(EnvironmentEntry {
                name,
                text: value.scalar_text()?,
                secret: *secret || value.secret,
            })
        });
        scalars.collect()
    }
}

/// An entry of `environmentVariables` or `files`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvironmentEntry<'a> {
    /// The name of the variable; for a file, the variable that will hold its path.
    pub name: &'a str,
    /// The value of the variable, or the content of the file.
    pub text: Text,
    /// Whether the text is a secret.
    pub secret: bool,
}
