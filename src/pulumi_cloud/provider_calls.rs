//! Finds the calls of `fn::open` in the expressions of an opened environment.
//!
//! The output of aws-login has no expiry (pulumi/esc issue 356), but its inputs have the session
//! duration, which the API returns with the values (`exprs`).

use std::time::Duration;

use crate::clock::parse_duration;
use esc::property_path::Accessor;
use esc::{Data, PropertyPath, Value};

/// The default session duration in the schema of aws-login.
const DEFAULT_DURATION: Duration = Duration::from_hours(2);

/// A provider call whose output is the value at `path`.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct ProviderCall {
    pub(super) path: PropertyPath,
    pub(super) provider: CalledProvider,
}

/// The providers that need special treatment.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum CalledProvider {
    /// `aws-login`.
    AwsLogin {
        /// The session duration; `None` without OIDC, or if the duration is not a literal.
        duration: Option<Duration>,
    },
    /// `oidc`.
    Oidc,
}

/// Finds the provider calls in `exprs`, in the order of the property names.
pub(super) fn find(exprs: &Value) -> Vec<ProviderCall> {
    let mut calls = Vec::new();
    if let Data::Object(entries) = &exprs.data {
        for (name, expression) in entries {
            let path = PropertyPath::from_iter([Accessor::Name(name.clone())]);
            walk(expression, &path, &mut calls);
        }
    }
    calls
}

/// Adds the calls in an expression, and in the imported expression that it was merged into.
fn walk(expression: &Value, path: &PropertyPath, calls: &mut Vec<ProviderCall>) {
    if let Some(call) = expression.property("builtin") {
        if let Some(provider) = called_provider(call) {
            calls.push(ProviderCall {
                path: path.clone(),
                provider,
            });
        } else if call.property("name").and_then(Value::as_str) == Some("fn::final")
            && let Some(argument) = call.property("arg")
        {
            walk(argument, path, calls);
        }
    }
    if let Some(Data::Object(entries)) = expression.property("object").map(|object| &object.data) {
        for (name, entry) in entries {
            walk(entry, &path.join(Accessor::Name(name.clone())), calls);
        }
    }
    if let Some(Data::Array(items)) = expression.property("list").map(|list| &list.data) {
        for (index, item) in items.iter().enumerate() {
            walk(item, &path.join(Accessor::Index(index)), calls);
        }
    }
    // The call in the importing environment overrides the imported one.
    if let Some(base) = expression.property("base")
        && !calls.iter().any(|call| call.path == *path)
    {
        walk(base, path, calls);
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

fn literal(expression: &Value) -> Option<&str> {
    expression.property("literal")?.as_str()
}

#[cfg(test)]
mod tests;
