//! Definitions in memory, for the evaluator. `benches/evaluator.rs` includes this file too.

use std::collections::BTreeMap;

use esc::evaluator::{Definition, Importer, Provider, Providers};
use esc::{Error, HostResult};

/// Definitions by the names that imports use. No provider is known.
pub(crate) struct Definitions(pub(crate) BTreeMap<String, String>);

impl Definitions {
    /// The definition of this name, which must exist.
    pub(crate) fn get(&self, name: &str) -> Definition {
        definition(name, &self.0[name])
    }
}

impl Importer for Definitions {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let text = self
            .0
            .get(name.strip_prefix("default/").unwrap_or(name))
            .ok_or_else(|| Error::new(format!("environment \"{name}\" not found")))?;
        Ok(definition(name, text))
    }
}

impl Providers for Definitions {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        Err(Error::new(format!("unknown provider \"{name}\"")).into())
    }
}

fn definition(name: &str, text: &str) -> Definition {
    Definition {
        name: name.to_owned(),
        shown_as: format!("{name}.yaml"),
        text: text.to_owned().into(),
    }
}
