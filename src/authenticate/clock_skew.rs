//! Reports a local clock that disagrees with the servers'.

use std::time::Duration;

use crate::clock::format_duration;
use crate::context::Context;

/// Clock skew from here on is reported.
const REPORTED_SKEW: Duration = Duration::from_mins(1);

/// Logs a notable clock skew.
pub(super) fn log(context: Context<'_>) {
    if let Some(skew) = describe(context.http.clock_offset()) {
        context
            .log
            .info(format_args!("{skew}; signing with the servers' time"));
    }
}

/// Describes the skew if it is a minute or more. `offset` is the servers' clock minus this
/// machine's, in seconds.
pub(super) fn describe(offset: i64) -> Option<String> {
    let skew = Duration::from_secs(offset.unsigned_abs());
    let direction = if offset > 0 { "behind" } else { "ahead of" };
    (skew >= REPORTED_SKEW).then(|| {
        let skew = format_duration(skew);
        format!("this machine's clock is {skew} {direction} the servers'")
    })
}
