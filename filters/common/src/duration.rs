//! Durations as people write them: `500ms`, `10s`, `1m30s`.

use std::time::Duration;

use crate::json::{Fault, FromJson, Node};

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A duration above zero, read from a string such as `10s`, `500ms` or `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(Duration);

impl Period {
    /// Returns the duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromJson for Period {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match milliseconds(&text) {
            Some(0) => Err("must be longer than 0".into()),
            Some(total) => Ok(Self(Duration::from_millis(total))),
            None => Err(format!(
                "`{text}` is not a duration; write 500ms, 10s, 1m, 1h, 1d or 1m30s"
            )),
        }
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, tail) = tail.split_at_checked(letters)?;
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(*scale)?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::Period;
    use std::time::Duration;

    fn parse(text: &str) -> Result<Duration, String> {
        Period::try_from(text.to_owned()).map(Period::duration)
    }

    #[test]
    fn units_add_up() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("1d"), Ok(Duration::from_secs(86_400)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "10 s",
            "-1s",
            "1.5s",
            "10S",
            "99999999999999999999s",
            "0s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
