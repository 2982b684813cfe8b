//! AWS credentials among the values of an opened environment.

use std::collections::BTreeMap;

use crate::aws::credentials::Credentials;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use esc::property_path::Accessor;
use esc::{Data, Environment, PropertyPath, Value};

/// The names under which an object holds credentials: access key id, secret access key, session
/// token.
#[derive(Clone, Copy)]
struct Names {
    access_key_id: &'static [&'static str],
    secret_access_key: &'static str,
    session_token: &'static str,
}

/// The outputs of ESC's provider aws-login. Its older documentation calls the first `keyId`.
const OUTPUTS: Names = Names {
    access_key_id: &["accessKeyId", "keyId"],
    secret_access_key: "secretAccessKey",
    session_token: "sessionToken",
};

/// The variables that every AWS tool reads.
const VARIABLES: Names = Names {
    access_key_id: &["AWS_ACCESS_KEY_ID"],
    secret_access_key: "AWS_SECRET_ACCESS_KEY",
    session_token: "AWS_SESSION_TOKEN",
};

/// Credentials, and where in the environment they stand. Their end is not known here.
#[derive(Clone, Debug)]
pub struct Found {
    /// The credentials.
    pub credentials: Credentials,
    /// Their place.
    pub path: PropertyPath,
}

/// Finds the credentials: those at `path` where one is given; else those in
/// `environmentVariables`; else the only ones among the values. The same key seen in two places
/// counts once.
///
/// Errors are of kind [`Kind::Credentials`]: there are none, there are several, or they are
/// incomplete.
pub fn find(environment: &Environment, path: Option<&PropertyPath>) -> Result<Found> {
    look_up(environment, path)?.ok_or_else(|| {
        Error::new(
            Kind::Credentials,
            "the environment holds no AWS credentials",
        )
        .with_hint("add `fn::open::aws-login` to it, or name their place with `--credentials PATH`")
    })
}

/// The same, but `None` where there are none at all.
pub fn look_up(environment: &Environment, path: Option<&PropertyPath>) -> Result<Option<Found>> {
    if let Some(path) = path {
        return at(environment, path).map(Some);
    }
    let variables = PropertyPath::from_iter([Accessor::Name("environmentVariables".to_owned())]);
    if let Some(Data::Object(entries)) = environment.get(&variables).map(|value| &value.data)
        && let Some(credentials) = read(entries, VARIABLES, &variables)?
    {
        return Ok(Some(Found {
            credentials,
            path: variables,
        }));
    }

    let mut all: Vec<Found> = Vec::new();
    search(
        &environment.values,
        &PropertyPath::default(),
        &mut |path, entries| {
            if let Some(credentials) = read(entries, OUTPUTS, path)? {
                let known = |found: &Found| found.credentials.is_same_key(&credentials);
                if !all.iter().any(known) {
                    all.push(Found {
                        credentials,
                        path: path.clone(),
                    });
                }
            }
            Ok(())
        },
    )?;
    let several = all.len() > 1;
    match all.pop() {
        Some(only) if !several => Ok(Some(only)),
        Some(last) => {
            all.push(last);
            let paths: Vec<_> = all
                .iter()
                .map(|found| format!("`{}`", found.path))
                .collect();
            Err(Error::new(
                Kind::Credentials,
                format!(
                    "the environment holds several AWS credentials: {}",
                    paths.join(", ")
                ),
            )
            .with_hint(
                "name one of them: `--credentials PATH`, or `eks.credentials` in the environment",
            ))
        }
        None => Ok(None),
    }
}

fn at(environment: &Environment, path: &PropertyPath) -> Result<Found> {
    let refused = |problem: &str| {
        Error::new(
            Kind::Credentials,
            format!("`{path}` in the environment {problem}"),
        )
        .with_hint(
            "name an object with `accessKeyId` and `secretAccessKey`, such as the value of \
             `fn::open::aws-login`",
        )
    };
    let value = environment
        .get(path)
        .ok_or_else(|| refused("does not exist"))?;
    let Data::Object(entries) = &value.data else {
        return Err(refused("is not an object"));
    };
    for names in [OUTPUTS, VARIABLES] {
        if let Some(credentials) = read(entries, names, path)? {
            return Ok(Found {
                credentials,
                path: path.clone(),
            });
        }
    }
    Err(refused("holds no AWS credentials"))
}

/// Calls `visit` for every object below `value`, in the order of the names.
fn search(
    value: &Value,
    path: &PropertyPath,
    visit: &mut impl FnMut(&PropertyPath, &BTreeMap<String, Value>) -> Result<()>,
) -> Result<()> {
    match &value.data {
        Data::Object(entries) => {
            visit(path, entries)?;
            entries.iter().try_for_each(|(name, value)| {
                search(value, &path.join(Accessor::Name(name.clone())), visit)
            })
        }
        Data::Array(items) => items.iter().enumerate().try_for_each(|(index, value)| {
            search(value, &path.join(Accessor::Index(index)), visit)
        }),
        _ => Ok(()),
    }
}

