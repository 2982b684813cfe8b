//! Our evaluator, with the importer and the providers that upstream is given.

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
    let importer = Texts(case);
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
    let place = |at: esc::Position| (at.line, at.column);
    let convert = |found: &esc::Diagnostic| Diagnostic {
        environment: found.range.as_ref().map(|at| at.environment.to_string()),
        begin: found.range.as_ref().map(|at| place(at.begin)),
        end: found.range.as_ref().map(|at| place(at.end)),
        severity: match found.severity {
            Severity::Error => "error".to_owned(),
            Severity::Warning => "warning".to_owned(),
        },
        summary: found.summary.clone(),
        path: found.path.clone().unwrap_or_default(),
    };
    evaluation.diagnostics.iter().map(convert).collect()
}

/// Imports by name out of the case.
struct Texts<'a>(&'a Case);

impl Importer for Texts<'_> {
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

/// Turns ciphertext into plain text by adding 128 to each byte.
struct Rot128;

impl Decrypter for Rot128 {
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text> {
        let plain: Vec<u8> = ciphertext.iter().map(|it| it.wrapping_add(128)).collect();
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
    does: Does,
}

enum Does {
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
            _ => unreachable!("providers.json: {key} is no object"),
        };
        let provider = |(name, it): (String, Value)| (name, SharedProvider::new(&it));
        let rotator = |(name, it): (String, Value)| {
            let rotator = SharedRotator {
                name: name.clone(),
                inputs: schema(&it, "inputs"),
                state: schema(&it, "state"),
                outputs: schema(&it, "outputs"),
            };
            (name, rotator)
        };
        Self {
            providers: parts("providers").into_iter().map(provider).collect(),
            rotators: parts("rotators").into_iter().map(rotator).collect(),
        }
    }
}

/// The schema that `description` has as `key`; it may name another that is the same.
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
        let does = match description.property("does").and_then(Value::as_str) {
            Some("echo") => Does::Echo,
            Some("echoAsSecret") => Does::EchoAsSecret,
            Some("fail") => Does::Fail,
            Some("answer") => Does::Answer(secret_answer(description)),
            other => unreachable!("providers.json: nothing is called {other:?}"),
        };
        Self {
            inputs: schema(description, "inputs"),
            outputs: schema(description, "outputs"),
            does,
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
        match &self.does {
            Does::Echo => {}
            Does::EchoAsSecret => value.secret = true,
            Does::Fail => {
                let why = inputs.property("why").and_then(Value::as_str);
                let message = format!("the provider fails: {}", why.unwrap_or_default());
                return Err(Error::new(message).into());
            }
            Does::Answer(answer) => return Ok(answer.clone()),
        }
        Ok(value)
    }
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

    /// Gives the state back. `echo` refuses to be given its next value outside of a rotation.
    fn open(&self, inputs: &Value, state: Option<&Value>) -> HostResult<Value> {
        let next = inputs.property("next").filter(|it| !it.unknown);
        let current = state.and_then(|state| state.property("current"));
        if let Some(next) = next
            && self.name == "echo"
            && current.is_none_or(|current| current.data != next.data)
        {
            let message = "the next value was computed outside of a rotation";
            return Err(Error::new(message).into());
        }
        let nothing = || Value::new(Data::Object(BTreeMap::new()));
        Ok(state.cloned().unwrap_or_else(nothing))
    }
}
