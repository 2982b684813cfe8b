//! How much is tried: little by default, much in the heavy run, which sets the variables. The one
//! place that reads them.

use std::time::Duration;

use crate::support::plugin::test_variable;

/// How many processes start at once.
pub(super) fn process_count() -> usize {
    number("KUBECTL_ESC_STRESS_PROCESSES", 24)
}

/// How many calls are killed.
pub(super) fn kill_count() -> usize {
    number("KUBECTL_ESC_STRESS_KILLS", 15)
}

/// What decides at which moments.
pub(super) fn seed() -> u64 {
    number("KUBECTL_ESC_STRESS_SEED", 1)
}

fn number<N: std::str::FromStr>(name: &str, default: N) -> N {
    let Some(text) = test_variable(name) else {
        return default;
    };
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("the variable `{name}` is no number"))
}

/// A time for people.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Numbers that a seed decides (`SplitMix64`).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// One of the numbers below `limit`, which is above 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
