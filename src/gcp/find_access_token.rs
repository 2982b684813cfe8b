//! Finds access tokens for Google Cloud among the values of an opened environment.

use crate::clock::Timestamp;
use crate::environment_search::{self, Entries, Found, object_at, shown_paths, token_text};
use crate::error::{Error, Kind, Result};
use crate::oauth::AccessToken;
use crate::secret::Secret;
use esc::property_path::Accessor;
use esc::{Environment, PropertyPath};

// The outputs of ESC's provider gcp-login.
const ACCESS_TOKEN: &str = "accessToken";
const TOKEN_TYPE: &str = "tokenType";
const EXPIRY: &str = "expiry";

/// Finds the access token of the login at `path`; without a path that of the only login in the environment.
/// The same token at several paths counts once.
///
/// Fails with [`Kind::Credentials`] if there is none, if there are several, or if it is malformed.
pub(crate) fn find(
    environment: &Environment,
    path: Option<&PropertyPath>,
) -> Result<Found<AccessToken>> {
    if let Some(path) = path {
        let unusable = |problem: &str| {
            let message = format!("`{path}` in the environment {problem}");
            Error::new(Kind::Credentials, message).with_hint(
                "pass the path of an object with `accessToken` and `tokenType`, such as the output \
                 of `fn::open::gcp-login`",
            )
        };
        let entries = object_at(environment, path).map_err(unusable)?;
        let value = read(entries, path)?.ok_or_else(|| unusable("has no `accessToken`"))?;
        let path = path.clone();
        return Ok(Found { value, path });
    }
    let mut all = environment_search::collect(
        environment,
        |entries, path| {
            let token = is_login(entries).then(|| read(entries, &path()));
            token.transpose().map(Option::flatten)
        },
        |one, other| one.token == other.token,
    )?;
    if all.len() > 1 {
        let paths = shown_paths(all.iter().map(|found| &found.path));
        let message = format!("the environment contains several logins to Google Cloud: {paths}");
        return Err(Error::new(Kind::Credentials, message).with_hint(
            "choose one with `--credentials PATH`, or with `kubernetes.credentials` in the \
             environment",
        ));
    }
    all.pop().ok_or_else(|| {
        let message = "the environment contains no login to Google Cloud";
        Error::new(Kind::Credentials, message).with_hint(
            "add `fn::open::gcp-login` to it, or pass the path of its output with \
             `--credentials PATH`",
        )
    })
}

/// Whether an object looks like the output of gcp-login.
pub(crate) fn is_login(entries: &Entries) -> bool {
    [ACCESS_TOKEN, TOKEN_TYPE]
        .iter()
        .all(|name| entries.get(*name).is_some_and(|value| !value.is_null()))
}

/// Reads the access token in the object at `path`; `None` if it has none.
pub(crate) fn read(entries: &Entries, path: &PropertyPath) -> Result<Option<AccessToken>> {
    let invalid = |name: &str, problem: &str, hint: &str| {
        let path = path.join(Accessor::Name(name.to_owned()));
        let message = format!("`{path}` in the environment {problem}");
        Error::new(Kind::Credentials, message).with_hint(hint)
    };
    let text = |name: &str, problem: &str, hint: &str| {
        token_text(entries, name).map_err(|()| invalid(name, problem, hint))
    };
    let token = text(
        ACCESS_TOKEN,
        "is not a valid access token",
        "use a string without spaces or line breaks",
    )?;
    let Some(token) = token else {
        return Ok(None);
    };
    let (problem, hint) = (
        "is not `Bearer`",
        "use the output of `fn::open::gcp-login`: GKE accepts bearer tokens only",
    );
    let token_type = text(TOKEN_TYPE, problem, hint)?;
    if token_type.is_some_and(|name| !name.eq_ignore_ascii_case("Bearer")) {
        return Err(invalid(TOKEN_TYPE, problem, hint));
    }
    let (problem, hint) = (
        "is not a valid time",
        "use RFC 3339, such as 2030-01-31T09:30:00Z",
    );
    let expires_at = match text(EXPIRY, problem, hint)? {
        None => None,
        Some(text) => {
            let expiry = Timestamp::from_rfc3339(text);
            Some(expiry.ok_or_else(|| invalid(EXPIRY, problem, hint))?)
        }
    };
    Ok(Some(AccessToken {
        token: Secret::from(token),
        expires_at,
    }))
}
