//! Walks the chain that `get-token` walks, link by link, and tells what it finds.

use crate::authenticate::{
    Call, Session, cache_key, credential_cache, notable_skew, open, resolve, shown, sts_of,
};
use crate::aws::caller_identity;
use crate::config::{CacheFlags, CacheRequest, GetTokenFlags};
use crate::error::Result;
use crate::host::Host;
use crate::log::Log;

/// A link of the chain that holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// What it is, in a word or two.
    pub name: &'static str,
    /// What was found, in one line.
    pub found: String,
}

/// Walks the chain as a call of `get-token` with these flags would without a cache, and then asks
/// AWS STS whose the token is, as the cluster does. `tell` gets each link that holds; the error is
/// that of the first one that does not.
pub fn diagnose(
    flags: &GetTokenFlags,
    cache: &CacheFlags,
    host: &Host,
    log: &Log<'_>,
    tell: &mut dyn FnMut(Link),
) -> Result<()> {
    let mut tell = |name, found| tell(Link { name, found });
    let call = Call::read(flags, host, log)?;
    let cache = CacheRequest::read(cache, host)?;
    tell("cache", credential_cache::describe(&call, &cache));
    tell("login", cache_key::describe_login(&call)?);

    let deadline = call.request.open.deadline;
    let opened = open(&call.request.open, host, log)?;
    let warnings = match opened.warning_count() {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        several => format!(", with {several} warnings"),
    };
    let environment = &call.request.open.environment;
    tell("environment", format!("`{environment}` opens{warnings}"));

    let (target, region) = resolve(&call, &opened)?;
    tell("cluster", shown(&target, &region));
    let asked = sts_of(&opened, &region.value, host, deadline)?;
    let (credentials, _) = opened.credentials(&target, &asked, host, log)?;
    let role = target.role.as_ref();
    let role = role.map_or_else(String::new, |role| format!(" of `{}`", role.arn.shown()));
    let end = match credentials.expires_at {
        Some(end) => format!("good until {end}"),
        None => "with no known end".to_owned(),
    };
    let key = &credentials.access_key_id;
    tell("credentials", format!("access key {key}{role}, {end}"));

    let session = Session {
        shown_cluster: target.cluster_name.shown(),
        cluster_name: target.cluster_name.value,
        region: region.value,
        credentials,
        clock_offset: opened.http.clock_offset(),
    };
    let token = session.sign(host)?;
    let size = token.token.expose().len();
    tell("token", format!("signed, {size} bytes"));

    let caller = caller_identity::ask(&opened.http, &token.token, &session.cluster_name, deadline)?;
    tell("AWS STS", format!("takes it for `{caller}`"));
    let clock = notable_skew(opened.http.clock_offset());
    let clock = clock.unwrap_or_else(|| "agrees with the servers'".to_owned());
    tell("clock", clock);
    Ok(())
}
