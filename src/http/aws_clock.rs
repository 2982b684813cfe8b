//! Measures the difference between the local clock and AWS's, from the header `Date` of its responses
//! (RFC 9110, section 6.6.1). AWS rejects what is signed with a wrong clock.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Result};

/// In seconds. A smaller difference may be network latency, and AWS accepts it.
const NEGLIGIBLE: u64 = 10;

/// In seconds. A larger difference is not corrected.
const MAX_OFFSET: u64 = 24 * 60 * 60;

/// The clock in the last response of AWS.
#[derive(Debug)]
pub(super) struct AwsClock {
    local: Clock,
    offset: AtomicI64,
    /// The offset before any decision about it; [`i64::MIN`] before the first response.
    observed: AtomicI64,
}

impl AwsClock {
    pub(super) fn new(local: Clock) -> Self {
        Self {
            local,
            offset: AtomicI64::new(0),
            observed: AtomicI64::new(i64::MIN),
        }
    }

    /// AWS's clock minus the local clock, in seconds.
    pub(super) fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// The clock in the last response of AWS minus the local clock, in seconds.
    pub(super) fn observed(&self) -> Option<i64> {
        let offset = self.observed.load(Ordering::Relaxed);
        (offset != i64::MIN).then_some(offset)
    }

    /// Takes over the offset that another call has measured, unless a response has shown it already.
    pub(super) fn assume(&self, offset: i64) {
        if self.observed().is_none() {
            self.offset.store(offset, Ordering::Relaxed);
        }
    }

    /// Takes over the date of a response. Fails if the local clock is too wrong to be corrected.
    pub(super) fn observe(&self, date: Timestamp) -> Result<()> {
        let now = self.local.now();
        let offset = date.unix().saturating_sub(now.unix());
        self.observed.store(offset, Ordering::Relaxed);
        if offset.unsigned_abs() > MAX_OFFSET {
            let message =
                format!("this machine's clock is wrong: it shows {now}, and AWS's shows {date}");
            return Err(Error::configuration(message)
                .with_hint("set this machine's clock; up to 24h would be corrected"));
        }
        let is_negligible = offset.unsigned_abs() <= NEGLIGIBLE;
        let offset = if is_negligible { 0 } else { offset };
        self.offset.store(offset, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assumed_offset_counts_until_the_first_response() {
        let now = Timestamp::from_unix(1_682_640_000);
        let clock = AwsClock::new(Clock::fixed(now));
        clock.assume(60);
        assert_eq!((clock.offset(), clock.observed()), (60, None));
        clock.observe(now.shifted(90)).unwrap();
        clock.assume(60);
        assert_eq!(clock.offset(), 90);
    }

    #[test]
    fn offsets_between_ten_seconds_and_a_day_are_corrected() {
        const DAY: i64 = 24 * 60 * 60;
        let now = Timestamp::from_unix(1_682_640_000);
        for (date, offset) in [
            (0, Some(0)),
            (10, Some(0)),
            (-10, Some(0)),
            (11, Some(11)),
            (-3_600, Some(-3_600)),
            (DAY, Some(DAY)),
            (-DAY, Some(-DAY)),
            (DAY + 1, None),
            (-DAY - 1, None),
            (i64::MAX, None),
            (i64::MIN, None),
        ] {
            let clock = AwsClock::new(Clock::fixed(now));
            assert_eq!(clock.offset(), 0);
            let observed = clock.observe(now.shifted(date));
            assert_eq!(observed.is_ok(), offset.is_some(), "{date}");
            assert_eq!(clock.offset(), offset.unwrap_or(0), "{date}");
        }
    }
}
