//! Durations: computed in whole nanoseconds by a second implementation, and formatted so that they are
//! read back.

#![no_main]

use std::time::Duration;

use kubectl_esc::clock::{format_duration, parse_duration};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parsed = parse_duration(text);
    match (parsed, reference(text)) {
        (Some(parsed), Some(want)) => {
            // Floating-point numbers have 53 significant bits.
            let tolerance = want / (1 << 50) + 2 * text.len() as u128;
            let difference = parsed.as_nanos().abs_diff(want);
            assert!(difference <= tolerance, "{text}: {parsed:?}, not {want} ns");
        }
        (None, None) => {}
        // Too large for a `Duration`.
        (None, Some(want)) => assert!(want / 1_000_000_000 >= 1 << 63, "{text}"),
        (Some(parsed), None) => panic!("{text}: {parsed:?} is accepted"),
    }
    if let Some(parsed) = parsed {
        let whole = Duration::from_millis(u64::try_from(parsed.as_millis() % (1 << 50)).unwrap());
        assert_eq!(parse_duration(&format_duration(whole)), Some(whole));
        let _ = format_duration(parsed);
    }
});

/// The nanoseconds, rounded down for each part; `None` if the text is not a duration.
fn reference(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let (mut total, mut rest) = (0_u128, text);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let (unit, length) = [("ms", 1_000_000), ("s", 1_000_000_000)]
            .into_iter()
            .chain([("m", 60_000_000_000), ("h", 3_600_000_000_000)])
            .find_map(|(name, nanos)| tail.starts_with(name).then_some((nanos, name.len())))?;
        rest = &tail[length..];
        if rest.starts_with(|c: char| !c.is_ascii_digit() && c != '.') {
            return None;
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let digits = |text: &str, limit: usize| {
            text.bytes().take(limit).fold(0_u128, |value, digit| {
                value
                    .saturating_mul(10)
                    .saturating_add(u128::from(digit - b'0'))
            })
        };
        total = total.saturating_add(digits(whole, usize::MAX).saturating_mul(unit));
        let places = u32::try_from(fraction.len().min(20)).ok()?;
        total = total.saturating_add(digits(fraction, 20) * unit / 10_u128.pow(places));
    }
    (!text.is_empty()).then_some(total)
}
