//! Credentials from the cache, or fetched by one call for all that ask the same.

use std::time::Duration;

use crate::authenticate::question::{full_path, login_and_key};
use crate::authenticate::{Call, Fetched, Session, fetch};
use crate::aws::Credentials;
use crate::aws::endpoint::Region;
use crate::cache::{Attempt, Cache, Entry, Failure, Freshness, Kept, Lock};
use crate::clock::{Deadline, format_duration};
use crate::configuration::CacheRequest;
use crate::environment::Reference;
use crate::error::{Error, Kind, Result};
use crate::kubernetes::exec_info;

/// How long a failure is told again to the process for which the call was made: kubectl runs a
/// plugin that fails up to five times in one command.
const REPLAY: Duration = Duration::from_secs(5);

/// How long after a failed renewal none is tried, while the credentials are still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// How long a renewal may take, while the credentials are still good.
const RENEWAL_LIMIT: Duration = Duration::from_secs(5);

/// How long to wait between two attempts at the lock: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How long after its own deadline a holder of the lock may still be cleaning up.
const GRACE: Duration = Duration::from_secs(2);

/// The session that the call asks for.
pub(super) fn session(call: &Call<'_>, request: &CacheRequest) -> Result<Session> {
    match Cached::of(call, request) {
        Some(cached) => cached.session(request),
        None => fetch_only(call),
    }
}

fn fetch_only(call: &Call<'_>) -> Result<Session> {
    fetch(call, call.request.open.deadline).map(|fetched| fetched.session)
}

/// A call and its place in the cache.
struct Cached<'a> {
    call: &'a Call<'a>,
    cache: Cache,
}

/// What the cache holds for a call.
enum Found {
    Fresh(Entry),
    Due(Entry),
    /// The credentials stand on this machine: nothing is gained by keeping them.
    NothingToKeep,
    Nothing,
}

impl<'a> Cached<'a> {
    /// `None` where nothing can be kept: there is no folder, or no login that could seal it. What is
    /// wrong with the login is told when it is used.
    fn of(call: &'a Call<'a>, request: &CacheRequest) -> Option<Self> {
        let folder = request.folder.clone()?;
        let (login, key) = login_and_key(call).ok()??;
        let cache = Cache::new(folder, &login, &key);
        Some(Self { call, cache })
    }

    fn session(self, request: &CacheRequest) -> Result<Session> {
        if !request.refresh {
            match self.look_up() {
                Found::Fresh(entry) => return session_of(entry),
                Found::Due(entry) => return self.renewed(entry, request),
                Found::NothingToKeep => return fetch_only(self.call),
                Found::Nothing => {}
            }
        }
        self.fetched_once(request)
    }

    fn look_up(&self) -> Found {
        let kept = match self.cache.look_up() {
            Ok(Some(kept)) => kept,
            Ok(None) => return Found::Nothing,
            Err(trouble) => {
                self.note(&trouble);
                return Found::Nothing;
            }
        };
        let Kept::Credentials(entry) = kept else {
            return Found::NothingToKeep;
        };
        let clock = self.call.host.clock();
        let now = clock.now();
        let freshness = entry.freshness(now, clock.machine_start());
        if freshness == Freshness::Over {
            return Found::Nothing;
        }
        let age = now.shifted(entry.clock_offset).since(entry.obtained_at);
        self.call.journal.step(format_args!(
            "using cached credentials, {} old, good until {}",
            format_duration(age),
            entry.good_until
        ));
        match freshness {
            Freshness::Fresh => Found::Fresh(entry),
            _ => Found::Due(entry),
        }
    }

