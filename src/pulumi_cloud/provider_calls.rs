//! Finds the calls of `fn::open` in the expressions of an opened environment.
//!
//! The output of aws-login has no expiry (pulumi/esc issue 356), and that of gcp-login may have none, but
//! their inputs have the lifetime, which the API returns with the values (`exprs`).

use std::collections::{BTreeMap, HashSet};
use std::ptr;
use std::time::Duration;

use crate::clock::parse_duration;
use esc::format::json::Selection;
use esc::property_path::Accessor;
use esc::{Data, PropertyPath, Value};

/// The default session duration in the schema of aws-login.
const DEFAULT_DURATION: Duration = Duration::from_hours(2);

/// The default lifetime of tokens in the schema of gcp-login.
const DEFAULT_TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// The part of an expression that is read.
pub(super) static EXPRESSION: Selection = Selection::Entries(&[
    ("base", &EXPRESSION),
    (
        "builtin",
        &Selection::Entries(&[("name", &Selection::All), ("arg", &EXPRESSION)]),
    ),
    ("list", &Selection::Each(&EXPRESSION)),
    ("literal", &Selection::All),
    ("object", &Selection::Each(&EXPRESSION)),
]);

/// The providers that need special treatment.
#[derive(Debug, Eq, PartialEq)]
enum CalledProvider {
    /// `aws-login`.
    AwsLogin {
        /// The session duration; `None` without OIDC, or if the duration is not a literal.
        duration: Option<Duration>,
    },
    /// `gcp-login`.
    GcpLogin {
        /// The lifetime of the token; `None` if the token is an input, or if the lifetime is not a
        /// literal.
        lifetime: Option<Duration>,
    },
    /// `azure-login`.
    AzureLogin,
    /// `oidc`.
    Oidc,
}

/// The calls of providers whose outputs are among the values of an environment.
#[derive(Debug, Default)]
pub(super) struct ProviderCalls<'v> {
    /// The outputs of `aws-login`, with their session durations.
    pub(super) aws_logins: Vec<(&'v Value, Option<Duration>)>,
    /// The outputs of `gcp-login`, with the lifetimes of their tokens.
    pub(super) gcp_logins: Vec<(&'v Value, Option<Duration>)>,
    /// The outputs of `azure-login`.
    pub(super) azure_logins: Vec<&'v Value>,
    /// The path of the output of `oidc`; `None` if there are several.
    pub(super) identity_token: Option<PropertyPath>,
    identity_tokens: usize,
    /// The outputs of all these calls, each of which is at its own address.
    outputs: HashSet<*const Value>,
    /// The path of the current expression.
    path: Vec<Accessor>,
}

/// Finds the calls in `exprs`, in the order of the property names.
pub(super) fn find<'v>(exprs: &Value, values: &'v Value) -> ProviderCalls<'v> {
    let mut calls = ProviderCalls::default();
    if let Data::Object(entries) = &exprs.data {
        calls.visit_entries(entries, values);
    }
    calls
}

impl<'v> ProviderCalls<'v> {
    fn visit_entries(&mut self, expressions: &BTreeMap<String, Value>, values: &'v Value) {
        for (name, expression) in expressions {
            if let Some(value) = values.property(name) {
                self.path.push(Accessor::Name(name.clone()));
                self.visit(expression, value);
                self.path.pop();
            }
        }
    }

    /// Adds the calls in an expression, and in the imported expression that it was merged into.
    fn visit(&mut self, expression: &Value, value: &'v Value) {
        if let Some(call) = expression.property("builtin") {
            if let Some(provider) = called_provider(call) {
                self.add(&provider, value);
            } else if call.property("name").and_then(Value::as_str) == Some("fn::final")
                && let Some(argument) = call.property("arg")
            {
                self.visit(argument, value);
            }
        }
        if let Some(Data::Object(entries)) = expression.property("object").map(|it| &it.data) {
            self.visit_entries(entries, value);
        }
        if let (Some(Data::Array(expressions)), Data::Array(values)) =
            (expression.property("list").map(|it| &it.data), &value.data)
        {
            for (index, (expression, value)) in expressions.iter().zip(values).enumerate() {
                self.path.push(Accessor::Index(index));
                self.visit(expression, value);
                self.path.pop();
            }
        }
        // The call in the importing environment overrides the imported one.
        if let Some(base) = expression.property("base")
            && !self.outputs.contains(&ptr::from_ref(value))
        {
            self.visit(base, value);
        }
    }

    /// Adds a call, unless it is overridden by one that was added before.
    fn add(&mut self, provider: &CalledProvider, output: &'v Value) {
        if !self.outputs.insert(output) {
            return;
        }
        match *provider {
            CalledProvider::AwsLogin { duration } => self.aws_logins.push((output, duration)),
            CalledProvider::GcpLogin { lifetime } => self.gcp_logins.push((output, lifetime)),
            CalledProvider::AzureLogin => self.azure_logins.push(output),
            CalledProvider::Oidc => {
                self.identity_tokens += 1;
                let is_only = self.identity_tokens == 1;
                self.identity_token = is_only.then(|| self.path.iter().cloned().collect());
            }
        }
    }
}

/// The provider that a call opens: `fn::open::NAME` with its inputs or with `{provider, inputs}`, or
/// `fn::open` with `{provider, inputs}`.
fn called_provider(call: &Value) -> Option<CalledProvider> {
    let name = call.property("name")?.as_str()?;
    let argument = call.property("arg")?;
    let long_form = |name: &str| argument.property("object")?.property(name);
    let (provider, inputs) = match name.strip_prefix("fn::open") {
        Some("") => (literal(long_form("provider")?)?, long_form("inputs")?),
        Some(provider) => (
            provider.strip_prefix("::")?,
            match (long_form("provider"), long_form("inputs")) {
                (Some(_), Some(inputs)) => inputs,
                _ => argument,
            },
        ),
        None => return None,
    };
    match provider {
        "aws-login" => Some(CalledProvider::AwsLogin {
            duration: duration(inputs),
        }),
        "gcp-login" => Some(CalledProvider::GcpLogin {
            lifetime: token_lifetime(inputs),
        }),
        "azure-login" => Some(CalledProvider::AzureLogin),
        "oidc" => Some(CalledProvider::Oidc),
        _ => None,
    }
}

fn duration(inputs: &Value) -> Option<Duration> {
    let oidc = inputs.property("object")?.property("oidc")?;
    match oidc.property("object")?.property("duration") {
        None => Some(DEFAULT_DURATION),
        Some(duration) => parse_duration(literal(duration)?),
    }
}

fn token_lifetime(inputs: &Value) -> Option<Duration> {
    let inputs = inputs.property("object")?;
    let login = |name: &str| inputs.property(name)?.property("object");
    let is_issued = |login: &&Value| login.property("serviceAccount").is_some();
    match (login("oidc"), login("accessToken")) {
        (Some(login), _) | (None, Some(login)) => match login.property("tokenLifetime") {
            Some(lifetime) => parse_duration(literal(lifetime)?),
            None => Some(login)
                .filter(is_issued)
                .map(|_| DEFAULT_TOKEN_LIFETIME),
        },
        (None, None) => None,
    }
}

fn literal(expression: &Value) -> Option<&str> {
    expression.property("literal")?.as_str()
}

#[cfg(test)]
mod tests;
