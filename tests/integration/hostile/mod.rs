//! Hostile definitions end: with a value, or with a limit that has a name.
//!
//! All shapes are evaluated in a small size through the library, and some in a larger one through the
//! binary. `cargo bench --bench hostile` measures all of them in four sizes.

mod shapes;

use std::collections::BTreeMap;

use esc::evaluator::limits::Limits;
use esc::evaluator::{Definition, Evaluation, Evaluator, Importer, Provider, Providers};
use esc::{Diagnostic, Style};
use esc::{Error, HostResult};

use crate::support::plugin::{Plugin, TIME_LIMIT};
use shapes::{End, Files, SHAPES, Shape};

/// Far less than the limits by default, which the benchmark meets.
const LOW: Limits = Limits {
    steps: 200_000,
    text_bytes: 1 << 20,
    sources_bytes: 1 << 20,
};

/// The files of a shape, by the names that imports use.
struct Folder(BTreeMap<String, String>);

impl Importer for Folder {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let file = name.strip_prefix("default/").unwrap_or(name);
        let text = self.0.get(file).ok_or_else(|| {
            let message = format!("environment \"{name}\" not found");
            Error::new(message)
        })?;
        Ok(definition(name, text))
    }
}

impl Providers for Folder {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        let message = format!("unknown provider \"{name}\"");
        Err(Error::new(message).into())
    }
}

fn definition(name: &str, text: &str) -> Definition {
    Definition {
        name: name.to_owned(),
        shown_as: format!("{name}.yaml"),
        text: text.to_owned().into(),
    }
}

fn open(files: Files) -> Evaluation {
    let files = files.into_iter();
    let files = files.map(|(path, text)| (path.trim_end_matches(".yaml").to_owned(), text));
    let folder = Folder(files.collect());
    let root = definition("env", &folder.0["env"]);
    let evaluator = Evaluator::new(&folder, &folder).with_limits(LOW);
    evaluator.open(root)
}

/// How an evaluation ended that should have ended otherwise.
fn wrong(shape: &Shape, evaluation: &Evaluation) -> Option<String> {
    let diagnostics = &evaluation.diagnostics;
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|it| Diagnostic::is_error(it))
        .map(|it| it.summary.chars().take(100).collect::<String>())
        .collect();
    // What people see must come out soon too.
    let shown = evaluation.sources.render(diagnostics, Style::Plain);
    let document = evaluation.sources.render_json(diagnostics);
    let is_right = match shape.end {
        End::Value => errors.is_empty(),
        End::Error(wanted) => {
            errors.iter().any(|it| it.contains(wanted))
                && shown.contains(wanted)
                && document.contains(wanted)
        }
    };
    (!is_right).then(|| format!("{}: {:?}", shape.name, &errors[..errors.len().min(2)]))
}

#[test]
fn each_hostile_definition_has_the_expected_outcome() {
    let wrong: Vec<_> = SHAPES
        .iter()
        .filter_map(|shape| {
            let files = (shape.make)(shape.small?);
            wrong(shape, &open(files))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn binary_survives_large_and_deep_definitions() {
    // Each with the part of its largest size that a build without optimization takes soon.
    for (name, part) in [
        ("plain string: bytes", 10),
        ("flow lists in lists", 10),
        ("block lists in lists", 10),
        ("functions in functions", 10),
        ("explicit keys in keys", 10),
        ("laughs: text", 4),
        ("doubled maps, fn::toYAML", 2),
        ("imports, a chain", 4),
        ("all of 17 MB", 1),
    ] {
        let shape = SHAPES.iter().find(|shape| shape.name == name);
        let shape = shape.expect("a shape of this name");
        let mut plugin = Plugin::new().args(["open", "env.yaml"]);
        for (path, text) in (shape.make)(shape.large / part) {
            plugin = plugin.file(path, text);
        }
        let output = plugin.run_within(TIME_LIMIT);
        match shape.end {
            End::Value => assert_eq!(output.code, 0, "{name}: {}", output.stderr),
            End::Error(wanted) => {
                assert!(matches!(output.code, 2 | 3), "{name}: {}", output.code);
                assert!(output.stderr.contains(wanted), "{name}: {}", output.stderr);
            }
        }
    }
}
