//! Our evaluator, with the same importer and providers as upstream's program.

use std::collections::BTreeMap;

use esc::Text;
use esc::evaluator::{
    Decrypter, Definition, Evaluation, Evaluator, Importer, Provider, Providers, Rotator,
};
use esc::format::{Secrets, json};
use esc::{self, Data, Severity, Value};
use esc::{Error, HostResult};

use crate::case::{Answer, Case, Diagnostic};

/// Evaluates `case`.
pub fn answer(case: &Case, providers: &SharedProviders) -> Answer {
    let importer = CaseImporter(case);
    let context = json::parse(case.context.to_string().as_bytes(), 64).unwrap();
    let evaluator = Evaluator::new(&importer, providers)
        .with_context(context)
        .with_decrypter(&Rot128)
        .with_secrets_in_checks(case.show_secrets);
    let root = || importer.import(&case.root).unwrap();
    let opened = evaluator.open(root());
    let checked = evaluator.check(root());
    let text = |evaluation: &Evaluation, secrets| {
        let text = json::compact(&evaluation.environment.values, secrets);
        Some(String::from_utf8_lossy(text.as_bytes()).into_owned())
    };
    Answer {
        revealed: text(&opened, Secrets::Revealed),
        redacted: text(&opened, Secrets::Redacted),
        check: text(&checked, Secrets::Redacted),
        load: Vec::new(),
        open: diagnostics(&opened),
        checked: diagnostics(&checked),
        panic: None,
    }
}

fn diagnostics(evaluation: &Evaluation) -> Vec<Diagnostic> {
    let line_and_column = |position: esc::Position| (position.line, position.column);
    let convert = |diagnostic: &esc::Diagnostic| {
        let range = diagnostic.range.as_ref();
        Diagnostic {
            environment: range.map(|range| range.environment.to_string()),
            begin: range.map(|range| line_and_column(range.begin)),
            end: range.map(|range| line_and_column(range.end)),
            severity: match diagnostic.severity {
                Severity::Error => "error".to_owned(),
                Severity::Warning => "warning".to_owned(),
            },
            summary: diagnostic.summary.clone(),
            path: diagnostic.path.clone().unwrap_or_default(),
        }
    };
    evaluation.diagnostics.iter().map(convert).collect()
}

/// Imports the definitions of a case by name.
struct CaseImporter<'a>(&'a Case);

impl Importer for CaseImporter<'_> {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let text = self
            .0
            .environments
            .get(name)
            .ok_or_else(|| Error::new(format!("environment \"{name}\" not found")))?;
        Ok(Definition {
            name: name.to_owned(),
            shown_as: name.to_owned(),
            text: text.clone().into(),
        })
    }
}

/// Decrypts by adding 128 to each byte, like upstream's tests.
struct Rot128;

impl Decrypter for Rot128 {
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text> {
        let plain: Vec<u8> = ciphertext
            .iter()
            .map(|byte| byte.wrapping_add(128))
            .collect();
        Ok(Text::from(plain))
    }
}

/// The providers and rotators of `upstream/providers.json`.
pub struct SharedProviders {
    providers: BTreeMap<String, SharedProvider>,
    rotators: BTreeMap<String, SharedRotator>,
}

struct SharedProvider {
    inputs: String,
    outputs: String,
    behavior: Behavior,
}

enum Behavior {
    Echo,
    EchoAsSecret,
    Fail,
    Answer(Value),
}

struct SharedRotator {
    name: String,
    inputs: String,
    state: String,
    outputs: String,
}

impl SharedProviders {
    pub fn load() -> Self {
        let all = json::parse(include_bytes!("../upstream/providers.json"), 64).unwrap();
        let parts = |key: &str| match &all.property(key).unwrap().data {
            Data::Object(parts) => parts.clone(),
            _ => unreachable!("providers.json: {key} is not an object"),
        };
        let provider =
            |(name, description): (String, Value)| (name, SharedProvider::new(&description));
        let rotator = |(name, description): (String, Value)| {
            let rotator = SharedRotator {
                name: name.clone(),
                inputs: schema(&description, "inputs"),
                state: schema(&description, "state"),
                outputs: schema(&description, "outputs"),
            };
            (name, rotator)
        };
        Self {
            providers: parts("providers").into_iter().map(provider).collect(),
            rotators: parts("rotators").into_iter().map(rotator).collect(),
        }
    }
}

/// The schema at `key`, which may be the name of another key with the same schema.
fn schema(description: &Value, key: &str) -> String {
    let part = description.property(key).unwrap();
    let part = match part.as_str() {
        Some(other) => description.property(other).unwrap(),
        None => part,
    };
    let text = json::compact(part, Secrets::Revealed);
    text.as_str().unwrap().to_owned()
}

impl SharedProvider {
    fn new(description: &Value) -> Self {
        let behavior = match description.property("does").and_then(Value::as_str) {
            Some("echo") => Behavior::Echo,
            Some("echoAsSecret") => Behavior::EchoAsSecret,
            Some("fail") => Behavior::Fail,
            Some("answer") => Behavior::Answer(secret_answer(description)),
            other => unreachable!("providers.json: unknown behavior {other:?}"),
        };
        Self {
            inputs: schema(description, "inputs"),
            outputs: schema(description, "outputs"),
            behavior,
        }
    }
}

fn secret_answer(description: &Value) -> Value {
    let mut answer = description.property("answer").unwrap().clone();
    let secrets = &description.property("secrets").unwrap().data;
    if let (Data::Object(entries), Data::Array(secrets)) = (&mut answer.data, secrets) {
        for name in secrets {
            entries.get_mut(name.as_str().unwrap()).unwrap().secret = true;
        }
    }
    answer
}

impl Providers for SharedProviders {
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

impl Provider for SharedProvider {
    fn input_schema(&self) -> &str {
        &self.inputs
    }

    fn output_schema(&self) -> &str {
        &self.outputs
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        let mut value = inputs.clone();
        match &self.behavior {
            Behavior::Echo => {}
            Behavior::EchoAsSecret => value.secret = true,
            Behavior::Fail => {
                let why = match inputs.property("why").map(|why| &why.data) {
                    Some(Data::String(text)) => text.as_bytes(),
                    _ => &[],
                };
                let message = format!("the provider fails: {}", with_replacements(why));
                return Err(Error::new(message).into());
            }
            Behavior::Answer(answer) => return Ok(answer.clone()),
        }
        Ok(value)
    }
}

/// Text in which, as in Go's JSON, each byte that is not UTF-8 is replaced.
fn with_replacements(text: &[u8]) -> String {
    let chunks = text.utf8_chunks();
    let replaced =
        chunks.map(|chunk| chunk.valid().to_owned() + &"\u{FFFD}".repeat(chunk.invalid().len()));
    replaced.collect()
}

impl Rotator for SharedRotator {
    fn input_schema(&self) -> &str {
        &self.inputs
    }

    fn state_schema(&self) -> &str {
        &self.state
    }

    fn output_schema(&self) -> &str {
        &self.outputs
    }

    /// Returns the state. `echo` rejects a next value outside of a rotation.
    fn open(&self, inputs: &Value, state: Option<&Value>) -> HostResult<Value> {
        let next = inputs.property("next").filter(|next| !next.unknown);
        let current = state.and_then(|state| state.property("current"));
        if let Some(next) = next
            && self.name == "echo"
            && current.is_none_or(|current| current.data != next.data)
        {
            let message = "the next value was computed outside of a rotation";
            return Err(Error::new(message).into());
        }
        let empty = || Value::new(Data::Object(BTreeMap::new()));
        Ok(state.cloned().unwrap_or_else(empty))
    }
}
