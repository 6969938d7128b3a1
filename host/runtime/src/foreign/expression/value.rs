//! Values: properties as the library takes them, and its results as guests get them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cel::Value;
use cel::objects::{Key, Map};

use super::cost::{Bound, length};
use crate::PropertyValue;

/// Returns a property as a value of the library. Text and bytes are one thing to properties and
/// two to expressions: what `is_bytes` says, or else what is not UTF-8, is bytes.
pub(super) fn to_cel(value: PropertyValue, is_bytes: bool) -> Value {
    match value {
        PropertyValue::Bytes(bytes) if is_bytes => Value::Bytes(Arc::new(bytes)),
        PropertyValue::Bytes(bytes) => String::from_utf8(bytes).map_or_else(
            |error| Value::Bytes(Arc::new(error.into_bytes())),
            |text| Value::String(Arc::new(text)),
        ),
        // What a message holds is reached by its path; as a whole it is bytes.
        PropertyValue::Message(bytes) => Value::Bytes(Arc::new(bytes)),
        PropertyValue::Int(number) => Value::Int(number),
        PropertyValue::Uint(number) => Value::UInt(number),
        PropertyValue::Double(number) => Value::Float(number),
        PropertyValue::Bool(flag) => Value::Bool(flag),
        PropertyValue::Timestamp(nanos) => timestamp(nanos),
        PropertyValue::Duration(nanos) => duration(nanos),
        PropertyValue::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let key = String::from_utf8_lossy(&key).into_owned();
                (Key::from(key), to_cel(value, is_bytes))
            });
            map(entries.collect())
        }
        PropertyValue::List(elements) => {
            let elements = elements.into_iter().map(|value| to_cel(value, is_bytes));
            Value::List(Arc::new(elements.collect()))
        }
        PropertyValue::Null => Value::Null,
    }
}

pub(super) fn map(entries: HashMap<Key, Value>) -> Value {
    Value::Map(Map {
        map: Arc::new(entries),
    })
}

/// The library's type for times is another library's; its default is the epoch.
fn timestamp(nanos: i64) -> Value {
    let mut value = Value::Timestamp(Default::default());
    if let Value::Timestamp(time) = &mut value {
        if nanos < 0 {
            *time -= Duration::from_nanos(nanos.unsigned_abs());
        } else {
            *time += Duration::from_nanos(nanos.unsigned_abs());
        }
    }
    value
}

fn duration(nanos: i64) -> Value {
    match (timestamp(nanos), timestamp(0)) {
        (Value::Timestamp(end), Value::Timestamp(start)) => Value::Duration(end - start),
        _ => Value::Null,
    }
}

/// Returns a result as a property; `None` for what has no encoding, such as a type.
pub(super) fn from_cel(value: &Value) -> Option<PropertyValue> {
    Some(match value {
        Value::Int(number) => PropertyValue::Int(*number),
        Value::UInt(number) => PropertyValue::Uint(*number),
        Value::Float(number) => PropertyValue::Double(*number),
        Value::Bool(flag) => PropertyValue::Bool(*flag),
        Value::String(text) => PropertyValue::Bytes(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => PropertyValue::Bytes(bytes.to_vec()),
        Value::Duration(duration) => PropertyValue::Duration(duration.num_nanoseconds()?),
        Value::Timestamp(time) => PropertyValue::Timestamp(time.timestamp_nanos_opt()?),
        Value::Null => PropertyValue::Null,
        Value::List(elements) => {
            let elements = elements.iter().map(from_cel);
            PropertyValue::List(elements.collect::<Option<_>>()?)
        }
        Value::Map(map) => {
            let entries = map
                .map
                .iter()
                .map(|(key, value)| Some((encoded_key(key), from_cel(value)?)));
            PropertyValue::Map(entries.collect::<Option<_>>()?)
        }
        Value::Function(..) | Value::Opaque(_) | Value::Struct(_) => return None,
    })
}

fn encoded_key(key: &Key) -> Vec<u8> {
    match key {
        Key::Int(number) => number.to_le_bytes().to_vec(),
        Key::Uint(number) => number.to_le_bytes().to_vec(),
        Key::Bool(flag) => vec![u8::from(*flag)],
        Key::String(text) => text.as_bytes().to_vec(),
    }
}

/// Returns how much a value weighs.
pub(super) fn bound(value: &Value) -> Bound {
    let parts: Vec<u64> = match value {
        Value::String(text) => return Bound::scalar(length(text.len())),
        Value::Bytes(bytes) => return Bound::scalar(length(bytes.len())),
        Value::List(elements) => elements
            .iter()
            .map(|element| bound(element).weight)
            .collect(),
        Value::Map(map) => map
            .map
            .iter()
            .map(|(key, value)| {
                let key = length(encoded_key(key).len());
                bound(value)
                    .weight
                    .saturating_add(Bound::scalar(key).weight)
            })
            .collect(),
        Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::Bool(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Null
        | Value::Function(..)
        | Value::Opaque(_)
        | Value::Struct(_) => return Bound::scalar(8),
    };
    Bound {
        weight: parts.iter().fold(Bound::scalar(0).weight, |all, part| {
            all.saturating_add(*part)
        }),
        count: length(parts.len()),
        element: parts.iter().copied().max().unwrap_or_default(),
        ..Bound::scalar(0)
    }
}
