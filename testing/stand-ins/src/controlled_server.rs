//! A door before a stand-in: a test says what becomes of the requests, and knows how many came.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use super::http::{Reply, Request, Server};
use super::plugin::LIMIT;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// It is answered.
    Open,
    /// It waits until this changes.
    Shut,
    /// Its connection is closed without an answer.
    Down,
    /// It is never answered.
    Silent,
}

/// The door. It listens on a port of its own, and ends with its value.
pub struct Door {
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    way: Way,
    knocks: usize,
}

impl Door {
    /// A door before whoever answers like this.
    pub fn before(way: Way, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { way, knocks: 0 }),
            changed: Condvar::new(),
        });
        let inside = Arc::clone(&shared);
        let server = Server::start(None, move |request| match inside.pass() {
            Way::Open | Way::Shut => answer(request),
            Way::Down => Reply::Close,
            Way::Silent => Reply::Hang,
        });
        Self { shared, server }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Changes what becomes of requests, and of those that wait.
    pub fn set(&self, way: Way) {
        self.shared.state().way = way;
        self.shared.changed.notify_all();
    }

    /// How many requests came so far.
    pub fn knocks(&self) -> usize {
        self.shared.state().knocks
    }

    /// Waits until so many requests have come. Fails the test where they do not come.
    #[track_caller]
    pub fn wait_for_knocks(&self, knocks: usize) {
        let end = Instant::now() + LIMIT;
        let mut state = self.shared.state();
        while state.knocks < knocks {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} requests came", state.knocks);
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.expect("the door").0;
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.set(Way::Down);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the door")
    }

    /// Counts a request, and waits where the door is shut.
    fn pass(&self) -> Way {
        let mut state = self.state();
        state.knocks += 1;
        self.changed.notify_all();
        while state.way == Way::Shut {
            state = self.changed.wait(state).expect("the door");
        }
        state.way
    }
}
