//! The time since the machine was booted, including sleep, from a clock that cannot be set.

use std::time::Duration;

/// The monotonic clock of Linux does not include sleep.
#[cfg(target_os = "linux")]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;

/// The monotonic clock of Apple's systems includes sleep.
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
