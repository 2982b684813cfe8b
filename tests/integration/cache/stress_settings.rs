//! Size of the stress tests: small by default; variables make it larger (docs/development.md).

use std::time::Duration;

use crate::support::plugin::test_variable;

/// The number of processes that start at once.
pub(super) fn process_count() -> usize {
    number("KUBECTL_ESC_STRESS_PROCESSES", 24)
}

/// The number of calls that are killed.
pub(super) fn kill_count() -> usize {
    number("KUBECTL_ESC_STRESS_KILLS", 15)
}

/// The seed of the moments at which calls are killed.
pub(super) fn seed() -> u64 {
    number("KUBECTL_ESC_STRESS_SEED", 1)
}

fn number<N: std::str::FromStr>(name: &str, default: N) -> N {
    let Some(text) = test_variable(name) else {
        return default;
    };
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("the variable `{name}` is not a number"))
}

/// Formats a duration.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Random numbers from a seed (`SplitMix64`).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// Returns a number below `limit`, which must not be 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
