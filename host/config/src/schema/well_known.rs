//! Messages with a JSON form of their own: `Duration`, wrappers, `Struct` and their like.

use std::collections::HashMap;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};

use super::decode::Decoder;
use super::{any, scalar};
use crate::yaml::{Data, Entry, Node};

/// Seconds that a `Duration` may hold: ten thousand years.
const MAX_SECONDS: i64 = 315_576_000_000;

/// Whether a message is not written as the map of its fields.
pub(super) fn is_special(name: &str) -> bool {
    matches!(
        name.strip_prefix("google.protobuf."),
        Some(
            "Any"
                | "Duration"
                | "Timestamp"
                | "FieldMask"
                | "Struct"
                | "Value"
                | "ListValue"
                | "DoubleValue"
                | "FloatValue"
                | "Int64Value"
                | "UInt64Value"
                | "Int32Value"
                | "UInt32Value"
                | "BoolValue"
                | "StringValue"
                | "BytesValue"
        )
    )
}

/// Whether Envoy reads a map of the message's fields as well.
pub(super) fn has_plain_form(name: &str) -> bool {
    !matches!(name, "Any" | "Struct" | "Value" | "ListValue")
}

/// Whether null is a value of the field rather than its absence.
pub(super) fn takes_null(field: &FieldDescriptor) -> bool {
    !field.is_map() && field.kind().as_message().is_some_and(is_value)
}

/// Whether a message is `google.protobuf.Value`, of which null is a value.
pub(super) fn is_value(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.protobuf.Value"
}

/// Reads such a message; what is wrong with it is reported and left out.
pub(super) fn read(
    decoder: &mut Decoder<'_>,
    descriptor: &MessageDescriptor,
    node: &Node,
    path: &str,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    let outcome = match descriptor.name() {
        "Any" => {
            any::read(decoder, &mut message, node, path);
            Ok(())
        }
        "Duration" => read_duration(&mut message, &node.data),
        "Struct" | "Value" | "ListValue" => read_json(&mut message, &node.data),
        "Timestamp" | "FieldMask" => {
            decoder
                .report
                .unsupported(path, &format!("a {}", descriptor.full_name()));
            Ok(())
        }
        _ => read_wrapper(&mut message, &node.data),
    };
    if let Err(reason) = outcome {
        decoder.report.error_at(node.line, path, reason);
    }
    message
}

fn read_wrapper(message: &mut DynamicMessage, data: &Data) -> Result<(), String> {
    let Some(field) = message.descriptor().get_field_by_name("value") else {
        return Ok(());
    };
    let value = scalar::read(&field.kind(), data)?;
    message.set_field(&field, value);
    Ok(())
}

fn read_duration(message: &mut DynamicMessage, data: &Data) -> Result<(), String> {
    let fault = || scalar::expected("a duration such as \"1.5s\"", data);
    let Data::Text(text) = data else {
        return Err(fault());
    };
    let (seconds, nanos) = parse_duration(text).ok_or_else(fault)?;
    message.set_field_by_name("seconds", Value::I64(seconds));
    message.set_field_by_name("nanos", Value::I32(nanos));
    Ok(())
}

/// Reads `[-]seconds[.fraction]s` with up to nine digits of fraction.
fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let number = text.strip_suffix('s')?;
    let (sign, number) = number
        .strip_prefix('-')
        .map_or((1, number), |rest| (-1, rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = whole
        .parse()
        .ok()
        .filter(|seconds| *seconds <= MAX_SECONDS)?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    Some((sign * seconds, i32::try_from(sign).ok()? * nanos))
}

/// Reads any JSON into `Struct`, `Value` or `ListValue`.
fn read_json(message: &mut DynamicMessage, data: &Data) -> Result<(), String> {
    match (message.descriptor().name(), data) {
        ("Struct", Data::Map(entries)) => {
            if let Some(fields) = json_struct(&message.descriptor(), entries) {
                message.set_field_by_name("fields", fields);
            }
            Ok(())
        }
        ("ListValue", Data::List(items)) => {
            if let Some(Kind::Message(value)) = field_kind(&message.descriptor(), "values") {
                let values = items
                    .iter()
                    .map(|item| Value::Message(json_value(&value, &item.data)));
                message.set_field_by_name("values", Value::List(values.collect()));
            }
            Ok(())
        }
        ("Struct", _) => Err(scalar::expected("a map", data)),
        ("ListValue", _) => Err(scalar::expected("a list", data)),
        _ => {
            *message = json_value(&message.descriptor(), data);
            Ok(())
        }
    }
}

fn json_struct(descriptor: &MessageDescriptor, entries: &[Entry]) -> Option<Value> {
    let Kind::Message(pair) = field_kind(descriptor, "fields")? else {
        return None;
    };
    let Kind::Message(value) = pair.map_entry_value_field().kind() else {
        return None;
    };
    let fields: HashMap<_, _> = entries
        .iter()
        .map(|entry| {
            let inner = json_value(&value, &entry.value.data);
            (MapKey::String(entry.key.clone()), Value::Message(inner))
        })
        .collect();
    Some(Value::Map(fields))
}

fn json_value(descriptor: &MessageDescriptor, data: &Data) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    let (field, value) = match data {
        Data::Null => ("null_value", Value::EnumNumber(0)),
        Data::Bool(value) => ("bool_value", Value::Bool(*value)),
        Data::Integer(value) => ("number_value", Value::F64(f64::from(*value))),
        Data::Number(value) => ("number_value", Value::F64(*value)),
        Data::Text(text) => ("string_value", Value::String(text.clone())),
        Data::List(_) => ("list_value", json_child(descriptor, "list_value", data)),
        Data::Map(_) => ("struct_value", json_child(descriptor, "struct_value", data)),
    };
    message.set_field_by_name(field, value);
    message
}

fn json_child(descriptor: &MessageDescriptor, field: &str, data: &Data) -> Value {
    let Some(Kind::Message(child)) = field_kind(descriptor, field) else {
        return Value::EnumNumber(0);
    };
    let mut message = DynamicMessage::new(child);
    // The kinds agree, so there is nothing to refuse.
    if read_json(&mut message, data).is_err() {
        message.clear_field_by_name(field);
    }
    Value::Message(message)
}

fn field_kind(descriptor: &MessageDescriptor, field: &str) -> Option<Kind> {
    descriptor
        .get_field_by_name(field)
        .map(|field| field.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_decimal_seconds() {
        assert_eq!(parse_duration("0.25s"), Some((0, 250_000_000)));
        assert_eq!(parse_duration("15s"), Some((15, 0)));
        assert_eq!(parse_duration("-1.5s"), Some((-1, -500_000_000)));
        for text in [
            "1500ms",
            "1",
            "s",
            ".5s",
            "1.s",
            "1.0000000001s",
            "9999999999999s",
            "+1s",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
