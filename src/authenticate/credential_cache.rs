//! Credentials from the cache, or fetched by one call for all that ask the same.

use std::time::Duration;

use crate::authenticate::cache_key::{full_path, login_and_key};
use crate::authenticate::open;
use crate::authenticate::{Call, Fetched, Session, fetch};
use crate::aws::Credentials;
use crate::aws::endpoint::Region;
use crate::cache::{Attempt, Cache, Entry, Failure, Freshness, Hold, Kept, Lock};
use crate::clock::{Deadline, Timestamp, format_duration};
use crate::config::CacheRequest;
use crate::config::Reference;
use crate::config::request::OpenRequest;
use crate::error::{Error, Kind, Result};
use crate::http::HttpClient;
use crate::kubernetes::exec_info;

/// How long a failure is told again to the process for which the call was made: kubectl runs a
/// plugin that fails up to five times in one command.
const REPLAY: Duration = Duration::from_secs(5);

/// How long after a failed renewal none is tried, while the credentials are still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// How long a renewal may take, while the credentials are still good.
const RENEWAL_LIMIT: Duration = Duration::from_secs(5);

/// How long a holder of the lock has to write down until when it is going to hold it.
const SETTLING: Duration = Duration::from_secs(1);

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
    let http = HttpClient::new(call.host);
    fetch(call, http, call.request.open.deadline).map(|fetched| fetched.session)
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

