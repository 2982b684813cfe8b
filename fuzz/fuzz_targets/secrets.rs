//! Definitions with secrets: no character of an `fn::secret` survives in any output, whatever is computed
//! from it, and whatever is wrong with the definition.

#![no_main]

use arbitrary::Arbitrary;
use esc::evaluator::limits::Limits;
use esc::format::{Secrets, json, string, variables, yaml};
use esc::{
    Definition, Error, Evaluation, Evaluator, HostResult, Importer, Provider, Providers, Style,
    Value,
};
use esc_yaml::{Node, NodeKind};
use libfuzzer_sys::fuzz_target;

/// The letter of all secrets. No message and no other text contains it.
const LETTER: char = 'Ж';

/// The letter in UTF-8 and base64, at each alignment, and as an escape sequence.
const ENCODED: [&str; 4] = ["0JbQ", "W0Jb", "Q1tCW", "u0416"];

#[derive(Arbitrary, Debug)]
struct Input {
    entries: Vec<(Name, Expression)>,
    other: Vec<(Name, Expression)>,
    is_block: bool,
    /// Characters to insert, and where.
    insertions: Vec<(u16, u8)>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Name {
    A,
    B,
    C,
    EnvironmentVariables,
    Files,
    Password,
    Dotted,
}

#[derive(Arbitrary, Debug)]
enum Expression {
    Null,
    Bool(bool),
    Number(i16),
    Text(u8),
    Secret(Secret),
    Reference(Vec<Step>),
    Interpolation(Vec<Step>, Vec<Step>),
    List(Vec<Expression>),
    Map(Vec<(Name, Expression)>),
    Call(Function, Box<Expression>),
    Join(Box<Expression>, Vec<Expression>),
    Split(Box<Expression>, Box<Expression>),
    Validate(u8, Box<Expression>),
    Open(u8, Box<Expression>),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Secret {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Json,
    Base64,
    Lines,
    List,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Name(Name),
    Index(u8),
    Import,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Function {
    Concat,
    Final,
    FromBase64,
    FromJson,
    FromYaml,
    ToBase64,
    ToJson,
    ToString,
    ToYaml,
    Secret,
    Rotate,
    Unknown,
}

fuzz_target!(|input: Input| {
    let text = document(&input.entries, input.is_block, "imports: [other]\n");
    let host = Host {
        other: document(&input.other, !input.is_block, ""),
    };
    let text = insert(&text, &input.insertions);
    let limits = Limits {
        steps: 20_000,
        text_bytes: 1 << 18,
        ..Limits::default()
    };
    let evaluator = Evaluator::new(&host, &host).with_limits(limits);
    let is_secret = is_secret_everywhere(&text) != Some(false);
    for evaluation in [
        evaluator.open(definition("fuzz", &text)),
        evaluator.check(definition("fuzz", &text)),
    ] {
        let shown = diagnostics(&evaluation) + &values(&evaluation.environment);
        let mut forms = ENCODED.iter();
        let is_shown = shown.contains(LETTER) || forms.any(|form| shown.contains(form));
        assert!(
            !is_secret || !is_shown,
            "{text}\n--- other\n{}\n--- shows\n{shown}",
            host.other
        );
    }
});

fn definition(name: &str, text: &str) -> Definition {
    Definition {
        name: name.to_owned(),
        shown_as: format!("{name}.yaml"),
        text: text.to_owned().into(),
    }
}

struct Host {
    other: String,
}

impl Importer for Host {
    fn import(&self, name: &str) -> HostResult<Definition> {
        Ok(definition(name, &self.other))
    }
}

impl Providers for Host {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        match name {
            "echo" => Ok(&Echo),
            "fail" => Ok(&Fail),
            _ => Err(Error::new(format!("unknown provider \"{name}\"")).into()),
        }
    }
}

struct Echo;

impl Provider for Echo {
    fn input_schema(&self) -> &str {
        r#"{"type": "object", "properties": {"a": {"type": "string", "pattern": "^x", "enum": ["x"]},
            "b": {"type": "number"}, "c": {"const": 1}}, "additionalProperties": {"type": "array"}}"#
    }

    fn output_schema(&self) -> &str {
        "true"
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        Ok(inputs.clone())
    }
}

struct Fail;

impl Provider for Fail {
    fn input_schema(&self) -> &str {
        "true"
    }

    fn output_schema(&self) -> &str {
        r#"{"type": "string"}"#
    }

    fn open(&self, _: &Value) -> HostResult<Value> {
        Err(Error::new("it failed").into())
    }
}

