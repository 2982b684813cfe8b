//! How long the machine has been running, sleep included, on a clock that nobody can set.

use std::time::Duration;

/// Linux does not count sleep on its monotonic clock, so it has another one.
#[cfg(target_os = "linux")]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;

/// On Apple's systems the monotonic clock goes on during sleep.
#[cfg(target_vendor = "apple")]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(super) fn uptime() -> Option<Duration> {
    let now = rustix::time::clock_gettime(CLOCK);
    u64::try_from(now.tv_sec).ok().map(Duration::from_secs)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) fn uptime() -> Option<Duration> {
    None
}
