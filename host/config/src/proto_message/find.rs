//! Following a path into a message.

use std::borrow::Cow;
use std::collections::HashMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};

use super::convert::{self, unpack};
use super::{ProtoPathError, ProtoValue};

type Found = Result<ProtoValue, ProtoPathError>;

/// Follows a path from a message; what the message stands for counts.
pub(super) fn in_message(message: &DynamicMessage, path: &[&[u8]]) -> Found {
    let Some((part, rest)) = path.split_first() else {
        return convert::message(message);
    };
    let field = |name: &str| message.get_field_by_name(name);
    match message.descriptor().full_name() {
        "google.protobuf.Struct" => match field("fields").as_deref() {
            Some(Value::Map(entries)) => in_map(entries, path),
            _ => Err(ProtoPathError::NotFound),
        },
        "google.protobuf.ListValue" => match field("values").as_deref() {
            Some(Value::List(items)) => in_list(items, path),
            _ => Err(ProtoPathError::NotFound),
        },
        "google.protobuf.Value" => match message.fields().next() {
            Some((_, value)) => in_value(value, path),
            None => Err(ProtoPathError::NotFound),
        },
        "google.protobuf.Any" => in_message(&unpack(message)?, path),
        _ if convert::is_scalar(&message.descriptor()) => Err(ProtoPathError::NotFound),
        _ => {
            let field = std::str::from_utf8(part)
                .ok()
                .and_then(|name| message.descriptor().get_field_by_name(name))
                .ok_or(ProtoPathError::NotFound)?;
            in_field(message, &field, rest)
        }
    }
}

fn in_field(message: &DynamicMessage, field: &FieldDescriptor, path: &[&[u8]]) -> Found {
    let is_unset = !field.is_list() && !field.is_map() && !message.has_field(field);
    let value = match (is_unset, field.kind()) {
        (true, Kind::Message(kind)) => Cow::Owned(Value::Message(DynamicMessage::new(kind))),
        _ => message.get_field(field),
    };
    in_value(&value, path)
}

fn in_value(value: &Value, path: &[&[u8]]) -> Found {
    match value {
        Value::Message(message) => in_message(message, path),
        Value::Map(entries) => in_map(entries, path),
        Value::List(items) => in_list(items, path),
        scalar if path.is_empty() => convert::value(scalar),
        _ => Err(ProtoPathError::NotFound),
    }
}

fn in_map(entries: &HashMap<MapKey, Value>, path: &[&[u8]]) -> Found {
    let Some((part, rest)) = path.split_first() else {
        return convert::map(entries);
    };
    let key = std::str::from_utf8(part).map_err(|_| ProtoPathError::NotFound)?;
    let value = entries.get(&MapKey::String(key.to_owned()));
    in_value(value.ok_or(ProtoPathError::NotFound)?, rest)
}

fn in_list(items: &[Value], path: &[&[u8]]) -> Found {
    let Some((part, rest)) = path.split_first() else {
        return convert::list(items);
    };
    let index = std::str::from_utf8(part)
        .ok()
        .and_then(|text| text.parse::<usize>().ok());
    let item = index.and_then(|index| items.get(index));
    in_value(item.ok_or(ProtoPathError::NotFound)?, rest)
}
