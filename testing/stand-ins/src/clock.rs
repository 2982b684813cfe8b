//! The clock of the stand-ins, which tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use encodings::timestamp::Seconds;

/// The system clock, or a fixed one; tests can advance both. Clones share the time.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: bool,
    /// The time of a fixed clock, or the offset to the system clock.
    seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The system clock.
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

    /// The current time.
    pub fn now(&self) -> Seconds {
        let seconds = self.seconds.load(Ordering::SeqCst);
        if self.fixed {
            seconds
        } else {
            kubectl_esc::clock::Clock::system().now().unix() + seconds
        }
    }

    /// Advances the clock; with a negative number, sets it back.
    pub fn advance(&self, seconds: Seconds) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}
