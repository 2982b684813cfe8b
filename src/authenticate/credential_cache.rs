//! The credential cache of a call: looks credentials up, refreshes them early, and stores fetched ones.
//!
//! Problems with the cache are logged, and never fail a call.

use std::cell::RefCell;
use std::time::Duration;

use crate::authenticate::cache_key::{CachePlace, absolute_path, cache_place};
use crate::authenticate::environment::within_task;
use crate::authenticate::fetch::{Fetched, fetch};
use crate::authenticate::inputs::Inputs;
use crate::authenticate::pulumi_login;
use crate::authenticate::session::{AccessTokenSession, ClusterSession, Session};
use crate::authenticate::single_flight::Turn;
use crate::aws::Credentials;
use crate::aws::endpoint::Region;
use crate::cache::{
    Cache, CacheEntry, CachedAwsCredentials, CachedContent, CachedCredentials, CachedFailure,
    Freshness, LockAttempt, Validity,
};
use crate::clock::format_duration;
use crate::config::Reference;
use crate::context::Context;
use crate::error::{Error, Result};

/// How long after a failed refresh the next one is tried, while the credentials are still valid.
const REFRESH_PAUSE: Duration = Duration::from_secs(30);

/// How long a refresh may take, while the credentials are still valid.
pub(super) const REFRESH_TIMEOUT: Duration = Duration::from_secs(5);

/// The session for a call: from the cache, or fetched.
pub(super) fn session(inputs: &Inputs, context: Context<'_>) -> Result<Session> {
    match CachedCall::new(inputs, context) {
        Some(call) => call.session(),
        None => fetch_uncached(inputs, context),
    }
}

pub(super) fn fetch_uncached(inputs: &Inputs, context: Context<'_>) -> Result<Session> {
    fetch(inputs, context, &mut |_| ()).map(|fetched| fetched.session)
}

/// A call, and its place in the cache.
pub(super) struct CachedCall<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) context: Context<'a>,
    pub(super) cache: Cache,
    /// Who logs in, as far as it is known without the network.
    pub(super) principal: Option<String>,
    /// The problems that were logged.
    logged: RefCell<Vec<String>>,
    /// Whether this call has refreshed the Pulumi login already.
    pub(super) has_refreshed_login: bool,
}

/// What the cache holds for a call.
pub(super) enum Lookup {
    Fresh(CachedCredentials),
    /// Still valid, but due for refresh.
    Due(CachedCredentials),
    /// The credentials are stored on this machine anyway, so they are not cached.
    NotCached,
    Missing,
}

impl<'a> CachedCall<'a> {
    /// `None` if nothing can be cached: there is no cache directory, or no login that could seal an
    /// entry. A broken login is reported when it is used.
    pub(super) fn new(inputs: &'a Inputs, context: Context<'a>) -> Option<Self> {
        let directory = inputs.request.cache.directory.clone()?;
        let CachePlace {
            login,
            key,
            principal,
        } = cache_place(inputs, context).ok()??;
        Some(Self {
            inputs,
            context,
            cache: Cache::new(directory, &login, &key),
            principal,
            logged: RefCell::default(),
            has_refreshed_login: false,
        })
    }

    /// Whether the login is still the one that the call started with.
    pub(super) fn has_same_login(&self) -> bool {
        Self::new(self.inputs, self.context).is_some_and(|now| now.cache.has_same_id(&self.cache))
    }

    /// This call's place in the cache under the current login, if the login has changed.
    pub(super) fn relocated(&self) -> Option<Self> {
        let now = Self::new(self.inputs, self.context)?;
        (!now.cache.has_same_id(&self.cache)).then_some(now)
    }

    pub(super) fn session(self) -> Result<Session> {
        if !self.inputs.request.cache.refresh {
            match self.look_up() {
                Lookup::Fresh(entry) => return session_of(entry),
                Lookup::Due(entry) => return self.refresh_early(entry),
                Lookup::NotCached => return fetch_uncached(self.inputs, self.context),
                Lookup::Missing => {}
            }
        }
        self.fetch_once()
    }

    pub(super) fn look_up(&self) -> Lookup {
        let entry = match self.cache.load() {
            Ok(Some(CacheEntry::Credentials(entry))) => entry,
            Ok(Some(CacheEntry::NothingToCache(_))) => return Lookup::NotCached,
            Ok(None) => return Lookup::Missing,
            Err(problem) => {
                self.log_problem(&problem);
                return Lookup::Missing;
            }
        };
        let clock = self.context.host.clock();
        let freshness = entry.validity().freshness(clock.now(), clock.boot_time());
        if freshness == Freshness::Expired {
            return Lookup::Missing;
        }
        let age = clock
            .now()
            .shifted(entry.clock_offset)
            .since(entry.obtained_at);
        self.context.log.info(format_args!(
            "using cached credentials, {} old, valid until {}",
            format_duration(age),
            entry.good_until
        ));
        match freshness {
            Freshness::Fresh => Lookup::Fresh(entry),
            _ => Lookup::Due(entry),
        }
    }