    /// Renews credentials that are still good, unless somebody else does, or it failed a moment ago.
    fn renewed(&self, entry: Entry, request: &CacheRequest) -> Result<Session> {
        let journal = self.call.journal;
        let now = self.call.host.clock().now();
        let last = self.cache.last_failure();
        let failed_lately = last.is_some_and(|last| now.since(last.at()) < RENEWAL_PAUSE);
        let deadline = self.call.request.open.deadline.within(RENEWAL_LIMIT);
        let lock = match self.try_lock(deadline) {
            Ok(Attempt::Locked(lock)) if !failed_lately => lock,
            _ => return session_of(entry),
        };
        // Somebody else may have done it in the meantime.
        if let Found::Fresh(renewed) = self.look_up() {
            return session_of(renewed);
        }
        journal.step(format_args!("renewing them before they end"));
        match self.fetch_and_keep(request, deadline, &lock) {
            Ok(session) => Ok(session),
            Err(error) => {
                journal.step(format_args!("they could not be renewed: {error}"));
                session_of(entry)
            }
        }
    }

    /// Fetches, or waits for the one who does and takes what comes of it.
    fn fetched_once(self, request: &CacheRequest) -> Result<Session> {
        let before = self.cache.last_failure();
        if let Some(failure) = before
            .clone()
            .filter(|failure| self.is_to_be_told_again(failure))
        {
            self.call
                .journal
                .step(format_args!("failed a moment ago, not tried again"));
            return Err(failure.into_error());
        }
        let Some((lock, waited)) = self.wait_for_lock()? else {
            return fetch_only(self.call);
        };
        if waited {
            if let Some(moved) = Self::of(self.call, request)
                && !moved.cache.is_same_place(&self.cache)
            {
                // The login changed in the meantime, as when it was renewed: what was fetched is in
                // another place, which has a lock of its own.
                drop(lock);
                return moved.session(request);
            }
            match self.look_up() {
                Found::Fresh(entry) | Found::Due(entry) => return session_of(entry),
                Found::NothingToKeep => {
                    drop(lock);
                    return fetch_only(self.call);
                }
                Found::Nothing => {}
            }
            let last = self.cache.last_failure();
            if let Some(failure) = last.filter(|last| Some(last) != before.as_ref()) {
                let journal = self.call.journal;
                journal.step(format_args!("failed in another process, not tried again"));
                return Err(failure.into_error());
            }
        }
        self.fetch_and_keep(request, self.call.request.open.deadline, &lock)
    }

    /// Whether this failure is one of the same command.
    fn is_to_be_told_again(&self, failure: &Failure) -> bool {
        let host = self.call.host;
        // Whoever calls by hand has a shell as the parent, and wants to try again.
        let is_client = matches!(host.variable(exec_info::VARIABLE), Ok(Some(_)));
        let parent = host.parent_process();
        let now = host.clock().now();
        let is_recent = now.since(failure.at()) < REPLAY && failure.at() <= now;
        is_client && is_recent && parent.is_some() && parent == failure.parent
    }

