//! The clock of the stand-ins, which tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use encodings::timestamp::Seconds;

/// A clock: the machine's, or one that stands still; either can be moved while it is in use.
/// Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: bool,
    /// The instant itself of a fixed clock, else what to add to the machine's.
    seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self {
            fixed: false,
            seconds: Arc::default(),
        }
    }

    /// A clock that stands still.
    pub fn fixed(at: Seconds) -> Self {
        Self {
            fixed: true,
            seconds: Arc::new(AtomicI64::new(at)),
        }
    }

    /// The instant that the clock shows.
    pub fn now(&self) -> Seconds {
        let seconds = self.seconds.load(Ordering::SeqCst);
        if self.fixed {
            seconds
        } else {
            kubectl_esc::clock::Clock::system().now().unix() + seconds
        }
    }

    /// Moves the clock on, or back.
    pub fn advance(&self, seconds: Seconds) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}
