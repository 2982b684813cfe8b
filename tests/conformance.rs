//! Evaluates the test cases of ESC's evaluator, and compares values and diagnostics.
//!
//! The cases are not part of this repository. They are read from the folder that
//! `ESC_EVAL_CASES` names, else from `../shared/esc-eval-cases`. Each case is a test. Where
//! the cases are missing, the run reports one ignored test that gives the reason, or fails if
//! `KUBECTL_ESC_REQUIRE` contains `conformance`.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a case that cannot be read fails the test"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use esc::evaluator::{
    Decrypter, Definition, Evaluation, Evaluator, Importer, Provider, Providers, Rotator,
};
use esc::format::{Secrets, json};
use esc::{Data, Diagnostic, Severity, Value};
use esc::{Error, HostResult};
use kubectl_esc::host::Host;
use kubectl_esc::secret::Text;
use libtest_mimic::{Arguments, Failed, Trial};

/// Cases whose diagnostics differ from ESC's, with the reason. A case that is listed here and does
/// not differ fails. Values never differ.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "unterminated-array",
    "a YAML syntax error has a position here: where the text stops being YAML",
)];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = match cases_folder() {
        Ok(folder) => trials(&folder),
        Err(reason) => vec![missing_cases(reason)],
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Finds the folder of the cases, or returns how to provide it.
fn cases_folder() -> Result<PathBuf, &'static str> {
    let host = Host::system();
    match host.path_variable("ESC_EVAL_CASES") {
        Some(folder) if folder.is_dir() => Ok(folder),
        Some(_) => panic!("ESC_EVAL_CASES is not a folder"),
        None => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/esc-eval-cases");
            folder
                .is_dir()
                .then_some(folder)
                .ok_or("set ESC_EVAL_CASES to the folder of the cases")
        }
    }
}

/// Returns a trial for each case.
fn trials(folder: &Path) -> Vec<Trial> {
    let cases = fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> = cases
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expected.json").is_file())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    let trial = |case: PathBuf| {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        Trial::test(name.clone(), move || compare(&case, &name))
    };
    cases.into_iter().map(trial).collect()
}

/// Returns a trial that is ignored, or that fails where the cases are required.
fn missing_cases(reason: &'static str) -> Trial {
    let required = Host::system().variable_if_set("KUBECTL_ESC_REQUIRE");
    let required = required.ok().flatten().unwrap_or_default();
    let is_required = required.contains("conformance");
    Trial::test(format!("the cases are missing: {reason}"), move || {
        Err(format!(
            "the cases are missing, and KUBECTL_ESC_REQUIRE contains `conformance`: {reason}"
        )
        .into())
    })
    .with_ignored_flag(!is_required)
}

/// Compares each section of a case.
fn compare(case: &Path, name: &str) -> Result<(), Failed> {
    let mut report = String::new();
    for (section, expected, actual) in sections(case, name) {
        let is_exception = EXCEPTIONS
            .iter()
            .any(|(case, _)| *case == name && section.contains("Diags"));
        match (expected == actual, is_exception) {
            (true, false) | (false, true) => {}
            (true, true) => writeln!(report, "{section}: equal; remove it from EXCEPTIONS")?,
            (false, false) => {
                writeln!(
                    report,
                    "{section}:\n  expected {expected}\n  actual   {actual}"
                )?;
            }
        }
    }
    if report.is_empty() {
        Ok(())
    } else {
        Err(report.into())
    }
}

/// Returns the name of each section of a case, the expected text and the actual one.
fn sections(case: &Path, name: &str) -> Vec<(&'static str, String, String)> {
    let expected = fs::read(case.join("expected.json")).unwrap();
    let expected = json::parse(&expected, 1_000).unwrap();
    let overrides = fs::read(case.join("overrides.json")).unwrap_or_else(|_| b"{}".to_vec());
    let overrides = json::parse(&overrides, 8).unwrap();
    let root = overrides
        .property("rootEnvironment")
        .and_then(Value::as_str)
        .unwrap_or(name);
    let shows_secrets = overrides
        .property("showSecrets")
        .is_some_and(|value| value.data == Data::Bool(true));
    let importer = CaseImporter(case.to_owned());
    let providers = HarnessProviders::new();
    let context = json::parse(br#"{"pulumi":{"user":{"id":"USER_123"}}}"#, 8).unwrap();
    let evaluator = Evaluator::new(&importer, &providers)
        .with_decrypter(&Rot128)
        .with_secrets_in_checks(shows_secrets)
        .with_context(context);
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
    let mut sections = vec![
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
    ];
    for (key, names, evaluation) in [
        ("checkDiags", ["checkDiags", "checkDiags ends"], &checked),
        ("evalDiags", ["evalDiags", "evalDiags ends"], &opened),
    ] {
        for (name, bound) in names.into_iter().zip([Bound::Start, Bound::End]) {
            sections.push((
                name,
                expected_diagnostics(&expected, key, bound),
                actual_diagnostics(&evaluation.diagnostics, bound),
            ));
        }
    }
    sections
}

/// The end of the source range that is compared.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Bound {
    Start,
    End,
}

