//! Single flight: of the processes that need the same credentials at the same time, one fetches and
//! the others wait for its result.

use std::time::Duration;

use crate::authenticate::credential_cache::{CachedCall, Lookup, fetch_uncached, session_of};
use crate::authenticate::session::ClusterSession;
use crate::cache::{CacheEntry, CachedCredentials, CachedFailure, Lock, LockAttempt, LockMode};
use crate::clock::{Deadline, Timestamp, format_duration};
use crate::error::{Error, Kind, Result};
use crate::kubernetes::exec_info;

/// How long a failure is replayed to the client that got it: kubectl runs a failing plugin up to five
/// times per command.
const REPLAY_WINDOW: Duration = Duration::from_secs(5);

/// How long a new lock holder may take to write its deadline to the lock file.
const DEADLINE_DELAY: Duration = Duration::from_secs(1);

/// How long a lock holder may still clean up after its own deadline.
const GRACE_PERIOD: Duration = Duration::from_secs(2);

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

/// The lock, or `None` if waiting is pointless: the file cannot be locked, or its holder is past its
/// own deadline.
struct WaitedLock {
    lock: Option<Lock>,
    has_waited: bool,
}

impl<'a> CachedCall<'a> {
    /// Fetches, or waits for the process that does and uses its result.
    pub(super) fn fetch_once(self) -> Result<ClusterSession> {
        let log = self.context.log;
        let last_failure = self.cache.last_failure();
        if let Some(failure) = &last_failure
            && self.should_replay(failure)
        {
            log.info(format_args!("failed a moment ago; not retrying"));
            return Err(failure.clone().into_error());
        }
        let replaced = self.entry_to_replace();
        let mut waited = self.wait_for_lock(LockMode::Shared)?;
        if waited.has_waited {
            let mut result = self.holder_result(last_failure.as_ref(), replaced);
            let is_shared = |lock: &mut Lock| lock.mode() == LockMode::Shared;
            if matches!(result, HolderResult::None) && waited.lock.take_if(is_shared).is_some() {
                // The lock holder exited without a result; one waiter retries.
                waited = self.wait_for_lock(LockMode::Exclusive)?;
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
        self.fetch_and_store(self.context, waited.lock)
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
    fn wait_for_lock(&self, mode: LockMode) -> Result<WaitedLock> {
        let deadline = self.context.deadline;
        let remaining_at_start = deadline.remaining();
        let mut has_waited = false;
        let without_lock = |has_waited| {
            Ok(WaitedLock {
                lock: None,
                has_waited,
            })
        };
        loop {
            let holder_deadline = match self.try_lock(deadline) {
                Ok(LockAttempt::Acquired(lock)) => {
                    return Ok(WaitedLock {
                        lock: Some(lock),
                        has_waited,
                    });
                }
                Ok(LockAttempt::Held(deadline)) => deadline.map(|it| it.plus(GRACE_PERIOD)),
                Err(problem) => {
                    self.log_problem(&problem);
                    return without_lock(has_waited);
                }
            };
            let now = self.context.now();
            let remaining = deadline.remaining();
            // Right after the lock was taken, the file still holds the previous holder's deadline.
            let is_deadline_current =
                has_waited && remaining_at_start.saturating_sub(remaining) > DEADLINE_DELAY;
            if is_deadline_current && holder_deadline.is_some_and(|deadline| deadline < now) {
                return without_lock(has_waited);
            }
            if remaining.is_zero() {
                return Err(self.wait_timed_out());
            }
            if !has_waited {
                self.context.log.info(format_args!(
                    "waiting for another process to fetch these credentials"
                ));
            }
            has_waited = true;
            let patience = holder_deadline.map_or(remaining, |it| it.since(now) + DEADLINE_DELAY);
            let own_deadline = self.wall_clock(deadline);
            match self
                .cache
                .wait_for_lock(mode, own_deadline, patience.min(remaining))
            {
                Ok(Some(lock)) => {
                    return Ok(WaitedLock {
                        lock: Some(lock),
                        has_waited,
                    });
                }
                Ok(None) => {}
                Err(problem) => {
                    self.log_problem(&problem);
                    return without_lock(has_waited);
                }
            }
        }
    }

    pub(super) fn try_lock(&self, deadline: Deadline) -> Result<LockAttempt> {
        self.cache.try_lock(self.wall_clock(deadline))
    }

    /// The deadline on the wall clock, which other processes can read.
    fn wall_clock(&self, deadline: Deadline) -> Timestamp {
        self.context.now().plus(deadline.remaining())
    }

    fn wait_timed_out(&self) -> Error {
        Error::new(
            Kind::Unavailable,
            format!(
                "another process did not finish opening the environment `{}` within {}",
                self.inputs.request.open.environment,
                format_duration(self.context.deadline.allowed())
            ),
        )
        .with_hint("try again, or use `--no-cache` to skip the wait")
    }
}
