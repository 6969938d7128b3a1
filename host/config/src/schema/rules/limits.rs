//! Rules about numbers, counts, enums and durations.

use std::borrow::Cow;

use prost_reflect::{DynamicMessage, EnumDescriptor, ReflectMessage, Value};

/// Reads a boolean rule.
pub(super) fn flag(rules: &DynamicMessage, name: &str) -> bool {
    rules
        .get_field_by_name(name)
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

/// Returns the content of a wrapper message, or the value itself.
pub(super) fn unwrap(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Message(message) if message.descriptor().full_name().ends_with("Value") => message
            .get_field_by_name("value")
            .unwrap_or(Cow::Borrowed(value)),
        _ => Cow::Borrowed(value),
    }
}

/// Checks `min_items` and its like.
pub(super) fn count(rules: &DynamicMessage, names: [&str; 2], count: usize) -> Option<String> {
    let [least, most] = names.map(|name| limit(rules, name));
    let count = to_f64(count);
    match (least, most) {
        (Some(least), _) if count < least => {
            Some(format!("value must contain at least {least} item(s)"))
        }
        (_, Some(most)) if count > most => {
            Some(format!("value must contain no more than {most} item(s)"))
        }
        _ => None,
    }
}

/// Checks `min_len`, `max_bytes` and their like.
pub(super) fn length(
    rules: &DynamicMessage,
    names: [&str; 2],
    length: usize,
    unit: &str,
) -> Option<String> {
    let [least, most] = names.map(|name| limit(rules, name));
    let length = to_f64(length);
    match (least, most) {
        (Some(least), _) if length < least => {
            Some(format!("value length must be at least {least} {unit}"))
        }
        (_, Some(most)) if length > most => {
            Some(format!("value length must be at most {most} {unit}"))
        }
        _ => None,
    }
}

/// Checks `const` of a boolean.
pub(super) fn boolean(rules: &DynamicMessage, value: bool) -> Option<String> {
    let wanted = set(rules, "const")?.as_bool()?;
    (value != wanted).then(|| format!("value must equal {wanted}"))
}

/// Checks `defined_only`, `in` and `not_in` of an enum.
pub(super) fn enumerator(
    rules: &DynamicMessage,
    number: i32,
    descriptor: Option<&EnumDescriptor>,
) -> Option<String> {
    let unknown = descriptor.is_some_and(|descriptor| descriptor.get_value(number).is_none());
    if flag(rules, "defined_only") && unknown {
        return Some("value must be one of the defined enum values".to_owned());
    }
    membership(rules, &Value::I32(number))
}

/// Checks the limits of a number or a duration.
pub(super) fn number(rules: &DynamicMessage, value: &Value) -> Option<String> {
    let number = to_number(value)?;
    let unit = if matches!(value, Value::Message(_)) {
        "s"
    } else {
        ""
    };
    let broke = |name, holds: fn(&f64, &f64) -> bool| {
        limit(rules, name).filter(|limit| !holds(&number, limit))
    };
    let broken = None
        .or_else(|| broke("const", f64::eq).map(|limit| ("equal", limit)))
        .or_else(|| broke("lt", f64::lt).map(|limit| ("be less than", limit)))
        .or_else(|| broke("lte", f64::le).map(|limit| ("be less than or equal to", limit)))
        .or_else(|| broke("gt", f64::gt).map(|limit| ("be greater than", limit)))
        .or_else(|| broke("gte", f64::ge).map(|limit| ("be greater than or equal to", limit)));
    if let Some((words, limit)) = broken {
        return Some(format!("value must {words} {limit}{unit}"));
    }
    membership(rules, value)
}

/// Checks `in` and `not_in`.
pub(super) fn membership(rules: &DynamicMessage, value: &Value) -> Option<String> {
    let list = |name| set(rules, name).and_then(|list| list.as_list().map(<[Value]>::to_vec));
    if list("in").is_some_and(|list| !list.contains(value)) {
        return Some("value must be in list".to_owned());
    }
    list("not_in")
        .is_some_and(|list| list.contains(value))
        .then(|| "value must not be in list".to_owned())
}

fn limit(rules: &DynamicMessage, name: &str) -> Option<f64> {
    to_number(set(rules, name)?.as_ref())
}

fn set<'r>(rules: &'r DynamicMessage, name: &str) -> Option<Cow<'r, Value>> {
    rules
        .has_field_by_name(name)
        .then(|| rules.get_field_by_name(name))?
}

/// Limits in Envoy's protos are small enough for a float to hold.
fn to_number(value: &Value) -> Option<f64> {
    match value {
        Value::I32(value) => Some(f64::from(*value)),
        Value::U32(value) => Some(f64::from(*value)),
        Value::F32(value) => Some(f64::from(*value)),
        Value::F64(value) => Some(*value),
        #[expect(
            clippy::cast_precision_loss,
            reason = "only compared with small limits"
        )]
        Value::I64(value) => Some(*value as f64),
        #[expect(
            clippy::cast_precision_loss,
            reason = "only compared with small limits"
        )]
        Value::U64(value) => Some(*value as f64),
        Value::Message(duration) => {
            let part = |name| to_number(duration.get_field_by_name(name)?.as_ref());
            Some(part("seconds")? + part("nanos")? / 1e9)
        }
        _ => None,
    }
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