fn text(value: &Value, secrets: Secrets) -> String {
    let text = json::compact(value, secrets);
    text.as_str().unwrap().to_owned()
}

/// Returns the diagnostics of parsing and of `section`, one on each line, sorted.
fn expected_diagnostics(expected: &Value, section: &str, bound: Bound) -> String {
    let mut lines = Vec::new();
    for section in ["loadDiags", section] {
        let Some(Data::Array(diagnostics)) = expected.property(section).map(|list| &list.data)
        else {
            continue;
        };
        for diagnostic in diagnostics {
            let number = |value: &Value, key| match value.property(key).map(|number| &number.data) {
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
            let position = match diagnostic.property("Subject") {
                Some(subject) if subject.data != Data::Null => {
                    let key = match bound {
                        Bound::Start => "Start",
                        Bound::End => "End",
                    };
                    let position = subject.property(key).unwrap();
                    let (line, column) = (number(position, "Line"), number(position, "Column"));
                    format!("{}:{line}:{column}", string(subject, "Filename"))
                }
                _ => "-".to_owned(),
            };
            let (summary, path) = (string(diagnostic, "Summary"), string(diagnostic, "Path"));
            lines.push(format!("{severity} {position} {summary} ({path})"));
        }
    }
    lines.sort();
    lines.join("\n       ")
}

fn actual_diagnostics(diagnostics: &[Diagnostic], bound: Bound) -> String {
    let mut lines: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| {
            let severity = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let position = match &diagnostic.range {
                Some(range) => {
                    let position = match bound {
                        Bound::Start => range.begin,
                        Bound::End => range.end,
                    };
                    format!(
                        "{}:{}:{}",
                        range.environment, position.line, position.column
                    )
                }
                None => "-".to_owned(),
            };
            let path = diagnostic.path.as_deref().unwrap_or_default();
            format!("{severity} {position} {} ({path})", diagnostic.summary)
        })
        .collect();
    lines.sort();
    lines.join("\n       ")
}

/// Imports as ESC's tests do: `foo/bar` is `foo/bar.yaml` in the case's folder.
struct CaseImporter(PathBuf);

impl Importer for CaseImporter {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let path = self.0.join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path)
            .map_err(|_| Error::new(format!("environment \"{name}\" not found")))?;
        Ok(Definition {
            name: name.to_owned(),
            shown_as: path.display().to_string(),
            text: text.into(),
        })
    }
}

/// The cipher of ESC's tests, which flips the high bit of each byte.
struct Rot128;

impl Decrypter for Rot128 {
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text> {
        let bytes: Vec<u8> = ciphertext.iter().map(|byte| byte ^ 128).collect();
        Ok(bytes.into())
    }
}

/// The providers and rotators of ESC's tests.
struct HarnessProviders {
    providers: BTreeMap<&'static str, HarnessProvider>,
    rotators: BTreeMap<&'static str, HarnessRotator>,
}

impl HarnessProviders {
    fn new() -> Self {
        let provider = |schema, behavior| HarnessProvider { schema, behavior };
        let error =
            r#"{"type":"object","properties":{"why":{"type":"string"}},"required":["why"]}"#;
        let providers = BTreeMap::from([
            ("test", provider("true", ProviderBehavior::Echo)),
            ("error", provider(error, ProviderBehavior::Fail)),
            ("schema", provider(EVERY_KEYWORD, ProviderBehavior::Echo)),
            (
                "secret-wrapper",
                provider("true", ProviderBehavior::EchoAsSecret),
            ),
        ]);
        let rotators = BTreeMap::from([
            (
                "swap",
                HarnessRotator {
                    inputs: "true",
                    state: r#"{"type":"object","properties":{"a":{"type":"string"},
                               "b":{"type":"string"}},"required":["a","b"]}"#,
                },
            ),
            (
                "echo",
                HarnessRotator {
                    inputs: r#"{"type":"object","properties":{"next":{"type":"string"}},
                                "required":["next"],"rotateOnly":["next"]}"#,
                    state: r#"{"type":"object","properties":{"current":{"type":"string"},
                               "previous":{"type":"string"}},"required":["current"]}"#,
                },
            ),
        ]);
        Self {
            providers,
            rotators,
        }
    }
}

