//! Scalars by Envoy's rules: those of yaml-cpp, then of its conversion to JSON.

use super::Data;

/// Reads an unquoted scalar.
pub(super) fn plain(text: &str) -> Data {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Data::Null;
    }
    untyped(text)
}

/// Reads an unquoted scalar of a JSON file, where only JSON's own words exist.
pub(super) fn json(text: &str) -> Option<Data> {
    match text {
        "null" => Some(Data::Null),
        "true" => Some(Data::Bool(true)),
        "false" => Some(Data::Bool(false)),
        _ => {
            let number: f64 = text
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())?;
            Some(text.parse().map_or(Data::Number(number), Data::Integer))
        }
    }
}

/// Reads a scalar that cannot be null, such as one with an explicit tag.
pub(super) fn untyped(text: &str) -> Data {
    if let Some(value) = boolean(text) {
        return Data::Bool(value);
    }
    match integer(text) {
        // Envoy keeps what does not fit into 32 bits as decimal text.
        Some(value) => {
            i32::try_from(value).map_or_else(|_| Data::Text(value.to_string()), Data::Integer)
        }
        None => Data::Text(text.to_owned()),
    }
}

fn boolean(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let one_case = text == lower
        || text == text.to_ascii_uppercase()
        || text.strip_prefix(|first: char| first.is_ascii_uppercase()) == lower.get(1..);
    match lower.as_str() {
        "y" | "yes" | "true" | "on" if one_case => Some(true),
        "n" | "no" | "false" | "off" if one_case => Some(false),
        _ => None,
    }
}

/// Reads decimal, `0x` hexadecimal and `0` octal numbers, as a C++ stream without a base does.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.strip_prefix("0x") {
        Some(hexadecimal) => (16, hexadecimal),
        None if lower.len() > 1 && lower.starts_with('0') => (8, lower.get(1..)?),
        None => (10, lower.as_str()),
    };
    // `from_str_radix` would take one more sign.
    if !digits.starts_with(|first: char| first.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_have_the_spellings_of_yaml_1_1() {
        for text in [
            "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
        ] {
            assert_eq!(plain(text), Data::Bool(true), "{text}");
        }
        for text in [
            "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
        ] {
            assert_eq!(plain(text), Data::Bool(false), "{text}");
        }
        for text in ["yEs", "tRUE", "oN", "yess", "t"] {
            assert_eq!(plain(text), Data::Text(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn integers_may_be_decimal_octal_or_hexadecimal() {
        for (text, value) in [
            ("0", 0),
            ("8080", 8080),
            ("-7", -7),
            ("+7", 7),
            ("010", 8),
            ("0x10", 16),
            ("-0x10", -16),
        ] {
            assert_eq!(plain(text), Data::Integer(value), "{text}");
        }
    }

    #[test]
    fn a_number_beyond_32_bits_becomes_decimal_text() {
        assert_eq!(plain("0x100000000"), Data::Text("4294967296".to_owned()));
        assert_eq!(plain("3000000000"), Data::Text("3000000000".to_owned()));
    }

    #[test]
    fn everything_else_stays_text() {
        for text in [
            "1.5",
            "1e3",
            "12:30",
            "2024-01-01",
            "0x",
            "09",
            "--1",
            "0x-1",
            "1_000",
            ".inf",
        ] {
            assert_eq!(plain(text), Data::Text(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn null_has_the_spellings_of_yaml() {
        for text in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(plain(text), Data::Null, "{text}");
        }
        assert_eq!(untyped("~"), Data::Text("~".to_owned()));
    }
}
