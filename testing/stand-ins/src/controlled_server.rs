//! A server in front of a stand-in, which counts requests and delays or drops them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::http::{Reply, Request, Server};

/// The time to wait for requests before the test fails.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// What happens to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behavior {
    /// The stand-in answers it.
    Answer,
    /// It waits until the behavior changes.
    Hold,
    /// Its connection is closed without an answer.
    Close,
    /// It is never answered.
    Hang,
}

/// The server, which stops when it is dropped.
pub struct ControlledServer {
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    behavior: Behavior,
    requests: usize,
}

impl ControlledServer {
    /// Starts the server in front of a stand-in that answers with `answer`.
    pub fn in_front_of(
        behavior: Behavior,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                behavior,
                requests: 0,
            }),
            changed: Condvar::new(),
        });
        let shared_with_server = Arc::clone(&shared);
        let server = Server::start(None, move |request| match shared_with_server.admit() {
            Behavior::Answer | Behavior::Hold => answer(request),
            Behavior::Close => Reply::Close,
            Behavior::Hang => Reply::Hang,
        });
        Self { shared, server }
    }

    /// The URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Changes what happens to requests, including held ones.
    pub fn set(&self, behavior: Behavior) {
        self.shared.state().behavior = behavior;
        self.shared.changed.notify_all();
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        self.shared.state().requests
    }

    /// Waits for this many requests, counted from the start. Fails the test on a time-out.
    #[track_caller]
    pub fn wait_for_requests(&self, requests: usize) {
        let end = Instant::now() + TIME_LIMIT;
        let mut state = self.shared.state();
        while state.requests < requests {
            let remaining = end.saturating_duration_since(Instant::now());
            assert!(!remaining.is_zero(), "{} requests received", state.requests);
            let waited = self.shared.changed.wait_timeout(state, remaining);
            state = waited.expect("the state").0;
        }
    }
}

impl Drop for ControlledServer {
    fn drop(&mut self) {
        self.set(Behavior::Close);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }

    /// Counts a request, and holds it if requested.
    fn admit(&self) -> Behavior {
        let mut state = self.state();
        state.requests += 1;
        self.changed.notify_all();
        while state.behavior == Behavior::Hold {
            state = self.changed.wait(state).expect("the state");
        }
        state.behavior
    }
}
