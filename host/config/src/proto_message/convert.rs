//! From reflected values to [`ProtoValue`]s.

use std::collections::HashMap;

use bytes::Bytes;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MapKey, MessageDescriptor, ReflectMessage, Value};

use super::{ProtoPathError, ProtoValue};

type Converted = Result<ProtoValue, ProtoPathError>;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Converts a message to what it stands for.
pub(super) fn message(message: &DynamicMessage) -> Converted {
    let descriptor = message.descriptor();
    let field = |name: &str| message.get_field_by_name(name);
    match descriptor.full_name() {
        "google.protobuf.Struct" => match field("fields").as_deref() {
            Some(Value::Map(entries)) => map(entries),
            _ => Ok(ProtoValue::Map(Vec::new())),
        },
        "google.protobuf.ListValue" => match field("values").as_deref() {
            Some(Value::List(items)) => list(items),
            _ => Ok(ProtoValue::List(Vec::new())),
        },
        "google.protobuf.Value" => match message.fields().next() {
            Some((field, _)) if field.name() == "null_value" => Ok(ProtoValue::Null),
            Some((_, held)) => value(held),
            None => Ok(ProtoValue::Null),
        },
        "google.protobuf.Any" => self::message(&unpack(message)?),
        "google.protobuf.Timestamp" => Ok(ProtoValue::Timestamp(nanos(message))),
        "google.protobuf.Duration" => Ok(ProtoValue::Duration(nanos(message))),
        _ if is_wrapper(&descriptor) => match field("value") {
            Some(held) => value(&held),
            None => Ok(ProtoValue::Null),
        },
        _ => Ok(ProtoValue::Message(message.encode_to_vec().into())),
    }
}

/// Whether a message stands for a value without parts.
pub(super) fn is_scalar(descriptor: &MessageDescriptor) -> bool {
    let is_time = matches!(
        descriptor.full_name(),
        "google.protobuf.Timestamp" | "google.protobuf.Duration"
    );
    is_time || is_wrapper(descriptor)
}

fn is_wrapper(descriptor: &MessageDescriptor) -> bool {
    let name = descriptor.full_name().strip_prefix("google.protobuf.");
    name.is_some_and(|name| name != "Value" && name.ends_with("Value") && name != "ListValue")
}

fn nanos(message: &DynamicMessage) -> i64 {
    let number = |name: &str| match message.get_field_by_name(name).as_deref() {
        Some(Value::I64(number)) => *number,
        Some(Value::I32(number)) => i64::from(*number),
        _ => 0,
    };
    number("seconds")
        .saturating_mul(NANOS_PER_SECOND)
        .saturating_add(number("nanos"))
}

/// Returns the message that an `Any` holds; one `Any` in another is not followed, so that a hostile
/// value cannot be deep.
pub(super) fn unpack(any: &DynamicMessage) -> Result<DynamicMessage, ProtoPathError> {
    let (url, bytes) = (
        any.get_field_by_name("type_url"),
        any.get_field_by_name("value"),
    );
    let url = url.as_deref().and_then(Value::as_str).unwrap_or_default();
    let name = url.rsplit('/').next().unwrap_or(url);
    let descriptor = any.descriptor().parent_pool().get_message_by_name(name);
    let bytes = bytes.as_deref().and_then(Value::as_bytes).cloned();
    descriptor
        .filter(|kind| kind.full_name() != any.descriptor().full_name())
        .and_then(|kind| DynamicMessage::decode(kind, bytes.unwrap_or_default()).ok())
        .ok_or(ProtoPathError::Unreadable)
}

pub(super) fn value(value: &Value) -> Converted {
    Ok(match value {
        Value::Bool(flag) => ProtoValue::Bool(*flag),
        Value::I32(number) | Value::EnumNumber(number) => ProtoValue::Int((*number).into()),
        Value::I64(number) => ProtoValue::Int(*number),
        Value::U32(number) => ProtoValue::Uint((*number).into()),
        Value::U64(number) => ProtoValue::Uint(*number),
        Value::F32(number) => ProtoValue::Double((*number).into()),
        Value::F64(number) => ProtoValue::Double(*number),
        Value::String(text) => ProtoValue::Bytes(Bytes::copy_from_slice(text.as_bytes())),
        Value::Bytes(bytes) => ProtoValue::Bytes(bytes.clone()),
        Value::Message(inner) => return message(inner),
        Value::List(items) => return list(items),
        Value::Map(entries) => return map(entries),
    })
}

pub(super) fn list(items: &[Value]) -> Converted {
    let items = items.iter().map(value).collect::<Result<_, _>>()?;
    Ok(ProtoValue::List(items))
}

/// Sorted, for the order of a protobuf map is chance.
pub(super) fn map(entries: &HashMap<MapKey, Value>) -> Converted {
    let entries = entries
        .iter()
        .map(|(key, held)| Ok((key_bytes(key), value(held)?)));
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(ProtoValue::Map(entries))
}

fn key_bytes(key: &MapKey) -> Vec<u8> {
    match key {
        MapKey::Bool(flag) => vec![u8::from(*flag)],
        MapKey::I32(number) => i64::from(*number).to_le_bytes().to_vec(),
        MapKey::I64(number) => number.to_le_bytes().to_vec(),
        MapKey::U32(number) => u64::from(*number).to_le_bytes().to_vec(),
        MapKey::U64(number) => number.to_le_bytes().to_vec(),
        MapKey::String(text) => text.as_bytes().to_vec(),
    }
}
