//! Timestamps in the text forms that AWS uses.

/// Seconds since 1970-01-01T00:00:00Z.
pub type Seconds = i64;

/// `20230428T000000Z`, as in `X-Amz-Date`.
pub fn compact(at: Seconds) -> String {
    let [year, month, day, hour, minute, second] = civil(at);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Reads `20230428T000000Z`; `None` for any other form and for dates that do not exist.
pub fn parse_compact(text: &str) -> Option<Seconds> {
    let digits = text.strip_suffix('Z')?.replacen('T', "", 1);
    if text.len() != 16 || text.as_bytes()[8] != b'T' || !digits.bytes().all(|c| c.is_ascii_digit())
    {
        return None;
    }
    let number = |from: usize, to: usize| digits[from..to].parse::<i64>().ok();
    let days = days(number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let at = days * 86_400 + number(8, 10)? * 3_600 + number(10, 12)? * 60 + number(12, 14)?;
    // Rejects days and hours that do not exist, which were normalized above.
    (compact(at) == text).then_some(at)
}

/// `2023-04-28T00:00:00Z`.
pub fn rfc3339(at: Seconds) -> String {
    let [year, month, day, hour, minute, second] = civil(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `Fri, 28 Apr 2023 00:00:00 GMT`: the `Date` header of RFC 9110.
pub fn http_date(at: Seconds) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let [year, month, day, hour, minute, second] = civil(at);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).map_or("", |index| names[index])
    };
    format!(
        "{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT",
        name(&DAYS, at.div_euclid(86_400).rem_euclid(7)),
        name(&MONTHS, month - 1),
    )
}

/// Days from 1970-01-01 to this date of the Gregorian calendar. Months count from March, so that
/// the leap day is the last one of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// Year, month, day, hour, minute and second in UTC.
fn civil(at: Seconds) -> [i64; 6] {
    let (day_number, second) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    let mut year = 1970 + day_number.div_euclid(366);
    while days(year + 1, 1, 1) <= day_number {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) <= day_number {
        month += 1;
    }
    let day = day_number - days(year, month, 1) + 1;
    [
        year,
        month,
        day,
        second / 3600,
        second / 60 % 60,
        second % 60,
    ]
}