/// What came of the call of another process.
enum Outcome<'a> {
    Fetched(Entry),
    Failed(Failure),
    /// As in [`Found`].
    NothingToKeep,
    /// The login changed in the meantime: what was fetched is in another place, which has a lock of
    /// its own.
    Moved(Cached<'a>),
    None,
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
        self.session_by(request, None)
    }

    /// The same with the connections of a login that was renewed.
    fn session_by(self, request: &CacheRequest, http: Option<HttpClient>) -> Result<Session> {
        if !request.refresh {
            match self.look_up() {
                Found::Fresh(entry) => return session_of(entry),
                Found::Due(entry) => return self.renewed(entry, request),
                Found::NothingToKeep => return fetch_only(self.call),
                Found::Nothing => {}
            }
        }
        self.fetched_once(request, http)
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
        self.call.log.info(format_args!(
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
        let log = self.call.log;
        let now = self.call.host.clock().now();
        let last = self.cache.last_failure();
        if last.is_some_and(|last| last.is_within(RENEWAL_PAUSE, now)) {
            return session_of(entry);
        }
        let deadline = self.call.request.open.deadline.within(RENEWAL_LIMIT);
        let lock = match self.try_lock(deadline) {
            Ok(Attempt::Locked(lock)) => Some(lock),
            Ok(Attempt::Held(_)) => return session_of(entry),
            Err(trouble) => {
                // What nobody can keep is not worth the wait.
                self.note(&trouble);
                return session_of(entry);
            }
        };
        // Somebody else may have done it in the meantime.
        if let Found::Fresh(renewed) = self.look_up() {
            return session_of(renewed);
        }
        log.info(format_args!("renewing them before they end"));
        match self.fetch_with_good_login(request, deadline, lock, None) {
            Ok(session) => Ok(session),
            Err(error) => {
                log.info(format_args!("they could not be renewed: {error}"));
                session_of(entry)
            }
        }
    }

    /// Fetches, or waits for the one who does and takes what comes of it.
    fn fetched_once(self, request: &CacheRequest, http: Option<HttpClient>) -> Result<Session> {
        let before = self.cache.last_failure();
        if let Some(failure) = before
            .clone()
            .filter(|failure| self.is_to_be_told_again(failure))
        {
            self.call
                .log
                .info(format_args!("failed a moment ago, not tried again"));
            return Err(failure.into_error());
        }
        let to_replace = match request.refresh.then(|| self.cache.look_up()) {
            Some(Ok(Some(Kept::Credentials(entry)))) => Some(entry.obtained_at),
            _ => None,
        };
        let (mut lock, waited) = self.wait_for_lock(Hold::Together)?;
        if waited {
            let mut outcome = self.outcome(request, before.as_ref(), to_replace);
            if matches!(outcome, Outcome::None)
                && lock.take_if(|it| it.hold() == Hold::Together).is_some()
            {
                // Whoever held it ended without a word: one of those who looked has its turn.
                (lock, _) = self.wait_for_lock(Hold::Alone)?;
                outcome = self.outcome(request, before.as_ref(), to_replace);
            }
            match outcome {
                Outcome::None => {}
                Outcome::Fetched(entry) => return session_of(entry),
                Outcome::Failed(failure) => {
                    let log = self.call.log;
                    log.info(format_args!("failed in another process, not tried again"));
                    return Err(failure.into_error());
                }
                Outcome::NothingToKeep => {
                    drop(lock);
                    return fetch_only(self.call);
                }
                Outcome::Moved(moved) => {
                    drop(lock);
                    return moved.session(request);
                }
            }
        }
        let deadline = self.call.request.open.deadline;
        self.fetch_with_good_login(request, deadline, lock, http)
    }

    /// What came of the call of another process, that was waited for.
    fn outcome(
        &self,
        request: &CacheRequest,
        before: Option<&Failure>,
        to_replace: Option<Timestamp>,
    ) -> Outcome<'a> {
        if let Some(moved) = self.moved(request) {
            return Outcome::Moved(moved);
        }
        match self.look_up() {
            // Whoever wants new credentials is not content with what was there all the time.
            Found::Fresh(entry) | Found::Due(entry) if Some(entry.obtained_at) != to_replace => {
                return Outcome::Fetched(entry);
            }
            Found::NothingToKeep => return Outcome::NothingToKeep,
            _ => {}
        }
        let last = self.cache.last_failure();
        let failed = last.filter(|last| Some(last) != before);
        failed.map_or(Outcome::None, Outcome::Failed)
    }

    /// Whether this failure is one of the same command.
    fn is_to_be_told_again(&self, failure: &Failure) -> bool {
        let host = self.call.host;
        // Whoever calls by hand has a shell as the parent, and wants to try again.
        let is_client = matches!(host.variable(exec_info::VARIABLE), Ok(Some(_)));
        let parent = host.parent_process();
        let now = host.clock().now();
        is_client && failure.is_within(REPLAY, now) && parent.is_some() && parent == failure.parent
    }

    /// Waits for the lock, which comes with whether somebody else held it: if not, it is held alone,
    /// else as `hold` says. Without a lock where there is no use in waiting: it cannot be locked, or
    /// its holder is past its own deadline.
    fn wait_for_lock(&self, hold: Hold) -> Result<(Option<Lock>, bool)> {
        let deadline = self.call.request.open.deadline;
        let begin = deadline.remaining();
        let mut waited = false;
        loop {
            let held_until = match self.try_lock(deadline) {
                Ok(Attempt::Locked(lock)) => return Ok((Some(lock), waited)),
                Ok(Attempt::Held(until)) => until.map(|until| until.plus(GRACE)),
                Err(trouble) => {
                    self.note(&trouble);
                    return Ok((None, waited));
                }
            };
            let now = self.call.host.clock().now();
            let is_over = held_until.is_some_and(|until| until < now);
            // Right after locking, the file still says what the holder before wrote.
            let is_settled = waited && begin.saturating_sub(deadline.remaining()) > SETTLING;
            if is_over && is_settled {
                return Ok((None, waited));
            }
            let remaining = deadline.remaining();
            if remaining.is_zero() {
                return Err(self.waited_in_vain(deadline));
            }
            if !waited {
                let log = self.call.log;
                log.info(format_args!(
                    "waiting for another process that does the same"
                ));
            }
            waited = true;
            let patience = held_until.map_or(remaining, |until| until.since(now) + SETTLING);
            let limit = patience.min(remaining);
            let until = self.done_by(deadline);
            match self.cache.wait_for_lock(hold, until, limit) {
                Ok(Some(lock)) => return Ok((Some(lock), waited)),
                Ok(None) => {}
                Err(trouble) => {
                    self.note(&trouble);
                    return Ok((None, waited));
                }
            }
        }
    }

    fn try_lock(&self, deadline: Deadline) -> Result<Attempt> {
        self.cache.try_lock(self.done_by(deadline))
    }

    /// The deadline by the clock, for other processes.
    fn done_by(&self, deadline: Deadline) -> Timestamp {
        self.call.host.clock().now().plus(deadline.remaining())
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

    /// Fetches under the lock, where there is one. A login that has expired is renewed before: that
    /// makes another one of it, under which to look and to lock, as those do who come later. `http`
    /// is there where that was done.
    fn fetch_with_good_login(
        &self,
        request: &CacheRequest,
        deadline: Deadline,
        lock: Option<Lock>,
        http: Option<HttpClient>,
    ) -> Result<Session> {
        let Call { host, log, .. } = *self.call;
        if let Some(http) = http {
            return self.fetch_and_keep(request, deadline, lock, http);
        }
        let http = HttpClient::new(host);
        if self.call.request.is_in_cloud() {
            let open = OpenRequest {
                deadline,
                ..self.call.request.open.clone()
            };
            let renewed = open::renew_login(&open, host, &http, log);
            let is_renewed = renewed.map_err(|error| self.remembered(error))?;
            if is_renewed && let Some(moved) = self.moved(request) {
                drop(lock);
                return moved.session_by(request, Some(http));
            }
        }
        self.fetch_and_keep(request, deadline, lock, http)
    }

    /// The place of the login as it is now, where that is another one.
    fn moved(&self, request: &CacheRequest) -> Option<Self> {
        let now = Self::of(self.call, request)?;
        (!now.cache.is_same_place(&self.cache)).then_some(now)
    }

    /// Remembers the failure for others.
    fn remembered(&self, error: Error) -> Error {
        let host = self.call.host;
        let failure = Failure::new(&error, host.parent_process(), host.clock().now());
        if let Err(trouble) = self.cache.remember(&failure) {
            self.note(&trouble);
        }
        error
    }

    /// Fetches under the lock, where there is one, and keeps what comes of it: the session, or the
    /// failure.
    fn fetch_and_keep(
        &self,
        request: &CacheRequest,
        deadline: Deadline,
        _lock: Option<Lock>,
        http: HttpClient,
    ) -> Result<Session> {
        let host = self.call.host;
        let fetched = fetch(self.call, http, deadline).map_err(|error| self.remembered(error))?;
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
        self.call.log.info(format_args!(
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
