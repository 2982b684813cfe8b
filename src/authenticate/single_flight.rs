//! Single flight: of the processes that need the same result at the same time, one obtains it and the others
//! wait for it.

use std::time::Duration;

use crate::authenticate::credential_cache::{CachedCall, Lookup, fetch_uncached, session_of};
use crate::authenticate::session::Session;
use crate::cache::{
    Cache, CacheEntry, CachedCredentials, CachedFailure, Lock, LockAttempt, LockHolder, LockRole,
};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::file_lock::{LockMode, LockRequest, LockWait};
use crate::kubernetes::exec_info;

/// How long a failure is replayed to the client that got it: kubectl runs a failing plugin up to five
/// times per command.
const REPLAY_WINDOW: Duration = Duration::from_secs(5);

/// A result that one process obtains for all that need it.
pub(super) struct Flight<'a> {
    pub(super) call: &'a CachedCall<'a>,
    /// Where the result and its lock are.
    pub(super) cache: &'a Cache,
    pub(super) context: Context<'a>,
    /// What the lock holder does, for messages: "fetch these credentials".
    pub(super) task: &'static str,
    /// What it has not finished, for messages: "fetching the same credentials".
    pub(super) unfinished: &'static str,
}

/// How waiting for other processes ended.
pub(super) enum Waited<T> {
    /// One of them left this result.
    Result(T),
    /// One of them failed.
    Failed(Error),
    /// This process has to obtain the result.
    Turn(Turn),
}

/// The turn of this process to obtain a result.
#[derive(Default)]
pub(super) struct Turn {
    /// `None` if the file cannot be locked, or its holder hangs.
    lock: Option<Lock>,
    has_waited: bool,
    /// The lock holder that did not finish in time.
    pub(super) hanging: Option<LockHolder>,
    /// Whether the result is refreshed early: the process has one that is still valid.
    pub(super) is_early: bool,
}

impl Turn {
    /// The turn of the process that refreshes a result early, with this lock.
    pub(super) fn early(lock: Lock) -> Self {
        Self {
            lock: Some(lock),
            is_early: true,
            ..Self::default()
        }
    }
}

impl Flight<'_> {
    /// Waits until no other process is obtaining the result. `find` looks for a result that another process
    /// left. `hanging` is a process that is known to hang, and to hold the first lock.
    pub(super) fn wait<T>(
        &self,
        hanging: Option<LockHolder>,
        find: impl Fn() -> Option<T>,
    ) -> Waited<T> {
        let last_failure = self.cache.last_failure();
        let left_behind = || {
            find().map(Ok).or_else(|| {
                let failure = self.cache.last_failure();
                failure
                    .filter(|failure| Some(failure) != last_failure.as_ref())
                    .map(Err)
            })
        };
        let mut turn = self.wait_for_lock(LockMode::Shared, hanging);
        if !turn.has_waited {
            return Waited::Turn(turn);
        }
        let mut left = left_behind();
        let is_shared = |lock: &mut Lock| lock.mode() == LockMode::Shared;
        if left.is_none() && turn.lock.take_if(is_shared).is_some() {
            // The lock holder exited without a result; one waiter retries.
            turn = self.wait_for_lock(LockMode::Exclusive, turn.hanging);
            left = left_behind();
        }
        match left {
            Some(Ok(result)) => Waited::Result(result),
            Some(Err(failure)) => {
                let log = self.context.log;
                log.info(format_args!("failed in another process; not retrying"));
                Waited::Failed(failure.into_error())
            }
            None => Waited::Turn(turn),
        }
    }

    /// Names the process that has not finished, if this one failed because it waited for that.
    pub(super) fn naming(&self, hanging: Option<LockHolder>, error: Error) -> Error {
        match (hanging, error.kind()) {
            (Some(holder), Kind::Unavailable) => error.with_hint(format!(
                "end {holder}, which has not finished {}, if it hangs, or increase `--timeout`",
                self.unfinished
            )),
            _ => error,
        }
    }

    /// Waits for the lock. Without waiting the lock is exclusive, and after waiting as `mode` says.
    ///
    /// A lock holder may hang, or take long. So each wait ends after half of the time that is left, and
    /// one of the waiting processes takes over, while the others wait for that one. `hanging` is the
    /// holder of the first lock if that is known to hang.
    fn wait_for_lock(&self, mode: LockMode, hanging: Option<LockHolder>) -> Turn {
        let Context { log, deadline, .. } = self.context;
        let clock = self.context.host.clock();
        let roles: &[LockRole] = match hanging {
            None => &[LockRole::First, LockRole::Takeover],
            Some(_) => &[LockRole::Takeover],
        };
        let mut turn = Turn {
            has_waited: hanging.is_some(),
            hanging,
            ..Turn::default()
        };
        for &role in roles {
            let request = LockRequest {
                open: &|| self.cache.open_lock(role),
                mode,
                until: &|| self.wall_clock(),
                clock,
                deadline: deadline.within(deadline.remaining() / 2),
                on_wait: &|| {
                    let task = self.task;
                    log.info(format_args!("waiting for another process to {task}"));
                },
            };
            match request.lock() {
                Ok(LockWait::Acquired { lock, has_waited }) => {
                    turn.lock = Some(lock);
                    turn.has_waited |= has_waited;
                    break;
                }
                Ok(LockWait::StillHeld(holder)) => {
                    log.info(format_args!(
                        "{holder} has not finished; no longer waiting for it"
                    ));
                    turn.has_waited = true;
                    turn.hanging = Some(holder);
                }
                Err(problem) => {
                    self.call.log_problem(&problem);
                    break;
                }
            }
        }
        turn
    }

    /// Tries to lock without waiting.
    pub(super) fn try_lock(&self) -> Result<LockAttempt> {
        self.cache.try_lock(self.wall_clock())
    }

    /// The deadline on the wall clock, which other processes can read.
    fn wall_clock(&self) -> Timestamp {
        let Context { deadline, .. } = self.context;
        self.context.now().plus(deadline.remaining())
    }
}

