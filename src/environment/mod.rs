//! An opened environment: its values, how they are addressed, and what was wrong with it.
//!
//! Where it came from (Pulumi Cloud or a local definition) is not known here.

pub mod diagnostic;
pub mod json;
pub mod opener;
pub mod path;
pub mod reference;
pub mod report;
pub mod sources;
mod text_builder;
pub mod value;

pub use diagnostic::{Diagnostic, Position, Range, Severity};
pub use opener::{Checked, Opener, Opening};
pub use path::PropertyPath;
pub use reference::Reference;
pub use report::Style;
pub use sources::Sources;
pub(crate) use text_builder::TextBuilder;
pub use value::{Data, Number, Value};

use crate::secret::Text;

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
        self.projection("environmentVariables")
    }

    /// `files`: the variable that is to hold the path of each file, and the file's content. The
    /// same rule as for [`Environment::environment_variables`].
    #[must_use]
    pub fn files(&self) -> Vec<(&str, Text)> {
        self.projection("files")
    }

    /// `pulumiConfig`, which Pulumi reads.
    #[must_use]
    pub fn pulumi_config(&self) -> Option<&Value> {
        self.values.property("pulumiConfig")
    }

    fn projection(&self, name: &str) -> Vec<(&str, Text)> {
        let Some(Data::Object(entries)) = self.values.property(name).map(|value| &value.data)
        else {
            return Vec::new();
        };
        let scalars = entries.iter().filter(|(_, value)| !value.unknown);
        scalars
            .filter_map(|(name, value)| Some((name.as_str(), value.scalar_text()?)))
            .collect()
    }
}
