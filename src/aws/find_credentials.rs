//! Finds AWS credentials among the values of an opened environment.

use crate::aws::credentials::Credentials;
use crate::environment_search::{self, Entries, Found, object_at, shown_paths, token_text};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use esc::property_path::Accessor;
use esc::{Data, Environment, PropertyPath};

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

/// Finds the credentials at `path`; without a path those in `environmentVariables`, or else the only
/// ones in the environment. The same key at several paths counts once.
///
/// Fails with [`Kind::Credentials`] if there are none, if there are several, or if they are
/// incomplete.
pub fn find(environment: &Environment, path: Option<&PropertyPath>) -> Result<Found<Credentials>> {
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
) -> Result<Option<Found<Credentials>>> {
    if let Some(path) = path {
        return at_path(environment, path).map(Some);
    }
    let variables = variables_path();
    if let Some(Data::Object(entries)) = environment.get(&variables).map(|value| &value.data)
        && let Some(value) = read(entries, VARIABLES, || variables.clone())?
    {
        let path = variables;
        return Ok(Some(Found { value, path }));
    }
    let read = |entries: &Entries, path: &dyn Fn() -> PropertyPath| read(entries, OUTPUTS, path);
    let mut all = environment_search::collect(environment, read, Credentials::is_same_key)?;
    if all.len() > 1 {
        let paths = shown_paths(all.iter().map(|found| &found.path));
        let message = format!("the environment contains several AWS credentials: {paths}");
        return Err(Error::new(Kind::Credentials, message).with_hint(
            "choose one with `--credentials PATH`, or with `eks.credentials` in the environment",
        ));
    }
    Ok(all.pop())
}

/// The paths of the objects that look like AWS credentials, complete or not.
pub(crate) fn paths(environment: &Environment) -> Vec<PropertyPath> {
    let is_set =
        |entries: &Entries, name: &str| entries.get(name).is_some_and(|value| !value.is_null());
    let looks_like = |entries: &Entries, names: PropertyNames| {
        let mut ids = names.access_key_id.iter();
        ids.any(|name| is_set(entries, name)) || is_set(entries, names.secret_access_key)
    };
    let mut paths =
        environment_search::paths_of(environment, |entries| looks_like(entries, OUTPUTS));
    let variables = variables_path();
    if let Some(Data::Object(entries)) = environment.get(&variables).map(|value| &value.data)
        && looks_like(entries, VARIABLES)
    {
        paths.push(variables);
    }
    paths
}

/// The access key IDs in an object.
pub(crate) fn access_key_ids(entries: &Entries) -> impl Iterator<Item = &str> {
    let names = [OUTPUTS, VARIABLES]
        .into_iter()
        .flat_map(|names| names.access_key_id);
    names.filter_map(|name| entries.get(*name)?.as_str())
}

/// Where ESC's own CLI reads variables.
fn variables_path() -> PropertyPath {
    PropertyPath::from_iter([Accessor::Name("environmentVariables".to_owned())])
}

fn at_path(environment: &Environment, path: &PropertyPath) -> Result<Found<Credentials>> {
    let unusable = |problem: &str| {
        let message = format!("`{path}` in the environment {problem}");
        Error::new(Kind::Credentials, message).with_hint(
            "pass the path of an object with `accessKeyId` and `secretAccessKey`, such as the \
             output of `fn::open::aws-login`",
        )
    };
    let entries = object_at(environment, path).map_err(unusable)?;
    for names in [OUTPUTS, VARIABLES] {
        if let Some(value) = read(entries, names, || path.clone())? {
            let path = path.clone();
            return Ok(Found { value, path });
        }
    }
    Err(unusable("contains no AWS credentials"))
}

/// Reads the credentials in an object; `None` if it has neither an access key ID nor a secret access
/// key. `path` makes the path of the object.
fn read(
    entries: &Entries,
    names: PropertyNames,
    path: impl Fn() -> PropertyPath,
) -> Result<Option<Credentials>> {
    let text = |name: &str| {
        token_text(entries, name).map_err(|()| {
            let path = path().join(Accessor::Name(name.to_owned()));
            let message = format!("`{path}` in the environment is not a valid AWS key");
            Error::new(Kind::Credentials, message)
                .with_hint("use a string without spaces or line breaks")
        })
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
