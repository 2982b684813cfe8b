//! Evaluates definitions with the plugin's evaluator and the stand-in's providers, and formats the
//! results as the service does.

use std::collections::BTreeMap;

use encodings::timestamp::Seconds;
use esc::evaluator::{Definition, Evaluation, Evaluator, Importer};
use esc::property_path::Accessor;
use esc::{Data, Diagnostic, Position, PropertyPath, Value};
use esc::{Error, HostResult};
use serde_json::json;

use super::account::Principal;
use super::definitions;
use super::expressions::Expressions;
use super::json::Json;
use super::providers::{OpenContext, Providers};
use super::state::State;

/// A definition to evaluate.
pub(super) struct EvaluationInput<'a> {
    pub(super) organization: &'a str,
    /// Project and name of a stored definition.
    pub(super) stored: Option<(&'a str, &'a str)>,
    pub(super) text: &'a str,
}

impl EvaluationInput<'_> {
    /// The name in diagnostics and ranges.
    pub(super) fn name(&self) -> String {
        self.stored.map_or_else(
            || "<yaml>".to_owned(),
            |(project, name)| definitions::display_name(project, name),
        )
    }

    /// The environment's identifier, for its ciphertexts.
    fn id(&self) -> String {
        self.stored.map_or_else(String::new, |(project, name)| {
            definitions::id(self.organization, project, name)
        })
    }
}

/// How to evaluate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// Open the providers, for a session of this duration in seconds.
    Open {
        duration: Seconds,
        now: Seconds,
    },
    Check {
        show_secrets: bool,
    },
}

/// The result of an evaluation.
pub(super) struct Evaluated {
    pub(super) values: Value,
    /// The diagnostics in the format of the interface.
    pub(super) diagnostics: Vec<serde_json::Value>,
    pub(super) has_errors: bool,
    /// The entries of `esc.Environment`.
    environment: Vec<(String, Json)>,
    functions: BTreeMap<String, usize>,
}

impl Evaluated {
    /// An `esc.Environment`.
    pub(super) fn environment(&self) -> Json {
        Json::Object(self.environment.clone())
    }

    /// The response of a check: an `esc.Environment` with diagnostics and a summary.
    pub(super) fn check(self) -> Json {
        let mut entries = self.environment;
        let diagnostics = self.diagnostics.into_iter().map(Json::from).collect();
        let summary = json!({"funcCounts": self.functions, "rotationPaths": []});
        entries.push(("diagnostics".to_owned(), Json::List(diagnostics)));
        entries.push(("environmentFunctionSummary".to_owned(), summary.into()));
        Json::Object(entries)
    }
}

/// Evaluates a definition for a caller.
pub(super) fn evaluate(
    state: &State,
    principal: &Principal,
    input: &EvaluationInput<'_>,
    mode: Mode,
) -> Evaluated {
    let name = input.name();
    let importer = StoredImporter {
        state,
        principal,
        organization: input.organization,
    };
    let (duration, now) = match mode {
        Mode::Open { duration, now } => (duration, now),
        Mode::Check { .. } => (0, 0),
    };
    let providers = Providers::new(OpenContext {
        organization: input.organization.to_owned(),
        environment: name.clone(),
        is_stored: input.stored.is_some(),
        login: principal.login.clone(),
        token_type: principal.token_type(),
        team: principal.team().map(str::to_owned),
        now,
        sts: state.dependencies.sts.clone(),
        stacks: state.configuration.stacks.clone(),
    });
    let context = context(principal, input.organization, duration);
    let evaluator = Evaluator::new(&importer, &providers).with_context(context.clone());
    let definition = Definition {
        name: name.clone(),
        shown_as: name.clone(),
        text: input.text.to_owned().into(),
    };
    let Evaluation {
        mut environment,
        diagnostics,
        ..
    } = match mode {
        Mode::Open { .. } => evaluator.open(definition),
        Mode::Check { .. } => evaluator.check(definition),
    };
    if let Mode::Check {
        show_secrets: false,
    } = mode
    {
        hide(&mut environment.values);
    }
    let id = input.id();
    let expressions = Expressions::read(&name, &id, input.text);
    let entries = environment_json(&environment.values, context, &name, &expressions);
    Evaluated {
        values: environment.values,
        has_errors: diagnostics.iter().any(Diagnostic::is_error),
        diagnostics: diagnostics.iter().map(diagnostic).collect(),
        environment: entries,
        functions: expressions.functions(),
    }
}

/// The value at a path of the environment, in the format of the interface.
pub(super) fn value_json(
    value: &Value,
    path: &PropertyPath,
    range_of: &dyn Fn(&PropertyPath) -> Json,
) -> Json {
    let flag = |flag: bool| flag.then(|| Json::Raw("true".to_owned()));
    let data = if value.unknown {
        Json::null()
    } else {
        match &value.data {
            Data::Null => Json::null(),
            Data::Bool(value) => Json::Raw(value.to_string()),
            Data::Number(number) => Json::Raw(number.as_str().to_owned()),
            Data::String(text) => Json::text(String::from_utf8_lossy(text.as_bytes())),
            Data::Array(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    value_json(item, &path.join(Accessor::Index(index)), range_of)
                });
                Json::List(items.collect())
            }
            Data::Object(entries) => object_json(entries, path, range_of),
        }
    };
    Json::some([
        ("value", Some(data)),
        ("secret", flag(value.secret)),
        ("unknown", flag(value.unknown)),
        ("trace", Some(Json::object([("def", range_of(path))]))),
    ])
}

