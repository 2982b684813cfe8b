//! The evaluator against the cases of ESC's own evaluator: values, and what is wrong where.
//!
//! The cases are not part of this repository. They are looked for in the folder that
//! `ESC_EVAL_CASES` names, else in `../shared/esc-eval-cases` beside it; without them the test says
//! so and passes.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a case that cannot be read fails the test"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kubectl_esc::environment::json::{self, Secrets};
use kubectl_esc::environment::{Data, Diagnostic, Severity, Value};
use kubectl_esc::error::{Error, Kind};
use kubectl_esc::evaluator::{Definition, Evaluation, Evaluator, Importer, Provider, Providers};
use kubectl_esc::host::Host;

/// What is not expected to pass yet, and why. One of these that passes fails the test.
const NOT_YET: [(&str, &str, &str); 7] = [
    ("ciphertext", "evalJSONRevealed", "no decryption here"),
    ("ciphertext", "checkDiags", "no decryption here"),
    ("ciphertext", "evalDiags", "no decryption here"),
    ("rotate", "evalJsonRedacted", "no fn::rotate here"),
    ("rotate", "evalJSONRevealed", "no fn::rotate here"),
    ("rotate", "checkDiags", "no fn::rotate here"),
    ("rotate", "evalDiags", "no fn::rotate here"),
];

#[test]
fn cases_of_the_original_evaluator() {
    let Some(folder) = folder() else {
        println!("skipped: there is no folder of cases (set ESC_EVAL_CASES)");
        return;
    };
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expected.json").is_file())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut report = String::new();
    let mut passed = 0;
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        for (section, want, got) in sections(case, name) {
            let reason = NOT_YET
                .iter()
                .find(|(case, known, _)| (*case, *known) == (name, section));
            match (want == got, reason) {
                (true, None) => passed += 1,
                (false, Some(_)) => {}
                (true, Some(_)) => {
                    writeln!(report, "{name} {section}: passes; take it off the list").unwrap();
                }
                (false, None) => {
                    writeln!(report, "{name} {section}:\n  want {want}\n  got  {got}").unwrap();
                }
            }
        }
    }
    println!("{passed} sections of {} cases pass", cases.len());
    assert!(report.is_empty(), "{report}");
}

fn folder() -> Option<PathBuf> {
    let named = Host::system().path_variable("ESC_EVAL_CASES");
    let folder = match named {
        Some(folder) => {
            assert!(folder.is_dir(), "ESC_EVAL_CASES names no folder");
            folder
        }
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/esc-eval-cases"),
    };
    folder.is_dir().then_some(folder)
}

/// The name of each section of a case, what it should be and what it is.
fn sections(case: &Path, name: &str) -> Vec<(&'static str, String, String)> {
    let expected = fs::read(case.join("expected.json")).unwrap();
    let expected = json::parse(&expected, 1_000).unwrap();
    let overrides = fs::read(case.join("overrides.json")).unwrap_or_else(|_| b"{}".to_vec());
    let overrides = json::parse(&overrides, 8).unwrap();
    let root = overrides
        .property("rootEnvironment")
        .and_then(Value::as_str)
        .unwrap_or(name);
    let importer = Files(case.to_owned());
    let providers = HarnessProviders::new(&expected);
    let context = json::parse(br#"{"pulumi":{"user":{"id":"USER_123"}}}"#, 8).unwrap();
    let evaluator = Evaluator::new(&importer, &providers).with_context(context);
    let definition = || Definition {
        name: root.to_owned(),
        shown_as: "env.yaml".to_owned(),
        text: fs::read_to_string(case.join("env.yaml")).unwrap().into(),
    };
    let checked = evaluator.check(definition());
    let opened = evaluator.open(definition());
    let values = |key: &str| match expected.property(key) {
        None => "{}".to_owned(),
        Some(value) if value.data == Data::Null => "{}".to_owned(),
        Some(value) => text(value, Secrets::Revealed),
    };
    let shown = |evaluation: &Evaluation, secrets| text(&evaluation.environment.values, secrets);
    vec![
        (
            "checkJson",
            values("checkJson"),
            shown(&checked, Secrets::Redacted),
        ),
        (
            "evalJsonRedacted",
            values("evalJsonRedacted"),
            shown(&opened, Secrets::Redacted),
        ),
        (
            "evalJSONRevealed",
            values("evalJSONRevealed"),
            shown(&opened, Secrets::Revealed),
        ),
        (
            "checkDiags",
            wanted(&expected, "checkDiags"),
            found(&checked.diagnostics),
        ),
        (
            "evalDiags",
            wanted(&expected, "evalDiags"),
            found(&opened.diagnostics),
        ),
    ]
}

fn text(value: &Value, secrets: Secrets) -> String {
    let text = json::compact(value, secrets);
    text.as_str().unwrap().to_owned()
}

/// The diagnostics of reading and of `section`, one a line, sorted.
fn wanted(expected: &Value, section: &str) -> String {
    let mut lines = Vec::new();
    for section in ["loadDiags", section] {
        let Some(Data::Array(diagnostics)) = expected.property(section).map(|it| &it.data) else {
            continue;
        };
        for diagnostic in diagnostics {
            let number = |value: &Value, key| match value.property(key).map(|it| &it.data) {
                Some(Data::Number(number)) => number.as_str().to_owned(),
                _ => String::new(),
            };
            let string = |value: &Value, key| {
                let text = value.property(key).and_then(Value::as_str);
                text.unwrap_or_default().to_owned()
            };
            let severity = match number(diagnostic, "Severity").as_str() {
                "1" => "error",
                "2" => "warning",
                other => panic!("severity {other}"),
            };
            let place = match diagnostic.property("Subject") {
                Some(subject) if subject.data != Data::Null => {
                    let start = subject.property("Start").unwrap();
                    let (line, column) = (number(start, "Line"), number(start, "Column"));
                    format!("{}:{line}:{column}", string(subject, "Filename"))
                }
                _ => "-".to_owned(),
            };
            let (summary, path) = (string(diagnostic, "Summary"), string(diagnostic, "Path"));
            lines.push(format!("{severity} {place} {summary} ({path})"));
        }
    }
    lines.sort();
    lines.join("\n       ")
}

fn found(diagnostics: &[Diagnostic]) -> String {
    let mut lines: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| {
            let severity = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let place = match &diagnostic.range {
                Some(range) => format!(
                    "{}:{}:{}",
                    range.environment, range.begin.line, range.begin.column
                ),
                None => "-".to_owned(),
            };
            let path = diagnostic.path.as_deref().unwrap_or_default();
            format!("{severity} {place} {} ({path})", diagnostic.summary)
        })
        .collect();
    lines.sort();
    lines.join("\n       ")
}

