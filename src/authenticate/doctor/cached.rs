//! The step `cache`: whether the cache can be used, what it holds, and the last failure.

use crate::authenticate::cache_key::cache_place;
use crate::authenticate::credential_cache::{CachedCall, Lookup};
use crate::authenticate::doctor::Step;
use crate::authenticate::doctor::report::describe;
use crate::authenticate::inputs::Inputs;
use crate::cache::{self, CacheDir, CachedCredentials, CachedFailure, LastFailure};
use crate::clock::format_duration;
use crate::config::CacheRequest;
use crate::context::Context;
use crate::error::Result;

const NAME: &str = "cache";

/// How long a failure is replayed, in seconds, and one to spare.
const REPLAY_SECONDS: i64 = 6;

/// Examines the cache of a call. Changes nothing.
pub(super) fn examine(inputs: &Inputs, context: Context<'_>) -> Step {
    let call = CachedCall::new(inputs, context);
    let held = || match &call {
        None => no_entry(inputs, context),
        Some(call) => match call.look_up() {
            Lookup::Fresh(entry) => describe_entry(&entry, ""),
            Lookup::Due(entry) => describe_entry(&entry, ", due for refresh"),
            Lookup::NotCached => ", nothing to cache for this call".to_owned(),
            Lookup::Missing => ", none for this call".to_owned(),
        },
    };
    let failure = || call.as_ref().and_then(|call| call.cache.last_failure());
    examine_directory(&inputs.request.cache, context, held, failure)
}

/// Examines the cache if the call is unknown.
pub fn examine_cache(cache: &CacheRequest, context: Context<'_>) -> Step {
    examine_directory(cache, context, String::new, || None)
}

/// `held` says what the cache holds for the call, and `failure` is the last failure of the call.
fn examine_directory(
    cache: &CacheRequest,
    context: Context<'_>,
    held: impl FnOnce() -> String,
    failure: impl FnOnce() -> Option<CachedFailure>,
) -> Step {
    let Some(path) = &cache.directory else {
        return Step::skipped(NAME, "disabled, or there is no home directory");
    };
    let directory = CacheDir::new(path.clone());
    let entries = || -> Result<usize> {
        directory.check_usable()?;
        Ok(cache::list(&directory)?.len())
    };
    let entries = match entries() {
        Ok(1) => "1 entry".to_owned(),
        Ok(count) => format!("{count} entries"),
        Err(problem) => {
            let hint = problem.hint().unwrap_or_default();
            return Step::warning(NAME, format!("not usable: {}", describe(&problem)), hint);
        }
    };
    let failure = describe_failure(cache::last_failure(&directory), failure(), context);
    let (path, held) = (directory.path().display(), held());
    Step::ok(NAME, format!("`{path}` has {entries}{held}; {failure}"))
}

/// Why nothing can be cached for a call.
fn no_entry(inputs: &Inputs, context: Context<'_>) -> String {
    match cache_place(inputs, context) {
        Err(problem) => format!(", none for this call: {problem}"),
        Ok(_) => ", none for this call: there is no login to seal an entry with".to_owned(),
    }
}

fn describe_entry(entry: &CachedCredentials, state: &str) -> String {
    format!(
        ", that of this call valid until {}{state}",
        entry.good_until
    )
}

/// The later of the last failure of any call, and that of this call, whose message is known.
fn describe_failure(
    any: Option<LastFailure>,
    this: Option<CachedFailure>,
    context: Context<'_>,
) -> String {
    // It is recorded after this one, and again if this one is replayed.
    let is_same = |any: &LastFailure, this: &CachedFailure| {
        any.exit_code == this.exit_code() && any.at <= this.at.shifted(REPLAY_SECONDS)
    };
    let ago = |at| format!("{at} ({} ago)", format_duration(context.now().since(at)));
    match (any, this) {
        (any, Some(this)) if any.as_ref().is_none_or(|any| is_same(any, &this)) => {
            let (at, exit_code) = (this.at, this.exit_code());
            let message = this.into_error();
            format!(
                "last failure at {}, exit code {exit_code}: {message}",
                ago(at)
            )
        }
        (Some(any), _) => {
            let environment = any
                .environment
                .map(|name| format!(", environment `{name}`"));
            format!(
                "last failure at {}, exit code {}{}",
                ago(any.at),
                any.exit_code,
                environment.unwrap_or_default()
            )
        }
        (None, _) => "no failure recorded".to_owned(),
    }
}
