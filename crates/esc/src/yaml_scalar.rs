//! Resolution of plain YAML scalars by the rules of Go's yaml.v3, which ESC uses.
//!
//! They are the core schema of YAML 1.2 with leftovers of 1.1: octal numbers with a leading zero, binary
//! numbers, and `_` between digits. `yes` and `on` are strings, and so are timestamps.

/// A resolved scalar.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    /// A finite decimal number as Go prints it.
    Number(String),
    /// `.inf` or `.nan`, which JSON cannot represent.
    NotFinite,
    Text,
}

/// Resolves a scalar without quotes and tag.
pub(crate) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::NotFinite,
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Scalar::NotFinite;
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => float(text),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            let plain = text.replace('_', "");
            match integer(&plain) {
                None if is_decimal(&plain) => float(&plain),
                integer => integer,
            }
        }
        _ => None,
    };
    number.map_or(Scalar::Text, Scalar::Number)
}

/// The tag that yaml.v3 gives a scalar without a tag.
pub(crate) fn tag_of(text: &str) -> &'static str {
    match resolve(text) {
        Scalar::Null => "!!null",
        Scalar::Bool(_) => "!!bool",
        Scalar::Number(_) if integer(&text.replace('_', "")).is_some() => "!!int",
        Scalar::Number(_) | Scalar::NotFinite => "!!float",
        Scalar::Text => "!!str",
    }
}

/// Whether yaml.v3 reads the text as a timestamp: a date such as `2001-12-14`, which may be followed by a
/// space and a time such as `21:59:43.1`, or by `T`, a time and a zone.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else {
        return false;
    };
    let (date, time) = match rest.find(['T', 't', ' ']) {
        Some(end) => (&rest[..end], Some((&rest[end..=end], &rest[end + 1..]))),
        None => (rest, None),
    };
    let Some((month, day)) = date.split_once('-') else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (
        digits(year, 4..=4),
        digits(month, 1..=2),
        digits(day, 1..=2),
    ) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
        && match time {
            None => true,
            Some((" ", time)) => is_time(time),
            Some((_, zoned)) => match zoned.find(['Z', '+', '-']) {
                Some(end) => is_time(&zoned[..end]) && is_zone(&zoned[end..]),
                None => false,
            },
        }
}

/// Whether the text is a time such as `21:59:43.1`.
fn is_time(text: &str) -> bool {
    let (time, fraction) = match text.split_once(['.', ',']) {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (text, None),
    };
    let parts: Vec<_> = time.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else {
        return false;
    };
    let is_below = |text: &str, limit| digits(text, 1..=2).is_some_and(|number| number < limit);
    is_below(hour, 24)
        && is_below(minute, 60)
        && is_below(second, 60)
        && fraction.is_none_or(|fraction| {
            !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// Whether the text is a zone such as `Z` or `+01:00`.
fn is_zone(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let Some((hour, minute)) = text[1..].split_once(':') else {
        return false;
    };
    let is_at_most = |text, limit| digits(text, 2..=2).is_some_and(|number| number <= limit);
    is_at_most(hour, 24) && is_at_most(minute, 60)
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (is_digits && length.contains(&text.len()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Converts a number to a float, as the tag `!!float` does: `1000000` becomes `1e+06`.
pub(crate) fn as_float(scalar: Scalar) -> Scalar {
    match scalar {
        Scalar::Number(number) => float(&number).map_or(Scalar::Text, Scalar::Number),
        other => other,
    }
}

/// Parses a 64-bit integer with an optional sign and a prefix for the base. Returns it in decimal.
fn integer(text: &str) -> Option<String> {
    let (negative, signed) = match text.as_bytes().first()? {
        b'-' => (true, true),
        b'+' => (false, true),
        _ => (false, false),
    };
    let digits = &text[usize::from(signed)..];
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    // Only an integer without a sign may use the 64th bit, as with Go's ParseUint.
    let limit = match (signed, negative) {
        (true, true) => 1 << 63,
        (true, false) => (1 << 63) - 1,
        (false, _) => u64::MAX,
    };
    (magnitude <= limit).then(|| {
        if negative && magnitude != 0 {
            format!("-{magnitude}")
        } else {
            magnitude.to_string()
        }
    })
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_exponent_valid = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    (!whole.is_empty() || !fraction.is_empty())
        && all_digits(whole)
        && all_digits(fraction)
        && is_exponent_valid
}

fn float(text: &str) -> Option<String> {
    let value: f64 = text.parse().ok()?;
    value.is_finite().then(|| format_float(value))
}

/// Formats the shortest decimal that parses as `value`, like Go's `FormatFloat(value, 'g', -1, 64)` does for
/// powers of ten from -4 to 5 and with an exponent of at least two digits otherwise.
fn format_float(value: f64) -> String {
    let shortest = format!("{value:e}");
    let digits = shortest.split('e').next().unwrap_or_default();
    let digits = digits.bytes().filter(u8::is_ascii_digit).count();
    // If two shortest decimals are equally near, Go chooses the even one; `{:.*e}` does too, `{:e}` does not.
    let nearest = format!("{value:.*e}", digits.saturating_sub(1));
    let scientific = match nearest.parse::<f64>() {
        Ok(parsed) if value.to_bits() == parsed.to_bits() => nearest,
        _ => shortest,
    };
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let Ok(power) = exponent.parse::<i32>() else {
        return scientific;
    };
    let sign = if power < 0 { '-' } else { '+' };
    if !(-4..6).contains(&power) {
        return format!("{mantissa}e{sign}{:02}", power.abs());
    }
    shifted(mantissa, power)
}

/// Moves the decimal point to the right, or to the left if `places` is negative.
fn shifted(mantissa: &str, places: i32) -> String {
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let is_left = places < 0;
    let places = usize::try_from(places.unsigned_abs()).unwrap_or_default();
    if is_left {
        return format!("{sign}0.{}{digits}", "0".repeat(places.saturating_sub(1)));
    }
    match digits.split_at_checked(places + 1) {
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{digits:0<width$}", width = places + 1),
    }
}

#[cfg(test)]
mod tests;