    /// Refreshes credentials that are still valid, unless another process does or a refresh has just
    /// failed. Falls back to the cached credentials.
    fn refresh_early(&self, entry: CachedCredentials) -> Result<Session> {
        let log = self.context.log;
        let last = self.cache.last_failure();
        if last.is_some_and(|last| last.is_within(REFRESH_PAUSE, self.context.now())) {
            return session_of(entry);
        }
        let deadline = self.context.deadline.within(REFRESH_TIMEOUT);
        let context = self.context.with_deadline(deadline);
        let lock = match self.flight(context).try_lock() {
            Ok(LockAttempt::Acquired(lock)) => lock,
            Ok(LockAttempt::Held(_)) => return session_of(entry),
            Err(problem) => {
                // What cannot be stored is not worth refreshing.
                self.log_problem(&problem);
                return session_of(entry);
            }
        };
        // Another process may have refreshed them in the meantime.
        if let Lookup::Fresh(refreshed) = self.look_up() {
            return session_of(refreshed);
        }
        log.info(format_args!("refreshing them before they expire"));
        match self.fetch_and_store(context, Turn::early(lock)) {
            Ok(session) => Ok(session),
            Err(error) => {
                log.info(format_args!("cannot refresh them: {error}"));
                session_of(entry)
            }
        }
    }

    /// Fetches and stores the session, or the failure, in its turn.
    ///
    /// An expired Pulumi login is refreshed first. That changes the place in the cache, so the lookup
    /// starts again there, as it does for later calls.
    pub(super) fn fetch_and_store(&self, context: Context<'_>, turn: Turn) -> Result<Session> {
        let failed = |error| self.store_failure(&self.cache, error);
        let open = &self.inputs.request.open;
        if open.is_in_cloud() && !self.has_refreshed_login {
            let refreshed = pulumi_login::refresh_if_expired(open, context)
                .map_err(|error| within_task(error, "open", open));
            if refreshed.map_err(failed)?
                && let Some(mut relocated) = self.relocated()
            {
                drop(turn);
                relocated.has_refreshed_login = true;
                return relocated.session();
            }
        }
        let fetched = self.fetch_shared(context, &turn).map_err(failed)?;
        // If the login has changed in the meantime, the session belongs to another login, and must
        // not be found under this one.
        if self.has_same_login() {
            self.store(&fetched)?;
        }
        Ok(fetched.session)
    }

    fn store(&self, fetched: &Fetched) -> Result<()> {
        let files = fetched.files.clone();
        let kept = match fetched.validity(self.context.host.clock()) {
            None => CacheEntry::NothingToCache(files),
            Some(validity) => {
                let Validity {
                    obtained_at,
                    good_until,
                    clock_offset,
                    boot_time,
                } = validity;
                CacheEntry::Credentials(CachedCredentials {
                    content: content_of(&fetched.session),
                    listed: fetched.listed.clone(),
                    obtained_at,
                    good_until,
                    clock_offset,
                    boot_time,
                    files,
                })
            }
        };
        if let Err(problem) = self.cache.store(&self.listed_environment()?, &kept) {
            self.log_problem(&problem);
        }
        Ok(())
    }

    /// The environment as `cache list` shows it.
    pub(super) fn listed_environment(&self) -> Result<String> {
        match &self.inputs.request.open.environment {
            Reference::Local(path) => absolute_path(path),
            Reference::Cloud(name) => Ok(name.clone()),
        }
    }

    /// Stores a failure for the processes that wait for this one.
    pub(super) fn store_failure(&self, cache: &Cache, error: Error) -> Error {
        let host = self.context.host;
        let failure = CachedFailure::new(&error, host.parent_process(), self.context.now());
        if let Err(problem) = cache.store_failure(&failure) {
            self.log_problem(&problem);
        }
        error
    }

    /// Logs a problem with the cache, unless it was logged before: each access to the same file fails.
    pub(super) fn log_problem(&self, problem: &Error) {
        let message = problem.to_string();
        let mut logged = self.logged.borrow_mut();
        if !logged.contains(&message) {
            let log = self.context.log;
            log.info(format_args!("{}", in_one_line(problem)));
            logged.push(message);
        }
    }
}

/// The problem and its cause.
fn in_one_line(problem: &Error) -> String {
    format!("{problem}: {}", problem.causes().next().unwrap_or_default())
}

/// What the cache stores of a session.
fn content_of(session: &Session) -> CachedContent {
    match session {
        Session::Eks(session) => CachedContent::Aws(CachedAwsCredentials {
            shown_cluster: session.shown_cluster_name.clone(),
            cluster_name: session.cluster_name.clone(),
            region: session.region.as_str().to_owned(),
            access_key_id: session.credentials.access_key_id.clone(),
            secret_access_key: session.credentials.secret_access_key.clone(),
            session_token: session.credentials.session_token.clone(),
            expires_at: session.credentials.expires_at,
        }),
        Session::AccessToken(session) => CachedContent::AccessToken(session.token.clone()),
    }
}

pub(super) fn session_of(entry: CachedCredentials) -> Result<Session> {
    Ok(match entry.content {
        CachedContent::Aws(content) => Session::Eks(ClusterSession {
            shown_cluster_name: content.shown_cluster,
            cluster_name: content.cluster_name,
            region: Region::parse(&content.region)?,
            credentials: Credentials {
                access_key_id: content.access_key_id,
                secret_access_key: content.secret_access_key,
                session_token: content.session_token,
                expires_at: content.expires_at,
            },
            clock_offset: entry.clock_offset,
        }),
        CachedContent::AccessToken(token) => Session::AccessToken(AccessTokenSession {
            token,
            expires_at: entry.good_until,
        }),
    })
}
