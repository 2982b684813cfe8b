//! Runs the binary and kubectl. Nothing here uses the library's own signing or verifying.

pub mod aws;
pub mod azure;
pub(crate) mod definitions;
pub mod gcp;
pub mod kubectl;
pub mod plugin;
pub mod secret_scan;
#[cfg(unix)]
pub mod terminal;

use std::time::Duration;

use kubectl_esc::clock::{format_duration, parse_duration};

/// `text` with each duration that is within a minute of whole hours rounded to them: between reading the
/// two clocks that a call compares, seconds may pass.
pub(crate) fn round_to_hours(text: &str) -> String {
    let round = |word: &str| {
        let seconds = parse_duration(word)?.as_secs();
        let hours = (seconds + 60) / 3600;
        let is_near = hours > 0 && seconds.abs_diff(hours * 3600) <= 60;
        is_near.then(|| format_duration(Duration::from_hours(hours)))
    };
    let words = text.split(' ');
    let words: Vec<_> = words
        .map(|word| round(word).unwrap_or_else(|| word.to_owned()))
        .collect();
    words.join(" ")
}