/// What the lock holder left for the processes that waited for it.
enum HolderResult<'a> {
    Fetched(CachedCredentials),
    /// The credentials are stored on this machine anyway: nothing to share.
    NotCached,
    /// The login has changed: the result is elsewhere, under a lock of its own.
    Relocated(CachedCall<'a>),
}

impl<'a> CachedCall<'a> {
    /// Fetches, or waits for the process that does and uses its result.
    pub(super) fn fetch_once(self) -> Result<Session> {
        let log = self.context.log;
        if let Some(failure) = self.cache.last_failure()
            && self.should_replay(&failure)
        {
            log.info(format_args!("failed a moment ago; not retrying"));
            return Err(failure.into_error());
        }
        let replaced = self.entry_to_replace();
        let flight = self.flight(self.context);
        match flight.wait(None, || self.holder_result(replaced)) {
            Waited::Result(HolderResult::Fetched(entry)) => session_of(entry),
            Waited::Result(HolderResult::NotCached) => fetch_uncached(self.inputs, self.context),
            Waited::Result(HolderResult::Relocated(call)) => call.session(),
            Waited::Failed(error) => Err(error),
            Waited::Turn(turn) => {
                let hanging = turn.hanging;
                let mut context = self.context;
                if hanging.is_some() {
                    // A time-out is to state the time that was left.
                    context = context.with_timeout(context.deadline.remaining());
                }
                let fetched = self.fetch_and_store(context, turn);
                fetched.map_err(|error| flight.naming(hanging, error))
            }
        }
    }

    /// The flight of the credentials of this call.
    pub(super) fn flight<'c>(&'c self, context: Context<'c>) -> Flight<'c> {
        Flight {
            call: self,
            cache: &self.cache,
            context,
            task: "fetch these credentials",
            unfinished: "fetching the same credentials",
        }
    }

    /// When the entry was obtained that a refresh is to replace.
    fn entry_to_replace(&self) -> Option<Timestamp> {
        if !self.inputs.request.cache.refresh {
            return None;
        }
        match self.cache.load() {
            Ok(Some(CacheEntry::Credentials(entry))) => Some(entry.obtained_at),
            _ => None,
        }
    }

    /// What the lock holder left. Credentials count if they are not the ones to replace.
    fn holder_result(&self, replaced: Option<Timestamp>) -> Option<HolderResult<'a>> {
        if let Some(call) = self.relocated() {
            return Some(HolderResult::Relocated(call));
        }
        match self.look_up() {
            Lookup::Fresh(entry) | Lookup::Due(entry) if Some(entry.obtained_at) != replaced => {
                Some(HolderResult::Fetched(entry))
            }
            Lookup::NotCached => Some(HolderResult::NotCached),
            _ => None,
        }
    }

    /// Whether the failure belongs to the same client command. A user who runs the plugin in a shell
    /// wants to retry.
    fn should_replay(&self, failure: &CachedFailure) -> bool {
        let host = self.context.host;
        let is_run_by_client = matches!(host.variable(exec_info::VARIABLE), Ok(Some(_)));
        let parent = host.parent_process();
        is_run_by_client
            && failure.is_within(REPLAY_WINDOW, self.context.now())
            && parent.is_some()
            && parent == failure.parent
    }
}
