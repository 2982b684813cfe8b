//! Single flight: of the processes that need the same credentials at the same time, one fetches and
//! the others wait for its result.

use std::time::Duration;

use crate::authenticate::credential_cache::{CachedCall, Lookup, fetch_uncached, session_of};
use crate::authenticate::session::Session;
use crate::cache::{
    CacheEntry, CachedCredentials, CachedFailure, Lock, LockAttempt, LockHolder, LockRole,
};
use crate::clock::{Deadline, Timestamp};
use crate::context::Context;
use crate::error::{Kind, Result};
use crate::file_lock::{LockMode, LockRequest, LockWait};
use crate::kubernetes::exec_info;

/// How long a failure is replayed to the client that got it: kubectl runs a failing plugin up to five
/// times per command.
const REPLAY_WINDOW: Duration = Duration::from_secs(5);

/// What the lock holder left for the processes that waited for it.
enum HolderResult<'a> {
    Fetched(CachedCredentials),
    Failed(CachedFailure),
    /// The credentials are stored on this machine anyway: nothing to share.
    NotCached,
    /// The login has changed: the result is elsewhere, under a lock of its own.
    Relocated(CachedCall<'a>),
    /// The lock holder exited without a result.
    None,
}

/// How waiting for the lock ended.
#[derive(Default)]
struct WaitedLock {
    /// `None` if the file cannot be locked, or its holder hangs.
    lock: Option<Lock>,
    has_waited: bool,
    /// The lock holder that did not finish in time.
    hanging: Option<LockHolder>,
}

impl<'a> CachedCall<'a> {
    /// Fetches, or waits for the process that does and uses its result.
    pub(super) fn fetch_once(self) -> Result<Session> {
        let log = self.context.log;
        let last_failure = self.cache.last_failure();
        if let Some(failure) = &last_failure
            && self.should_replay(failure)
        {
            log.info(format_args!("failed a moment ago; not retrying"));
            return Err(failure.clone().into_error());
        }
        let replaced = self.entry_to_replace();
        let mut waited = self.wait_for_lock(LockMode::Shared, None);
        if waited.has_waited {
            let mut result = self.holder_result(last_failure.as_ref(), replaced);
            let is_shared = |lock: &mut Lock| lock.mode() == LockMode::Shared;
            if matches!(result, HolderResult::None) && waited.lock.take_if(is_shared).is_some() {
                // The lock holder exited without a result; one waiter retries.
                waited = self.wait_for_lock(LockMode::Exclusive, waited.hanging);
                result = self.holder_result(last_failure.as_ref(), replaced);
            }
            match result {
                HolderResult::Fetched(entry) => return session_of(entry),
                HolderResult::Failed(failure) => {
                    log.info(format_args!("failed in another process; not retrying"));
                    return Err(failure.into_error());
                }
                HolderResult::NotCached => {
                    drop(waited.lock);
                    return fetch_uncached(self.inputs, self.context);
                }
                HolderResult::Relocated(call) => {
                    drop(waited.lock);
                    return call.session();
                }
                HolderResult::None => {}
            }
        }
        let Some(holder) = waited.hanging else {
            return self.fetch_and_store(self.context, waited.lock);
        };
        // A time-out is to state the time that was left.
        let context = self.context.with_timeout(self.context.deadline.remaining());
        let fetched = self.fetch_and_store(context, waited.lock);
        fetched.map_err(|error| match error.kind() {
            Kind::Unavailable => error.with_hint(format!(
                "end {holder}, which has not finished fetching the same credentials, if it hangs, or \
                 increase `--timeout`"
            )),
            _ => error,
        })
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

    /// What the lock holder left. A failure counts if it is not `last_failure`, and credentials if
    /// they are not the ones to replace.
    fn holder_result(
        &self,
        last_failure: Option<&CachedFailure>,
        replaced: Option<Timestamp>,
    ) -> HolderResult<'a> {
        if let Some(call) = self.relocated() {
            return HolderResult::Relocated(call);
        }
        match self.look_up() {
            Lookup::Fresh(entry) | Lookup::Due(entry) if Some(entry.obtained_at) != replaced => {
                return HolderResult::Fetched(entry);
            }
            Lookup::NotCached => return HolderResult::NotCached,
            _ => {}
        }
        match self.cache.last_failure() {
            Some(failure) if Some(&failure) != last_failure => HolderResult::Failed(failure),
            _ => HolderResult::None,
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

    /// Waits for the lock. Without waiting the lock is exclusive, and after waiting as `mode` says.
    ///
    /// A lock holder may hang, or take long. So each wait ends after half of the time that is left, and
    /// one of the waiting processes takes over, while the others wait for that one. `hanging` is the
    /// holder of the first lock if that is known to hang.
    fn wait_for_lock(&self, mode: LockMode, hanging: Option<LockHolder>) -> WaitedLock {
        let Context { log, deadline, .. } = self.context;
        let clock = self.context.host.clock();
        let roles: &[LockRole] = match hanging {
            None => &[LockRole::First, LockRole::Takeover],
            Some(_) => &[LockRole::Takeover],
        };
        let mut waited = WaitedLock {
            lock: None,
            has_waited: hanging.is_some(),
            hanging,
        };
        for &role in roles {
            let request = LockRequest {
                open: &|| self.cache.open_lock(role),
                mode,
                until: &|| self.wall_clock(deadline),
                clock,
                deadline: deadline.within(deadline.remaining() / 2),
                on_wait: &|| {
                    log.info(format_args!(
                        "waiting for another process to fetch these credentials"
                    ));
                },
            };
            match request.lock() {
                Ok(LockWait::Acquired { lock, has_waited }) => {
                    waited.lock = Some(lock);
                    waited.has_waited |= has_waited;
                    break;
                }
                Ok(LockWait::StillHeld(holder)) => {
                    log.info(format_args!(
                        "{holder} has not finished; no longer waiting for it"
                    ));
                    waited.has_waited = true;
                    waited.hanging = Some(holder);
                }
                Err(problem) => {
                    self.log_problem(&problem);
                    break;
                }
            }
        }
        waited
    }

    pub(super) fn try_lock(&self, deadline: Deadline) -> Result<LockAttempt> {
        self.cache.try_lock(self.wall_clock(deadline))
    }

    /// The deadline on the wall clock, which other processes can read.
    fn wall_clock(&self, deadline: Deadline) -> Timestamp {
        self.context.now().plus(deadline.remaining())
    }
}