fn diagnostics(evaluation: &Evaluation) -> String {
    let (sources, diagnostics) = (&evaluation.sources, &evaluation.diagnostics);
    sources.render(diagnostics, Style::Plain)
        + &sources.render(diagnostics, Style::Colored)
        + &sources.render_json(diagnostics)
        + &format!("{diagnostics:?}")
}

fn values(environment: &esc::Environment) -> String {
    let values = &environment.values;
    let mut texts = vec![
        json::compact(values, Secrets::Redacted),
        json::indented(values, Secrets::Redacted),
        json::detailed(values, Secrets::Redacted),
        yaml::text(
            &values.with_placeholders(Secrets::Redacted),
            yaml::OPEN_INDENT,
        ),
    ];
    texts.extend(string::plain(values, Secrets::Redacted));
    texts.extend(variables::dotenv(environment, Secrets::Redacted));
    texts.extend(variables::shell(environment, Secrets::Redacted));
    let texts = texts
        .iter()
        .map(|text| String::from_utf8_lossy(text.as_bytes()));
    texts.collect::<Vec<_>>().join("\n") + &format!("{environment:?}")
}

/// Whether every secret is the argument of `fn::secret` below `values`: insertions may make it part of
/// another text. `None` if the text is not YAML; then all secrets have to be hidden.
fn is_secret_everywhere(text: &str) -> Option<bool> {
    let root = esc_yaml::parse(text, &esc_yaml::Limits::default()).ok()?;
    Some(root.is_none_or(|root| {
        root.entries().iter().all(|(key, value)| {
            let is_hidden = if key.as_str() == Some("values") {
                is_secret(value)
            } else {
                !holds_secret(value)
            };
            is_hidden && !holds_secret(key)
        })
    }))
}

fn is_secret(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => !holds_secret(node),
        NodeKind::Sequence(items) => items.iter().all(is_secret),
        NodeKind::Mapping(entries) => entries.iter().all(|(key, value)| {
            !holds_secret(key) && (key.as_str() == Some("fn::secret") || is_secret(value))
        }),
    }
}

fn holds_secret(node: &Node) -> bool {
    let is_part =
        |value: &str| value.contains(LETTER) || ENCODED.iter().any(|part| value.contains(part));
    match &node.kind {
        NodeKind::Scalar { value, .. } => is_part(value),
        NodeKind::Alias(name) => is_part(name),
        NodeKind::Sequence(items) => items.iter().any(holds_secret),
        NodeKind::Mapping(entries) => entries
            .iter()
            .any(|(key, value)| holds_secret(key) || holds_secret(value)),
    }
}

/// Inserts characters, but not within the call of `fn::secret`.
fn insert(text: &str, insertions: &[(u16, u8)]) -> String {
    const CALL: &str = "fn::secret: ";
    const CHARACTERS: &[u8] = b"{}[],:&*#!|>'\"%@`?- \n\t$a";
    let mut text = text.to_owned();
    for (at, character) in insertions.iter().take(4) {
        let at = usize::from(*at) % (text.len() + 1);
        let is_in_call = text.match_indices(CALL).any(|(start, _)| {
            let argument = &text[start + CALL.len()..];
            let secret = Secret::ALL.map(Secret::text).into_iter();
            let secret = secret.filter(|secret| argument.starts_with(secret.as_str()));
            let length = secret.map(|secret| secret.len()).max().unwrap_or(0);
            (start + 1..=start + CALL.len() + length).contains(&at)
        });
        if text.is_char_boundary(at) && !is_in_call {
            text.insert(
                at,
                char::from(CHARACTERS[usize::from(*character) % CHARACTERS.len()]),
            );
        }
    }
    text
}

fn document(entries: &[(Name, Expression)], is_block: bool, head: &str) -> String {
    let mut text = head.to_owned();
    if is_block {
        text += "values:\n";
        for (name, expression) in entries.iter().take(8) {
            text += &format!("  {}: ", name.text());
            expression.write(&mut text, 0);
            text.push('\n');
        }
    } else {
        text += "values: ";
        write_map(entries, &mut text, 0);
        text.push('\n');
    }
    text
}

fn write_map(entries: &[(Name, Expression)], text: &mut String, depth: usize) {
    text.push('{');
    for (index, (name, expression)) in entries.iter().take(8).enumerate() {
        *text += if index > 0 { ", " } else { "" };
        *text += &format!("{}: ", name.text());
        expression.write(text, depth + 1);
    }
    text.push('}');
}

fn write_list(items: &[Expression], text: &mut String, depth: usize) {
    text.push('[');
    for (index, item) in items.iter().take(8).enumerate() {
        *text += if index > 0 { ", " } else { "" };
        item.write(text, depth + 1);
    }
    text.push(']');
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::EnvironmentVariables => "environmentVariables",
            Self::Files => "files",
            Self::Password => "password",
            Self::Dotted => "d.e",
        }
    }
}

