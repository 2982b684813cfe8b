//! Shares an opened environment between calls with the same login, so that an environment for many clusters is
//! opened once. Everything that depends on the cluster, such as a role to assume, comes after that.

use std::time::Duration;

use crate::authenticate::cache_key::{Scope, cache_key};
use crate::authenticate::credential_cache::{CachedCall, REFRESH_TIMEOUT};
use crate::authenticate::environment::{OpenedEnvironment, open};
use crate::authenticate::fetch::{Fetched, check_settings, fetch_from};
use crate::authenticate::shared_opening;
use crate::authenticate::single_flight::{Flight, Turn, Waited};
use crate::cache::{Cache, CachedEnvironment, Freshness, Validity};
use crate::clock::{Timestamp, format_duration};
use crate::context::Context;
use crate::error::{Kind, Result};

/// An environment that was opened longer ago may have been corrected since.
const CORRECTION_TIME: Duration = Duration::from_secs(5);

/// The opened environment that a call shares with others, and its place in the cache.
struct SharedEnvironment<'a> {
    call: &'a CachedCall<'a>,
    cache: Cache,
    context: Context<'a>,
    /// The turn to fetch the credentials of this call. A process that hangs may be opening the environment.
    turn: &'a Turn,
}

/// An opened environment, and whether another call opened it, and it could be opened again.
struct Shared {
    opened: OpenedEnvironment,
    is_reused: bool,
}

