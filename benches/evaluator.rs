//! Measures the evaluator in-process, compared with ESC's if Go is installed:
//! `cargo bench --bench evaluator -- [--iterations N] [--upstream FILE]`.
//!
//! Both parse and open the same definitions, after a warm-up round. Prints a Markdown table. Without
//! `--upstream`, ESC's evaluator is built from `testing/differential/upstream`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking, and prints its results"
)]

#[path = "../tests/integration/support/definitions.rs"]
mod definitions;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use definitions::Definitions;
use esc::Diagnostic;
use esc::evaluator::Evaluator;
use serde_json::json;

fn main() {
    let mut iterations = 200;
    let mut upstream = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--iterations" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                iterations = number.expect("a number after --iterations");
            }
            "--upstream" => {
                upstream = Some(PathBuf::from(arguments.next().expect("a file")));
            }
            _ => {}
        }
    }
    let cases = [("1,000 keys", thousand_keys()), ("27 imports", imports(27))];
    let upstream = upstream.or_else(build_upstream);
    let theirs = upstream.map(|upstream| measure_upstream(&upstream, &cases, iterations));
    println!("| definition | size | kubectl-esc | upstream | ratio |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (position, (name, definitions)) in cases.iter().enumerate() {
        let size: usize = definitions.0.values().map(String::len).sum();
        let ours = measure(definitions, iterations);
        let (upstream, ratio) = match &theirs {
            Some(times) => {
                let ratio = times[position].as_secs_f64() / ours.as_secs_f64();
                (milliseconds(times[position]), format!("{ratio:.1}"))
            }
            None => ("–".to_owned(), "–".to_owned()),
        };
        let ours = milliseconds(ours);
        println!("| {name} | {size} B | {ours} | {upstream} | {ratio} |");
    }
}

/// Returns the mean time of an evaluation.
fn measure(definitions: &Definitions, iterations: u32) -> Duration {
    let evaluator = Evaluator::new(definitions, definitions);
    let open = || evaluator.open(definitions.get("root"));
    let first = open();
    let has_errors = first.diagnostics.iter().any(Diagnostic::is_error);
    assert!(!has_errors, "{:?}", first.diagnostics);
    let start = Instant::now();
    for _ in 0..iterations {
        black_box(open());
    }
    start.elapsed() / iterations
}

/// Returns the mean times of ESC's evaluator.
fn measure_upstream(
    binary: &Path,
    cases: &[(&str, Definitions)],
    iterations: u32,
) -> Vec<Duration> {
    let mut child = Command::new(binary)
        .args(["bench", "--iterations", &iterations.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ESC's evaluator");
    let mut requests = String::new();
    for (_, definitions) in cases {
        let request = json!({"environments": definitions.0, "root": "root"});
        let _ = writeln!(requests, "{request}");
    }
    let mut input = child.stdin.take().expect("its standard input");
    input.write_all(requests.as_bytes()).expect("a request");
    drop(input);
    let output = child.wait_with_output().expect("its answers");
    let output = String::from_utf8(output.stdout).expect("its answers");
    let times = output.lines().map(|line| line.trim().parse());
    let times: Vec<_> = times
        .map(|time| Duration::from_nanos(time.expect("a number")))
        .collect();
    assert_eq!(times.len(), cases.len(), "one answer for each request");
    times
}

/// Builds ESC's evaluator if Go is installed.
fn build_upstream() -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = project.join("testing/differential/upstream");
    let binary = project.join("target/differential/upstream");
    if !source.join("go.mod").exists() {
        println!("Skipping upstream: {} is missing.\n", source.display());
        return None;
    }
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .status();
    match status {
        Ok(status) if status.success() => Some(binary),
        Ok(status) => {
            println!("Skipping upstream: `go build` failed with {status}.\n");
            None
        }
        Err(error) => {
            println!("Skipping upstream: cannot run Go: {error}.\n");
            None
        }
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// A definition with a thousand typical keys.
fn thousand_keys() -> Definitions {
    let mut text = "values:\n".to_owned();
    for number in 0..100 {
        let _ = write!(
            text,
            "  service{number:03}:
    name: service-{number:03}
    replicas: {number}
    enabled: true
    url: https://${{service{number:03}.name}}.example.com:8443/path
    tags: [one, two, '${{service{number:03}.name}}']
    password:
      fn::secret: not-a-real-password-{number:03}
    configuration:
      fn::toJSON:
        name: ${{service{number:03}.name}}
        next: ${{service{:03}.replicas}}
",
            (number + 1) % 100
        );
    }
    Definitions(BTreeMap::from([("root".to_owned(), text)]))
}

/// An environment with `count` imports, each of which overrides a part of the previous ones.
fn imports(count: usize) -> Definitions {
    let mut definitions = BTreeMap::new();
    let mut root = "imports:\n".to_owned();
    for number in 0..count {
        let _ = writeln!(root, "  - team/env{number:02}");
        let text = format!(
            "values:
  shared:
    region: region-{number}
    nested:
      level: {{from: {number}, own{number:02}: [1, 2, 3]}}
  own{number:02}:
    name: environment-{number:02}
    greeting: hello ${{own{number:02}.name}} in ${{shared.region}}
    token:
      fn::secret: not-a-real-token-{number:02}
  environmentVariables:
    REGION: ${{shared.region}}
    NAME_{number:02}: ${{own{number:02}.greeting}}
"
        );
        definitions.insert(format!("team/env{number:02}"), text);
    }
    root.push_str("values:\n  last: ${shared.nested.level.from}\n  all: ${environmentVariables}\n");
    definitions.insert("root".to_owned(), root);
    Definitions(definitions)
}