impl Expression {
    /// Writes the expression in flow style.
    fn write(&self, text: &mut String, depth: usize) {
        if depth > 12 || text.len() > 4_000 {
            *text += "~";
            return;
        }
        match self {
            Self::Null => *text += "null",
            Self::Bool(value) => *text += &value.to_string(),
            Self::Number(number) => *text += &number.to_string(),
            Self::Text(index) => {
                const TEXTS: [&str; 6] = ["x", "''", "'- y'", "\"z\\n\"", "'{\"a\": 1}'", "eA=="];
                *text += TEXTS[usize::from(*index) % TEXTS.len()];
            }
            Self::Secret(secret) => {
                *text += "{fn::secret: ";
                *text += &secret.text();
                *text += "}";
            }
            Self::Reference(steps) => *text += &format!("'{}'", access(steps)),
            Self::Interpolation(one, two) => {
                *text += &format!("'x {} y {}'", access(one), access(two));
            }
            Self::List(items) => write_list(items, text, depth),
            Self::Map(entries) => write_map(entries, text, depth),
            Self::Call(function, argument) => {
                *text += &format!("{{fn::{}: ", function.text());
                argument.write(text, depth + 1);
                *text += "}";
            }
            Self::Join(separator, items) => {
                *text += "{fn::join: [";
                separator.write(text, depth + 1);
                *text += ", ";
                write_list(items, text, depth);
                *text += "]}";
            }
            Self::Split(separator, whole) => {
                *text += "{fn::split: [";
                separator.write(text, depth + 1);
                *text += ", ";
                whole.write(text, depth + 1);
                *text += "]}";
            }
            Self::Validate(index, value) => {
                const SCHEMAS: [&str; 5] = [
                    "{type: string}",
                    "{type: object, required: [a], properties: {a: {type: number}}}",
                    "{type: array, items: {enum: [x, y]}}",
                    "{const: {a: 1}}",
                    "{anyOf: [{type: string, minLength: 40}, {type: 'null'}]}",
                ];
                let schema = SCHEMAS[usize::from(*index) % SCHEMAS.len()];
                *text += &format!("{{fn::validate: {{schema: {schema}, value: ");
                value.write(text, depth + 1);
                *text += "}}";
            }
            Self::Open(index, inputs) => {
                const PROVIDERS: [&str; 4] =
                    ["open::echo", "open::fail", "open::ecko", "opn::echo"];
                *text += &format!(
                    "{{fn::{}: ",
                    PROVIDERS[usize::from(*index) % PROVIDERS.len()]
                );
                inputs.write(text, depth + 1);
                *text += "}";
            }
        }
    }
}

fn access(steps: &[Step]) -> String {
    let mut text = "${".to_owned();
    for (index, step) in steps.iter().take(4).enumerate() {
        let dot = if index > 0 { "." } else { "" };
        text += &match step {
            Step::Name(name @ Name::Dotted) => format!("[\"{}\"]", name.text()),
            Step::Name(name) => format!("{dot}{}", name.text()),
            Step::Index(at) => format!("[{}]", at % 4),
            Step::Import => format!("{dot}imports.other"),
        };
    }
    text + "}"
}

impl Secret {
    const ALL: [Self; 7] = [
        Self::Plain,
        Self::SingleQuoted,
        Self::DoubleQuoted,
        Self::Json,
        Self::Base64,
        Self::Lines,
        Self::List,
    ];

    fn text(self) -> String {
        let letters = LETTER.to_string().repeat(6);
        match self {
            Self::Plain => letters,
            Self::SingleQuoted => format!("'{letters} {letters}'"),
            Self::DoubleQuoted => format!("\"{letters}\\n{letters}\""),
            Self::Json => {
                format!("'{{\"{letters}\": [\"{letters}\", \"{letters}\"], \"a\": \"{letters}\"}}'")
            }
            Self::Base64 => "0JbQltCW0JbQltCW".to_owned(),
            Self::Lines => format!("\"{letters}\n  {letters}\""),
            Self::List => format!("[{letters}, [{letters}]]"),
        }
    }
}

impl Function {
    fn text(self) -> &'static str {
        match self {
            Self::Concat => "concat",
            Self::Final => "final",
            Self::FromBase64 => "fromBase64",
            Self::FromJson => "fromJSON",
            Self::FromYaml => "fromYAML",
            Self::ToBase64 => "toBase64",
            Self::ToJson => "toJSON",
            Self::ToString => "toString",
            Self::ToYaml => "toYAML",
            Self::Secret => "secret",
            Self::Rotate => "rotate::echo",
            Self::Unknown => "fromJSN",
        }
    }
}