fn object_json(
    entries: &BTreeMap<String, Value>,
    path: &PropertyPath,
    range_of: &dyn Fn(&PropertyPath) -> Json,
) -> Json {
    let entries = entries.iter().map(|(name, entry)| {
        let path = path.join(Accessor::Name(name.clone()));
        (name.clone(), value_json(entry, &path, range_of))
    });
    Json::Object(entries.collect())
}

/// The entries `exprs`, `properties`, `schema` and `executionContext`.
fn environment_json(
    values: &Value,
    context: Value,
    name: &str,
    expressions: &Expressions<'_>,
) -> Vec<(String, Json)> {
    let mut context = context;
    if let Data::Object(entries) = &mut context.data {
        for environment in ["currentEnvironment", "rootEnvironment"] {
            let name = BTreeMap::from([("name".to_owned(), Value::from(name))]);
            let name = Value::new(Data::Object(name));
            entries.insert(environment.to_owned(), name);
        }
    }
    let no_range =
        |_: &PropertyPath| super::expressions::range(name, <_>::default(), <_>::default());
    let properties = |value: &Value, range_of: &dyn Fn(&PropertyPath) -> Json| match &value.data {
        Data::Object(entries) => object_json(entries, &PropertyPath::default(), range_of),
        _ => Json::Object(Vec::new()),
    };
    let execution = Json::object([
        ("properties", properties(&context, &no_range)),
        ("schema", schema(&context)),
    ]);
    let exprs = expressions.to_json();
    let range_of = |path: &PropertyPath| expressions.range_of(path);
    let entries = [
        ("exprs", exprs),
        ("properties", properties(values, &range_of)),
        ("schema", schema(values)),
        ("executionContext", execution),
    ];
    entries.map(|(name, value)| (name.to_owned(), value)).into()
}

/// A schema that a value satisfies.
fn schema(value: &Value) -> Json {
    let kind = |kind: &str| Json::object([("type", Json::text(kind))]);
    if value.unknown {
        return Json::Raw("true".to_owned());
    }
    match &value.data {
        Data::Null => kind("null"),
        Data::Bool(_) => kind("boolean"),
        Data::Number(_) => kind("number"),
        Data::String(_) => kind("string"),
        Data::Array(items) => Json::object([
            (
                "prefixItems",
                Json::List(items.iter().map(schema).collect()),
            ),
            ("items", Json::Raw("false".to_owned())),
            ("type", Json::text("array")),
        ]),
        Data::Object(entries) => {
            let properties = entries
                .iter()
                .map(|(name, entry)| (name.clone(), schema(entry)));
            let required = entries.keys().map(Json::text).collect();
            Json::object([
                ("properties", Json::Object(properties.collect())),
                ("type", Json::text("object")),
                ("required", Json::List(required)),
            ])
        }
    }
}

/// The service's `${context}`, without the names of environments.
fn context(principal: &Principal, organization: &str, duration: Seconds) -> Value {
    let object = |entries: Vec<(&str, Value)>| {
        let entries = entries.into_iter();
        Value::new(Data::Object(
            entries
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        ))
    };
    let login = |login: &str| object(vec![("login", Value::from(login))]);
    let mut token = vec![
        ("type", Value::from(principal.token_type())),
        ("name", Value::from(principal.token_name.as_str())),
    ];
    if let Some(team) = principal.team() {
        token.push(("team", Value::from(team)));
    }
    object(vec![(
        "pulumi",
        object(vec![
            ("user", login(&principal.login)),
            ("organization", login(organization)),
            ("token", object(token)),
            ("openDuration", Value::from(go_duration(duration).as_str())),
        ]),
    )])
}

/// A duration in Go's notation, such as `2h0m0s`.
pub(super) fn go_duration(seconds: Seconds) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// Makes secrets unknown, for a check that decrypts nothing.
fn hide(value: &mut Value) {
    if value.secret {
        value.unknown = true;
        value.data = Data::Null;
    }
    match &mut value.data {
        Data::Array(items) => items.iter_mut().for_each(hide),
        Data::Object(entries) => entries.values_mut().for_each(hide),
        _ => {}
    }
}

fn diagnostic(diagnostic: &Diagnostic) -> serde_json::Value {
    let severity = if diagnostic.is_error() {
        "error"
    } else {
        "warning"
    };
    let mut body = json!({"summary": diagnostic.summary, "severity": severity});
    if let Some(range) = &diagnostic.range {
        let position = |position: Position| json!({"line": position.line, "column": position.column, "byte": position.byte});
        body["range"] = json!({
            "environment": &*range.environment,
            "begin": position(range.begin),
            "end": position(range.end),
        });
    }
    if let Some(path) = &diagnostic.path {
        body["path"] = json!(path);
    }
    body
}

/// Imports `[PROJECT/]NAME[@VERSION]` from the same organization.
struct StoredImporter<'a> {
    state: &'a State,
    principal: &'a Principal,
    organization: &'a str,
}

impl Importer for StoredImporter<'_> {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let not_found = || Error::new(format!("environment \"{name}\" not found"));
        let (path, version) = match name.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (name, None),
        };
        let (project, environment) = path.split_once('/').unwrap_or(("default", path));
        let stored = definitions::find(
            self.state,
            self.principal,
            [self.organization, project, environment],
        );
        let stored = stored.map_err(|_| not_found())?;
        let (_, text) = definitions::revision(stored, version).map_err(|_| not_found())?;
        let name = definitions::display_name(project, environment);
        Ok(Definition {
            shown_as: name.clone(),
            name,
            text: text.to_owned().into(),
        })
    }
}
