//! Numbers as they are written, to compare and divide them without losing a digit.

use std::cmp::Ordering;

use crate::Number;

/// A number that is written in decimal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    /// The digits as an integer, and the power of ten it is multiplied with; `None` where they are
    /// too many.
    exact: Option<(i128, i32)>,
    near: f64,
}

impl Decimal {
    pub(super) fn parse(number: &Number) -> Option<Self> {
        let text = number.as_str();
        let near = text.parse().ok()?;
        let exact = exact(text);
        Some(Self { exact, near })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match self.aligned(other) {
            Some((one, another)) => one.cmp(&another),
            None => self.near.total_cmp(&other.near),
        }
    }

    /// Whether it is a whole number of times `unit`. Nothing is a multiple of zero.
    pub(super) fn is_multiple_of(&self, unit: &Self) -> bool {
        match self.aligned(unit) {
            Some((value, unit)) => value.checked_rem(unit) == Some(0),
            None => (self.near / unit.near).fract() == 0.0,
        }
    }

    /// Both as multiples of the same power of ten.
    fn aligned(&self, other: &Self) -> Option<(i128, i128)> {
        let ((one, power), (another, other_power)) = (self.exact?, other.exact?);
        let least = power.min(other_power);
        let scaled = |digits: i128, power: i32| {
            let by = u32::try_from(power.checked_sub(least)?).ok()?;
            if digits == 0 {
                return Some(0);
            }
            digits.checked_mul(10_i128.checked_pow(by)?)
        };
        Some((scaled(one, power)?, scaled(another, other_power)?))
    }
}

fn exact(text: &str) -> Option<(i128, i32)> {
    let (mantissa, power) = match text.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse().ok()?),
        None => (text, 0_i32),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().ok()?;
    let power = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    Some((digits, power))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(&Number::from_text(text)).unwrap()
    }

    #[test]
    fn numbers_compare_by_all_their_digits() {
        for (one, other, want) in [
            ("1", "1.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("-0.1", "0", Ordering::Less),
            ("1e3", "1000", Ordering::Equal),
            ("1e-400", "1e400", Ordering::Less),
            ("0", "0e300", Ordering::Equal),
        ] {
            assert_eq!(decimal(one).compare(&decimal(other)), want, "{one} {other}");
        }
    }

    #[test]
    fn multiples_are_counted_in_decimal() {
        for (value, unit, want) in [
            ("4", "2", true),
            ("5", "2", false),
            ("0.3", "0.1", true),
            ("0.35", "0.1", false),
            ("1e+06", "1000", true),
            ("-4", "2", true),
            ("1", "0", false),
            ("1e300", "2", true),
        ] {
            let holds = decimal(value).is_multiple_of(&decimal(unit));
            assert_eq!(holds, want, "{value} {unit}");
        }
    }
}
