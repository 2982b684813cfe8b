//! Decimal numbers, compared and divided without losing digits.

use std::cmp::Ordering;

use crate::Number;

/// A decimal number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    /// The digits as an integer, and the power of ten to multiply it by. `None` if there are too many
    /// digits.
    exact: Option<(i128, i32)>,
    approximate: f64,
}

impl Decimal {
    pub(super) fn parse(number: &Number) -> Option<Self> {
        let text = number.as_str();
        Some(Self {
            exact: parse_exact(text),
            approximate: text.parse().ok()?,
        })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match self.aligned_with(other) {
            Some((digits, other_digits)) => digits.cmp(&other_digits),
            None => self.approximate.total_cmp(&other.approximate),
        }
    }

    /// Whether the number is an integer multiple of `unit`. Nothing is a multiple of zero.
    pub(super) fn is_multiple_of(&self, unit: &Self) -> bool {
        match self.aligned_with(unit) {
            Some((digits, unit_digits)) => digits.checked_rem(unit_digits) == Some(0),
            None => (self.approximate / unit.approximate).fract() == 0.0,
        }
    }

    /// Both numbers as multiples of the same power of ten.
    fn aligned_with(&self, other: &Self) -> Option<(i128, i128)> {
        let ((digits, power), (other_digits, other_power)) = (self.exact?, other.exact?);
        let common = power.min(other_power);
        let scale = |digits: i128, power: i32| {
            let exponent = u32::try_from(power.checked_sub(common)?).ok()?;
            if digits == 0 {
                return Some(0);
            }
            digits.checked_mul(10_i128.checked_pow(exponent)?)
        };
        Some((scale(digits, power)?, scale(other_digits, other_power)?))
    }
}

fn parse_exact(text: &str) -> Option<(i128, i32)> {
    let (mantissa, power) = match text.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse().ok()?),
        None => (text, 0_i32),
    };
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}").parse().ok()?;
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
    fn multiples_are_decimal() {
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
            let is_multiple = decimal(value).is_multiple_of(&decimal(unit));
            assert_eq!(is_multiple, want, "{value} {unit}");
        }
    }
}
