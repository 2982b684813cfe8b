//! Tests of the evaluator through its public API.

mod builtins;
mod hints;
mod hostile;
mod ignored_entries;
mod language;
mod merging;
mod providers;
mod secrets;

use std::collections::BTreeMap;

use crate::error::{Error, HostResult};
use crate::evaluator::limits::Limits;
use crate::evaluator::{
    Definition, Evaluation, Evaluator, Importer, InvalidInput, Provider, Providers, Rotator,
};
use crate::format::{Secrets, json};
use crate::{Data, Diagnostic, Severity, Style, Value};

/// A host with definitions, providers and rotators in memory.
#[derive(Default)]
struct TestHost {
    definitions: BTreeMap<String, String>,
    providers: BTreeMap<&'static str, TestProvider>,
    rotators: BTreeMap<&'static str, TestRotator>,
}

/// A rotator that returns its inputs and its state.
struct TestRotator {
    inputs: &'static str,
    state: &'static str,
}

/// A provider with configurable schemas and results.
struct TestProvider {
    inputs: &'static str,
    outputs: &'static str,
    renamed: &'static [(&'static str, &'static str)],
    explains_mistakes: bool,
    check_inputs: fn(&Value) -> Vec<InvalidInput>,
    open: fn(&Value) -> HostResult<Value>,
}

impl TestHost {
    fn with_definitions(definitions: &[(&str, &str)]) -> Self {
        let definitions = definitions
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self {
            definitions: definitions.collect(),
            ..Self::default()
        }
    }

    fn with_provider(mut self, name: &'static str, provider: TestProvider) -> Self {
        self.providers.insert(name, provider);
        self
    }

    fn with_rotator(mut self, name: &'static str, rotator: TestRotator) -> Self {
        self.rotators.insert(name, rotator);
        self
    }

    fn open(&self, text: &str) -> Evaluation {
        Evaluator::new(self, self).open(root(text))
    }

    fn open_with_limits(&self, limits: Limits, text: &str) -> Evaluation {
        Evaluator::new(self, self)
            .with_limits(limits)
            .open(root(text))
    }

    fn check(&self, text: &str) -> Evaluation {
        Evaluator::new(self, self).check(root(text))
    }
}

fn root(text: &str) -> Definition {
    Definition {
        name: "root".to_owned(),
        shown_as: "./root.yaml".to_owned(),
        text: text.to_owned().into(),
    }
}

impl Importer for TestHost {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let Some(text) = self.definitions.get(name) else {
            let message = format!("environment \"{name}\" not found");
            return Err(Error::new(message).with_hint("look elsewhere").into());
        };
        Ok(Definition {
            name: name.to_owned(),
            shown_as: format!("./{name}.yaml"),
            text: text.clone().into(),
        })
    }
}

impl Providers for TestHost {
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

impl Rotator for TestRotator {
    fn input_schema(&self) -> &str {
        self.inputs
    }

    fn state_schema(&self) -> &str {
        self.state
    }

    fn output_schema(&self) -> &'static str {
        "true"
    }

    fn open(&self, inputs: &Value, state: Option<&Value>) -> HostResult<Value> {
        let no_state = || Value::from("no state");
        Ok(object(&[
            ("inputs", inputs.clone()),
            ("state", state.map_or_else(no_state, Value::clone)),
        ]))
    }
}

impl Provider for TestProvider {
    fn input_schema(&self) -> &str {
        self.inputs
    }

    fn output_schema(&self) -> &str {
        self.outputs
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        (self.open)(inputs)
    }

    fn check_inputs(&self, inputs: &Value) -> Vec<InvalidInput> {
        (self.check_inputs)(inputs)
    }

    fn renamed_output(&self, name: &str) -> Option<&'static str> {
        let renamed = self.renamed.iter().find(|(old, _)| *old == name);
        renamed.map(|(_, current)| *current)
    }

    fn explains_mistakes(&self) -> bool {
        self.explains_mistakes
    }
}

impl TestProvider {
    /// A provider that returns its inputs.
    fn echo(inputs: &'static str, outputs: &'static str) -> Self {
        Self {
            inputs,
            outputs,
            renamed: &[],
            explains_mistakes: false,
            check_inputs: |_| Vec::new(),
            open: |inputs| Ok(inputs.clone()),
        }
    }
}

/// The values as JSON with secrets.
fn revealed(evaluation: &Evaluation) -> String {
    let text = json::compact(&evaluation.environment.values, Secrets::Revealed);
    text.as_str().unwrap().to_owned()
}

/// The values as JSON without secrets.
fn redacted(evaluation: &Evaluation) -> String {
    let text = json::compact(&evaluation.environment.values, Secrets::Redacted);
    text.as_str().unwrap().to_owned()
}

/// Each diagnostic as `severity environment:line:column summary (path)`.
fn diagnostics(evaluation: &Evaluation) -> Vec<String> {
    let lines = evaluation.diagnostics.iter().map(|diagnostic| {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let location = diagnostic.range.as_ref().map_or_else(
            || "-".to_owned(),
            |range| {
                let begin = range.begin;
                format!("{}:{}:{}", range.environment, begin.line, begin.column)
            },
        );
        let path = diagnostic.path.as_deref().unwrap_or("-");
        format!("{severity} {location} {} ({path})", diagnostic.summary)
    });
    lines.collect()
}

/// The diagnostics as they are displayed.
fn rendered(evaluation: &Evaluation) -> String {
    evaluation
        .sources
        .render(&evaluation.diagnostics, Style::Plain)
}

fn object(entries: &[(&str, Value)]) -> Value {
    let entries = entries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    Value::new(Data::Object(entries.collect()))
}
