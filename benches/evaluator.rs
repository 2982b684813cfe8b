//! Measures the evaluator in-process, beside ESC's own where Go is at hand:
//! `cargo bench --bench evaluator -- [--iterations N] [--upstream FILE]`.
//!
//! Both read and open the same definitions, after a round to warm up. The outcome is a Markdown
//! table on standard output. Without `--upstream` ESC's own evaluator is built from
//! `testing/differential/upstream`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends, and its outcome is what it prints"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use esc::Diagnostic;
use esc::evaluator::{Definition, Evaluator, Importer, Provider, Providers};
use esc::{Error, HostResult};
use serde_json::json;

/// Definitions by name.
struct Folder(BTreeMap<String, String>);

impl Importer for Folder {
    fn import(&self, name: &str) -> HostResult<Definition> {
        match self.0.get(name) {
            Some(text) => Ok(definition(name, text)),
            None => Err(Error::new("there is no such environment").into()),
        }
    }
}

impl Providers for Folder {
    fn provider(&self, _: &str) -> HostResult<&dyn Provider> {
        Err(Error::new("there is no such provider").into())
    }
}

fn definition(name: &str, text: &str) -> Definition {
    Definition {
        name: name.to_owned(),
        shown_as: format!("{name}.yaml"),
        text: text.to_owned().into(),
    }
}

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
    let definitions = [("1,000 keys", thousand_keys()), ("27 imports", imports(27))];
    let upstream = upstream.or_else(build_upstream);
    let theirs = upstream.map(|upstream| measure_upstream(&upstream, &definitions, iterations));
    println!("| definition | size | kubectl-esc | upstream | ratio |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (position, (name, folder)) in definitions.iter().enumerate() {
        let size: usize = folder.0.values().map(String::len).sum();
        let ours = measure(folder, iterations);
        let (upstream, ratio) = match &theirs {
            Some(times) => {
                let ratio = times[position].as_secs_f64() / ours.as_secs_f64();
                (shown(times[position]), format!("{ratio:.1}"))
            }
            None => ("–".to_owned(), "–".to_owned()),
        };
        let ours = shown(ours);
        println!("| {name} | {size} B | {ours} | {upstream} | {ratio} |");
    }
}

/// The mean time of an evaluation.
fn measure(folder: &Folder, iterations: u32) -> Duration {
    let evaluator = Evaluator::new(folder, folder);
    let open = || evaluator.open(definition("root", &folder.0["root"]));
    let first = open();
    let is_broken = first.diagnostics.iter().any(Diagnostic::is_error);
    assert!(!is_broken, "{:?}", first.diagnostics);
    let start = Instant::now();
    for _ in 0..iterations {
        black_box(open());
    }
    start.elapsed() / iterations
}

/// The mean times of ESC's own evaluator.
fn measure_upstream(
    binary: &Path,
    definitions: &[(&str, Folder)],
    iterations: u32,
) -> Vec<Duration> {
    let mut child = Command::new(binary)
        .args(["bench", "--iterations", &iterations.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ESC's own evaluator");
    let mut requests = String::new();
    for (_, folder) in definitions {
        let request = json!({"environments": folder.0, "root": "root"});
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
    assert_eq!(times.len(), definitions.len(), "one answer a request");
    times
}

/// Builds ESC's own evaluator, where Go and its source are at hand.
fn build_upstream() -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = project.join("testing/differential/upstream");
    let binary = project.join("target/differential/upstream");
    if !source.join("go.mod").exists() {
        println!("Upstream is left out: {} is not there.\n", source.display());
        return None;
    }
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .status();
    match built {
        Ok(status) if status.success() => Some(binary),
        Ok(status) => {
            println!("Upstream is left out: `go build` ended with {status}.\n");
            None
        }
        Err(error) => {
            println!("Upstream is left out: Go cannot be run: {error}.\n");
            None
        }
    }
}

fn shown(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// A definition with a thousand keys of the usual sorts.
fn thousand_keys() -> Folder {
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
    Folder(BTreeMap::from([("root".to_owned(), text)]))
}

/// An environment with so many imports, each of which overrides a part of those before it.
fn imports(count: usize) -> Folder {
    let mut folder = BTreeMap::new();
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
        folder.insert(format!("team/env{number:02}"), text);
    }
    root.push_str("values:\n  last: ${shared.nested.level.from}\n  all: ${environmentVariables}\n");
    folder.insert("root".to_owned(), root);
    Folder(folder)
}
