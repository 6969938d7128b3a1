//! Points in time as RFC 3339 writes them: `2027-01-31T23:59:59Z`.

use tollgate_filter_common::json::{Fault, FromJson, Node};

/// A point in time, in seconds since 1970 in UTC. Fractions of a second are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expiry(pub(crate) i64);

impl FromJson for Expiry {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for Expiry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse(text.as_bytes()).map(Self).ok_or_else(|| {
            format!("`{text}` is not a time of RFC 3339; write 2027-01-31T23:59:59Z")
        })
    }
}

fn parse(text: &[u8]) -> Option<i64> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(after(rest, b"-")?, 2)?;
    let (day, rest) = number(after(rest, b"-")?, 2)?;
    let (hour, rest) = number(after(rest, b"Tt ")?, 2)?;
    let (minute, rest) = number(after(rest, b":")?, 2)?;
    let (second, rest) = number(after(rest, b":")?, 2)?;
    let offset = offset(without_fraction(rest)?)?;
    let is_date = (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month);
    // 60 is a leap second, which Unix time does not have: it counts as the next second.
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = hour * 3600 + minute * 60 + second;
    Some(days_since_1970(year, month, day) * 86_400 + seconds - offset)
}

fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let mut value = 0;
    for digit in number {
        value = value * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    Some((value, rest))
}

fn after<'t>(text: &'t [u8], separators: &[u8]) -> Option<&'t [u8]> {
    let (first, rest) = text.split_first()?;
    separators.contains(first).then_some(rest)
}

fn without_fraction(text: &[u8]) -> Option<&[u8]> {
    let Some(fraction) = text.strip_prefix(b".") else {
        return Some(text);
    };
    let digits = fraction
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        None
    } else {
        fraction.get(digits..)
    }
}

fn offset(text: &[u8]) -> Option<i64> {
    let sign = match text.split_first()? {
        (b'Z' | b'z', []) => return Some(0),
        (b'+', _) => 1,
        (b'-', _) => -1,
        _ => return None,
    };
    let (hours, rest) = number(text.get(1..)?, 2)?;
    let (minutes, rest) = number(after(rest, b":")?, 2)?;
    let is_valid = rest.is_empty() && hours <= 23 && minutes <= 59;
    is_valid.then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Counts the days of the Gregorian calendar. The year begins in March, so that the leap day is
/// its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days_before_month = (153 * month + 2) / 5;
    // 719 469 days lie between the 1st of March of year 0, less one, and 1970.
    year * 365 + leap_days + days_before_month + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::Expiry;

    fn seconds(text: &str) -> Option<i64> {
        Expiry::try_from(text.to_owned()).ok().map(|time| time.0)
    }

    #[test]
    fn times_are_seconds_since_1970() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(seconds("2027-01-31T23:59:59Z"), Some(1_801_439_999));
        assert_eq!(seconds("1969-12-31T23:59:59Z"), Some(-1));
        assert_eq!(seconds("9999-12-31T23:59:59Z"), Some(253_402_300_799));
    }

    #[test]
    fn offsets_are_taken_off_and_fractions_dropped() {
        assert_eq!(seconds("1970-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(seconds("1969-12-31t18:30:00.999-05:30"), Some(0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2027-01-31",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T23:59:59",
            "2027-01-31T23:59:59.Z",
            "2027-01-31T23:59:59Z ",
            "2027-01-31T23:59:59+2:00",
            "+027-01-31T23:59:59Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
