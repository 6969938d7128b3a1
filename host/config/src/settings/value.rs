//! Scalars: durations, sizes, counts, shares and paths as operators write them.

use std::path::PathBuf;
use std::time::Duration;

use super::{CompileCache, Isolation};
use crate::yaml::Data;

/// The longest duration: longer ones are mistakes, and clocks must not overflow.
const MAX_DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) fn isolation(data: &Data) -> Result<Isolation, String> {
    match data {
        Data::Text(text) => text.parse(),
        other => Err(format!(
            "wanted is `worker` or `stream`, not {}",
            other.kind()
        )),
    }
}

pub(super) fn boolean(data: &Data) -> Result<bool, String> {
    match data {
        Data::Bool(value) => Ok(*value),
        other => Err(expected("true or false", other)),
    }
}

/// Reads a path; relative ones are the operator's, as those of `envoy.yaml` are.
pub(super) fn path(data: &Data) -> Result<PathBuf, String> {
    match data {
        Data::Text(text) if !text.is_empty() => Ok(PathBuf::from(text)),
        other => Err(expected("a path", other)),
    }
}

/// Reads a directory, or `off`; one of that name is `./off`.
pub(super) fn compile_cache(data: &Data) -> Result<CompileCache, String> {
    match data {
        Data::Text(text) if text == "off" => Ok(CompileCache::Off),
        Data::Bool(false) => Ok(CompileCache::Off),
        Data::Text(text) if !text.is_empty() => Ok(CompileCache::Directory(text.into())),
        other => Err(expected("a path or `off`", other)),
    }
}

/// Reads a duration that may be zero.
pub(super) fn duration(data: &Data) -> Result<Duration, String> {
    let fault = || expected("a duration such as `50ms`, `1.5s` or `2m`", data);
    let Data::Text(text) = data else {
        return Err(fault());
    };
    let duration = parse_duration(text).ok_or_else(fault)?;
    if duration > MAX_DURATION {
        return Err(format!("`{text}` is longer than a year"));
    }
    Ok(duration)
}

/// Reads a duration above zero.
pub(super) fn period(data: &Data) -> Result<Duration, String> {
    let duration = duration(data)?;
    if duration.is_zero() {
        return Err("must be longer than nothing".to_owned());
    }
    Ok(duration)
}

pub(super) fn count(data: &Data) -> Result<usize, String> {
    number(data).ok_or_else(|| expected("a whole number, not negative", data))
}

/// Reads a number of bytes, such as `65536`, `64KiB` or `16MiB`.
pub(super) fn bytes(data: &Data) -> Result<usize, String> {
    let fault = || {
        expected(
            "a number of bytes such as `65536`, `64KiB` or `16MiB`",
            data,
        )
    };
    let Data::Text(text) = data else {
        return number(data).ok_or_else(fault);
    };
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let unit = units
        .iter()
        .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let (digits, size): (&str, usize) = unit.unwrap_or((text, 1));
    let number = whole(digits.trim_end()).ok_or_else(fault)?;
    number.checked_mul(size).ok_or_else(fault)
}

/// Reads a share between 0 and 1.
pub(super) fn share(data: &Data) -> Result<f64, String> {
    let number = match data {
        Data::Integer(number) => Some(f64::from(*number)),
        Data::Number(number) => Some(*number),
        Data::Text(text) => text.parse().ok(),
        Data::Null | Data::Bool(_) | Data::List(_) | Data::Map(_) => None,
    };
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| expected("a share between 0 and 1", data))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|character: char| character.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit)?;
    let nanos: u64 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole_part, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole_part = u64::try_from(whole(whole_part)?).ok()?;
    if fraction.len() > 9 {
        return None;
    }
    let fraction = u64::try_from(whole(fraction)?)
        .ok()?
        .checked_mul(nanos)?
        .checked_div(10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    let total = whole_part.checked_mul(nanos)?.checked_add(fraction)?;
    Some(Duration::from_nanos(total))
}

/// Numbers beyond 32 bits are text to the reader of YAML.
fn number(data: &Data) -> Option<usize> {
    match data {
        Data::Integer(number) => usize::try_from(*number).ok(),
        Data::Text(text) => whole(text),
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Map(_) => None,
    }
}

fn whole(digits: &str) -> Option<usize> {
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| digits.parse().ok()).flatten()
}

fn expected(what: &str, data: &Data) -> String {
    match data {
        Data::Text(text) => format!("expected {what}, not `{text}`"),
        Data::Integer(number) => format!("expected {what}, not `{number}`"),
        Data::Number(number) => format!("expected {what}, not `{number}`"),
        other => format!("expected {what}, not {}", other.kind()),
    }
}