    /// Waits for the lock, which comes with whether somebody else held it. `None` where there is no
    /// use in waiting: it cannot be locked, or its holder is past its own deadline.
    fn wait_for_lock(&self) -> Result<Option<(Lock, bool)>> {
        let deadline = self.call.request.open.deadline;
        let mut pause = FIRST_PAUSE;
        let mut waited = false;
        loop {
            let until = match self.try_lock(deadline) {
                Ok(Attempt::Locked(lock)) => return Ok(Some((lock, waited))),
                Ok(Attempt::Held(until)) => until,
                Err(trouble) => {
                    self.note(&trouble);
                    return Ok(None);
                }
            };
            let now = self.call.host.clock().now();
            if until.is_some_and(|until| until.plus(GRACE) < now) {
                return Ok(None);
            }
            if deadline.remaining().is_zero() {
                return Err(self.waited_in_vain(deadline));
            }
            if !waited {
                let journal = self.call.journal;
                journal.step(format_args!(
                    "waiting for another process that does the same"
                ));
            }
            waited = true;
            std::thread::sleep(pause.min(deadline.remaining()));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn try_lock(&self, deadline: Deadline) -> Result<Attempt> {
        let now = self.call.host.clock().now();
        self.cache.try_lock(now.plus(deadline.remaining()))
    }

    fn waited_in_vain(&self, deadline: Deadline) -> Error {
        Error::new(
            Kind::Unavailable,
            format!(
                "another process did not finish opening the environment `{}` within {}",
                self.call.request.open.environment,
                format_duration(deadline.allowed())
            ),
        )
        .with_hint("try again in a moment; `--no-cache` waits for nobody")
    }

    /// Fetches under the lock, and keeps what comes of it: the session, or the failure.
    fn fetch_and_keep(
        &self,
        request: &CacheRequest,
        deadline: Deadline,
        _lock: &Lock,
    ) -> Result<Session> {
        let host = self.call.host;
        let fetched = match fetch(self.call, deadline) {
            Ok(fetched) => fetched,
            Err(error) => {
                let failure = Failure::new(&error, host.parent_process(), host.clock().now());
                if let Err(trouble) = self.cache.remember(&failure) {
                    self.note(&trouble);
                }
                return Err(error);
            }
        };
        // What was fetched with another login, because it changed in the meantime, must not be found
        // with this one.
        let is_same_login =
            Self::of(self.call, request).is_some_and(|now| now.cache.is_same_place(&self.cache));
        let Fetched {
            session,
            obtained_at,
            good_until,
            files,
        } = fetched;
        if is_same_login {
            let kept = match good_until {
                None => Kept::Nothing(files),
                Some(good_until) => Kept::Credentials(Entry {
                    shown_cluster: session.shown_cluster.clone(),
                    cluster_name: session.cluster_name.clone(),
                    region: session.region.as_str().to_owned(),
                    access_key_id: session.credentials.access_key_id.clone(),
                    secret_access_key: session.credentials.secret_access_key.clone(),
                    session_token: session.credentials.session_token.clone(),
                    expires_at: session.credentials.expires_at,
                    obtained_at,
                    good_until,
                    clock_offset: session.clock_offset,
                    machine_start: host.clock().machine_start(),
                    files,
                }),
            };
            let environment = match &self.call.request.open.environment {
                Reference::Local(path) => full_path(path)?,
                Reference::Cloud(name) => name.clone(),
            };
            if let Err(trouble) = self.cache.keep(&environment, &kept) {
                self.note(&trouble);
            }
        }
        Ok(session)
    }

    /// Trouble with the cache is never a failure of the call.
    fn note(&self, trouble: &Error) {
        self.call.journal.step(format_args!(
            "{trouble}: {}",
            trouble.causes().next().unwrap_or_default()
        ));
    }
}

/// What the cache holds for the call, in one line.
pub(super) fn describe(call: &Call<'_>, request: &CacheRequest) -> String {
    let Some(cached) = Cached::of(call, request) else {
        return match request.folder {
            None => "is not in use".to_owned(),
            Some(_) => "has nothing to be sealed with before there is a login".to_owned(),
        };
    };
    let now = call.host.clock().now();
    let held = match cached.look_up() {
        Found::Fresh(entry) => format!("credentials that are good until {}", entry.good_until),
        Found::Due(entry) => format!(
            "credentials that are good until {}, to be renewed",
            entry.good_until
        ),
        Found::NothingToKeep | Found::Nothing => "nothing for this call".to_owned(),
    };
    let failure = cached.cache.last_failure().map(|failure| {
        let age = format_duration(now.since(failure.at()));
        format!("; the last failure, {age} ago: {}", failure.into_error())
    });
    format!("holds {held}{}", failure.unwrap_or_default())
}

fn session_of(entry: Entry) -> Result<Session> {
    Ok(Session {
        shown_cluster: entry.shown_cluster,
        cluster_name: entry.cluster_name,
        region: Region::parse(&entry.region)?,
        credentials: Credentials {
            access_key_id: entry.access_key_id,
            secret_access_key: entry.secret_access_key,
            session_token: entry.session_token,
            expires_at: entry.expires_at,
        },
        clock_offset: entry.clock_offset,
    })
}
