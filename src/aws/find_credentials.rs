//! Finds AWS credentials among the values of an opened environment.

use std::collections::BTreeMap;

use crate::aws::credentials::Credentials;
use crate::aws::failure::shortened;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use esc::property_path::Accessor;
use esc::{Data, Environment, PropertyPath, Value};

/// The property names of credentials in an object.
#[derive(Clone, Copy)]
struct PropertyNames {
    /// The first is the current name.
    access_key_id: &'static [&'static str],
    secret_access_key: &'static str,
    session_token: &'static str,
}

/// The outputs of ESC's provider aws-login. Its older documentation has `keyId`.
const OUTPUTS: PropertyNames = PropertyNames {
    access_key_id: &["accessKeyId", "keyId"],
    secret_access_key: "secretAccessKey",
    session_token: "sessionToken",
};

/// The variables that every AWS tool reads.
const VARIABLES: PropertyNames = PropertyNames {
    access_key_id: &["AWS_ACCESS_KEY_ID"],
    secret_access_key: "AWS_SECRET_ACCESS_KEY",
    session_token: "AWS_SESSION_TOKEN",
};

/// How many paths of several credentials a message shows.
const MAX_SHOWN: usize = 10;

/// Credentials, and their path in the environment.
#[derive(Clone, Debug)]
pub struct FoundCredentials {
    /// The credentials; their expiry is unknown.
    pub credentials: Credentials,
    /// The path of the object that holds them.
    pub path: PropertyPath,
}

/// Finds the credentials at `path`; without a path those in `environmentVariables`, or else the only
/// ones in the environment. The same key at several paths counts once.
///
/// Fails with [`Kind::Credentials`] if there are none, if there are several, or if they are
/// incomplete.
pub fn find(environment: &Environment, path: Option<&PropertyPath>) -> Result<FoundCredentials> {
    look_up(environment, path)?.ok_or_else(|| {
        let message = "the environment contains no AWS credentials";
        Error::new(Kind::Credentials, message).with_hint(
            "add `fn::open::aws-login` to it, or pass the path of credentials with \
             `--credentials PATH`",
        )
    })
}

/// Like [`find`], but returns `None` if no path is given and there are no credentials.
pub fn look_up(
    environment: &Environment,
    path: Option<&PropertyPath>,
) -> Result<Option<FoundCredentials>> {
    if let Some(path) = path {
        return at_path(environment, path).map(Some);
    }
    let variables = PropertyPath::from_iter([Accessor::Name("environmentVariables".to_owned())]);
    if let Some(Data::Object(entries)) = environment.get(&variables).map(|value| &value.data)
        && let Some(credentials) = read(entries, VARIABLES, || variables.clone())?
    {
        return Ok(Some(FoundCredentials {
            credentials,
            path: variables,
        }));
    }
    let mut all = Vec::new();
    collect(&environment.values, &mut Vec::new(), &mut all)?;
    if all.len() > 1 {
        let more = all.len() > MAX_SHOWN;
        let shown = all.iter().take(MAX_SHOWN);
        let paths: Vec<_> = shown
            .map(|found| format!("`{}`", shortened(&found.path.to_string())))
            .collect();
        let paths = paths.join(", ");
        let more = if more { " and more" } else { "" };
        let message = format!("the environment contains several AWS credentials: {paths}{more}");
        return Err(Error::new(Kind::Credentials, message).with_hint(
            "choose one with `--credentials PATH`, or with `eks.credentials` in the environment",
        ));
    }
    Ok(all.pop())
}

fn at_path(environment: &Environment, path: &PropertyPath) -> Result<FoundCredentials> {
    let unusable = |problem: &str| {
        let message = format!("`{path}` in the environment {problem}");
        Error::new(Kind::Credentials, message).with_hint(
            "pass the path of an object with `accessKeyId` and `secretAccessKey`, such as the \
             output of `fn::open::aws-login`",
        )
    };
    let Some(value) = environment.get(path) else {
        return Err(unusable("does not exist"));
    };
    let Data::Object(entries) = &value.data else {
        return Err(unusable("is not an object"));
    };
    for names in [OUTPUTS, VARIABLES] {
        if let Some(credentials) = read(entries, names, || path.clone())? {
            return Ok(FoundCredentials {
                credentials,
                path: path.clone(),
            });
        }
    }
    Err(unusable("contains no AWS credentials"))
}

/// Collects the credentials in `value` and below it, in alphabetical order of their paths, until there
/// are more than a message shows.
fn collect(value: &Value, path: &mut Vec<Accessor>, all: &mut Vec<FoundCredentials>) -> Result<()> {
    if all.len() > MAX_SHOWN {
        return Ok(());
    }
    match &value.data {
        Data::Object(entries) => {
            let here = || path.iter().cloned().collect();
            if let Some(credentials) = read(entries, OUTPUTS, here)?
                && !all
                    .iter()
                    .any(|found| found.credentials.is_same_key(&credentials))
            {
                let path = here();
                all.push(FoundCredentials { credentials, path });
            }
            for (name, value) in entries {
                path.push(Accessor::Name(name.clone()));
                collect(value, path, all)?;
                path.pop();
            }
        }
        Data::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                path.push(Accessor::Index(index));
                collect(value, path, all)?;
                path.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

/// Reads the credentials in an object; `None` if it has neither an access key ID nor a secret access
/// key. `path` makes the path of the object.
fn read(
    entries: &BTreeMap<String, Value>,
    names: PropertyNames,
    path: impl Fn() -> PropertyPath,
) -> Result<Option<Credentials>> {
    let text = |name: &str| -> Result<Option<&str>> {
        let Some(value) = entries.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        match value.as_str() {
            Some("") => Ok(None),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text)),
            _ => {
                let path = path().join(Accessor::Name(name.to_owned()));
                let message = format!("`{path}` in the environment is not a valid AWS key");
                Err(Error::new(Kind::Credentials, message)
                    .with_hint("use a string without spaces or line breaks"))
            }
        }
    };
    let mut access_key_id = None;
    for name in names.access_key_id {
        access_key_id = access_key_id.or(text(name)?);
    }
    let (present, missing) = match (access_key_id, text(names.secret_access_key)?) {
        (Some(id), Some(secret)) => {
            return Ok(Some(Credentials {
                access_key_id: id.to_owned(),
                secret_access_key: Secret::from(secret),
                session_token: text(names.session_token)?.map(Secret::from),
                expires_at: None,
            }));
        }
        (None, None) => return Ok(None),
        (Some(_), None) => (names.access_key_id[0], names.secret_access_key),
        (None, Some(_)) => (names.secret_access_key, names.access_key_id[0]),
    };
    let path = path();
    let message = format!("`{path}` in the environment has `{present}`, but no `{missing}`");
    Err(Error::new(Kind::Credentials, message)
        .with_hint(format!("add `{missing}`, or remove `{present}`")))
}

#[cfg(test)]
mod tests;