impl Providers for HarnessProviders {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        let provider = self.providers.get(name);
        provider
            .map(|provider| provider as &dyn Provider)
            .ok_or_else(|| Error::new(format!("unknown provider \"{name}\"")).into())
    }

    fn rotator(&self, name: &str) -> HostResult<&dyn Rotator> {
        let rotator = self.rotators.get(name);
        rotator
            .map(|rotator| rotator as &dyn Rotator)
            .ok_or_else(|| Error::new(format!("unknown rotator \"{name}\"")).into())
    }
}

struct HarnessProvider {
    schema: &'static str,
    behavior: ProviderBehavior,
}

enum ProviderBehavior {
    Echo,
    EchoAsSecret,
    Fail,
}

impl Provider for HarnessProvider {
    fn input_schema(&self) -> &str {
        self.schema
    }

    fn output_schema(&self) -> &str {
        match self.behavior {
            ProviderBehavior::Fail => "true",
            _ => self.schema,
        }
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        let mut value = inputs.clone();
        match self.behavior {
            ProviderBehavior::Echo => {}
            ProviderBehavior::EchoAsSecret => value.secret = true,
            ProviderBehavior::Fail => {
                let why = inputs.property("why").and_then(Value::as_str);
                return Err(Error::new(why.unwrap_or_default()).into());
            }
        }
        Ok(value)
    }
}

/// Returns its state. Fails if its input `next` differs from `current` of the state.
struct HarnessRotator {
    inputs: &'static str,
    state: &'static str,
}

impl Rotator for HarnessRotator {
    fn input_schema(&self) -> &str {
        self.inputs
    }

    fn state_schema(&self) -> &str {
        self.state
    }

    fn output_schema(&self) -> &str {
        self.state
    }

    fn open(&self, inputs: &Value, state: Option<&Value>) -> HostResult<Value> {
        let next = inputs.property("next").filter(|next| !next.unknown);
        let current = state.and_then(|state| state.property("current"));
        if next.is_some_and(|next| current.is_none_or(|current| next.data != current.data)) {
            let message = "oh no! inputs were evaluated outside of rotation";
            return Err(Error::new(message).into());
        }
        Ok(state.map_or_else(|| Value::new(Data::Object(BTreeMap::new())), Value::clone))
    }
}

/// The inputs and outputs of the provider `schema`: a property for each keyword.
const EVERY_KEYWORD: &str = r##"{
  "type": "object",
  "$defs": {
    "defRecord": {"type": "object", "properties": {"baz": {"type": "string", "const": "qux"}},
                  "required": ["baz"]}
  },
  "properties": {
    "always": true, "never": false,
    "null": {"type": "null"}, "boolean": {"type": "boolean"}, "number": {"type": "number"},
    "string": {"type": "string"}, "array": {"type": "array", "items": true},
    "map": {"type": "object", "additionalProperties": true},
    "true": {"type": "boolean", "const": true}, "false": {"type": "boolean", "const": false},
    "pi": {"type": "number", "const": 3.14}, "hello": {"type": "string", "const": "hello"},
    "const-array": {"type": "array", "const": ["hello", 42]},
    "const-object": {"type": "object", "const": {"hello": "world"}},
    "enum": {"type": "string", "enum": ["foo", "bar"]},
    "anyOf": {"anyOf": [{"type": "string"}, {"type": "number"}]},
    "oneOf": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "ref": {"$ref": "#/$defs/defRecord"},
    "tuple": {"type": "array", "items": false, "prefixItems": [
      {"type": "string", "const": "hello"}, {"type": "string", "const": "world"}]},
    "double": {"type": "array", "items": false,
               "prefixItems": [{"type": "string"}, {"type": "number"}]},
    "triple": {"type": "array", "items": false,
               "prefixItems": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]},
    "multiple": {"type": "number", "multipleOf": 2},
    "minimum": {"type": "number", "minimum": 1}, "maximum": {"type": "number", "maximum": 1},
    "exclusiveMinimum": {"type": "number", "exclusiveMinimum": 1},
    "exclusiveMaximum": {"type": "number", "exclusiveMaximum": 1},
    "minLength": {"type": "string", "minLength": 1}, "maxLength": {"type": "string", "maxLength": 1},
    "pattern": {"type": "string", "pattern": "^foo[0-9]+$"},
    "minItems": {"type": "array", "minItems": 3}, "maxItems": {"type": "array", "maxItems": 2},
    "minProperties": {"type": "object", "minProperties": 1},
    "maxProperties": {"type": "object", "maxProperties": 1},
    "record": {"type": "object", "properties": {"foo": {"type": "string"}}, "required": ["foo"]},
    "dependentReq": {"type": "object", "dependentRequired": {"foo": ["bar"]},
                     "properties": {"foo": {"type": "string"}, "bar": {"type": "number"}}}
  }
}"##;
