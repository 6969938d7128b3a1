//! Points in time in the notation of `strftime`, UTC, with Envoy's `%f` for fractions.

use std::time::{SystemTime, UNIX_EPOCH};

/// How a point in time is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TimeFormat(Vec<Field>);

#[derive(Debug, PartialEq, Eq)]
enum Field {
    Text(String),
    /// One `strftime` letter.
    Letter(char),
    /// Digits of the fraction of a second, without a dot.
    Fraction(usize),
    /// Seconds with that many digits after the dot.
    Seconds(usize),
}

/// A date and time of day.
struct Civil {
    seconds: i64,
    nanos: u32,
    year: i64,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    /// Days since Sunday.
    weekday: u8,
    /// Day of the year, from 1.
    ordinal: u16,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const LETTERS: &str = "aAbBCdDeFhHIjklmMnpRsStTuwxXyYzZ%";

impl TimeFormat {
    /// Returns Envoy's default: ISO 8601 with milliseconds.
    pub(super) fn iso() -> Self {
        let text = |text: &str| Field::Text(text.to_owned());
        Self(vec![
            Field::Letter('F'),
            text("T"),
            Field::Letter('R'),
            text(":"),
            Field::Seconds(3),
            text("Z"),
        ])
    }

    /// Reads a format.
    pub(super) fn parse(format: &str) -> Result<Self, String> {
        let mut fields = Vec::new();
        let mut characters = format.chars().peekable();
        while let Some(character) = characters.next() {
            if character != '%' {
                match fields.last_mut() {
                    Some(Field::Text(text)) => text.push(character),
                    _ => fields.push(Field::Text(character.to_string())),
                }
                continue;
            }
            let field = match characters.next() {
                Some('f') => Some(Field::Fraction(9)),
                Some('E') => extended(&mut characters),
                Some(digit @ '1'..='9') if characters.next_if_eq(&'f').is_some() => digit
                    .to_digit(10)
                    .map(|digits| Field::Fraction(digits as usize)),
                Some(letter) if LETTERS.contains(letter) => Some(Field::Letter(letter)),
                Some(_) | None => None,
            };
            fields.push(field.ok_or_else(|| format!("`{format}` is not a time format"))?);
        }
        Ok(Self(fields))
    }

