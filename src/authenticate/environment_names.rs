//! The names of the environments in Pulumi Cloud, for completion.

use std::time::Duration;

use crate::authenticate::pulumi_login::{log_in, oidc};
use crate::cache::{Cache, LoginSecrets};
use crate::config::{CacheRequest, OpenRequest, Reference};
use crate::context::Context;
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::pulumi_cloud::{Backend, LoginMethod, PulumiHome, environment_names as list};

/// How long the names are cached.
const MAX_AGE: Duration = Duration::from_mins(5);

/// The full names of the environments that the login of this machine can access, from the cache if they
/// were listed in the last minutes. Needs a login that is valid now: nothing is exchanged or refreshed.
pub(crate) fn environment_names(cache: &CacheRequest, context: Context<'_>) -> Result<Vec<String>> {
    let request = OpenRequest::new(Reference::Cloud(String::new()));
    let home = PulumiHome::new(context.host, context.deadline);
    let backend = Backend::find(context.host, &home)?;
    let oidc = oidc(&request, context.host)?;
    let login = LoginMethod::find(context.host, &home, &backend.url, &oidc, None)?;
    let has_token = match &login {
        LoginMethod::AccessTokenVariable(_) => true,
        LoginMethod::CliAccount(..) => !login.needs_refresh(context.now()),
        LoginMethod::IdentityToken(_) | LoginMethod::Unavailable(_) => false,
    };
    if !has_token {
        return Err(Error::configuration("no access token"));
    }
    let mut secrets = LoginSecrets::default();
    secrets.add_secret("Pulumi Cloud", login.secret(context.host)?.as_ref());
    let key = Sha256::of_fields(&[("environment names", Some(&backend.url))]);
    let directory = cache.directory.clone();
    let cache = directory.map(|directory| Cache::new(directory, &secrets, &key));
    let now = context.now();
    let cached = cache.as_ref().and_then(Cache::load_environment_names);
    if let Some(cached) = cached
        && now >= cached.listed_at
        && now.since(cached.listed_at) < MAX_AGE
    {
        return Ok(cached.names);
    }
    let names = list(&log_in(&request, context, None)?)?;
    if let Some(cache) = cache {
        // Without a cache, the next completion asks again.
        let _ = cache.store_environment_names(now, &names);
    }
    Ok(names)
}
