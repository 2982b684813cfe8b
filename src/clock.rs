//! Time: timestamps, the clock, the format of durations, deadlines.
//!
//! The only module that uses chrono.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

mod uptime;

/// An instant in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Converts seconds since the Unix epoch.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Parses RFC 3339 with any offset. Fractions of a second are dropped.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|instant| Self(instant.timestamp()))
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Converts to the standard library's type. Instants before the epoch become the epoch.
    #[must_use]
    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(u64::try_from(self.0).unwrap_or(0))
    }

    /// This instant plus `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(seconds(duration)))
    }

    /// This instant plus `seconds`, which may be negative.
    #[must_use]
    pub fn shifted(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The duration from `earlier` to this instant; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This instant minus `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(seconds(duration)))
    }
}

/// RFC 3339 in UTC with seconds, such as `2023-04-28T00:14:00Z`: the format of `metav1.Time` in
/// Kubernetes.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp(self.0, 0) {
            Some(instant) => {
                formatter.write_str(&instant.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
            None => write!(formatter, "{} seconds since 1970", self.0),
        }
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// A source of the current time: a fixed instant, or else the system clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Option<Timestamp>);

impl Clock {
    /// A clock that always shows the same instant, for tests and for tokens with a given time.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self(Some(now))
    }

    /// The system clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// The current time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the time"
    )]
    pub fn now(&self) -> Timestamp {
        self.0.unwrap_or_else(|| Timestamp(Utc::now().timestamp()))
    }

    /// When the machine was booted, in the system clock; `None` if the operating system does not report
    /// its uptime. This changes only when the clock is set, which a caller can detect.
    #[must_use]
    pub fn boot_time(&self) -> Option<Timestamp> {
        let is_system = self.0.is_none();
        is_system.then_some(self.now().minus(uptime::uptime()?))
    }
}

/// The time by which a call has to finish, on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// The deadline after the timeout `allowed` from now.
    #[must_use]
    pub fn after(allowed: Duration) -> Self {
        let now = Instant::now();
        // If the timeout is too large for the clock, a day is long enough.
        let at = now
            .checked_add(allowed)
            .unwrap_or(now + Duration::from_hours(24));
        Self { at, allowed }
    }

    /// This deadline, but at most `limit` from now. [`Deadline::allowed`] remains the user's timeout.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self {
            at: Self::after(limit).at.min(self.at),
            allowed: self.allowed,
        }
    }

    /// The remaining time; zero after the deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether no time remains.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The timeout that the user chose.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        self.allowed
    }
}

/// Parses a duration in Go's format, as kubectl's flags and ESC's `duration` do: `15s`, `500ms`, `1h30m`,
/// `1.5h`. The units are `ms`, `s`, `m` and `h`; `0` needs none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        let part = Duration::try_from_secs_f64(number * unit).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Formats a duration in Go's format without zero parts: `15s`, `1h30m`, `500ms`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    let text: String = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (millis.into(), "ms"),
    ]
    .into_iter()
    .filter(|(amount, _)| *amount > 0)
    .map(|(amount, unit)| amount.to_string() + unit)
    .collect();
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// A larger difference between this machine's clock and that of a server is reported.
const REPORTED_SKEW: Duration = Duration::from_mins(5);

/// Describes the difference between this machine's clock and that of `server`, if it is above five
/// minutes. `offset` is the server's clock minus this machine's, in seconds.
#[must_use]
pub(crate) fn describe_skew(offset: i64, server: &str) -> Option<String> {
    let skew = Duration::from_secs(offset.unsigned_abs());
    let direction = if offset > 0 { "behind" } else { "ahead of" };
    (skew > REPORTED_SKEW).then(|| {
        let skew = format_duration(skew);
        format!("this machine's clock is {skew} {direction} that of {server}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_formatted_as_rfc3339_in_utc() {
        let midnight = Timestamp::from_unix(1_682_640_000);
        assert_eq!(midnight.to_string(), "2023-04-28T00:00:00Z");
        assert_eq!(
            Timestamp::from_rfc3339("2023-04-28T02:00:00.75+02:00"),
            Some(midnight)
        );
        assert_eq!(Timestamp::from_rfc3339("2023-04-28"), None);
        assert_eq!(
            midnight.plus(Duration::from_mins(14)).to_string(),
            "2023-04-28T00:14:00Z"
        );
    }

    #[test]
    fn durations_are_parsed_in_the_format_of_go() {
        for (text, want) in [
            ("15s", Some(Duration::from_secs(15))),
            ("500ms", Some(Duration::from_millis(500))),
            ("1h30m", Some(Duration::from_mins(90))),
            ("1.5h", Some(Duration::from_mins(90))),
            ("0", Some(Duration::ZERO)),
            ("", None),
            ("15", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("1..5s", None),
            ("99999999999999999999999h", None),
        ] {
            assert_eq!(parse_duration(text), want, "{text}");
        }
    }

    #[test]
    fn durations_are_formatted_as_they_are_parsed() {
        for text in ["15s", "500ms", "1h30m", "2h", "1m1s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }
}