impl CachedCall<'_> {
    /// Fetches the session with the shared environment, which is opened if there is none.
    pub(super) fn fetch_shared(&self, context: Context<'_>, turn: &Turn) -> Result<Fetched> {
        check_settings(&self.inputs.request)?;
        let key = cache_key(self.inputs, self.principal.as_deref(), Scope::Environment)?;
        let environment = SharedEnvironment {
            call: self,
            cache: self.cache.of_environment(&key),
            context,
            turn,
        };
        let is_refresh = self.inputs.request.cache.refresh;
        let replaced = is_refresh.then(|| environment.load()).flatten();
        let replaced = replaced.map(|(opened, _)| opened.started_at);
        let mut shared = environment.obtain(replaced)?;
        let fetch = |shared: &Shared| fetch_from(self.inputs, &shared.opened, context, &mut |_| ());
        let mut fetched = fetch(&shared);
        if shared.is_reused && environment.is_outdated(&shared.opened, &fetched) {
            let log = context.log;
            if let Err(error) = &fetched {
                log.info(format_args!("opening the environment again: {error}"));
            }
            match environment.obtain(Some(shared.opened.started_at)) {
                Ok(reopened) => {
                    shared = reopened;
                    fetched = fetch(&shared);
                }
                // What was fetched can be used for a while.
                Err(error) if fetched.is_ok() => {
                    log.info(format_args!("cannot open the environment again: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        if !is_worth_sharing(&fetched) {
            environment.discard(&shared.opened);
        }
        fetched
    }
}

/// Whether other calls should use the same environment. It may be the cause of a failure, unless a service was
/// unavailable; then the next call is to open it again, because its author may have corrected it.
fn is_worth_sharing(fetched: &Result<Fetched>) -> bool {
    match fetched {
        Ok(fetched) => fetched.usable_until.is_some(),
        Err(error) => error.kind() == Kind::Unavailable,
    }
}

impl SharedEnvironment<'_> {
    /// The shared environment, or else a newly opened one. One that was opened at `replaced` does not count.
    fn obtain(&self, replaced: Option<Timestamp>) -> Result<Shared> {
        let current = || {
            self.load()
                .filter(|(it, _)| Some(it.started_at) != replaced)
        };
        let reused = |opened| {
            self.log_reuse(&opened);
            Ok(Shared {
                opened,
                is_reused: true,
            })
        };
        let fresh = || match current()? {
            (opened, Freshness::Fresh) => Some(opened),
            _ => None,
        };
        let due = match current() {
            Some((opened, Freshness::Fresh)) => return reused(opened),
            Some((opened, _)) => Some(opened),
            None => None,
        };
        let mut flight = self.flight();
        if due.is_some() {
            let deadline = self.context.deadline.within(REFRESH_TIMEOUT);
            flight.context = self.context.with_deadline(deadline);
        }
        let opened = match flight.wait(self.turn.hanging, fresh) {
            Waited::Result(opened) => return reused(opened),
            Waited::Failed(error) => Err(error),
            Waited::Turn(turn) => {
                // Another call may have opened it just before this one got the lock.
                if let Some(opened) = fresh() {
                    return reused(opened);
                }
                let opened = self.open(flight.context);
                opened.map_err(|error| flight.naming(turn.hanging, error))
            }
        };
        match (opened, due) {
            // An early refresh has valid credentials to fall back to, and waits before it tries again.
            (Err(error), Some(opened))
                if error.kind() == Kind::Unavailable && !self.turn.is_early =>
            {
                let log = self.context.log;
                log.info(format_args!("cannot open the environment again: {error}"));
                self.log_reuse(&opened);
                Ok(Shared {
                    opened,
                    is_reused: false,
                })
            }
            (opened, _) => Ok(Shared {
                opened: opened?,
                is_reused: false,
            }),
        }
    }

    fn flight(&self) -> Flight<'_> {
        Flight {
            call: self.call,
            cache: &self.cache,
            context: self.context,
            task: "open the same environment",
            unfinished: "opening the same environment",
        }
    }

    /// The environment in the cache, unless it has expired.
    fn load(&self) -> Option<(OpenedEnvironment, Freshness)> {
        let loaded = self.cache.load_environment();
        let entry = loaded.unwrap_or_else(|problem| {
            self.call.log_problem(&problem);
            None
        })?;
        let clock = self.context.host.clock();
        let freshness = entry.validity.freshness(clock.now(), clock.boot_time());
        if freshness == Freshness::Expired {
            return None;
        }
        let CachedEnvironment {
            validity,
            content,
            files,
        } = entry;
        let opened = OpenedEnvironment {
            opening: shared_opening::decode(content.expose(), files)?,
            started_at: validity.obtained_at.shifted(-validity.clock_offset),
        };
        self.context
            .http
            .assume_aws_clock_offset(validity.clock_offset);
        Some((opened, freshness))
    }

    /// Opens the environment and stores it, or the failure.
    fn open(&self, context: Context<'_>) -> Result<OpenedEnvironment> {
        let call = self.call;
        let opened = open(&call.inputs.request.open, context);
        let opened = opened.map_err(|error| call.store_failure(&self.cache, error))?;
        context.log.warnings(&opened.warnings());
        // What is opened without a request is as quick to open as to load.
        if context.http.was_used()
            && call.has_same_login()
            && let Err(problem) = self.store(&opened)
        {
            call.log_problem(&problem);
        }
        Ok(opened)
    }

    fn store(&self, opened: &OpenedEnvironment) -> Result<()> {
        let Some(content) = shared_opening::encode(&opened.opening) else {
            return Ok(());
        };
        let entry = CachedEnvironment {
            validity: Validity {
                obtained_at: opened.started_at_aws(self.context),
                good_until: opened.first_expiry(self.context),
                clock_offset: self.context.http.aws_clock_offset(),
                boot_time: self.context.host.clock().boot_time(),
            },
            content,
            files: opened.opening.files.clone(),
        };
        let environment = self.call.listed_environment()?;
        self.cache.store_environment(&environment, &entry)
    }

    /// Removes the environment from the cache, unless another call has replaced it.
    fn discard(&self, opened: &OpenedEnvironment) {
        if let Some((current, _)) = self.load()
            && current.started_at == opened.started_at
        {
            self.cache.remove_environment();
        }
    }

    /// Whether the environment is to be opened again: what it contains was rejected or expires soon, or an
    /// error in it may have been corrected since.
    fn is_outdated(&self, opened: &OpenedEnvironment, fetched: &Result<Fetched>) -> bool {
        let (clock, now) = (self.context.host.clock(), self.context.now());
        match fetched {
            Ok(fetched) => fetched.validity(clock).is_some_and(|validity| {
                validity.freshness(now, clock.boot_time()) != Freshness::Fresh
            }),
            Err(error) => {
                error.rejects_login()
                    || matches!(error.kind(), Kind::Configuration | Kind::Credentials)
                        && now.since(opened.started_at) > CORRECTION_TIME
            }
        }
    }

    fn log_reuse(&self, opened: &OpenedEnvironment) {
        let age = format_duration(self.context.now().since(opened.started_at));
        let environment = &self.call.inputs.request.open.environment;
        let log = self.context.log;
        log.info(format_args!(
            "using the environment `{environment}`, opened {age} ago"
        ));
    }
}