/// Reads the credentials that an object holds under these names; `None` where it has neither half.
fn read(
    entries: &BTreeMap<String, Value>,
    names: Names,
    path: &PropertyPath,
) -> Result<Option<Credentials>> {
    let text = |name: &str| -> Result<Option<&str>> {
        let Some(value) = entries.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        match value.as_str() {
            Some("") => Ok(None),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text)),
            _ => Err(Error::new(
                Kind::Credentials,
                format!(
                    "`{}` in the environment is not a usable key",
                    path.join(Accessor::Name(name.to_owned()))
                ),
            )
            .with_hint("it must be a string without blanks or line breaks")),
        }
    };
    let mut access_key_id = None;
    for name in names.access_key_id {
        access_key_id = access_key_id.or(text(name)?);
    }
    match (access_key_id, text(names.secret_access_key)?) {
        (Some(id), Some(secret)) => Ok(Some(Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::from(secret),
            session_token: text(names.session_token)?.map(Secret::from),
            expires_at: None,
        })),
        (None, None) => Ok(None),
        (id, _) => {
            let (there, missing) = if id.is_some() {
                (names.access_key_id[0], names.secret_access_key)
            } else {
                (names.secret_access_key, names.access_key_id[0])
            };
            Err(Error::new(
                Kind::Credentials,
                format!("`{path}` in the environment has `{there}`, but no `{missing}`"),
            )
            .with_hint(format!("add `{missing}`, or take `{there}` out")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::String(text) => Value::from(text.as_str()),
            serde_json::Value::Array(items) => {
                Value::new(Data::Array(items.iter().map(value).collect()))
            }
            serde_json::Value::Object(entries) => Value::new(Data::Object(
                entries
                    .iter()
                    .map(|(name, entry)| (name.clone(), value(entry)))
                    .collect(),
            )),
            _ => Value::new(Data::Null),
        }
    }

    fn found(json: &str, path: Option<&str>) -> Result<String, String> {
        let environment = Environment {
            values: value(&serde_json::from_str(json).unwrap()),
        };
        let path = path.map(|path| path.parse().unwrap());
        find(&environment, path.as_ref())
            .map(|found| format!("{} at {}", found.credentials.access_key_id, found.path))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_order_of_places() {
        let login = r#"{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t"}"#;
        let other = r#"{"keyId":"B","secretAccessKey":"s"}"#;
        let variables = r#"{"AWS_ACCESS_KEY_ID":"V","AWS_SECRET_ACCESS_KEY":"s"}"#;
        for (json, path, want) in [
            (
                format!(r#"{{"aws":{{"creds":{login}}}}}"#),
                None,
                Ok("A at aws.creds"),
            ),
            (format!(r#"{{"aws":[{other}]}}"#), None, Ok("B at aws[0]")),
            (
                format!(r#"{{"aws":{login},"environmentVariables":{variables}}}"#),
                None,
                Ok("V at environmentVariables"),
            ),
            (
                format!(r#"{{"aws":{login},"environmentVariables":{variables}}}"#),
                Some("aws"),
                Ok("A at aws"),
            ),
            (
                format!(r#"{{"aws":{login},"environmentVariables":{variables}}}"#),
                Some("environmentVariables"),
                Ok("V at environmentVariables"),
            ),
            (
                format!(r#"{{"a":{login},"b":{login}}}"#),
                None,
                Ok("A at a"),
            ),
            (
                format!(r#"{{"a":{login},"b":{other}}}"#),
                None,
                Err("the environment holds several AWS credentials: `a`, `b`"),
            ),
            (
                "{}".to_owned(),
                None,
                Err("the environment holds no AWS credentials"),
            ),
            (
                r#"{"a":"b"}"#.to_owned(),
                Some("a"),
                Err("`a` in the environment is not an object"),
            ),
            (
                "{}".to_owned(),
                Some("a.b"),
                Err("`a.b` in the environment does not exist"),
            ),
            (
                r#"{"a":{}}"#.to_owned(),
                Some("a"),
                Err("`a` in the environment holds no AWS credentials"),
            ),
            (
                r#"{"environmentVariables":{"AWS_ACCESS_KEY_ID":"V"}}"#.to_owned(),
                None,
                Err(
                    "`environmentVariables` in the environment has `AWS_ACCESS_KEY_ID`, but no `AWS_SECRET_ACCESS_KEY`",
                ),
            ),
            (
                r#"{"a":{"accessKeyId":"A","secretAccessKey":"s\n"}}"#.to_owned(),
                None,
                Err("`a.secretAccessKey` in the environment is not a usable key"),
            ),
        ] {
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found(&json, path), want, "{json}");
        }
    }
}
