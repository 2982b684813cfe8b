//! Finds logins to Azure among the values of an opened environment.

use crate::azure::{AzureLogin, Proof};
use crate::environment_search::{self, Entries, Found, object_at, shown_paths, token_text};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use esc::property_path::Accessor;
use esc::{Data, Environment, PropertyPath};

// The outputs of ESC's provider azure-login.
const CLIENT_ID: &str = "clientId";
const TENANT_ID: &str = "tenantId";
const CLIENT_SECRET: &str = "clientSecret";
const OIDC: &str = "oidc";
const TOKEN: &str = "token";

/// Finds the login at `path`; without a path the only one in the environment. The same login at several
/// paths counts once.
///
/// Fails with [`Kind::Credentials`] if there is none, if there are several, or if it is incomplete.
pub(crate) fn find(
    environment: &Environment,
    path: Option<&PropertyPath>,
) -> Result<Found<AzureLogin>> {
    if let Some(path) = path {
        let entries = object_at(environment, path).map_err(|problem| {
            let message = format!("`{path}` in the environment {problem}");
            Error::new(Kind::Credentials, message)
                .with_hint("pass the path of the output of `fn::open::azure-login`")
        })?;
        let value = read(entries, path)?;
        let path = path.clone();
        return Ok(Found { value, path });
    }
    let mut all = environment_search::collect(
        environment,
        |entries, path| {
            is_login(entries)
                .then(|| read(entries, &path()))
                .transpose()
        },
        AzureLogin::eq,
    )?;
    if all.len() > 1 {
        let paths = shown_paths(all.iter().map(|found| &found.path));
        let message = format!("the environment contains several logins to Azure: {paths}");
        return Err(Error::new(Kind::Credentials, message).with_hint(
            "choose one with `--credentials PATH`, or with `kubernetes.credentials` in the \
             environment",
        ));
    }
    all.pop().ok_or_else(|| {
        let message = "the environment contains no login to Azure";
        Error::new(Kind::Credentials, message).with_hint(
            "add `fn::open::azure-login` to it, or pass the path of its output with \
             `--credentials PATH`",
        )
    })
}

/// Whether an object looks like the output of azure-login. Other objects have the IDs too, but no way to
/// authenticate.
pub(crate) fn is_login(entries: &Entries) -> bool {
    let has = |name: &str| entries.get(name).is_some_and(|value| !value.is_null());
    has(CLIENT_ID) && has(TENANT_ID) && (has(CLIENT_SECRET) || has(OIDC))
}

/// Reads the login in the object at `path`.
fn read(entries: &Entries, path: &PropertyPath) -> Result<AzureLogin> {
    let text = |entries, name: &str, path: &PropertyPath| {
        token_text(entries, name).map_err(|()| {
            let path = path.join(Accessor::Name(name.to_owned()));
            let message = format!("`{path}` in the environment is malformed");
            Error::new(Kind::Credentials, message)
                .with_hint("use a string without spaces or line breaks")
        })
    };
    let missing = |names: &str| {
        let message = format!("`{path}` in the environment has no {names}");
        Error::new(Kind::Credentials, message)
            .with_hint("use the output of `fn::open::azure-login` with `oidc` or `clientSecret`")
    };
    let id = |name: &str| {
        let id = text(entries, name, path)?;
        id.map(str::to_owned)
            .ok_or_else(|| missing(&format!("`{name}`")))
    };
    let assertion = match entries.get(OIDC).map(|oidc| &oidc.data) {
        Some(Data::Object(oidc)) => text(oidc, TOKEN, &path.join(Accessor::Name(OIDC.to_owned())))?,
        _ => None,
    };
    let proof = match (assertion, text(entries, CLIENT_SECRET, path)?) {
        (Some(token), _) => Proof::Assertion(Secret::from(token)),
        (None, Some(secret)) => Proof::ClientSecret(Secret::from(secret)),
        (None, None) => return Err(missing("`oidc.token` or `clientSecret`")),
    };
    Ok(AzureLogin {
        client_id: id(CLIENT_ID)?,
        tenant_id: id(TENANT_ID)?,
        proof,
    })
}