/// Imports as the original's tests do: `foo/bar` is `foo/bar.yaml` in the case's folder.
struct Files(PathBuf);

impl Importer for Files {
    fn import(&self, name: &str) -> Result<Definition, Error> {
        let path = self.0.join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).map_err(|_| {
            Error::new(
                Kind::Definition,
                format!("environment \"{name}\" not found"),
            )
        })?;
        Ok(Definition {
            name: name.to_owned(),
            shown_as: path.display().to_string(),
            text: text.into(),
        })
    }
}

/// The providers of the original's tests.
struct HarnessProviders(BTreeMap<&'static str, HarnessProvider>);

impl HarnessProviders {
    /// The schema of the provider `schema` is in the case that uses it.
    fn new(expected: &Value) -> Self {
        let path = "check.exprs.source.builtin.argSchema".parse().unwrap();
        let schema = expected.get(&path).map_or_else(
            || "true".to_owned(),
            |schema| text(schema, Secrets::Revealed),
        );
        let error =
            r#"{"type":"object","properties":{"why":{"type":"string"}},"required":["why"]}"#;
        let provider = |schema: &str, does| HarnessProvider {
            schema: schema.to_owned(),
            does,
        };
        Self(BTreeMap::from([
            ("test", provider("true", Does::Echo)),
            ("error", provider(error, Does::Fail)),
            ("schema", provider(&schema, Does::Echo)),
            ("secret-wrapper", provider("true", Does::EchoAsSecret)),
        ]))
    }
}

impl Providers for HarnessProviders {
    fn provider(&self, name: &str) -> Result<&dyn Provider, Error> {
        let provider = self.0.get(name);
        provider
            .map(|provider| provider as &dyn Provider)
            .ok_or_else(|| Error::new(Kind::Definition, format!("unknown provider \"{name}\"")))
    }
}

struct HarnessProvider {
    schema: String,
    does: Does,
}

enum Does {
    Echo,
    EchoAsSecret,
    Fail,
}

impl Provider for HarnessProvider {
    fn input_schema(&self) -> &str {
        &self.schema
    }

    fn output_schema(&self) -> &str {
        match self.does {
            Does::Fail => "true",
            _ => &self.schema,
        }
    }

    fn open(&self, inputs: &Value) -> Result<Value, Error> {
        let mut value = inputs.clone();
        match self.does {
            Does::Echo => {}
            Does::EchoAsSecret => value.secret = true,
            Does::Fail => {
                let why = inputs.property("why").and_then(Value::as_str);
                return Err(Error::new(Kind::Unavailable, why.unwrap_or_default()));
            }
        }
        Ok(value)
    }
}
