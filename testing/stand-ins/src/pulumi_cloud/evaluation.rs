//! What a definition gives: the library's evaluator with the stand-in's providers, and the answer in
//! the service's form.

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
use super::providers::{Providers, World};
use super::state::State;

/// A definition to evaluate.
pub(super) struct Subject<'a> {
    pub(super) organization: &'a str,
    /// Project and name; none for a definition that is not stored.
    pub(super) stored: Option<(&'a str, &'a str)>,
    pub(super) text: &'a str,
}

impl Subject<'_> {
    /// What the evaluator calls it.
    pub(super) fn name(&self) -> String {
        self.stored.map_or_else(
            || "<yaml>".to_owned(),
            |(project, name)| definitions::display_name(project, name),
        )
    }

    /// The identifier to which its secrets are bound.
    fn id(&self) -> String {
        self.stored.map_or_else(String::new, |(project, name)| {
            definitions::id(self.organization, project, name)
        })
    }
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// Open the providers, for a session of so many seconds.
    Open {
        duration: Seconds,
        now: Seconds,
    },
    Check {
        show_secrets: bool,
    },
}

/// What came of it.
pub(super) struct Evaluated {
    pub(super) values: Value,
    /// In the form of the interface.
    pub(super) diagnostics: Vec<serde_json::Value>,
    pub(super) has_errors: bool,
    /// `esc.Environment` without its braces.
    environment: Vec<(String, Json)>,
    functions: BTreeMap<String, usize>,
}

impl Evaluated {
    /// `esc.Environment`.
    pub(super) fn environment(&self) -> Json {
        Json::Object(self.environment.clone())
    }

    /// `esc.Environment` with diagnostics and a summary, as a check answers.
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
    subject: &Subject<'_>,
    mode: Mode,
) -> Evaluated {
    let name = subject.name();
    let importer = Stored {
        state,
        principal,
        organization: subject.organization,
    };
    let (duration, now) = match mode {
        Mode::Open { duration, now } => (duration, now),
        Mode::Check { .. } => (0, 0),
    };
    let providers = Providers::new(World {
        organization: subject.organization.to_owned(),
        environment: name.clone(),
        is_stored: subject.stored.is_some(),
        login: principal.login.clone(),
        token_type: principal.token_type(),
        team: principal.team().map(str::to_owned),
        now,
        sts: state.surroundings.sts.clone(),
        stacks: state.configuration.stacks.clone(),
    });
    let context = context(principal, subject.organization, duration);
    let evaluator = Evaluator::new(&importer, &providers).with_context(context.clone());
    let definition = Definition {
        name: name.clone(),
        shown_as: name.clone(),
        text: subject.text.to_owned().into(),
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
    let id = subject.id();
    let expressions = Expressions::read(&name, &id, subject.text);
    let entries = environment_json(&environment.values, context, &name, &expressions);
    Evaluated {
        values: environment.values,
        has_errors: diagnostics.iter().any(Diagnostic::is_error),
        diagnostics: diagnostics.iter().map(diagnostic).collect(),
        environment: entries,
        functions: expressions.functions(),
    }
}

/// A value in the form of the interface, as it stands at a path of the environment.
pub(super) fn value_json(
    value: &Value,
    path: &PropertyPath,
    place: &dyn Fn(&PropertyPath) -> Json,
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
                    value_json(item, &path.join(Accessor::Index(index)), place)
                });
                Json::List(items.collect())
            }
            Data::Object(entries) => object_json(entries, path, place),
        }
    };
    Json::some([
        ("value", Some(data)),
        ("secret", flag(value.secret)),
        ("unknown", flag(value.unknown)),
        ("trace", Some(Json::object([("def", place(path))]))),
    ])
}

fn object_json(
    entries: &BTreeMap<String, Value>,
    path: &PropertyPath,
    place: &dyn Fn(&PropertyPath) -> Json,
) -> Json {
    let entries = entries.iter().map(|(name, entry)| {
        let path = path.join(Accessor::Name(name.clone()));
        (name.clone(), value_json(entry, &path, place))
    });
    Json::Object(entries.collect())
}

/// `exprs`, `properties`, `schema` and `executionContext`; nothing for an empty environment.
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
    let nowhere =
        |_: &PropertyPath| super::expressions::range(name, <_>::default(), <_>::default());
    let properties = |value: &Value, place: &dyn Fn(&PropertyPath) -> Json| match &value.data {
        Data::Object(entries) => object_json(entries, &PropertyPath::default(), place),
        _ => Json::Object(Vec::new()),
    };
    let execution = Json::object([
        ("properties", properties(&context, &nowhere)),
        ("schema", schema(&context)),
    ]);
    let exprs = expressions.to_json();
    let place = |path: &PropertyPath| expressions.place(path);
    let entries = [
        ("exprs", exprs),
        ("properties", properties(values, &place)),
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

/// What `${context}` has in the service, beside the environments' names.
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

/// A duration as Go writes it: `2h0m0s`.
pub(super) fn go_duration(seconds: Seconds) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// A check that shows no secrets does not decrypt them: they are unknown.
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
    let mut shown = json!({"summary": diagnostic.summary, "severity": severity});
    if let Some(range) = &diagnostic.range {
        let place = |at: Position| json!({"line": at.line, "column": at.column, "byte": at.byte});
        shown["range"] = json!({
            "environment": &*range.environment,
            "begin": place(range.begin),
            "end": place(range.end),
        });
    }
    if let Some(path) = &diagnostic.path {
        shown["path"] = json!(path);
    }
    shown
}

/// Imports: `[PROJECT/]NAME[@VERSION]` of the same organization.
struct Stored<'a> {
    state: &'a State,
    principal: &'a Principal,
    organization: &'a str,
}

impl Importer for Stored<'_> {
    fn import(&self, name: &str) -> HostResult<Definition> {
        let absent = || Error::new(format!("environment \"{name}\" not found"));
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
        let stored = stored.map_err(|_| absent())?;
        let (_, text) = definitions::revision(stored, version).map_err(|_| absent())?;
        let name = definitions::display_name(project, environment);
        Ok(Definition {
            shown_as: name.clone(),
            name,
            text: text.to_owned().into(),
        })
    }
}
