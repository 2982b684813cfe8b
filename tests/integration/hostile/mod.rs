//! Evaluation of a hostile definition ends, with a value or with the message of a limit.
//!
//! All shapes are evaluated in a small size through the library, and some in a larger size through the
//! binary. `cargo bench --bench hostile` measures all of them in four sizes.

mod shapes;

use esc::Style;
use esc::evaluator::limits::Limits;
use esc::evaluator::{Evaluation, Evaluator};

use crate::support::definitions::Definitions;
use crate::support::plugin::{Plugin, TIME_LIMIT};
use shapes::{Files, Outcome, SHAPES, Shape};

/// Far below the default limits, which only the benchmark reaches.
const LOW_LIMITS: Limits = Limits {
    steps: 200_000,
    text_bytes: 1 << 20,
    sources_bytes: 1 << 20,
};

fn open(files: Files) -> Evaluation {
    let files = files.into_iter();
    let files = files.map(|(path, text)| (path.trim_end_matches(".yaml").to_owned(), text));
    let definitions = Definitions(files.collect());
    let evaluator = Evaluator::new(&definitions, &definitions).with_limits(LOW_LIMITS);
    evaluator.open(definitions.get("env"))
}

/// Describes the outcome of an evaluation if it is not the expected one.
fn unexpected_outcome(shape: &Shape, evaluation: &Evaluation) -> Option<String> {
    let diagnostics = &evaluation.diagnostics;
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .map(|error| error.summary.chars().take(100).collect::<String>())
        .collect();
    // Rendering the diagnostics must be fast too.
    let shown = evaluation.sources.render(diagnostics, Style::Plain);
    let document = evaluation.sources.render_json(diagnostics);
    let is_expected = match shape.outcome {
        Outcome::Value => errors.is_empty(),
        Outcome::Error(message) => {
            errors.iter().any(|error| error.contains(message))
                && shown.contains(message)
                && document.contains(message)
        }
    };
    (!is_expected).then(|| format!("{}: {:?}", shape.name, &errors[..errors.len().min(2)]))
}

#[test]
fn each_hostile_definition_has_the_expected_outcome() {
    let failures: Vec<_> = SHAPES
        .iter()
        .filter_map(|shape| {
            let files = (shape.make)(shape.small?);
            unexpected_outcome(shape, &open(files))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn binary_survives_large_and_deep_definitions() {
    // Each with the divisor of its largest size that an unoptimized build needs.
    for (name, divisor) in [
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
        for (path, text) in (shape.make)(shape.large / divisor) {
            plugin = plugin.file(path, text);
        }
        let output = plugin.run_within(TIME_LIMIT);
        match shape.outcome {
            Outcome::Value => assert_eq!(output.code, 0, "{name}: {}", output.stderr),
            Outcome::Error(message) => {
                assert!(matches!(output.code, 2 | 3), "{name}: {}", output.code);
                assert!(output.stderr.contains(message), "{name}: {}", output.stderr);
            }
        }
    }
}
