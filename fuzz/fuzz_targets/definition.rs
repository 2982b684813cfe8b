//! Definitions of any text: checked and evaluated within limits, twice with the same result, and rendered
//! as valid JSON and YAML, without the secrets of an imported environment.

#![no_main]

use esc::evaluator::limits::{Limits, MAXIMUM_DIAGNOSTICS};
use esc::format::{Secrets, json, yaml};
use esc::{
    Decrypter, Definition, Error, Evaluation, Evaluator, HostResult, Importer, Provider, Providers,
    Style, Text, Value,
};
use libfuzzer_sys::fuzz_target;

/// A secret of the environment `other`. Its letter occurs in no message.
const SECRET: &str = "ЖЖЖЖЖЖ";

/// The longest source line in a rendered diagnostic is 160 characters; a message may quote names.
const LONGEST_DIAGNOSTIC: usize = 16_384;

struct Host;

impl Importer for Host {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let text = match name {
            "other" | "default/other" => {
                format!("values: {{a: {{b: [1, {{fn::secret: {SECRET}}}]}}}}")
            }
            "self" | "default/self" => {
                "imports: [self, other]\nvalues: {a: {c: '${a.b}'}}".to_owned()
            }
            _ => return Err(Error::new(format!("environment \"{name}\" not found")).into()),
        };
        Ok(definition(name, text))
    }
}

impl Providers for Host {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        match name {
            "echo" => Ok(self),
            _ => Err(Error::new(format!("unknown provider \"{name}\"")).into()),
        }
    }
}

impl Provider for Host {
    fn input_schema(&self) -> &str {
        r#"{"type": "object", "properties": {
            "need": {"type": "string", "pattern": "^[a-c]*$", "maxLength": 9},
            "secret": {"type": "string", "secret": true},
            "list": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
            "one": {"oneOf": [{"type": "string"}, {"type": "boolean"}]}
        }, "required": ["need"]}"#
    }

    fn output_schema(&self) -> &str {
        "true"
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        Ok(inputs.clone())
    }
}

impl Decrypter for Host {
    fn decrypt(&self, _: &[u8]) -> HostResult<Text> {
        Ok(Text::from(SECRET))
    }
}

fuzz_target!(|text: &str| {
    if text.contains('Ж') {
        return;
    }
    let limits = Limits {
        steps: 100_000,
        text_bytes: 1 << 20,
        ..Limits::default()
    };
    let evaluator = Evaluator::new(&Host, &Host)
        .with_decrypter(&Host)
        .with_limits(limits);
    let definition = || definition("fuzz", text.to_owned());
    let opened = evaluator.open(definition());
    let shown = check(&opened, text);
    assert_eq!(
        check(&evaluator.open(definition()), text),
        shown,
        "the second result differs"
    );
    check(&evaluator.check(definition()), text);
});

fn definition(name: &str, text: String) -> Definition {
    Definition {
        name: name.to_owned(),
        shown_as: format!("{name}.yaml"),
        text: text.into(),
    }
}

/// Checks an evaluation, and returns what a user may see of it.
fn check(evaluation: &Evaluation, text: &str) -> String {
    let Evaluation {
        environment,
        diagnostics,
        sources,
    } = evaluation;
    assert!(diagnostics.len() <= MAXIMUM_DIAGNOSTICS + 1);
    for range in diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.range.as_ref())
    {
        if &*range.environment == "fuzz" {
            assert!(range.begin.byte <= range.end.byte && range.end.byte <= text.len());
            assert!(range.begin.line >= 1 && range.begin.column >= 1);
        }
    }
    let mut shown = String::new();
    for diagnostic in diagnostics {
        let rendered = sources.render(std::slice::from_ref(diagnostic), Style::Plain);
        assert!(
            rendered.len() < LONGEST_DIAGNOSTIC,
            "{} bytes: {rendered}",
            rendered.len()
        );
        shown += &rendered;
    }
    let _ = sources.render(diagnostics, Style::Colored);
    let rendered = sources.render_json(diagnostics);
    serde_json::from_str::<serde_json::Value>(&rendered).unwrap();
    shown += &rendered;

    let values = &environment.values;
    let written = json::compact(values, Secrets::Redacted);
    serde_json::from_slice::<serde_json::Value>(written.as_bytes()).unwrap();
    shown += written.as_str().unwrap();
    let written = yaml::text(
        &values.with_placeholders(Secrets::Redacted),
        yaml::OPEN_INDENT,
    );
    shown += written.as_str().unwrap();
    shown += &format!("{values:?}");
    assert!(!shown.contains('Ж'), "{shown}");
    shown
}
