//! Finds the entries of `environmentVariables` and `files` that ESC ignores: it passes only scalars to
//! commands.

use std::rc::Rc;

use crate::evaluator::module::Modules;
use crate::evaluator::schema::Type;
use crate::evaluator::suggest;
use crate::evaluator::value::{EvalValue, InheritedListing, Properties, Property};
use crate::evaluator::{document_path::join_name, export};
use crate::text::REDACTED;
use crate::{Data, Diagnostic, Environment, Severity, Value};

/// A property of `values` whose entries are passed to commands.
struct Section {
    name: &'static str,
    /// The effect of an entry that is not text.
    entry_effect: &'static str,
    /// The effect of a section that is not a map.
    map_effect: &'static str,
    example: &'static str,
    /// The edit distance of names that are taken for misspellings.
    misspelling: usize,
}

const SECTIONS: [Section; 2] = [
    Section {
        name: "environmentVariables",
        entry_effect: "the variable is not set",
        map_effect: "no variable is set",
        example: "AWS_REGION: eu-west-1",
        misspelling: 2,
    },
    Section {
        name: "files",
        entry_effect: "the file is not created",
        map_effect: "no file is created",
        example: "KUBECONFIG: ${kubeconfig}",
        misspelling: 0,
    },
];

/// How many names are compared with that of a section.
const MAXIMUM_COMPARED: usize = 1_000;

const CONVERT: &str = "convert it to text with `fn::toJSON` or `fn::toYAML`";

impl Environment {
    /// Warnings about entries in `environmentVariables` and `files` that ESC ignores, without positions: for
    /// environments that Pulumi Cloud evaluated.
    #[must_use]
    pub fn ignored_entries(&self) -> Vec<Diagnostic> {
        let Data::Object(entries) = &self.values.data else {
            return Vec::new();
        };
        let properties: Properties = entries
            .iter()
            .map(|(name, value)| {
                // Other values do not matter and may be large.
                let is_read = SECTIONS.iter().any(|section| section.resembles(name));
                let value = if is_read {
                    value.clone()
                } else {
                    Value::unknown()
                };
                let value = export::from_value(value, false, None);
                (Rc::from(name.as_str()), Property::own(value))
            })
            .collect();
        find(&EvalValue::object(properties), &Modules::default())
    }
}

/// Finds the ignored entries in the values of an environment, which come from `modules`.
pub(super) fn find(values: &EvalValue, modules: &Modules) -> Vec<Diagnostic> {
    let found = Vec::new();
    let mut warnings = Warnings { modules, found };
    for section in &SECTIONS {
        match values.known_property(section.name) {
            Some(property) => section.find(&property.value, &mut warnings),
            None => section.find_misspelled(values, &mut warnings),
        }
    }
    warnings.found
}

struct Warnings<'m> {
    modules: &'m Modules,
    found: Vec<Diagnostic>,
}

impl Section {
    /// Whether the name is that of the section or a misspelling.
    fn resembles(&self, name: &str) -> bool {
        suggest::folded_distance(name, self.name) <= self.misspelling
    }

    fn find(&self, value: &EvalValue, warnings: &mut Warnings<'_>) {
        let name = self.name;
        match type_of(value) {
            None | Some(Type::Null) => {}
            Some(Type::Object) => {
                let is_listed = |property: &Property| {
                    property.is_own || value.inherited != InheritedListing::Hidden
                };
                for (key, property) in value.properties().filter(|(_, it)| is_listed(it)) {
                    if let Some(kind @ (Type::Array | Type::Object)) = type_of(&property.value) {
                        let is_hidden = value.hides_name_of(property);
                        let key = if is_hidden { REDACTED } else { key };
                        let effect = self.entry_effect;
                        let summary = format!("`{name}.{key}` is not text but an {kind}: {effect}");
                        let path = [name, key];
                        warnings.add(&property.value, summary, &path, CONVERT.to_owned());
                    }
                }
            }
            Some(kind) => {
                let effect = self.map_effect;
                let summary = format!(
                    "`{name}` is not a map but {} {kind}: {effect}",
                    article(kind)
                );
                let hint = format!("write a map below it, such as `{}`", self.example);
                warnings.add(value, summary, &[name], hint);
            }
        }
    }

    fn find_misspelled(&self, values: &EvalValue, warnings: &mut Warnings<'_>) {
        let maps = values
            .properties()
            .take(MAXIMUM_COMPARED)
            .filter(|(_, property)| type_of(&property.value) == Some(Type::Object));
        for (name, property) in maps.filter(|(name, _)| self.resembles(name)) {
            let (wanted, effect) = (self.name, self.map_effect);
            let summary = format!("`{name}` is not `{wanted}`: {effect}");
            let hint = format!("rename it to `{wanted}`");
            warnings.add(&property.value, summary, &[name], hint);
        }
    }
}

/// The type, as far as it is known.
fn type_of(value: &EvalValue) -> Option<Type> {
    value.known_type().or_else(|| value.schema().rules().kind)
}

fn article(kind: Type) -> &'static str {
    match kind {
        Type::Array | Type::Object => "an",
        _ => "a",
    }
}

impl Warnings<'_> {
    /// Adds a warning about a value, or about `path` if the value comes from no definition.
    fn add(&mut self, value: &EvalValue, summary: String, path: &[&str], hint: String) {
        let path = || {
            let mut text = "values".to_owned();
            for name in path {
                join_name(&mut text, name);
            }
            text
        };
        let origin = value.origin;
        self.found.push(Diagnostic {
            severity: Severity::Warning,
            summary,
            range: origin.map(|origin| self.modules.range(origin)),
            path: Some(origin.map_or_else(path, |origin| self.modules.path(origin))),
            hint: Some(hint),
            failure: None,
        });
    }
}
