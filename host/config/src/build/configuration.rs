//! What a plugin gets as its configuration, and `Struct` as JSON.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};

use crate::view::View;

/// Returns the bytes of the `Any` in `field`, as Envoy hands them to a plugin: the text of a
/// `StringValue`, the bytes of a `BytesValue`, and anything else, `Struct` included, serialized.
pub(super) fn bytes(view: &View<'_>, field: &str) -> Option<Bytes> {
    let Some(any) = view.child(field) else {
        return Some(Bytes::new());
    };
    let Some(packed) = view.packed(field) else {
        if any.text("type_url").is_empty() {
            return Some(Bytes::new());
        }
        // Ignoring the unknown type is no way out: the plugin would run without its configuration.
        if !view.report().has_error(&view.path_of(field)) {
            view.error(field, "cannot be handed over without knowing its type");
        }
        return None;
    };
    Some(match packed.type_name().as_str() {
        "google.protobuf.StringValue" => Bytes::copy_from_slice(packed.text("value").as_bytes()),
        "google.protobuf.BytesValue" => packed.bytes("value"),
        "google.protobuf.Struct" => serialize_struct(packed.message()),
        _ => packed.message().encode_to_vec().into(),
    })
}

/// Two equal configurations must be equal bytes, for plugins with equal ones share a VM; the order
/// of a protobuf map is otherwise arbitrary.
fn serialize_struct(message: &DynamicMessage) -> Bytes {
    let sorted: Result<prost_types::Struct, _> = message.transcode_to();
    match sorted {
        Ok(sorted) => sorted.encode_to_vec().into(),
        Err(_) => message.encode_to_vec().into(),
    }
}

/// Reads a `Struct`, `Value` or `ListValue` as JSON.
pub(super) fn to_json(message: &DynamicMessage) -> serde_json::Value {
    let Some((field, value)) = message.fields().next() else {
        return match message.descriptor().name() {
            "Struct" => serde_json::Value::Object(serde_json::Map::new()),
            "ListValue" => serde_json::Value::Array(Vec::new()),
            _ => serde_json::Value::Null,
        };
    };
    match (field.name(), value) {
        ("null_value", _) => serde_json::Value::Null,
        (_, Value::Bool(value)) => (*value).into(),
        (_, Value::F64(value)) => number(*value),
        (_, Value::String(value)) => value.as_str().into(),
        (_, Value::Message(inner)) => to_json(inner),
        (_, Value::List(items)) => items
            .iter()
            .filter_map(Value::as_message)
            .map(to_json)
            .collect(),
        (_, Value::Map(entries)) => {
            let sorted: BTreeMap<_, _> = entries
                .iter()
                .filter_map(|(key, value)| Some((key.as_str()?, to_json(value.as_message()?))))
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            sorted.into_iter().collect::<serde_json::Map<_, _>>().into()
        }
        _ => serde_json::Value::Null,
    }
}

fn number(value: f64) -> serde_json::Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within range, as checked"
    )]
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return (value as i64).into();
    }
    value.into()
}