    /// Appends a point in time. Times before 1970 are written as its beginning.
    pub(super) fn write(&self, time: SystemTime, out: &mut Vec<u8>) {
        let civil = Civil::from(time);
        for field in &self.0 {
            match field {
                Field::Text(text) => out.extend_from_slice(text.as_bytes()),
                Field::Letter(letter) => civil.write(*letter, out),
                Field::Fraction(digits) => civil.write_fraction(*digits, out),
                Field::Seconds(digits) => {
                    civil.write('S', out);
                    out.push(b'.');
                    civil.write_fraction(*digits, out);
                }
            }
        }
    }
}

/// Reads what follows `%E`: `3S` for seconds with three digits, `3f` for the digits alone.
fn extended(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Field> {
    let digits = characters.next()?.to_digit(10)? as usize;
    match characters.next()? {
        'S' => Some(Field::Seconds(digits)),
        'f' => Some(Field::Fraction(digits)),
        _ => None,
    }
}

impl From<SystemTime> for Civil {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        let first = days_from_civil(year, 1, 1);
        let small = |value: i64| u8::try_from(value).unwrap_or_default();
        Self {
            seconds,
            nanos: since.subsec_nanos(),
            year,
            month: small(month),
            day: small(day),
            hour: small(of_day / 3600),
            minute: small(of_day / 60 % 60),
            second: small(of_day % 60),
            weekday: small((days + 4) % 7),
            ordinal: u16::try_from(days - first + 1).unwrap_or_default(),
        }
    }
}

/// Days since 1970 to year, month and day, by counting in years that begin in March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl Civil {
    fn write(&self, letter: char, out: &mut Vec<u8>) {
        let month = MONTHS
            .get(usize::from(self.month).wrapping_sub(1))
            .unwrap_or(&"");
        let weekday = WEEKDAYS.get(usize::from(self.weekday)).unwrap_or(&"");
        let hour12 = (self.hour + 11) % 12 + 1;
        let short = |name: &str| name.get(..3).unwrap_or_default().to_owned();
        let text = match letter {
            'a' => short(weekday),
            'A' => (*weekday).to_owned(),
            'b' | 'h' => short(month),
            'B' => (*month).to_owned(),
            'C' => format!("{:02}", self.year / 100),
            'd' => format!("{:02}", self.day),
            'D' | 'x' => format!("{:02}/{:02}/{:02}", self.month, self.day, self.year % 100),
            'e' => format!("{:2}", self.day),
            'F' => format!("{:04}-{:02}-{:02}", self.year, self.month, self.day),
            'y' => format!("{:02}", self.year % 100),
            'H' => format!("{:02}", self.hour),
            'I' => format!("{hour12:02}"),
            'j' => format!("{:03}", self.ordinal),
            'k' => format!("{:2}", self.hour),
            'l' => format!("{hour12:2}"),
            'm' => format!("{:02}", self.month),
            'M' => format!("{:02}", self.minute),
            'n' => "\n".to_owned(),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'R' => format!("{:02}:{:02}", self.hour, self.minute),
            's' => self.seconds.to_string(),
            'S' => format!("{:02}", self.second),
            't' => "\t".to_owned(),
            'T' | 'X' => format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second),
            'u' => (if self.weekday == 0 { 7 } else { self.weekday }).to_string(),
            'w' => self.weekday.to_string(),
            'Y' => self.year.to_string(),
            'z' => "+0000".to_owned(),
            'Z' => "UTC".to_owned(),
            other => other.to_string(),
        };
        out.extend_from_slice(text.as_bytes());
    }

    fn write_fraction(&self, digits: usize, out: &mut Vec<u8>) {
        let fraction = format!("{:09}", self.nanos);
        out.extend_from_slice(fraction.as_bytes().get(..digits).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn written(format: &str, seconds: u64, nanos: u32) -> String {
        let mut out = Vec::new();
        let time = UNIX_EPOCH + Duration::new(seconds, nanos);
        TimeFormat::parse(format).unwrap().write(time, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_default_is_iso_8601_with_milliseconds() {
        let mut out = Vec::new();
        let time = UNIX_EPOCH + Duration::new(1_795_376_072, 29_905_000);
        TimeFormat::iso().write(time, &mut out);
        assert_eq!(out, b"2026-11-22T19:34:32.029Z");
    }

    #[test]
    fn letters_are_those_of_strftime() {
        let format = "%s.%3f %Y-%b-%d %H:%M:%S.%9f %z %Z %e %j|%6f|%f|%1f";
        let expected = "1795376072.029 2026-Nov-22 19:34:32.029905000 +0000 UTC 22 326\
                        |029905|029905000|0";
        assert_eq!(written(format, 1_795_376_072, 29_905_000), expected);
        assert_eq!(
            written("%a %A %B %I %p %y %T %D %E3S", 0, 0),
            "Thu Thursday January 12 AM 70 00:00:00 01/01/70 00.000"
        );
    }

    #[test]
    fn leap_days_are_counted() {
        assert_eq!(written("%F %j", 951_782_400, 0), "2000-02-29 060");
        assert_eq!(written("%F %j", 4_107_542_400, 0), "2100-03-01 060");
        assert_eq!(written("%F %j", 1_735_603_200, 0), "2024-12-31 366");
    }

    #[test]
    fn unknown_letters_are_refused() {
        for format in ["%", "%Q", "%0f", "%E", "%E3x"] {
            assert!(TimeFormat::parse(format).is_err(), "{format}");
        }
    }
}
